//! A content block of a forwarded request: its role in the order of turns, and how it is written.

use std::borrow::Cow;

use crate::chat::turns::{LOST_RESULT, Piece, PieceKind, reminder};
use crate::document::{Edits, Entry, Value};
use crate::wire::blocks::found_tool;

/// The kind of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Blank,
    Text,
    Media,
    Thought,
    Call,
    Result,
}

/// The position of a block in the client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    /// The number of its message.
    pub(super) message: usize,
    /// Its number in the message; `None` if it was inside another block.
    pub(super) block: Option<usize>,
}

/// What is written.
#[derive(Clone, Debug)]
enum Body<'d> {
    /// A client's block.
    Block(Value<'d>),
    /// A message's text.
    Text(Value<'d>),
    /// A text that the gateway added.
    Own(String),
    /// The result of a call whose result is missing.
    LostResult,
}

/// A content block.
#[derive(Clone, Debug)]
pub(super) struct Block<'d> {
    kind: Kind,
    body: Body<'d>,
    /// The id of a call, or of the call that a result answers.
    id: Cow<'d, str>,
    has_new_id: bool,
    /// The text that replaces its own.
    text: Option<String>,
    home: Option<Home>,
    /// Whether it is dropped. It still separates the turns around it.
    is_gone: bool,
}

impl<'d> Block<'d> {
    /// A client's block. `home` is `None` if it is in no message.
    pub(super) fn new(kind: Kind, value: Value<'d>, home: Option<Home>) -> Self {
        Self { home, ..Self::of(kind, Body::Block(value)) }
    }

    /// A call or a result.
    pub(super) fn with_id(self, id: Cow<'d, str>) -> Self {
        Self { id, ..self }
    }

    /// A text that is the whole content of a message.
    pub(super) fn text_content(value: Value<'d>, message: usize) -> Self {
        let kind = if value.is_blank() { Kind::Blank } else { Kind::Text };
        Self { home: Some(Home { message, block: Some(0) }), ..Self::of(kind, Body::Text(value)) }
    }

    fn of(kind: Kind, body: Body<'d>) -> Self {
        Self { kind, body, id: Cow::Borrowed(""), has_new_id: false, text: None, home: None, is_gone: false }
    }

    /// A dropped block.
    pub(super) fn gone(self) -> Self {
        Self { is_gone: true, ..self }
    }

    /// Whether any of it is sent.
    pub(super) fn is_sent(&self) -> bool {
        !self.is_gone && self.kind != Kind::Blank
    }

    /// Its kind.
    pub(super) fn what(&self) -> Kind {
        self.kind
    }

    /// The id of a call, or of the call that a result answers. Empty for other blocks.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Its position in the client's request.
    pub(super) fn home(&self) -> Option<Home> {
        self.home
    }

    /// The client's block.
    pub(super) fn value(&self) -> Option<Value<'d>> {
        match self.body {
            Body::Block(value) | Body::Text(value) => Some(value),
            Body::Own(_) | Body::LostResult => None,
        }
    }

    /// Removes white space from the end of a text.
    pub(super) fn trim_end(&mut self) {
        if let Some(text) = self.own_words().filter(|text| text.trim_end().len() < text.len()) {
            self.text = Some(text.trim_end().to_owned());
        }
    }

    fn own_words(&self) -> Option<Cow<'_, str>> {
        match (&self.text, &self.body) {
            (Some(text), _) | (None, Body::Own(text)) => Some(Cow::Borrowed(text)),
            (None, Body::Text(value)) => value.as_text(),
            (None, Body::Block(value)) if self.kind == Kind::Text => value.get("text").and_then(Value::as_text),
            (None, Body::Block(_) | Body::LostResult) => None,
        }
    }

    /// Applies the changes inside the client's block.
    pub(super) fn edit(&self, edits: &mut Edits) {
        let Body::Block(value) = self.body else { return };
        if let Some(text) = &self.text {
            edits.set(value, "text", text);
        }
        if self.has_new_id {
            let name = if self.kind == Kind::Call { "id" } else { "tool_use_id" };
            edits.set(value, name, self.id.as_ref());
        }
    }

    /// The new text of a message whose content is this text.
    pub(super) fn new_text_content(&self) -> Option<&str> {
        if let Body::Text(_) = self.body { self.text.as_deref() } else { None }
    }

    /// Its entry in a rewritten list.
    pub(super) fn entry(self) -> Entry<'d> {
        match (self.body, self.text) {
            (Body::Block(value), _) => Entry::Own(value),
            (Body::Text(_) | Body::Own(_), Some(text)) | (Body::Own(text), None) => Entry::New(text_block(&text)),
            // Written as the client spelled it: its old position may hold something else by now.
            (Body::Text(value), None) => Entry::New(format!(r#"{{"type":"text","text":{}}}"#, value.json().0)),
            (Body::LostResult, _) => Entry::New(lost_result(&self.id)),
        }
    }
}

/// A text as a block.
pub(super) fn text_block(text: &str) -> String {
    format!(r#"{{"type":"text","text":{}}}"#, quoted(text))
}

fn lost_result(id: &str) -> String {
    let content = text_block(LOST_RESULT);
    format!(r#"{{"type":"tool_result","tool_use_id":{},"content":[{content}],"is_error":true}}"#, quoted(id))
}

/// A text as JSON. This cannot fail.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

impl Piece for Block<'_> {
    fn kind(&self) -> PieceKind<'_> {
        match self.kind {
            Kind::Blank => PieceKind::Blank,
            Kind::Text => PieceKind::Text,
            Kind::Media => PieceKind::Media,
            Kind::Thought => PieceKind::Thought,
            Kind::Call => PieceKind::Call(Cow::Borrowed(&self.id)),
            Kind::Result => PieceKind::Result(Cow::Borrowed(&self.id)),
        }
    }

    fn own_text(text: &str) -> Self {
        Self::of(Kind::Text, Body::Own(text.to_owned()))
    }

    fn lost_result(call_id: &str) -> Self {
        Self::of(Kind::Result, Body::LostResult).with_id(Cow::Owned(call_id.to_owned()))
    }

    fn set_id(&mut self, id: String) {
        (self.id, self.has_new_id) = (Cow::Owned(id), true);
    }

    fn into_reminder(mut self) -> Self {
        if self.kind == Kind::Text
            && let Some(text) = self.own_words()
        {
            self.text = Some(reminder(&text));
        }
        self
    }

    /// The blocks of a result. Outside it, a reference to a tool is rejected, so it becomes text.
    fn into_content(self) -> Vec<Self> {
        let Body::Block(value) = self.body else { return vec![self] };
        let Some(content) = value.get("content") else { return Vec::new() };
        let home = self.home.map(|home| Home { block: None, ..home });
        let nested = |body| Self { home, ..Self::of(Kind::Text, body) };
        if content.as_text().is_some() {
            return if content.is_blank() { Vec::new() } else { vec![nested(Body::Text(content))] };
        }
        let block = |block: Value<'_>| match block.get("tool_name").and_then(Value::as_text) {
            Some(name) if block.get("type").is_some_and(|kind| kind.is("tool_reference")) => Some(found_tool(&name)),
            Some(_) | None => None,
        };
        content.elements().map(|value| nested(block(value).map_or(Body::Block(value), Body::Own))).collect()
    }
}
