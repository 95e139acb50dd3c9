//! Pictures, files and sound in a request are sent to models that can read them. For other models the request is refused, and
//! the error names the path.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::wire::ClientFormat;
use gateway::wire::native::Files;
use gateway_tests::relaying::catalog;
use gateway_tests::sending::{send, send_along};
use serde_json::{Value, json};

use super::upstream::{CHAT, MESSAGES, PDF, PNG};

fn request(part: &Value) -> String {
    json!({"model": "m", "max_tokens": 500, "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Look."}, part]},
    ]})
    .to_string()
}

/// The result for a part on a model's first route: its documents, or the field and the message of the refusal.
fn fate(format: ClientFormat, model: &str, part: &Value) -> Result<Files, (String, String)> {
    let model = catalog().unwrap().resolve(model).unwrap();
    let sent = send(format, &request(part), &model).map(|sent| sent.files);
    sent.map_err(|error| (error.param().unwrap_or_default().to_owned(), error.message().to_owned()))
}

fn unread(path: &str, model: &str, kind: &str, word: &str) -> Result<Files, (String, String)> {
    let message = format!(
        "{model} does not read {kind}. Leave this part out, or use a model that has \"{word}\" among its input_modalities \
         (GET /v1/models)."
    );
    Err((path.to_owned(), message))
}

#[test]
fn a_part_of_a_kind_that_the_model_does_not_read_is_refused_by_its_path() {
    let picture = json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}")}});
    let sound = json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}});
    let block = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}});
    let shown = json!({"type": "tool_result", "tool_use_id": "a", "content": [block]});
    let file = json!({"type": "file", "file": {"filename": "a.pdf", "file_data": format!("data:image/png;base64,{PNG}")}});
    let (at, inside) = ("messages[0].content[1]", "messages[0].content[1].content[0]");
    for (format, model, part, expected) in [
        (CHAT, "gpt-5.2", &picture, Ok(Files::None)),
        (CHAT, "gemini-3-flash", &sound, Ok(Files::None)),
        (CHAT, "gpt-5.2", &sound, unread(at, "gpt-5.2", "sound", "audio")),
        (CHAT, "claude-opus-4.6", &sound, unread(at, "claude-opus-4.6", "sound", "audio")),
        (CHAT, "qwen3-coder", &picture, unread(at, "qwen3-coder", "pictures", "image")),
        (CHAT, "qwen3-coder", &file, unread(at, "qwen3-coder", "pictures", "image")),
        (MESSAGES, "qwen3-coder", &block, unread(at, "qwen3-coder", "pictures", "image")),
        (MESSAGES, "qwen3-coder", &shown, unread(inside, "qwen3-coder", "pictures", "image")),
    ] {
        assert_eq!(fate(format, model, part), expected, "{model}: {part}");
    }
}

#[test]
fn a_document_is_read_by_its_model_or_put_into_words_by_openrouter() {
    let file =
        json!({"type": "file", "file": {"filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{PDF}")}});
    let text = json!({"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGk="}});
    let block = json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}});
    let written = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}});
    for (format, model, part, files) in [
        (CHAT, "gpt-5.2", &file, Files::Native),
        (CHAT, "qwen3-coder", &file, Files::Parsed),
        (CHAT, "qwen3-coder", &text, Files::None),
        (MESSAGES, "kimi-k2.5", &block, Files::Parsed),
        (MESSAGES, "claude-opus-4.6", &block, Files::Native),
        (MESSAGES, "kimi-k2.5", &written, Files::None),
    ] {
        assert_eq!(fate(format, model, part), Ok(files), "{model}: {part}");
    }
}

