//! Finds the media parts of a request, in any client format, and refuses those that the model does not accept. `wire::media`
//! detects their types.

mod limits;

use std::borrow::Cow;

use limits::Counted;

use super::outbound::Destination;
use crate::catalog::Model;
use crate::chat::request::Source;
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::ClientRequest;
use crate::wire::media::{self, Carrier, Detected, InlinePart, Title, base64, detect, is_data_url, is_pdf, split_data_url};
use crate::wire::request::unsupported;

/// The kind of a media part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Modality {
    Image,
    /// A document that is not text, usually a PDF.
    File,
    Audio,
    Video,
}

impl Modality {
    /// Its name in the catalogue's `input_modalities`.
    const fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::File => "pdf",
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }

    /// The kind by a part's type; `None` for text and for unknown parts.
    fn by_type(part: Value<'_>) -> Option<Self> {
        Some(match part.get("type").and_then(Value::as_text)?.as_ref() {
            "image" | "image_url" | "input_image" => Self::Image,
            "input_audio" => Self::Audio,
            "video" | "video_url" | "input_video" => Self::Video,
            // With a URL or an id it is a document.
            "file" | "input_file" | "document" => Self::File,
            _ => return None,
        })
    }

    /// The kind of bytes.
    const fn of(detected: Detected) -> Self {
        match detected {
            Detected::Picture(_) => Self::Image,
            Detected::Pdf | Detected::Archive => Self::File,
            Detected::Sound(_) => Self::Audio,
            Detected::Video(_) => Self::Video,
        }
    }

    /// The part type for this kind.
    const fn carrier(self) -> Carrier {
        match self {
            Self::Image => Carrier::Picture,
            Self::File => Carrier::File,
            Self::Audio => Carrier::Sound,
            Self::Video => Carrier::Video,
        }
    }
}

/// A part that is not text.
struct MediaPart<'d> {
    part: Value<'d>,
    modality: Modality,
    /// Its bytes, if it contains them.
    inline: Option<InlinePart<'d>>,
}

impl<'d> MediaPart<'d> {
    /// The kind of a part, by its bytes before its type; `None` for text and for unknown parts.
    fn of(part: Value<'d>) -> Option<Self> {
        let by_type = Modality::by_type(part)?;
        if by_type == Modality::File && is_text(part) {
            return None;
        }
        let inline = inline_of(part, by_type);
        let detected = inline.as_ref().and_then(|inline| detect(&inline.data));
        Some(Self { part, modality: detected.map_or(by_type, Modality::of), inline })
    }
}

