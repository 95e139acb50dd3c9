//! Pictures, files and sound for OpenRouter. The gateway identifies them by their bytes, and by their labels only if the bytes
//! do not show the type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::error::GatewayError;
use gateway::ids::ProviderId;
use gateway::wire::ClientFormat;
use gateway_tests::relaying::catalog;
use gateway_tests::sending::{Sent, send_along};
use serde_json::{Value, json};

use super::upstream::{CHAT, MESSAGES, PDF, PNG};

const GEMINI: &str = "gemini-2.5-flash";
const GPT: &str = "gpt-5.2";

/// The form of a part that is sent to a model through OpenRouter.
fn sent(format: ClientFormat, model: &str, part: &Value) -> Result<Sent, GatewayError> {
    let model = catalog().unwrap().resolve(model).unwrap();
    let route = model.routes.iter().find(|route| route.provider == ProviderId::OpenRouter).unwrap();
    let said = json!({"type": "text", "text": "Look."});
    let body = json!({"model": "m", "max_tokens": 500, "messages": [{"role": "user", "content": [said, part]}]});
    send_along(format, &body.to_string(), &model, route, &[])
}

/// Checks the form of a part that is sent, and the fields that are named as dropped.
fn becomes(format: ClientFormat, model: &str, part: &Value, expected: &Value, dropped: &[&str]) {
    let sent = sent(format, model, part).unwrap_or_else(|error| panic!("{model}: {error:?}\n{part}"));
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(&body["messages"][0]["content"][1], expected, "{model}: {part}");
    assert_eq!(sent.dropped, dropped, "{model}: {part}");
}

/// The field and the reason of a refusal.
fn refusal(format: ClientFormat, model: &str, part: &Value) -> (String, String) {
    let error = sent(format, model, part).err().unwrap_or_else(|| panic!("{model} takes {part}"));
    (error.param().unwrap_or_default().to_owned(), error.message().to_owned())
}

fn url(kind: &str, data: &str) -> String {
    format!("data:{kind};base64,{data}")
}

fn picture(url: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": url}})
}

fn file(name: &str, data: &str) -> Value {
    json!({"type": "file", "file": {"filename": name, "file_data": data}})
}

fn sound(format: &str, data: &str) -> Value {
    json!({"type": "input_audio", "input_audio": {"data": data, "format": format}})
}