#[test]
fn what_stands_in_the_system_instruction_counts_too() {
    let source = |kind: &str, data: &str| json!({"type": "base64", "media_type": kind, "data": data});
    let pdf = json!({"type": "document", "source": source("application/pdf", PDF)});
    let picture = json!({"type": "image", "source": source("image/png", PNG)});
    let files = |part: &Value| {
        let body =
            json!({"model": "m", "max_tokens": 9, "system": [part], "messages": [{"role": "user", "content": "Hi."}]});
        let model = catalog().unwrap().resolve("qwen3-coder").unwrap();
        send(MESSAGES, &body.to_string(), &model).map(|sent| sent.files).map_err(|error| error.param().map(str::to_owned))
    };
    assert_eq!(files(&pdf), Ok(Files::Parsed));
    assert_eq!(files(&picture), Err(Some("system[0]".to_owned())));
}

#[test]
fn only_addresses_of_the_web_are_passed_on() {
    let taken = "https://a.example/b.png";
    for address in ["gs://bucket/secret.png", "file:///etc/passwd", "ftp://a.example/b.png", "not an address", ""] {
        for (format, place, part) in [
            (CHAT, "image_url.url", json!({"type": "image_url", "image_url": {"url": address}})),
            (MESSAGES, "source.url", json!({"type": "image", "source": {"type": "url", "url": address}})),
        ] {
            let refused = fate(format, "gemini-3-flash", &part).unwrap_err();
            let path = format!("messages[0].content[1].{place}");
            assert_eq!(refused.1, format!("{path}: use an http or https address, or a data URL."), "{address}");
        }
    }
    let file = json!({"type": "file", "file": {"file_data": "gs://bucket/secret.pdf"}});
    assert!(fate(CHAT, "gemini-3-flash", &file).is_err());
    let part = json!({"type": "image_url", "image_url": {"url": taken}});
    assert_eq!(fate(CHAT, "gemini-3-flash", &part), Ok(Files::None));
}

/// A GIF of this size, with this many bytes after its header.
fn gif(width: u16, height: u16, more: usize) -> String {
    let head = [&b"GIF89a"[..], &width.to_le_bytes(), &height.to_le_bytes(), &[0; 3]].concat();
    STANDARD.encode([head, vec![0; more]].concat())
}

fn picture(format: ClientFormat, data: &str) -> Value {
    if format == CHAT {
        return json!({"type": "image_url", "image_url": {"url": format!("data:image/gif;base64,{data}")}});
    }
    json!({"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": data}})
}

/// The message of the refusal on every route of a model, without its path. `None` if the request is sent.
fn refusal(format: ClientFormat, model: &str, parts: &[Value]) -> Option<String> {
    let body = json!({"model": "m", "max_tokens": 500, "messages": [{"role": "user", "content": parts}]}).to_string();
    let model = catalog().unwrap().resolve(model).unwrap();
    let fates: Vec<_> = model
        .routes
        .iter()
        .map(|route| send_along(format, &body, &model, route, &[]).err().map(|error| error.message().to_owned()))
        .collect();
    assert!(fates.windows(2).all(|pair| pair[0] == pair[1]), "{fates:?}");
    fates.into_iter().next().flatten()
}

#[test]
fn claude_takes_pictures_up_to_a_size_and_a_number() {
    let large = |side: u16, most: u16, among: &str| {
        format!("this image has a side of {side} px, but this model accepts at most {most} px{among}; scale it down.")
    };
    let among = " in a request with more than 20 images and documents";
    let too_many = |most: u16| format!("this model accepts at most {most} images and pages per request; remove the oldest.");
    let heavy = "this model accepts images of at most 5 MB of base64.".to_owned();
    for format in [CHAT, MESSAGES] {
        for (model, small, data, expected) in [
            ("claude-opus-4.6", 0, gif(8_000, 8_000, 0), None),
            ("claude-opus-4.6", 19, gif(2_001, 1, 0), None),
            ("claude-opus-4.6", 99, gif(2_000, 2_000, 0), None),
            ("claude-opus-4.6", 0, gif(8_001, 1, 0), Some(large(8_001, 8_000, ""))),
            ("claude-opus-4.6", 20, gif(1, 2_001, 0), Some(large(2_001, 2_000, among))),
            ("claude-opus-4.6", 600, gif(1, 1, 0), Some(too_many(600))),
            ("claude-haiku-4.5", 100, gif(1, 1, 0), Some(too_many(100))),
            ("claude-opus-4.6", 0, gif(9, 9, 3_932_149), Some(heavy.clone())),
            ("kimi-k2.5", 20, gif(9_000, 9_000, 0), None),
        ] {
            let parts: Vec<Value> =
                (0..small).map(|_| picture(format, &gif(1, 1, 0))).chain([picture(format, &data)]).collect();
            let place = if format == CHAT { "image_url.url" } else { "source.data" };
            let path = format!("messages[0].content[{small}]");
            let said = refusal(format, model, &parts).map(|said| {
                let said = said.strip_prefix(&path).unwrap_or(&said);
                said.strip_prefix(&format!(".{place}")).unwrap_or(said).trim_start_matches(": ").to_owned()
            });
            assert_eq!(said, expected, "{model}, {small} small ones");
        }
    }
}

