//! Content parts, as Responses clients write them.

use super::type_of;
use crate::chat::Part;
use crate::chat::request::Place;
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::media::{self, Title};
use crate::wire::request::{
    FILE_BY_ID, NeededTexts, check_content, optional_text, quoted, required_text, text_at, text_field, unsupported,
};

/// Strings that each type of content part requires.
const NEEDED: NeededTexts = &[
    ("input_text", &[&["text"]]),
    ("output_text", &[&["text"]]),
    ("text", &[&["text"]]),
    ("refusal", &[&["refusal"]]),
    ("input_audio", &[&["input_audio", "format"], &["input_audio", "data"]]),
];

/// An image that only OpenAI can read.
const PICTURE_BY_ID: &str = "an image by id; send image_url instead";

/// Checks the content of a message or of a result.
pub(super) fn check(content: Value<'_>) -> Result<(), GatewayError> {
    check_content(content, NEEDED)?;
    let pictures = content.elements().filter(|part| type_of(*part) == "input_image");
    pictures.filter(|part| part.get("image_url").is_some()).try_for_each(|part| address(part).map(drop))
}

/// The content of a message: a string, or parts.
pub(super) fn content(content: Value<'_>, left_out: &mut Vec<Place>) -> Result<Vec<Part>, GatewayError> {
    match content.as_text() {
        Some(text) => Ok(vec![text_part(text.into_owned())]),
        None => content.list()?.filter_map(|part| self::part(part, left_out).transpose()).collect(),
    }
}

/// The texts of a content. Other parts are left out.
pub(super) fn texts(content: Value<'_>, left_out: &mut Vec<Place>) -> Result<Vec<Part>, GatewayError> {
    if let Some(text) = content.as_text() {
        return Ok(vec![text_part(text.into_owned())]);
    }
    let is_text = |part: &Value<'_>| matches!(type_of(*part).as_ref(), "input_text" | "output_text" | "text");
    let (texts, others): (Vec<_>, Vec<_>) = content.list()?.partition(is_text);
    left_out.extend(others.into_iter().map(Value::place));
    texts.into_iter().map(|part| Ok(text_part(text_field(part, "text")?))).collect()
}

fn text_part(text: String) -> Part {
    Part::Text { text, cache: None }
}

/// A part; `None` for reasoning, which an assistant's message may repeat.
fn part(part: Value<'_>, left_out: &mut Vec<Place>) -> Result<Option<Part>, GatewayError> {
    Ok(Some(match type_of(part).as_ref() {
        "input_text" | "output_text" | "text" => text_part(text_field(part, "text")?),
        "refusal" => text_part(text_field(part, "refusal")?),
        "input_image" => {
            if part.get("image_url").is_none() {
                return Err(unsupported(part, PICTURE_BY_ID));
            }
            let source = media::source_of_url(required_text(address(part)?)?);
            left_out.extend(part.get("file_id").map(Value::place));
            Part::Image { source, cache: None, place: part.place() }
        }
        "input_file" => {
            let [name, data, url, id] = part.fields(["filename", "file_data", "file_url", "file_id"])?;
            let data = optional_text(data.or(url))?.ok_or_else(|| unsupported(part, FILE_BY_ID))?;
            left_out.extend(id.map(Value::place));
            let title = optional_text(name)?;
            let source = media::source_of_file(data, Title(title.as_deref()));
            Part::Document { source, title, cache: None, place: part.place() }
        }
        "input_audio" => {
            let audio = part.required("input_audio")?;
            let (format, data) = (text_field(audio, "format")?, text_field(audio, "data")?);
            Part::Audio { format, data, place: part.place() }
        }
        "reasoning_text" | "summary_text" => {
            left_out.push(part.place());
            return Ok(None);
        }
        other => return Err(unsupported(part, &format!("a part of type {}", quoted(other)))),
    }))
}

/// The URL of an image: a string, or in an object as in Chat Completions.
fn address(part: Value<'_>) -> Result<Value<'_>, GatewayError> {
    let place = part.required("image_url")?;
    if place.kind() == Kind::Text { Ok(place) } else { text_at(part, &["image_url", "url"]) }
}
