//! Where the bodies of each format contain parts that are not text to a model.

use super::media::{Bytes, Reading};
use super::{CITATIONS_FRAME, Measure};
use crate::document::{Kind, Value};
use crate::wire::WireFormat;
use crate::wire::blocks::asks_to_cite;
use crate::wire::media::{is_data_url, is_plain_data_url, split_data_url};

/// Measures a body.
pub(super) fn read(wire: WireFormat, body: Value<'_>, measure: &mut Measure<'_>) {
    let (messages, parts): (&str, &str) = match wire {
        WireFormat::OpenAi | WireFormat::Anthropic => ("messages", "content"),
        WireFormat::Gemini => ("contents", "parts"),
    };
    let part: Part = match wire {
        WireFormat::OpenAi => openai_part,
        WireFormat::Anthropic => anthropic_block,
        WireFormat::Gemini => gemini_part,
    };
    measure.cache(body);
    for (name, value) in body.members() {
        measure.name(&name);
        match name.as_ref() {
            name if name == messages => value.elements().for_each(|message| {
                measure.cache(message);
                object(message, measure, &|name, value, measure| match wire {
                    WireFormat::OpenAi => openai_member(name, value, measure),
                    WireFormat::Anthropic | WireFormat::Gemini => is_list(name, value, parts, part, measure),
                });
            }),
            "system" if wire == WireFormat::Anthropic => each(value, part, measure),
            "tools" => {
                value.elements().for_each(|tool| measure.cache(tool));
                measure.text(value);
            }
            _ => measure.text(value),
        }
    }
}

/// The output limit in a body.
pub(super) fn output_limit(wire: WireFormat, body: Value<'_>) -> Option<u64> {
    let limit = match wire {
        WireFormat::OpenAi => body.get("max_completion_tokens").or_else(|| body.get("max_tokens")),
        WireFormat::Anthropic => body.get("max_tokens"),
        WireFormat::Gemini => body.at(&["generationConfig", "maxOutputTokens"]),
    };
    limit.and_then(Value::as_whole_number)
}

/// The reasoning budget in a body for OpenRouter. Elsewhere it is a part of the output limit.
pub(super) fn thinking_limit(wire: WireFormat, body: Value<'_>) -> Option<u64> {
    let budget = body.at(&["reasoning", "max_tokens"]).filter(|_| wire == WireFormat::OpenAi);
    budget.and_then(Value::as_whole_number)
}

/// Measures a part of a message.
type Part = fn(Value<'_>, &mut Measure<'_>);

/// Measures a field of an object. Returns false if the field is text.
type Field<'f> = &'f dyn Fn(&str, Value<'_>, &mut Measure<'_>) -> bool;

/// Measures an object: `field` measures special fields, the others count as text.
fn object(object: Value<'_>, measure: &mut Measure<'_>, field: Field<'_>) {
    if object.kind() != Kind::Object {
        return measure.text(object);
    }
    for (name, value) in object.members() {
        measure.name(&name);
        if !field(&name, value, measure) {
            measure.text(value);
        }
    }
}

/// Measures a field that may be the list of parts.
fn is_list(name: &str, value: Value<'_>, parts: &str, part: Part, measure: &mut Measure<'_>) -> bool {
    let is_parts = name == parts && value.kind() == Kind::List;
    if is_parts {
        each(value, part, measure);
    }
    is_parts
}

/// Measures a list of parts, or a text.
fn each(list: Value<'_>, part: Part, measure: &mut Measure<'_>) {
    if list.kind() != Kind::List {
        return measure.text(list);
    }
    for entry in list.elements() {
        measure.cache(entry);
        part(entry, measure);
    }
}

/// Any block may contain others. Only tool arguments are always text.
fn anthropic_block(block: Value<'_>, measure: &mut Measure<'_>) {
    let kind = block.get("type").and_then(Value::as_text).unwrap_or_default();
    let reading = if kind == "image" { Reading::Picture } else { Reading::Any };
    let before = measure.sizes.once();
    object(block, measure, &|name, value, measure| match (name, value.kind()) {
        ("content", Kind::List) => {
            each(value, anthropic_block, measure);
            true
        }
        ("content", Kind::Object) => {
            measure.cache(value);
            anthropic_block(value, measure);
            true
        }
        ("source", Kind::Object) => {
            anthropic_source(value, reading, measure);
            true
        }
        _ => false,
    });
    if block.get("citations").is_some_and(asks_to_cite) {
        let own = measure.sizes.once().saturating_sub(before);
        measure.sizes.cited = measure.sizes.cited.saturating_add(own).max(CITATIONS_FRAME);
    }
}

