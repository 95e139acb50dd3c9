//! Encodes turns as Gemini's `contents`.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::capability::Thinking;
use crate::chat::request::{JsonText, Message, Origin, Part, Place, Role, Signature, Source, ToolCall, ToolResult};
use crate::error::{ErrorKind, GatewayError};
use crate::reason::Reason;
use crate::wire::body;
use crate::wire::media::{Detected, Title, detect, titled};
use crate::wire::names::ToolNames;
use crate::wire::shape::object_in;
use crate::wire::target::Target;

/// Google's documented value that lets a function call without its signature pass (base64 of
/// `skip_thought_signature_validator`). The last resort, for calls of other models and for lost signatures.
const NO_SIGNATURE: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

/// One turn, or the system prompt.
#[derive(Serialize)]
pub(super) struct Content {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: Vec<PartOut>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PartOut {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "body::some_text")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_data: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<FileData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_response: Option<FunctionResponse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    mime_type: String,
    #[serde(serialize_with = "body::text")]
    data: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileData {
    mime_type: &'static str,
    file_uri: String,
}

#[derive(Serialize)]
struct FunctionCall {
    name: String,
    args: Box<RawValue>,
}

#[derive(Serialize)]
struct FunctionResponse {
    name: String,
    response: Response,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartOut>,
}

/// The content of a result. Gemini accepts objects only: another result is a member of one.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Response {
    Output(#[serde(serialize_with = "body::text")] String),
    Error(#[serde(serialize_with = "body::text")] String),
    #[serde(untagged)]
    Object(Box<RawValue>),
}

/// The system prompt, if there is one. It accepts text only.
pub(super) fn system(parts: Vec<Part>) -> Option<Content> {
    let text = |part: Part| {
        if let Part::Text { text, .. } = part { Some(PartOut { text: Some(text), ..PartOut::default() }) } else { None }
    };
    let parts: Vec<PartOut> = parts.into_iter().filter_map(text).collect();
    (!parts.is_empty()).then_some(Content { role: None, parts })
}

/// Encodes the turns. Results are matched to their calls by name, because the v1 API has no ids.
pub(super) fn contents(
    turns: Vec<Message>,
    names: &ToolNames,
    target: &Target<'_>,
    left_out: &mut Vec<Place>,
) -> Result<Vec<Content>, GatewayError> {
    let mut called: HashMap<String, String> = HashMap::new();
    let mut contents = Vec::with_capacity(turns.len());
    for Message { role, parts } in turns {
        let (role, contained) = match role {
            Role::Assistant => {
                called.extend(parts.iter().filter_map(|part| match part {
                    Part::ToolCall(call) => Some((call.id.clone(), names.outward(&call.name))),
                    Part::Text { .. }
                    | Part::Image { .. }
                    | Part::Document { .. }
                    | Part::Audio { .. }
                    | Part::Reasoning { .. }
                    | Part::RedactedReasoning { .. }
                    | Part::ToolResult(_) => None,
                }));
                ("model", [model_parts(parts, names, target, left_out)?, Vec::new()])
            }
            Role::User | Role::System => ("user", user_parts(parts, &called, target)?),
        };
        let contained = contained.into_iter().filter(|parts| !parts.is_empty());
        contents.extend(contained.map(|parts| Content { role: Some(role), parts }));
    }
    Ok(contents)
}

/// A model turn. Only the first call of a turn has a signature. A signature that came in a thinking block goes to the next
/// part.
fn model_parts(
    parts: Vec<Part>,
    names: &ToolNames,
    target: &Target<'_>,
    left_out: &mut Vec<Place>,
) -> Result<Vec<PartOut>, GatewayError> {
    let needs_signature = target.capabilities.thinking == Thinking::GeminiLevel;
    let own = |signature: Option<Signature>| {
        signature
            .filter(|signature| signature.origin == Origin::Gemini)
            .map(|signature| signature.value)
            .filter(|value| is_bytes(value))
    };
    let (mut out, mut carried, mut calls) = (Vec::with_capacity(parts.len()), Carried::default(), 0_usize);
    for part in parts {
        match part {
            Part::Reasoning { signature, place, .. } => left_out.extend(carried.thought(own(signature), place)),
            Part::RedactedReasoning { data, place } => left_out.extend(carried.thought(own(Some(data)), place)),
            Part::Text { text, .. } => {
                out.push(PartOut { text: Some(text), thought_signature: carried.take(), ..PartOut::default() });
            }
            Part::ToolCall(ToolCall { id: _, name, arguments, signature, place: _ }) => {
                let bypass = (needs_signature && calls == 0).then(|| NO_SIGNATURE.to_owned());
                let carried = carried.take();
                let thought_signature = own(signature).or(carried).or(bypass);
                calls = calls.saturating_add(1);
                let function_call = Some(FunctionCall { name: names.outward(&name), args: raw(&arguments)? });
                out.push(PartOut { function_call, thought_signature, ..PartOut::default() });
            }
            Part::Image { source, .. } => out.push(picture(source)),
            Part::Document { source, title, .. } => out.extend(document(source, title)),
            Part::Audio { format, data, .. } => out.push(audio(&format, data)),
            Part::ToolResult(_) => {}
        }
    }
    // Reasoning that nothing follows has no part to sign.
    left_out.extend(carried.0.map(|(_, place)| place));
    Ok(out)
}

/// Whether a value can be a signature: a field of bytes, in base64. Gemini rejects the whole request otherwise.
fn is_bytes(value: &str) -> bool {
    let digits = value.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    !digits.is_empty() && digits.len() % 4 != 1 && digits.bytes().all(is_digit)
}

/// The signature of reasoning, kept until the next part of its turn is written.
#[derive(Default)]
struct Carried(Option<(String, Place)>);

impl Carried {
    /// Takes the signature of reasoning. Returns the position of reasoning that is dropped: this one if it is unsigned, or
    /// the previous one.
    fn thought(&mut self, signature: Option<String>, place: Place) -> Option<Place> {
        match signature {
            Some(signature) => self.0.replace((signature, place)).map(|(_, before)| before),
            None => Some(place),
        }
    }

    fn take(&mut self) -> Option<String> {
        self.0.take().map(|(signature, _)| signature)
    }
}

/// The responses of a user turn, and its other parts. Responses get a content of their own, because otherwise Gemini counts
/// them wrongly or answers nothing.
fn user_parts(
    parts: Vec<Part>,
    called: &HashMap<String, String>,
    target: &Target<'_>,
) -> Result<[Vec<PartOut>; 2], GatewayError> {
    let (mut results, mut rest) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::ToolResult(result) => {
                let (response, attached) = function_response(result, called, target)?;
                results.push(response);
                rest.extend(attached);
            }
            Part::Text { text, .. } => rest.push(PartOut { text: Some(text), ..PartOut::default() }),
            Part::Image { source, .. } => rest.push(picture(source)),
            Part::Document { source, title, .. } => rest.extend(document(source, title)),
            Part::Audio { format, data, .. } => rest.push(audio(&format, data)),
            Part::Reasoning { .. } | Part::RedactedReasoning { .. } | Part::ToolCall(_) => {}
        }
    }
    Ok([results, rest])
}

