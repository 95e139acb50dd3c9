//! Callers with an unknown key: a key's checksum is public, so a body must cost almost nothing before the key is known.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use gateway_tests::{Answer, Harness, read};
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
    ]
}

async fn timed(gateway: &Harness, key: &str, body: &[u8], gzip: bool) -> Result<(Answer, Duration)> {
    let url = format!("{}{CHAT}", gateway.stack.url);
    let mut best: Option<(Answer, Duration)> = None;
    for _ in 0..3 {
        let mut request = gateway.client.post(&url).header("x-api-key", key).header("content-type", "application/json");
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
    let elsewhere = Harness::start().await?;
    let unknown = elsewhere.stack.key();
    let ordinary = json!({"model": "gpt-5.2", "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let (answer, ordinary) = timed(&gateway, unknown, ordinary.as_bytes(), false).await?;
    assert_eq!(answer.status, 401);
    for (what, body, gzip) in hostile() {
        let (answer, taken) = timed(&gateway, unknown, &body, gzip).await?;
        assert!(matches!(answer.status, 400 | 401 | 404), "{what}: {} {}", answer.status, answer.body);
        assert!(taken < bound(ordinary), "{what}: {taken:?}, and {ordinary:?} for an ordinary body");
    }
    Ok(())
}

#[tokio::test]
async fn a_large_body_is_read_for_a_known_key_only() -> Result<()> {
    let gateway = Harness::start().await?;
    let elsewhere = Harness::start().await?;
    let broken = format!("{{\"model\":\"{}", "x".repeat(100_000));
    for (key, status) in [(elsewhere.stack.key(), 401), (gateway.stack.key(), 400)] {
        let (answer, _) = timed(&gateway, key, broken.as_bytes(), false).await?;
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
