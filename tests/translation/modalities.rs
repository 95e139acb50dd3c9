//! What a request holds besides text goes to models that read it, and is refused by its path for those that do not.

use gateway::wire::ClientFormat;
use gateway::wire::native::Files;
use gateway_tests::relaying::catalog;
use gateway_tests::sending::send;
use serde_json::{Value, json};

use super::upstream::{CHAT, MESSAGES, PDF, PNG};

fn request(part: &Value) -> String {
    json!({"model": "m", "max_tokens": 500, "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Look."}, part]},
    ]})
    .to_string()
}

/// What becomes of a part on a model's first route: its documents, or the field and the message of the refusal.
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