/// A result, and the content that must follow it: before Gemini 3 a response cannot contain images. Its texts are the
/// response itself.
fn function_response(
    result: ToolResult,
    called: &HashMap<String, String>,
    target: &Target<'_>,
) -> Result<(PartOut, Vec<PartOut>), GatewayError> {
    let ToolResult { call_id, content, is_error, cache: _, place: _ } = result;
    let (mut texts, mut pictures) = (Vec::new(), Vec::new());
    for part in content {
        match part {
            Part::Text { text, .. } => texts.push(text),
            Part::Document { source: Source::Text(text), title, .. } => texts.push(titled(title.as_deref(), &text)),
            Part::Image { source, .. } => pictures.push(picture(source)),
            Part::Document { source, title, .. } => {
                pictures.push(file(source, title.as_deref()));
                texts.extend(title.filter(|title| !title.trim().is_empty()));
            }
            Part::Audio { format, data, .. } => pictures.push(audio(&format, data)),
            Part::Reasoning { .. } | Part::RedactedReasoning { .. } | Part::ToolCall(_) | Part::ToolResult(_) => {}
        }
    }
    let text = match texts.len() {
        1 => texts.pop().unwrap_or_default(),
        _ => texts.join("\n"),
    };
    let text = if text.is_empty() && !pictures.is_empty() { "(see the attached content)".to_owned() } else { text };
    let response = response(text, is_error)?;
    let name = called.get(&call_id).cloned().unwrap_or(call_id);
    let (inside, attached) =
        pictures.into_iter().partition(|part| target.capabilities.images_in_results && fits_result(part));
    let function_response = Some(FunctionResponse { name, response, parts: inside });
    Ok((PartOut { function_response, ..PartOut::default() }, attached))
}

