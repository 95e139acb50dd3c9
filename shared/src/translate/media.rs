//! What a request holds besides text, and whether a model reads it.

use crate::catalog::Model;
use crate::chat::request::Source;
use crate::document::{Kind, Value};
use crate::error::{ErrorKind, GatewayError};
use crate::wire::media::{self, Title};

/// What a part is besides text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Modality {
    Image,
    /// A document that is no text: most often a PDF.
    File,
    Audio,
    Video,
}

impl Modality {
    /// The word of the catalogue's `input_modalities`.
    const fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::File => "pdf",
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }

    /// What a part of that type is; `None` for text and for what is no part of its own.
    fn of(part: Value<'_>) -> Option<Self> {
        match part.get("type").and_then(Value::as_text)?.as_ref() {
            "image" | "image_url" | "input_image" => Some(Self::Image),
            "input_audio" => Some(Self::Audio),
            "video" | "video_url" | "input_video" => Some(Self::Video),
            "file" | "input_file" | "document" => Self::of_file(part),
            _ => None,
        }
    }

    /// What a file is by its bytes, then by its type; one behind an address or an id is a document.
    fn of_file(part: Value<'_>) -> Option<Self> {
        let place = part.get("file").or_else(|| part.get("source")).unwrap_or(part);
        let text = |name: &str| place.get(name).and_then(Value::as_text);
        let is = |kind: &str| place.get("type").is_some_and(|known| known.is(kind));
        let name = text("filename");
        let source = match (text("file_data"), text("data")) {
            _ if is("text") || is("content") => return None,
            (Some(data), _) => media::source_of_file(data.into_owned(), Title(name.as_deref())),
            (None, Some(data)) => media::document(&text("media_type").unwrap_or_default(), &data, Title(name.as_deref())),
            (None, None) => return Some(Self::File),
        };
        match source {
            Source::Text(_) => None,
            Source::Url(_) => Some(Self::File),
            Source::Inline { media_type, .. } => Some(match media_type.split('/').next() {
                Some("image") => Self::Image,
                Some("audio") => Self::Audio,
                Some("video") => Self::Video,
                Some(_) | None => Self::File,
            }),
        }
    }
}

/// Whether a model reads documents that are no text by itself.
pub(super) fn reads_files(model: &Model) -> bool {
    reads(model, Modality::File)
}

fn reads(model: &Model, modality: Modality) -> bool {
    model.input_modalities.iter().any(|word| word == modality.word())
}

/// Whether the request holds a document that is no text. Fails with 400 for a part that the model does not read; documents it
/// need not read where its provider puts them into words.
pub(super) fn check(body: Value<'_>, model: &Model, files_become_text: bool) -> Result<bool, GatewayError> {
    let mut has_files = false;
    let messages = body.get("messages").into_iter().flat_map(Value::elements);
    for content in messages.filter_map(|message| message.get("content")).chain(body.get("system")) {
        each(content, &mut |part, modality| {
            check_address(part)?;
            has_files |= modality == Modality::File;
            let is_put_into_words = modality == Modality::File && files_become_text;
            if is_put_into_words || reads(model, modality) { Ok(()) } else { Err(unread(part, modality, model)) }
        })?;
    }
    Ok(has_files)
}

/// Checks that what a part is behind is on the web: providers read other addresses with rights of the gateway's own, such as `gs:`.
fn check_address(part: Value<'_>) -> Result<(), GatewayError> {
    let text = |place: &[&str]| part.at(place).filter(|value| value.kind() == Kind::Text);
    let places: [&[&str]; 5] =
        [&["image_url", "url"], &["image_url"], &["video_url", "url"], &["file_url"], &["source", "url"]];
    let files = [text(&["file", "file_data"]), text(&["file_data"])].into_iter().flatten();
    let is_address = |value: &Value<'_>| value.as_text().is_some_and(|data| data.contains("://"));
    let mut addresses = places.into_iter().filter_map(text).chain(files.filter(is_address));
    let is_taken = |value: &Value<'_>| {
        let address = value.as_text().unwrap_or_default();
        let begins = |scheme: &str| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        ["https://", "http://", "data:"].into_iter().any(begins)
    };
    match addresses.find(|address| !is_taken(address)) {
        Some(address) => Err(address.wrong("use an http or https address, or a data URL")),
        None => Ok(()),
    }
}

fn unread(part: Value<'_>, modality: Modality, model: &Model) -> GatewayError {
    let kind = match modality {
        Modality::Image => "pictures",
        Modality::File => "files other than text",
        Modality::Audio => "sound",
        Modality::Video => "video",
    };
    let word = modality.word();
    let message = format!(
        "{} does not read {kind}. Leave this part out, or use a model that has \"{word}\" among its input_modalities \
         (GET /v1/models).",
        model.id
    );
    GatewayError::new(ErrorKind::Unsupported, message).with_code("unsupported").with_param(part.path())
}

/// Calls `found` for all parts of a content that are no text, those in results of tools and in documents made of blocks included.
fn each(
    content: Value<'_>,
    found: &mut dyn FnMut(Value<'_>, Modality) -> Result<(), GatewayError>,
) -> Result<(), GatewayError> {
    for part in content.elements().filter(|part| part.kind() == Kind::Object) {
        if let Some(modality) = Modality::of(part) {
            found(part, modality)?;
            continue;
        }
        let inner = [part.get("content"), part.at(&["source", "content"])];
        inner.into_iter().flatten().try_for_each(|content| each(content, found))?;
    }
    Ok(())
}
