//! OpenRouter's public list of models (`GET /models`, as its reference of 2026-08-22 has it): what it says, and which of its models can be served.
//! Free of I/O; fields that are not read here are ignored, but for prices: one that is not known could be charged.

mod model;
mod prices;

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A body that is no list of models.
#[derive(Debug, thiserror::Error)]
#[error("no list of models: {0}")]
pub struct ListError(#[from] serde_json::Error);

/// The list, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// Its models.
    pub models: Vec<ListedModel>,
    /// How many entries have another shape than a model's.
    pub unreadable: usize,
}

impl List {
    /// Reads the list's body. An entry of another shape is counted and left out.
    pub fn read(body: &str) -> Result<Self, ListError> {
        #[derive(Deserialize)]
        struct Body<'a> {
            #[serde(borrow)]
            data: Vec<&'a RawValue>,
        }
        let body: Body<'_> = serde_json::from_str(body)?;
        let entries = body.data.len();
        let models: Vec<ListedModel> = body.data.iter().filter_map(|entry| serde_json::from_str(entry.get()).ok()).collect();
        Ok(Self { unreadable: entries.saturating_sub(models.len()), models })
    }
}

/// What the list says about a model. Serialised, it is an entry of the list again, without what is not read here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListedModel {
    /// The id, `vendor/model`.
    pub id: String,
    /// The id of the version that the id stands for now.
    pub canonical_slug: Option<String>,
    /// The name that people read.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Since when it is listed, in seconds since the epoch.
    pub created: Option<u64>,
    /// Largest prompt and output together on any host, in tokens.
    pub context_length: Option<u64>,
    /// What it reads and writes.
    #[serde(default, deserialize_with = "or_default")]
    pub architecture: Architecture,
    /// Prices by their names, in USD per token; read by [`ListedModel::tariff`].
    #[serde(default, deserialize_with = "or_default")]
    pub pricing: Map<String, Value>,
    /// The limits of the host that is asked first.
    #[serde(default, deserialize_with = "or_default")]
    pub top_provider: TopProvider,
    /// The request's fields that some host takes.
    #[serde(default, deserialize_with = "or_default")]
    pub supported_parameters: Vec<String>,
    /// How it can be told to think, if it thinks.
    pub reasoning: Option<Reasoning>,
    /// Its last day.
    pub expiration_date: Option<String>,
}

/// What a model reads and writes: `text`, `image`, `file`, `audio`, `video`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Architecture {
    /// What it reads.
    #[serde(deserialize_with = "or_default")]
    pub input_modalities: Vec<String>,
    /// What it writes.
    #[serde(deserialize_with = "or_default")]
    pub output_modalities: Vec<String>,
}

/// The limits of the host that is asked first, in tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TopProvider {
    /// Largest prompt and output together.
    pub context_length: Option<u64>,
    /// Largest output.
    pub max_completion_tokens: Option<u64>,
}

/// How a model can be told to think.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reasoning {
    /// The effort words that it takes; none where it is only on or off.
    #[serde(deserialize_with = "or_default")]
    pub supported_efforts: Vec<String>,
    /// The effort that it makes when no word is said.
    pub default_effort: Option<String>,
    /// Whether it cannot do without.
    pub mandatory: Option<bool>,
}

/// The value, or the type's default where the list says `null`.
fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Why a listed model is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It chooses among other models, and so among prices.
    Router,
    /// Its name has a suffix that changes hosts or prices (`:free`, `:online`).
    Variant,
    /// Its id cannot be part of a request.
    Id,
    /// It writes something else than text, which may have another price.
    Output,
    /// The list names no window.
    Window,
    /// A price that is missing, negative, or no number.
    Price {
        /// Its name.
        field: String,
    },
    /// A price that is not known here.
    UnknownPrice {
        /// Its name.
        field: String,
    },
    /// Prompts or replies are free, which nobody promises to keep so.
    Free,
    /// Requests or pictures cost more than what is held for their tokens.
    Fee {
        /// Its name.
        field: &'static str,
    },
}

impl Refusal {
    /// Whether the list has no prices to go by, rather than a model of a kind that is not served.
    pub const fn is_about_prices(&self) -> bool {
        match self {
            Self::Price { .. } | Self::UnknownPrice { .. } | Self::Free => true,
            Self::Router | Self::Variant | Self::Id | Self::Output | Self::Window | Self::Fee { .. } => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Router => f.write_str("it chooses among other models"),
            Self::Variant => f.write_str("its suffix changes hosts or prices"),
            Self::Id => f.write_str("its id cannot be part of a request"),
            Self::Output => f.write_str("it writes something else than text"),
            Self::Window => f.write_str("its window is not known"),
            Self::Price { field } => write!(f, "its price `{field}` cannot be used"),
            Self::UnknownPrice { field } => write!(f, "its price `{field}` is not known"),
            Self::Free => f.write_str("it is free"),
            Self::Fee { field } => write!(f, "its price `{field}` is more than what is held for tokens"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_another_shape_is_counted_and_nothing_else_is_lost() {
        let body = r#"{"data": [{"id": "x/a", "pricing": {}, "news": 1}, {"name": "no id"}, 7, {"id": "x/b", "pricing": null,
            "top_provider": null, "reasoning": null, "supported_parameters": null, "architecture": {"input_modalities": null}}],
            "more": 1}"#;
        let list = List::read(body).unwrap();
        let ids: Vec<&str> = list.models.iter().map(|model| model.id.as_str()).collect();
        assert_eq!((ids, list.unreadable), (vec!["x/a", "x/b"], 2));
    }

    #[test]
    fn a_body_without_a_list_is_refused() {
        for body in ["", "[]", "{}", r#"{"data": {}}"#] {
            assert!(List::read(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_model_is_written_as_an_entry_of_the_list_is() {
        let entry = r#"{"id":"x/a","canonical_slug":"x/a-1","name":"A","created":1,"context_length":9,
            "architecture":{"input_modalities":["text"],"output_modalities":["text"]},"pricing":{"prompt":"0.1","completion":"0.2"},
            "top_provider":{"context_length":9,"max_completion_tokens":3},"supported_parameters":["tools"],
            "reasoning":{"supported_efforts":["low"],"default_effort":"low","mandatory":true},"expiration_date":"2027-01-01"}"#;
        let model: ListedModel = serde_json::from_str(entry).unwrap();
        let written: Value = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(entry).unwrap());
    }
}
