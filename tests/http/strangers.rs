//! Callers with an unknown key: a key's checksum is public, so a body must cost almost nothing before the key is known.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use base64::Engine as _;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use gateway_tests::{Answer, Harness, read};
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::io::Write as _;

const CHAT: &str = "/v1/chat/completions";

/// The maximum cost of a body: five ordinary rejections, plus time for a debug build on a busy machine.
fn bound(ordinary: Duration) -> Duration {
    ordinary * 5 + Duration::from_millis(250)
}

fn many_fields(count: usize) -> String {
    let mut body = String::from(r#"{"model":"gpt-5.2","messages":[{"role":"user","content":"hi"}]"#);
    for number in 0..count {
        write!(body, ",\"f{number}\":1").unwrap();
    }
    body + "}"
}

/// Bodies that were made to be expensive to read.
fn hostile() -> Vec<(&'static str, Vec<u8>, bool)> {
    let named = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; 30 << 20]).unwrap();
    vec![
        ("16,000 fields", many_fields(16_000).into_bytes(), false),
        ("5,000 fields in 64 kB", many_fields(5_000).into_bytes(), false),
        ("a model name of 3 MB", named(&"x".repeat(3 << 20)).into_bytes(), false),
        ("a model name of 60 kB", named(&"gpt-".repeat(15_000)).into_bytes(), false),
        ("nothing but brackets", "[".repeat(60_000).into_bytes(), false),
        ("nothing but escapes", named(&"\u{1}".repeat(9_000)).into_bytes(), false),
        ("30 MB in a few kB", bomb.finish().unwrap(), true),
        ("a document of comments", with_document("/A%").into_bytes(), false),
        ("a document of lists", with_document("/Differences[ ").into_bytes(), false),
        ("a document that is 16 MB long", with_document("(Hello) Tj ").into_bytes(), false),
        ("thousands of odd names of properties", with_properties(5_000).into_bytes(), false),
        ("a thousand calls with one id", with_calls(1_000).into_bytes(), false),
    ]
}

/// A request with a PDF whose only stream, of 16 MB, repeats this text.
fn with_document(text: &str) -> String {
    let mut stream = ZlibEncoder::new(Vec::new(), Compression::best());
    stream.write_all(&text.as_bytes().repeat((16 << 20) / text.len())).unwrap();
    let head = b"%PDF-1.4 << /Type /Page >> endobj 5 0 obj << /Filter /FlateDecode >> stream\r\n".to_vec();
    let document = [head, stream.finish().unwrap(), b"\nendstream endobj ".to_vec()].concat();
    let data = base64::engine::general_purpose::STANDARD.encode(document);
    let file = json!({"type": "file", "file": {"file_data": format!("data:application/pdf;base64,{data}")}});
    json!({"model": "gemini-3-flash", "messages": [{"role": "user", "content": [file]}]}).to_string()
}

fn with_calls(count: usize) -> String {
    let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let calls = json!({"role": "assistant", "content": null, "tool_calls": vec![call; count]});
    json!({"model": "claude-opus-4.6", "messages": [{"role": "user", "content": "hi"}, calls]}).to_string()
}

/// A tool with property names that Claude rejects, and that look alike under its rule.
fn with_properties(count: u32) -> String {
    let names = (0x1200..).filter_map(char::from_u32).take(count as usize);
    let properties: serde_json::Map<String, serde_json::Value> = names.map(|name| (name.to_string(), json!(true))).collect();
    let schema = json!({"type": "object", "properties": properties});
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": schema}});
    json!({"model": "claude-opus-4.6", "messages": [{"role": "user", "content": "hi"}], "tools": [tool]}).to_string()
}

/// A key that no gateway knows.
fn unknown_key() -> String {
    let (text, _) = gateway::auth::mint(&ring::rand::SystemRandom::new()).unwrap();
    text.expose_secret().to_owned()
}

/// The fastest of three answers, each to a key of its own, because a refusal is remembered.
async fn timed(gateway: &Harness, key: impl Fn() -> String, body: &[u8], gzip: bool) -> Result<(Answer, Duration)> {
    let url = format!("{}{CHAT}", gateway.stack.url);
    let mut best: Option<(Answer, Duration)> = None;
    for _ in 0..3 {
        let mut request = gateway.client.post(&url).header("x-api-key", key()).header("content-type", "application/json");
        if gzip {
            request = request.header("content-encoding", "gzip");
        }
        let begun = Instant::now();
        let answer = read(request.body(body.to_vec())).await?;
        let taken = begun.elapsed();
        if best.as_ref().is_none_or(|(_, shortest)| taken < *shortest) {
            best = Some((answer, taken));
        }
    }
    best.ok_or_else(|| anyhow::anyhow!("no answer"))
}

#[tokio::test]
async fn no_body_makes_the_refusal_of_an_unknown_key_dear() -> Result<()> {
    let gateway = Harness::start().await?;
    let ordinary = json!({"model": "gpt-5.2", "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let (answer, ordinary) = timed(&gateway, unknown_key, ordinary.as_bytes(), false).await?;
    assert_eq!(answer.status, 401);
    for (what, body, gzip) in hostile() {
        let (answer, taken) = timed(&gateway, unknown_key, &body, gzip).await?;
        assert!(matches!(answer.status, 400 | 401 | 404), "{what}: {} {}", answer.status, answer.body);
        assert!(taken < bound(ordinary), "{what}: {taken:?}, and {ordinary:?} for an ordinary body");
    }
    Ok(())
}

#[tokio::test]
async fn a_large_body_is_read_for_a_known_key_only() -> Result<()> {
    let gateway = Harness::start().await?;
    let broken = format!("{{\"model\":\"{}", "x".repeat(100_000));
    for (key, status) in [(unknown_key(), 401), (gateway.stack.key().to_owned(), 400)] {
        let (answer, _) = timed(&gateway, || key.clone(), broken.as_bytes(), false).await?;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let text = "word ".repeat(20_000);
    let answer = gateway.post(CHAT, &json!({"model": "gpt-5.2", "messages": [{"role": "user", "content": text}]})).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    Ok(())
}

#[tokio::test]
async fn only_one_layer_of_compression_is_undone() -> Result<()> {
    let gateway = Harness::start().await?;
    let twice = gateway.request("POST", CHAT).header("content-encoding", "gzip, gzip").body(vec![0x1f, 0x8b]);
    let answer = read(twice).await?;
    assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (415, Some("content-encoding")));
    Ok(())
}
