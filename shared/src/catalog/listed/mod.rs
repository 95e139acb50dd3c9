//! OpenRouter's public list of models (`GET /models`, by its reference of 2026-08-22), and which of its models can be
//! served. No I/O. Unknown fields are ignored, except prices, because an unknown price could be charged.

mod model;
mod prices;

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A body that is not a list of models.
#[derive(Debug, thiserror::Error)]
#[error("not a list of models: {0}")]
pub struct ListError(#[from] serde_json::Error);

/// The list, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// Its models.
    pub models: Vec<ListedModel>,
    /// Number of entries that do not have a model's shape.
    pub unreadable: usize,
}

impl List {
    /// Parses the list. Entries of another shape are counted and skipped.
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

/// A model of the list. Serialised, it is a list entry again, without unread fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListedModel {
    /// The id, `vendor/model`.
    pub id: String,
    /// The id of the version that the id currently means.
    pub canonical_slug: Option<String>,
    /// The display name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// When it was listed, in seconds since the epoch.
    pub created: Option<u64>,
    /// Maximum of prompt and output together on any host, in tokens.
    pub context_length: Option<u64>,
    /// What it reads and writes.
    #[serde(default, deserialize_with = "or_default")]
    pub architecture: Architecture,
    /// Prices by name, in USD per token; [`ListedModel::tariff`] reads them.
    #[serde(default, deserialize_with = "or_default")]
    pub pricing: Map<String, Value>,
    /// The limits of the first host.
    #[serde(default, deserialize_with = "or_default")]
    pub top_provider: TopProvider,
    /// Request fields that some host supports.
    #[serde(default, deserialize_with = "or_default")]
    pub supported_parameters: Vec<String>,
    /// Its reasoning settings, if it reasons.
    pub reasoning: Option<Reasoning>,
    /// The model's last day as the list has it, such as `2027-01-31`.
    pub expiration_date: Option<String>,
}

/// Modalities of a model: `text`, `image`, `file`, `audio`, `video`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Architecture {
    /// The kinds of input, such as `text` and `image`.
    #[serde(deserialize_with = "or_default")]
    pub input_modalities: Vec<String>,
    /// The kinds of output, such as `text`.
    #[serde(deserialize_with = "or_default")]
    pub output_modalities: Vec<String>,
}

/// The limits of the first host, in tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TopProvider {
    /// Maximum of prompt and output together.
    pub context_length: Option<u64>,
    /// The maximum output of the first host, in tokens.
    pub max_completion_tokens: Option<u64>,
}

/// A model's reasoning settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reasoning {
    /// Supported efforts; empty if reasoning is only on or off.
    #[serde(deserialize_with = "or_default")]
    pub supported_efforts: Vec<String>,
    /// The effort that the model uses if a request names none.
    pub default_effort: Option<String>,
    /// Whether it always reasons.
    pub mandatory: Option<bool>,
}

/// The value, or the type's default if it is `null`.
fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Why a listed model is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It chooses between other models, and so between prices.
    Router,
    /// Its name has a suffix that changes hosts or prices (`:free`, `:online`).
    Variant,
    /// Its id cannot be part of a request.
    Id,
    /// It outputs something other than text, which may have another price.
    Output,
    /// The list has no context window for it.
    Window,
    /// A price that is missing, negative or not a number.
    Price {
        /// The name of the field in the list.
        field: String,
    },
    /// An unknown kind of price.
    UnknownPrice {
        /// The name of the field in the list.
        field: String,
    },
    /// Prompts or replies are free, which may change at any time.
    Free,
    /// A request or an image costs more than what is held for its tokens.
    Fee {
        /// The name of the field in the list.
        field: &'static str,
    },
}

impl Refusal {
    /// Whether the reason is a missing or unusable price, and not the kind of model.
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
            Self::Output => f.write_str("it outputs something other than text"),
            Self::Window => f.write_str("its context window is unknown"),
            Self::Price { field } => write!(f, "its price `{field}` cannot be used"),
            Self::UnknownPrice { field } => write!(f, "its price `{field}` is not known"),
            Self::Free => f.write_str("it is free"),
            Self::Fee { field } => write!(f, "its price `{field}` is not a price per token"),
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
