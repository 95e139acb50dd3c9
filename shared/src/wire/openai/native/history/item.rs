//! The pieces of a chat message.

use std::borrow::Cow;

use super::reading::contents;
use crate::chat::request::Place;
use crate::chat::turns::{LOST_RESULT, Piece, PieceKind, reminder};
use crate::document::{Entry, Kind, Value};

/// A piece of a message.
#[derive(Clone, Debug)]
pub(super) struct Item<'d> {
    /// What it is.
    pub(super) what: What<'d>,
    /// The number of its message; `None` if the gateway added it.
    pub(super) from: Option<usize>,
    /// The id of a call or result, if it differs from the client's.
    pub(super) id: Option<String>,
}

/// What a piece is.
#[derive(Clone, Debug)]
pub(super) enum What<'d> {
    /// A string, a text part, or an unknown part, which stays where it is.
    Said(Value<'d>),
    /// A text of white space only.
    Blank(Value<'d>),
    /// An image, a file or audio.
    Media(Value<'d>),
    /// Reasoning in a message that contains nothing else.
    Thought(Value<'d>),
    /// An entry of `tool_calls`.
    Call(Value<'d>),
    /// A tool message.
    Result(Value<'d>),
    /// A text that the gateway added.
    Own(String),
    /// The result of a call whose own result is missing.
    Lost,
}

impl Item<'_> {
    /// An instruction between turns as a text of the user's.
    pub(super) fn into_user_text(self) -> Self {
        let said = match self.what {
            What::Said(value) => value.as_text().or_else(|| value.get("text").and_then(Value::as_text)),
            What::Blank(_)
            | What::Media(_)
            | What::Thought(_)
            | What::Call(_)
            | What::Result(_)
            | What::Own(_)
            | What::Lost => None,
        };
        said.map(|said| Self::own_text(&reminder(&said))).unwrap_or(self)
    }

    /// The id of a call or result as the client wrote it.
    pub(super) fn id(&self) -> Cow<'_, str> {
        let told = match self.what {
            What::Call(call) => call.get("id"),
            What::Result(message) => message.get("tool_call_id"),
            What::Said(_) | What::Blank(_) | What::Media(_) | What::Thought(_) | What::Own(_) | What::Lost => None,
        };
        match &self.id {
            Some(id) => Cow::Borrowed(id),
            None => told.and_then(Value::as_text).unwrap_or_default(),
        }
    }
}

impl Piece for Item<'_> {
    fn kind(&self) -> PieceKind<'_> {
        match &self.what {
            What::Said(_) | What::Own(_) => PieceKind::Text,
            What::Blank(_) => PieceKind::Blank,
            What::Media(_) => PieceKind::Media,
            What::Thought(_) => PieceKind::Thought,
            What::Call(_) => PieceKind::Call(self.id()),
            What::Result(_) | What::Lost => PieceKind::Result(self.id()),
        }
    }

    fn own_text(text: &str) -> Self {
        Self { what: What::Own(text.to_owned()), from: None, id: None }
    }

    fn lost_result(call_id: &str) -> Self {
        Self { what: What::Lost, from: None, id: Some(call_id.to_owned()) }
    }

    fn set_id(&mut self, id: String) {
        self.id = Some(id);
    }

    /// OpenRouter's models accept instructions between turns unchanged.
    fn into_reminder(self) -> Self {
        self
    }

    fn into_content(self) -> Vec<Self> {
        match self.what {
            What::Result(message) => {
                let items = contents(message, self.from);
                items.into_iter().filter(|item| !matches!(item.what, What::Blank(_))).collect()
            }
            What::Said(_)
            | What::Blank(_)
            | What::Media(_)
            | What::Thought(_)
            | What::Call(_)
            | What::Own(_)
            | What::Lost => vec![self],
        }
    }
}

/// The places of a piece in the request: one for each entry of reasoning. None for pieces that say nothing.
pub(super) fn places_of(item: &Item<'_>) -> Vec<Place> {
    match item.what {
        What::Thought(details) if details.kind() == Kind::List => details.elements().map(Value::place).collect(),
        What::Said(value) | What::Media(value) | What::Thought(value) | What::Call(value) | What::Result(value) => {
            vec![value.place()]
        }
        What::Blank(_) | What::Own(_) | What::Lost => Vec::new(),
    }
}

/// A piece as a content part.
pub(super) fn entry<'d>(item: &Item<'d>) -> Entry<'d> {
    match &item.what {
        What::Said(value) if value.kind() == Kind::Text => Entry::Within {
            before: "{\"type\":\"text\",\"text\":".to_owned(),
            entries: vec![Entry::Own(*value)],
            after: "}",
        },
        What::Said(value)
        | What::Blank(value)
        | What::Media(value)
        | What::Thought(value)
        | What::Call(value)
        | What::Result(value) => Entry::Own(*value),
        What::Own(text) => Entry::New(text_part(text)),
        What::Lost => Entry::New(text_part(LOST_RESULT)),
    }
}

/// The text of a part, in every form that becomes a text part.
pub(crate) fn text_in(part: Value<'_>) -> Option<Cow<'_, str>> {
    match part.get("type")?.as_text()?.as_ref() {
        "text" | "input_text" | "output_text" => part.get("text")?.as_text(),
        "refusal" => part.get("refusal")?.as_text(),
        _ => None,
    }
}

/// The pieces as one text; `None` if one is not text.
pub(super) fn text_of(items: &[&Item<'_>], separator: &str) -> Option<String> {
    let text = |item: &&Item<'_>| match &item.what {
        What::Said(value) if value.kind() == Kind::Text => Some(value.as_text()?.into_owned()),
        What::Said(part) => Some(text_in(*part)?.into_owned()),
        What::Own(text) => Some(text.clone()),
        What::Lost => Some(LOST_RESULT.to_owned()),
        What::Blank(_) | What::Media(_) | What::Thought(_) | What::Call(_) | What::Result(_) => None,
    };
    Some(items.iter().map(text).collect::<Option<Vec<String>>>()?.join(separator))
}

/// A text as a content part.
pub(super) fn text_part(text: &str) -> String {
    format!("{{\"type\":\"text\",\"text\":{}}}", json(text))
}

/// A text as JSON. Serialising a string cannot fail.
pub(super) fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