/// Whether a result can contain a part: images of three kinds and documents (ai.google.dev, multimodal function responses).
fn fits_result(part: &PartOut) -> bool {
    const KINDS: [&str; 5] = ["image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"];
    let inline = part.inline_data.as_ref().map(|blob| blob.mime_type.as_str());
    let kind = inline.or_else(|| part.file_data.as_ref().map(|file| file.mime_type));
    kind.is_some_and(|kind| KINDS.contains(&kind))
}

/// A result that is an object stays as it is, and other JSON becomes a member of one.
fn response(text: String, is_error: bool) -> Result<Response, GatewayError> {
    if is_error {
        return Ok(Response::Error(text));
    }
    let is_json = serde_json::from_str::<&RawValue>(&text).is_ok();
    let object = is_json.then(|| object_in(text.clone()).or_else(|| object_in(format!("{{\"output\":{text}}}")))).flatten();
    let Some(JsonText(object)) = object else { return Ok(Response::Output(text)) };
    let object = RawValue::from_string(object).map_err(|error| GatewayError::unreadable(&error))?;
    Ok(Response::Object(object))
}

/// Vertex requires a type with a URL. For an image, only the end of the URL indicates it.
fn picture(source: Source) -> PartOut {
    let told = |url: &str| Title(Some(path_of(url))).media_type().filter(|kind| kind.starts_with("image/"));
    media(source, |url| told(url).unwrap_or("image/jpeg"))
}

/// A document under its title, for which a file has no field.
fn document(source: Source, title: Option<String>) -> Vec<PartOut> {
    if let Source::Text(text) = source {
        return vec![said(titled(title.as_deref(), &text))];
    }
    let file = file(source, title.as_deref());
    title.filter(|title| !title.trim().is_empty()).map(said).into_iter().chain([file]).collect()
}

fn said(text: String) -> PartOut {
    PartOut { text: Some(text), ..PartOut::default() }
}

/// A file is not an image, whatever its URL looks like: its own name counts first.
fn file(source: Source, title: Option<&str>) -> PartOut {
    let told = |url: &str| {
        let known = Title(title).media_type().or_else(|| Title(Some(path_of(url))).media_type());
        known.filter(|kind| !kind.starts_with("image/"))
    };
    media(source, |url| told(url).unwrap_or("application/pdf"))
}

fn path_of(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

fn media(source: Source, type_of: impl Fn(&str) -> &'static str) -> PartOut {
    match source {
        Source::Inline { media_type, data } => {
            PartOut { inline_data: Some(Blob { mime_type: media_type, data }), ..PartOut::default() }
        }
        Source::Text(text) => PartOut { text: Some(text), ..PartOut::default() },
        Source::Url(url) => {
            let file_data = Some(FileData { mime_type: type_of(&url), file_uri: url });
            PartOut { file_data, ..PartOut::default() }
        }
    }
}

/// Audio, labelled by its content: Gemini uses the label.
fn audio(format: &str, data: String) -> PartOut {
    let format = if let Some(Detected::Sound(true_format)) = detect(&data) { true_format } else { format };
    PartOut { inline_data: Some(Blob { mime_type: format!("audio/{format}"), data }), ..PartOut::default() }
}

fn raw(JsonText(text): &JsonText) -> Result<Box<RawValue>, GatewayError> {
    RawValue::from_string(text.clone()).map_err(|error| {
        GatewayError::new(ErrorKind::InvalidRequest, "A tool call's arguments are not valid JSON.")
            .with_cause(Reason::json(&error))
    })
}