/// Where a file's data, type and name are.
fn file_of(part: Value<'_>) -> Value<'_> {
    part.get("file").or_else(|| part.get("source")).unwrap_or(part)
}

/// Whether a file is text.
fn is_text(part: Value<'_>) -> bool {
    let place = file_of(part);
    let text = |name: &str| place.get(name).and_then(Value::as_text);
    let is = |kind: &str| place.get("type").is_some_and(|known| known.is(kind));
    let name = text("filename");
    let source = match (text("file_data"), text("data")) {
        _ if is("text") || is("content") => return true,
        (Some(data), _) => media::source_of_file(data.into_owned(), Title(name.as_deref())),
        (None, Some(data)) => media::document(&text("media_type").unwrap_or_default(), &data, Title(name.as_deref())),
        (None, None) => return false,
    };
    matches!(source, Source::Text(_))
}

/// Where a part has its bytes or its URL.
fn place_of(part: Value<'_>) -> Option<Value<'_>> {
    let places: [&[&str]; 10] = [
        &["image_url", "url"],
        &["image_url"],
        &["video_url", "url"],
        &["video_url"],
        &["file", "file_data"],
        &["file_data"],
        &["file_url"],
        &["input_audio", "data"],
        &["source", "url"],
        &["source", "data"],
    ];
    places.into_iter().filter_map(|place| part.at(place)).find(|value| value.kind() == Kind::Text)
}

/// The bytes of a part with their label; `None` for a URL.
fn inline_of(part: Value<'_>, by_type: Modality) -> Option<InlinePart<'_>> {
    let place = place_of(part)?;
    let said = place.as_text()?;
    let carrier = by_type.carrier();
    let split = match &said {
        Cow::Borrowed(said) => split_data_url(said).map(|(label, data)| (Cow::Borrowed(label), Cow::Borrowed(data))),
        Cow::Owned(said) => {
            split_data_url(said).map(|(label, data)| (Cow::Owned(label.to_owned()), Cow::Owned(data.to_owned())))
        }
    };
    if let Some((label, data)) = split {
        return Some(InlinePart { carrier, label, data });
    }
    let holds_bytes = matches!(place.path().rsplit('.').next(), Some("data" | "file_data"));
    if !holds_bytes || said.contains("://") {
        return None;
    }
    let label =
        [&["source", "media_type"][..], &["input_audio", "format"]].into_iter().find_map(|at| part.at(at)?.as_text());
    Some(InlinePart { carrier, label: label.unwrap_or_default(), data: said })
}

/// Whether a model reads documents that are not text by itself.
pub(super) fn reads_files(model: &Model) -> bool {
    reads(model, Modality::File)
}

fn reads(model: &Model, modality: Modality) -> bool {
    model.input_modalities.iter().any(|word| word == modality.word())
}

/// Whether the request contains a document that is not text. Fails with a 400 for a part that the model does not accept, and
/// for a part whose bytes are invalid or that its provider rejects by kind or size. The model need not accept documents if
/// its provider extracts their text.
pub(super) fn check(request: &ClientRequest, to: Destination<'_>) -> Result<bool, GatewayError> {
    let mut has_files = false;
    let mut counted = Counted::new(&to.target());
    for content in request.format.contents(request.body()) {
        each(content, &mut |found| {
            has_files |= found.modality == Modality::File;
            check_part(found, to, &mut counted)
        })?;
    }
    counted.end()?;
    Ok(has_files)
}

fn check_part<'d>(found: MediaPart<'d>, to: Destination<'_>, counted: &mut Counted<'d>) -> Result<(), GatewayError> {
    let MediaPart { part, modality, inline } = found;
    check_address(part)?;
    check_bytes(part, inline.as_ref())?;
    let is_put_into_words = modality == Modality::File && to.wire.parses_files();
    if !is_put_into_words && !reads(to.model, modality) {
        return Err(unread(part, modality, to.model));
    }
    if matches!(modality, Modality::Image | Modality::File) {
        counted.add(part)?;
    }
    let Some(inline) = inline else { return Ok(()) };
    let inline = labelled(part, inline);
    if let Some(what) = to.wire.media_refusal(&to.target(), &inline) {
        return Err(unsupported(part, what));
    }
    let place = place_of(part).unwrap_or(part);
    match modality {
        Modality::Image if has_readable_head(&inline) => counted.picture(place, &inline.data),
        Modality::File if inline.label == "application/pdf" && !is_pdf(&inline.data) => {
            Err(place.wrong("these bytes are not a PDF").with_code("invalid_value"))
        }
        Modality::Image | Modality::File | Modality::Audio | Modality::Video => Ok(()),
    }
}

/// Checks that a URL is on the web: providers read other URLs, such as `gs:`, with the gateway's own permissions.
fn check_address(part: Value<'_>) -> Result<(), GatewayError> {
    let Some(place) = place_of(part) else { return Ok(()) };
    let address = place.as_text().unwrap_or_default();
    let is_data = matches!(place.path().rsplit('.').next(), Some("data" | "file_data"));
    let begins = |scheme: &str| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let is_taken = is_data && !address.contains("://") || ["https://", "http://", "data:"].into_iter().any(begins);
    if is_taken { Ok(()) } else { Err(place.wrong("use an http or https address, or a data URL")) }
}

/// Checks that inline bytes are base64, which every provider requires.
fn check_bytes(part: Value<'_>, inline: Option<&InlinePart<'_>>) -> Result<(), GatewayError> {
    let Some(place) = place_of(part) else { return Ok(()) };
    let said = place.as_text().unwrap_or_default();
    match inline {
        Some(inline) if base64(&inline.data).is_none() => Err(place.wrong("expected base64")),
        None if is_data_url(&said) => Err(place.wrong("a data URL needs base64: data:<media type>;base64,<data>")),
        Some(_) | None => Ok(()),
    }
}

/// Inline bytes with a label that shows their kind; the file name is used if nothing else shows it.
fn labelled<'d>(part: Value<'d>, mut inline: InlinePart<'d>) -> InlinePart<'d> {
    if inline.label.is_empty() || inline.label == "application/octet-stream" {
        let name = file_of(part).get("filename").and_then(Value::as_text);
        inline.label = Title(name.as_deref()).media_type().map_or(inline.label, Cow::Borrowed);
    }
    inline
}

/// Whether an image is, or claims to be, of a kind whose size can be read here. Others are left to the provider.
fn has_readable_head(inline: &InlinePart<'_>) -> bool {
    const KINDS: [&str; 5] = ["image/gif", "image/jpeg", "image/jpg", "image/png", "image/webp"];
    let kind = match detect(&inline.data) {
        Some(Detected::Picture(kind)) => kind,
        Some(_) | None => &inline.label,
    };
    KINDS.contains(&kind) || !kind.starts_with("image/")
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
    GatewayError::unsupported(part.path(), message)
}

/// Calls `found` for every media part, including those in tool results and in documents made of blocks.
fn each<'d>(
    content: Value<'d>,
    found: &mut dyn FnMut(MediaPart<'d>) -> Result<(), GatewayError>,
) -> Result<(), GatewayError> {
    for part in content.elements().filter(|part| part.kind() == Kind::Object) {
        if let Some(media) = MediaPart::of(part) {
            found(media)?;
            continue;
        }
        let inner = [part.get("content"), part.at(&["source", "content"])];
        inner.into_iter().flatten().try_for_each(|content| each(content, found))?;
    }
    Ok(())
}