#[test]
fn pictures_and_pdfs_that_cannot_be_read_are_refused_by_their_place() {
    let words = STANDARD.encode("some words that are neither picture nor document");
    let picture = json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{words}")}});
    let flat = STANDARD.encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\x09\x08\x02\0\0\0");
    let empty = json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{flat}")}});
    let cut = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="}});
    let file =
        json!({"type": "file", "file": {"filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{words}")}});
    for (part, path, what) in [
        (&picture, "image_url.url", "not a readable image"),
        (&empty, "image_url.url", "not a readable image"),
        (&cut, "image_url.url", "not a readable image"),
        (&file, "file.file_data", "not a PDF"),
    ] {
        for model in ["gpt-5.2", "claude-opus-4.6", "gemini-3-flash"] {
            let path = format!("messages[0].content[1].{path}");
            let expected = (path.clone(), format!("{path}: these bytes are {what}."));
            assert_eq!(fate(CHAT, model, part), Err(expected), "{model}");
        }
    }
}

/// The form of a part in the body for a model's first route.
fn first_body(model: &str, part: &Value) -> Value {
    let model = catalog().unwrap().resolve(model).unwrap();
    serde_json::from_slice(&send(CHAT, &request(part), &model).unwrap().body).unwrap()
}

#[test]
fn gemini_gets_sound_and_video_under_the_label_of_what_they_are() {
    let mp3 = STANDARD.encode([&b"ID3"[..], &[0; 30]].concat());
    let mp4 = STANDARD.encode([&b"\0\0\0\x18ftypisom"[..], &[0; 30]].concat());
    let url = |label: &str| format!("data:{label};base64,{mp4}");
    for (part, label) in [
        (json!({"type": "input_audio", "input_audio": {"data": mp3, "format": "wav"}}), "audio/mp3"),
        (json!({"type": "video_url", "video_url": {"url": url("video/mp4")}}), "video/mp4"),
        (json!({"type": "input_video", "video_url": url("video/mp4")}), "video/mp4"),
    ] {
        let sent = first_body("gemini-3-flash", &part);
        assert_eq!(sent["contents"][0]["parts"][1]["inlineData"]["mimeType"], label, "{part}");
    }
}

#[test]
fn office_files_go_to_the_model_that_reads_them_under_their_type() {
    let docx = STANDARD.encode([&b"PK\x03\x04"[..], &[0; 30]].concat());
    let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let file = |name: &str, data: String| json!({"type": "file", "file": {"filename": name, "file_data": data}});
    let labelled = file("a", format!("data:{word};base64,{docx}"));
    let named = file("a.docx", docx.clone());
    for part in [&labelled, &named] {
        let sent = first_body("gemini-4-hydrogen", part);
        assert_eq!(sent["contents"][0]["parts"][2]["inlineData"]["mimeType"], word, "{part}");
        for model in ["gemini-3-flash", "claude-opus-4.6", "gpt-5.2"] {
            assert_eq!(fate(CHAT, model, part).unwrap_err().0, "messages[0].content[1]", "{model}");
        }
    }
    assert!(fate(CHAT, "gemini-4-hydrogen", &file("a.zip", docx)).is_err());
}
