//! Puts images, files and audio of a forwarded request into the part types that fit their bytes. Correct parts stay byte for
//! byte; a wrong label is corrected in place.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::dialects::raw;
use crate::chat::request::Source;
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::media::{self, Carrier, Title, base64, data_url, is_plain_data_url, split_data_url, titled};
use crate::wire::native::Forwarding;
use crate::wire::openai::client::request::{file_data, image_url, unknown_part, video_url};
use crate::wire::openai::rules::media::{Carried, carried};

#[derive(Serialize)]
struct Part {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    shown: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Shown {
    ImageUrl(Address),
    File(NamedFile),
    InputAudio(Sound),
    VideoUrl(Address),
    Text(String),
}

#[derive(Serialize)]
struct Address {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct NamedFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    file_data: String,
}

#[derive(Serialize)]
struct Sound {
    data: String,
    format: String,
}

/// Writes a media part as OpenRouter accepts it. Other parts are an error.
pub(super) fn rewrite(forwarding: &mut Forwarding<'_>, part: Value<'_>) -> Result<(), GatewayError> {
    match part.get("type").and_then(Value::as_text).unwrap_or_default().as_ref() {
        "image_url" | "input_image" => picture(forwarding, part),
        "file" | "input_file" => file(forwarding, part),
        "input_audio" => sound(forwarding, part),
        "video_url" | "input_video" => video(forwarding, part),
        other => Err(unknown_part(part, other)),
    }
}

/// Replaces a part.
fn replace(forwarding: &mut Forwarding<'_>, part: Value<'_>, shown: Shown) {
    let kind = match shown {
        Shown::ImageUrl(_) => "image_url",
        Shown::File(_) => "file",
        Shown::InputAudio(_) => "input_audio",
        Shown::VideoUrl(_) => "video_url",
        Shown::Text(_) => "text",
    };
    let cache_control = part.get("cache_control").and_then(raw);
    forwarding.edits.replace(part, &Part { kind, shown, cache_control });
}

/// Bytes in the part type that fits them.
fn shown(carried: Carried<'_>, data: &str, title: Option<String>) -> Shown {
    let url = || data_url(carried.label, data);
    match carried.carrier {
        Carrier::Picture => Shown::ImageUrl(Address { url: url(), detail: None }),
        Carrier::File => Shown::File(NamedFile { filename: title, file_data: url() }),
        Carrier::Sound => Shown::InputAudio(Sound { data: data.to_owned(), format: carried.label.to_owned() }),
        Carrier::Video => Shown::VideoUrl(Address { url: url(), detail: None }),
    }
}

/// A data URL with its true label; unchanged if it is correct.
fn corrected<'u>(url: &'u str, carried: Carried<'_>, data: &str) -> Cow<'u, str> {
    let is_right =
        is_plain_data_url(url) && split_data_url(url).is_some_and(|(label, own)| label == carried.label && own == data);
    if is_right { Cow::Borrowed(url) } else { Cow::Owned(data_url(carried.label, data)) }
}

fn picture(forwarding: &mut Forwarding<'_>, part: Value<'_>) -> Result<(), GatewayError> {
    let place = image_url(part)?;
    let url = place.text()?;
    let is_flat = part.get("type").is_some_and(|kind| kind.is("input_image"));
    let detail = if is_flat { part.get("detail") } else { part.at(&["image_url", "detail"]) };
    let mut sent = url.clone();
    if let Some((label, data)) = split_data_url(&url) {
        let data = base64(data).unwrap_or(Cow::Borrowed(data));
        let carried = carried(&data, label, Carrier::Picture);
        if carried.carrier != Carrier::Picture {
            replace(forwarding, part, shown(carried, &data, None));
            forwarding.left_out.extend(detail.filter(|detail| !detail.is("auto")).map(Value::place));
            return Ok(());
        }
        sent = Cow::Owned(corrected(&url, carried, &data).into_owned());
    }
    let is_bare = part.get("image_url").is_some_and(|url| url.kind() == Kind::Text);
    if is_flat {
        let address = Address { url: sent.into_owned(), detail: detail.and_then(raw) };
        replace(forwarding, part, Shown::ImageUrl(address));
    } else if is_bare {
        forwarding.edits.replace(place, &Address { url: sent.into_owned(), detail: None });
    } else if sent != url {
        forwarding.edits.replace(place, sent.as_ref());
    }
    Ok(())
}

fn video(forwarding: &mut Forwarding<'_>, part: Value<'_>) -> Result<(), GatewayError> {
    let place = video_url(part)?;
    let url = place.text()?;
    let mut sent = url.clone();
    if let Some((label, data)) = split_data_url(&url) {
        let data = base64(data).unwrap_or(Cow::Borrowed(data));
        let mut carried = carried(&data, label, Carrier::Video);
        if carried.carrier != Carrier::Video {
            replace(forwarding, part, shown(carried, &data, None));
            return Ok(());
        }
        // Containers have several names; any of them is accepted.
        carried.label = if label.starts_with("video/") { label } else { carried.label };
        sent = Cow::Owned(corrected(&url, carried, &data).into_owned());
    }
    let is_nested = part.get("type").is_some_and(|kind| kind.is("video_url"))
        && part.get("video_url").is_some_and(|address| address.kind() == Kind::Object);
    if !is_nested {
        replace(forwarding, part, Shown::VideoUrl(Address { url: sent.into_owned(), detail: None }));
    } else if sent != url {
        forwarding.edits.replace(place, sent.as_ref());
    }
    Ok(())
}

/// The type of a file, if its data or its name shows it.
fn source_of(part: Value<'_>) -> Result<(Value<'_>, Option<Value<'_>>, Source), GatewayError> {
    let [name, data] = file_data(part)?;
    let data = data.ok_or_else(|| part.missing("file_data"))?;
    let title = name.and_then(Value::as_text);
    let source = media::source_of_file(data.text()?.into_owned(), Title(title.as_deref()));
    Ok((data, name, source))
}

/// Whether a file is text, which most models accept only as text.
pub(super) fn is_text_file(part: Value<'_>) -> bool {
    matches!(source_of(part), Ok((_, _, Source::Text(_))))
}

fn file(forwarding: &mut Forwarding<'_>, part: Value<'_>) -> Result<(), GatewayError> {
    let (place, name, source) = source_of(part)?;
    let title = name.and_then(Value::as_text).map(Cow::into_owned);
    let is_flat = part.get("type").is_some_and(|kind| kind.is("input_file"));
    let (carried, data) = match &source {
        Source::Text(text) => {
            replace(forwarding, part, Shown::Text(titled(title.as_deref(), text)));
            return Ok(());
        }
        Source::Url(url) => {
            if is_flat {
                replace(forwarding, part, Shown::File(NamedFile { filename: title, file_data: url.clone() }));
            }
            return Ok(());
        }
        Source::Inline { media_type, data } => (carried(data, media_type, Carrier::File), data),
    };
    if carried.carrier != Carrier::File {
        replace(forwarding, part, shown(carried, data, None));
        forwarding.left_out.extend(name.map(Value::place));
    } else if is_flat {
        replace(forwarding, part, shown(carried, data, title));
    } else {
        let told = place.text()?;
        let sent = corrected(&told, carried, data);
        if sent != told {
            forwarding.edits.replace(place, sent.as_ref());
        }
    }
    Ok(())
}

fn sound(forwarding: &mut Forwarding<'_>, part: Value<'_>) -> Result<(), GatewayError> {
    let [format, place] = part.required("input_audio")?.fields(["format", "data"])?;
    let (Some(format), Some(place)) = (format, place) else { return Ok(()) };
    let (label, told) = (format.text()?, place.text()?);
    let own = split_data_url(&told).map_or(told.as_ref(), |(_, data)| data);
    let data = base64(own).unwrap_or(Cow::Borrowed(own));
    let carried = carried(&data, &label, Carrier::Sound);
    if carried.carrier != Carrier::Sound {
        replace(forwarding, part, shown(carried, &data, None));
        return Ok(());
    }
    if carried.label != label {
        forwarding.edits.replace(format, carried.label);
    }
    if data != told {
        forwarding.edits.replace(place, data.as_ref());
    }
    Ok(())
}
