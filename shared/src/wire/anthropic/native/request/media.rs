//! Images and documents of a forwarded request. What Claude accepts stays; other forms are converted.

use std::borrow::Cow;

use super::reading::{Reader, Spot};
use crate::chat::request::Source;
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::anthropic::rules::media::{Carrier, PLAIN, carried, title};
use crate::wire::blocks;
use crate::wire::media::{self, Title};

/// Whether a document without a title has no content or only blank text, which says as little as a blank text block.
pub(super) fn says_nothing(document: Value<'_>) -> bool {
    let mut names = ["title", "context"].into_iter().filter_map(|name| document.get(name));
    names.all(Value::is_blank) && document.get("source").is_some_and(is_blank)
}

fn is_blank(source: Value<'_>) -> bool {
    let is_blank_text = |block: Value<'_>| block.get("text").is_some_and(Value::is_blank);
    let text = |name: &str| source.get(name).and_then(Value::as_text).unwrap_or_default();
    match text("type").as_ref() {
        "text" => source.get("data").is_some_and(Value::is_blank),
        "content" => source.get("content").is_some_and(|content| match content.kind() {
            Kind::List => content.elements().all(is_blank_text),
            Kind::Text | Kind::Null | Kind::Flag | Kind::Number | Kind::Object => content.is_blank(),
        }),
        "base64" if text("media_type").starts_with("text/") => {
            match media::document(&text("media_type"), &text("data"), Title(None)) {
                Source::Text(text) => text.trim().is_empty(),
                Source::Inline { .. } | Source::Url(_) => false,
            }
        }
        _ => false,
    }
}

impl<'d> Reader<'_, 'd> {
    /// Reads the source of an image or document, and decides which of the two it is sent as. Vertex fetches no URLs and has
    /// no files.
    pub(super) fn source(&mut self, block: Value<'d>, source: Option<Value<'d>>) -> Result<Carrier, GatewayError> {
        let Some(source) = source else { return Ok(Carrier::Document) };
        let [kind, media_type, data, content] = source.fields(["type", "media_type", "data", "content"])?;
        match (kind.and_then(Value::as_text).as_deref(), data.and_then(Value::as_text), content) {
            (Some("base64"), Some(told), _) => {
                let true_type = media::sniff(&told).map(Cow::Borrowed).or_else(|| media_type.and_then(Value::as_text));
                match true_type.as_deref().and_then(Carrier::of).filter(|_| !told.starts_with("data:")) {
                    Some(carrier) => {
                        self.carry(block, carrier);
                        self.inline(source, media_type, told);
                        self.forwarding.leave_others_out(source, &["type", "media_type", "data"]);
                        Ok(carrier)
                    }
                    None => self.restate(block, source),
                }
            }
            (Some("text"), Some(_), _) => {
                if !media_type.is_some_and(|declared| declared.is(PLAIN)) {
                    self.forwarding.edits.set(source, "media_type", PLAIN);
                }
                self.forwarding.leave_others_out(source, &["type", "media_type", "data"]);
                Ok(Carrier::Document)
            }
            (Some("content"), _, Some(content)) => {
                self.forwarding.leave_others_out(source, &["type", "content"]);
                self.nested(Some(content), Spot::Block).map(|_| Carrier::Document)
            }
            _ => self.restate(block, source),
        }
    }

    /// Writes a source as Claude accepts it, whatever the client calls it: data URLs become data, and text files become
    /// text.
    fn restate(&mut self, block: Value<'d>, source: Value<'d>) -> Result<Carrier, GatewayError> {
        let is_document = block.get("type").is_some_and(|kind| kind.is(Carrier::Document.kind()));
        let title = block.get("title").and_then(Value::as_text);
        let told = blocks::source(block, is_document.then_some(Title(title.as_deref())))?;
        let (carrier, told) = carried(told).map_err(|words| GatewayError::unsupported(block.path(), words))?;
        self.carry(block, carrier);
        self.forwarding.edits.replace(source, &told);
        Ok(carrier)
    }

    /// Makes a block the type for its bytes. Images have no titles.
    fn carry(&mut self, block: Value<'d>, carrier: Carrier) {
        if block.get("type").is_some_and(|kind| kind.is(carrier.kind())) {
            return;
        }
        self.forwarding.edits.set(block, "type", carrier.kind());
        if carrier == Carrier::Image {
            let said = ["title", "context", "citations"].into_iter().filter_map(|name| block.get(name));
            said.for_each(|value| self.forwarding.drop(value));
        }
    }

    /// Removes an empty title and an empty context of a document, which Claude rejects, and cuts a long title.
    pub(super) fn titles(&mut self, block: Value<'d>) {
        for empty in ["title", "context"].into_iter().filter_map(|name| block.get(name)).filter(|told| told.is("")) {
            self.forwarding.edits.remove(empty);
        }
        let Some(own) = block.get("title") else { return };
        let told = own.as_text().unwrap_or_default();
        if let Some(cut) = title(&told).filter(|cut| cut.len() < told.len()) {
            self.forwarding.edits.set(block, "title", cut);
            self.forwarding.left_out.push(own.place());
        }
    }

    /// Corrects a media type that contradicts the bytes, because Claude rejects it.
    fn inline(&mut self, source: Value<'d>, media_type: Option<Value<'d>>, data: Cow<'_, str>) {
        let true_type = media::sniff(&data);
        if let Some(true_type) = true_type.filter(|kind| !media_type.is_some_and(|declared| declared.is(kind))) {
            self.forwarding.edits.set(source, "media_type", true_type);
        }
        // Only a string with escapes can contain line breaks.
        if let Cow::Owned(data) = data
            && let Source::Inline { data: joined, .. } = media::inline("", &data)
            && joined != data
        {
            self.forwarding.edits.set(source, "data", &joined);
        }
    }
}