fn block(kind: &str, media_type: &str, data: &str) -> Value {
    json!({"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}})
}

fn wav() -> String {
    STANDARD.encode(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0")
}

#[test]
fn a_wrong_label_is_corrected_at_its_place_and_nothing_else_changes() {
    let text = format!(
        r#"{{ "model":"m", "messages" : [ {{"role":"user","content":[ {{"type":"image_url","image_url":{{"detail":"low", "url":"{}"}}}} ]}} ], "top_p":1.0 }}"#,
        url("image/jpeg", PNG)
    );
    let model = catalog().unwrap().resolve(GPT).unwrap();
    let outbound = send_along(CHAT, &text, &model, &model.routes[0], &[]).unwrap();
    let expected = text.replace(r#" "model":"m","#, "").replace("image/jpeg", "image/png");
    assert_eq!((String::from_utf8(outbound.body).unwrap(), outbound.dropped), (expected, vec![]));
}

#[test]
fn bytes_stand_in_the_part_for_what_they_are() {
    let (pdf, png, wav) = (url("application/pdf", PDF), url("image/png", PNG), wav());
    let unnamed = json!({"type": "file", "file": {"file_data": pdf}});
    let marked = |mut part: Value| {
        part["cache_control"] = json!({"type": "ephemeral"});
        part
    };
    for (model, part, expected, dropped) in [
        (GPT, picture(&png), picture(&png), &[][..]),
        (GPT, picture(&url("image/png", PDF)), unnamed.clone(), &[]),
        (
            GPT,
            json!({"type": "image_url", "image_url": {"url": url("image/png", PDF), "detail": "low"}}),
            unnamed.clone(),
            &["messages[0].content[1].image_url.detail"],
        ),
        (GPT, json!({"type": "input_image", "image_url": url("image/png", PDF)}), unnamed, &[]),
        (
            "claude-opus-4.6",
            marked(file("a.png", &url("application/pdf", PNG))),
            marked(picture(&png)),
            &["messages[0].content[1].file.filename"],
        ),
        (GPT, file("a.pdf", PDF), file("a.pdf", &pdf), &[]),
        (GPT, file("a.pdf", &url("text/plain", PDF)), file("a.pdf", &pdf), &[]),
        (GEMINI, picture(&url("image/png", &wav)), sound("wav", &wav), &[]),
        (GEMINI, file("a.wav", &url("audio/wav", &wav)), sound("wav", &wav), &["messages[0].content[1].file.filename"]),
        (GEMINI, sound("mp3", &wav), sound("wav", &wav), &[]),
        (GEMINI, sound("wav", &url("audio/wav", &wav)), sound("wav", &wav), &[]),
        (GEMINI, sound("wav", PNG), picture(&png), &[]),
        (GPT, json!({"type": "video_url", "video_url": {"url": url("video/mp4", PNG)}}), picture(&png), &[]),
    ] {
        becomes(CHAT, model, &part, &expected, dropped);
    }
    let named = file("document.pdf", &pdf);
    for (model, part, expected) in [
        (GPT, block("image", "image/png", PDF), named.clone()),
        (GPT, block("image", "image/jpeg", PNG), picture(&png)),
        (GPT, block("document", "application/pdf", PNG), picture(&png)),
        (GPT, block("document", "application/pdf", PDF), named),
        (GEMINI, block("image", "image/png", &wav), sound("wav", &wav)),
    ] {
        becomes(MESSAGES, model, &part, &expected, &[]);
    }
}

#[test]
fn base64_is_written_as_every_provider_takes_it() {
    let spaced = format!("{}\n{}", &PNG[..8], &PNG[8..]);
    let unpadded = PNG.trim_end_matches('=');
    let for_urls = PNG.replace('+', "-").replace('/', "_");
    for data in [spaced.as_str(), unpadded, for_urls.as_str()] {
        becomes(CHAT, GPT, &picture(&url("image/png", data)), &picture(&url("image/png", PNG)), &[]);
        becomes(MESSAGES, GPT, &block("image", "image/png", data), &picture(&url("image/png", PNG)), &[]);
    }
    becomes(CHAT, GPT, &picture(&format!("DATA:image/png;BASE64,{PNG}")), &picture(&url("image/png", PNG)), &[]);
    let at = "messages[0].content[1]";
    for (format, part, path) in [
        (CHAT, picture(&url("image/png", "no base64!")), "image_url.url"),
        (CHAT, picture(&url("image/png", "")), "image_url.url"),
        (CHAT, file("a.pdf", "%%%"), "file.file_data"),
        (CHAT, sound("wav", "?"), "input_audio.data"),
        (MESSAGES, block("image", "image/png", "no base64!"), "source.data"),
    ] {
        let model = if path.starts_with("input_audio") { GEMINI } else { GPT };
        let expected = (format!("{at}.{path}"), format!("{at}.{path}: expected base64."));
        assert_eq!(refusal(format, model, &part), expected, "{part}");
    }
    let (path, reason) = refusal(CHAT, GPT, &picture("data:image/svg+xml,%3Csvg/%3E"));
    assert_eq!(path, "messages[0].content[1].image_url.url");
    assert!(reason.contains("a data URL needs base64"), "{reason}");
}

#[test]
fn kinds_that_a_model_does_not_take_are_refused_by_their_place() {
    let gif = STANDARD.encode(b"GIF89a\x01\0\x01\0\0\0\0");
    let heic = STANDARD.encode(b"\0\0\0\x18ftypheic\0\0\0\0mif1");
    let office = STANDARD.encode(b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0");
    let svg = STANDARD.encode("<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    becomes(CHAT, GPT, &picture(&url("image/gif", &gif)), &picture(&url("image/gif", &gif)), &[]);
    becomes(CHAT, GEMINI, &picture(&url("image/heic", &heic)), &picture(&url("image/heic", &heic)), &[]);
    let at = "messages[0].content[1]";
    for (format, model, part, words) in [
        (CHAT, GEMINI, picture(&url("image/png", &gif)), "images of this kind"),
        (CHAT, GPT, picture(&url("image/heic", &heic)), "images of this kind"),
        (CHAT, GPT, picture(&url("image/svg+xml", &svg)), "images of this kind"),
        (CHAT, GPT, file("a.docx", &url(docx, &office)), "files of this kind: it accepts PDF and text"),
        (CHAT, GPT, picture(&url("image/png", &office)), "files of this kind"),
        (CHAT, "qwen3-coder", file("a.docx", &url(docx, &office)), "files of this kind"),
        (CHAT, GEMINI, sound("midi", "AAAA"), "audio of this format"),
        (MESSAGES, GPT, block("document", docx, &office), "files of this kind"),
        (MESSAGES, GEMINI, block("image", "image/png", &gif), "images of this kind"),
    ] {
        let (path, reason) = refusal(format, model, &part);
        assert_eq!(path, at, "{part}");
        assert!(reason.contains(words), "{reason}: {part}");
    }
    // The model must also be able to read the type that the bytes have.
    let (path, reason) = refusal(CHAT, GPT, &picture(&url("image/png", &wav())));
    assert_eq!(path, at);
    assert!(reason.contains("does not read sound"), "{reason}");
}

#[test]
fn qwen_accepts_only_pictures_of_more_than_ten_pixels() {
    let gif = |width: u8, height: u8| {
        let head = [b"GIF89a", &[width, 0, height, 0, 0, 0, 0][..]].concat();
        picture(&url("image/gif", &STANDARD.encode(head)))
    };
    becomes(CHAT, "qwen3.8-max", &gif(11, 11), &gif(11, 11), &[]);
    for part in [gif(1, 1), gif(10, 90), gif(90, 10)] {
        let at = "messages[0].content[1].image_url.url";
        let words = "this model's route cannot carry images with a side below 11 px; enlarge this one or leave it out.";
        assert_eq!(refusal(CHAT, "qwen3.8-max", &part), (at.to_owned(), format!("{at}: {words}")));
    }
    becomes(CHAT, GPT, &gif(1, 1), &gif(1, 1), &[]);
}

#[test]
fn a_file_without_data_lacks_them_and_one_by_id_is_of_another_route() {
    for (part, path, reason) in [
        (json!({"type": "file", "file": {}}), "messages[0].content[1].file.file_data", "this field is required"),
        (json!({"type": "input_file"}), "messages[0].content[1].file_data", "this field is required"),
        (
            json!({"type": "file", "file": {"file_id": "file-1"}}),
            "messages[0].content[1]",
            "this model's route cannot carry a file by id; send file_data instead",
        ),
    ] {
        for model in [GPT, "claude-haiku-4.5"] {
            let expected = (path.to_owned(), format!("{path}: {reason}."));
            assert_eq!(refusal(CHAT, model, &part), expected, "{part}");
        }
    }
}