fn anthropic_source(source: Value<'_>, reading: Reading, measure: &mut Measure<'_>) {
    let is = |kind: &str| source.get("type").is_some_and(|known| known.is(kind));
    let (is_base64, is_remote) = (is("base64"), is("url") || is("file"));
    object(source, measure, &|name, value, measure| match name {
        // It is what its bytes are, whatever the block says.
        "data" if is_base64 => is_media(value, Reading::Any, measure),
        "url" | "file_id" if is_remote => {
            measure.remote(reading);
            true
        }
        "content" => is_list(name, value, "content", anthropic_block, measure),
        _ => false,
    });
}

/// Fields of a chat message that contain parts besides its content: images of a reply, and files that were read before.
fn openai_member(name: &str, value: Value<'_>, measure: &mut Measure<'_>) -> bool {
    match (name, value.kind()) {
        ("content" | "images", Kind::List) => each(value, openai_part, measure),
        ("annotations", Kind::List) => {
            for annotation in value.elements() {
                let content = annotation.at(&["file", "content"]);
                if let Some(content) = content {
                    each(content, openai_part, measure);
                }
                measure.text(annotation);
            }
        }
        ("audio", Kind::Object) => measure.remote(Reading::Sound),
        _ => return false,
    }
    true
}

/// An unknown part may be anything.
fn openai_part(part: Value<'_>, measure: &mut Measure<'_>) {
    let kind = part.get("type").and_then(Value::as_text).unwrap_or_default();
    let (place, remote) = match kind.as_ref() {
        "text" | "refusal" => return measure.text(part),
        "image_url" => ("image_url", Reading::Picture),
        "file" => ("file", Reading::Any),
        "input_audio" => ("input_audio", Reading::Sound),
        _ => {
            measure.remote(Reading::Any);
            return measure.text(part);
        }
    };
    // Inline data is what its bytes are, because not every provider uses the part's type.
    let inline = if place == "input_audio" { Reading::Sound } else { Reading::Any };
    let as_part = AsPart { inline, remote };
    object(part, measure, &|name, value, measure| {
        let is_place = name == place;
        if is_place && value.kind() == Kind::Object {
            object(value, measure, &|name, value, measure| match name {
                "url" | "file_data" => is_url(value, as_part, measure),
                "data" => is_media(value, inline, measure),
                "file_id" => {
                    measure.remote(remote);
                    true
                }
                _ => false,
            });
        } else if is_place && !is_url(value, as_part, measure) {
            measure.text(value);
        }
        is_place
    });
}

fn gemini_part(part: Value<'_>, measure: &mut Measure<'_>) {
    object(part, measure, &|name, value, measure| match name {
        "inlineData" => {
            // Data that is labelled as audio is played, whatever its first bytes are.
            let label = value.get("mimeType").and_then(Value::as_text).unwrap_or_default();
            let reading = if is_played(&label) { Reading::Sound } else { Reading::Any };
            object(value, measure, &|name, value, measure| name == "data" && is_media(value, reading, measure));
            true
        }
        "fileData" => {
            let is_pdf = value.get("mimeType").is_some_and(|kind| kind.is("application/pdf"));
            let is_picture = value.get("mimeType").and_then(Value::as_text).is_some_and(|kind| kind.starts_with("image/"));
            measure.remote(if is_picture && !is_pdf { Reading::Picture } else { Reading::Any });
            true
        }
        "functionResponse" => {
            object(value, measure, &|name, value, measure| is_list(name, value, "parts", gemini_part, measure));
            true
        }
        _ => false,
    });
}

/// Whether a media type is audio or video.
fn is_played(label: &str) -> bool {
    let label = label.trim_start().to_ascii_lowercase();
    ["audio/", "video/"].iter().any(|start| label.starts_with(start))
}

/// How a part type is read.
#[derive(Clone, Copy)]
struct AsPart {
    /// If its data is in the body.
    inline: Reading,
    /// If its data is behind a URL.
    remote: Reading,
}

/// Measures a URL, or the data in it. Returns false if the value is not a string. Data in a malformed URL may still be read.
fn is_url(url: Value<'_>, as_part: AsPart, measure: &mut Measure<'_>) -> bool {
    let Some(text) = url.as_text() else { return false };
    match split_data_url(&text).filter(|_| is_plain_data_url(&text)) {
        // Data that is labelled as audio may be played, whatever its first bytes are.
        Some((kind, data)) if is_played(kind) => measure.media(Bytes(data), Reading::Sound),
        Some((_, data)) => measure.media(Bytes(data), as_part.inline),
        None if is_data_url(&text) => measure.remote(as_part.inline),
        None => measure.remote(as_part.remote),
    }
    true
}

/// Measures base64. Returns false if the value is text.
fn is_media(data: Value<'_>, reading: Reading, measure: &mut Measure<'_>) -> bool {
    let Some(text) = data.as_text() else { return false };
    measure.media(Bytes(&text), reading);
    true
}
