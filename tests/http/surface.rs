//! Paths, methods, CORS and request bodies: everything that all endpoints share.

use std::io::Write as _;

use anyhow::Result;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use gateway_tests::{Answer, Harness, options, read};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn compressed(gateway: &Harness, encoding: &str, body: Vec<u8>) -> Result<Answer> {
    let request = gateway.request("POST", "/v1/chat/completions").header("content-type", "application/json");
    read(request.header("content-encoding", encoding).body(body)).await
}

#[tokio::test]
async fn every_path_works_without_with_and_with_doubled_v1_and_with_a_query() -> Result<()> {
    let gateway = Harness::start().await?;
    for path in
        ["/v1/models", "/models", "/v1/v1/models", "/v1/models/", "/v1/models?limit=1000", "/models/gpt-5.2", "/usage"]
    {
        assert_eq!(gateway.get(path).await?.status, 200, "{path}");
    }
    let body = json!({"model": "claude-opus-4.6", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    for path in ["/v1/messages?beta=true", "/messages", "/v1/v1/messages"] {
        assert_eq!(gateway.post(path, &body).await?.status, 200, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn slashes_in_a_row_are_one_on_every_endpoint() -> Result<()> {
    let gateway = Harness::start().await?;
    for path in [
        "//v1/models",
        "/v1//models",
        "/v1//models//gpt-5.2",
        "/v1//usage?days=1",
        "//credits",
        "/v1//credits",
        "//health",
        "/v1//health//",
    ] {
        assert_eq!(gateway.get(path).await?.status, 200, "{path}");
    }
    let body = json!({"model": "claude-opus-4.6", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    for (path, field) in [
        ("/v1//chat/completions", "choices"),
        ("//v1/chat//completions", "choices"),
        ("/v1//messages?beta=true", "content"),
        ("//messages", "content"),
        ("/v1//messages//count_tokens", "input_tokens"),
    ] {
        let answer = gateway.post(path, &body).await?;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.json().get(field).is_some(), "{path}: {}", answer.body);
    }
    assert_eq!(gateway.get("/v1//nothing").await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn the_root_answers_probes_without_a_key() -> Result<()> {
    let gateway = Harness::start().await?;
    let head = read(gateway.client.head(format!("{}/", gateway.stack.url))).await?;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    Ok(())
}

#[tokio::test]
async fn a_wrong_method_is_405_with_allow_and_an_unknown_path_404() -> Result<()> {
    let gateway = Harness::start().await?;
    for (method, path, allow) in [
        ("GET", "/v1/chat/completions", "POST, OPTIONS"),
        ("DELETE", "/v1/messages", "POST, OPTIONS"),
        ("POST", "/v1/models", "GET, HEAD, OPTIONS"),
        ("PUT", "/health", "GET, HEAD, OPTIONS"),
    ] {
        let answer = read(gateway.request(method, path)).await?;
        assert_eq!((answer.status, answer.header("allow")), (405, allow), "{method} {path}");
        assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
    }
    for path in ["/v1/nothing", "/v1/embeddings", "/v1/messages/batches", "/favicon.ico"] {
        let answer = gateway.get(path).await?;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["error"]["type"], "not_found_error", "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn every_answer_names_its_request_and_may_not_be_cached_or_sniffed() -> Result<()> {
    let gateway = Harness::start().await?;
    for path in ["/v1/models", "/health", "/v1/nothing", "/v1/usage?days=0"] {
        let answer = gateway.get(path).await?;
        let id = answer.header("x-request-id");
        assert!(id.starts_with("req_") && id.len() == 36, "{path}: {id}");
        assert_eq!(answer.header("request-id"), id);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    Ok(())
}

#[tokio::test]
async fn a_preflight_allows_the_paths_methods_and_the_headers_asked_for() -> Result<()> {
    let gateway = Harness::start().await?;
    let request = gateway.client.request(reqwest::Method::OPTIONS, format!("{}/v1/messages", gateway.stack.url));
    let request = request
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,anthropic-version");
    let answer = read(request).await?;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-methods"), "POST, OPTIONS");
    assert_eq!(answer.header("access-control-allow-headers"), "authorization,content-type,anthropic-version");
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    Ok(())
}

#[tokio::test]
async fn a_list_of_origins_admits_only_those() -> Result<()> {
    let mut options = options()?;
    options.variables.push(("CORS_ALLOWED_ORIGINS".to_owned(), "https://a.example, https://b.example/".to_owned()));
    let gateway = Harness::start_with(options).await?;
    for (origin, allowed) in [("https://b.example", "https://b.example"), ("https://c.example", "")] {
        let answer = read(gateway.request("GET", "/health").header("origin", origin)).await?;
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(answer.header("vary"), "origin");
    }
    Ok(())
}

#[tokio::test]
async fn compressed_bodies_are_read_and_wrong_ones_refused() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = json!({"model": "gpt-5.2", "messages": [{"role": "user", "content": "squeezed"}]}).to_string();
    let mut brotli = Vec::new();
    brotli::BrotliCompress(&mut body.as_bytes(), &mut brotli, &brotli::enc::BrotliEncoderParams::default())?;
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(body.as_bytes())?;
    let bodies = [
        ("gzip", gzip(body.as_bytes())),
        ("deflate", zlib.finish()?),
        ("br", brotli),
        ("zstd", compress_to_vec(body.as_bytes(), CompressionLevel::Fastest)),
    ];
    for (encoding, bytes) in bodies {
        let answer = compressed(&gateway, encoding, bytes).await?;
        assert_eq!(answer.status, 200, "{encoding}: {}", answer.body);
        assert!(answer.body.contains("squeezed"), "{encoding}");
    }
    assert_eq!(compressed(&gateway, "lzma", body.clone().into_bytes()).await?.status, 415);
    assert_eq!(compressed(&gateway, "gzip", body.into_bytes()).await?.status, 400);
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_compressed_or_not() -> Result<()> {
    let gateway = Harness::start().await?;
    let bomb = compressed(&gateway, "gzip", gzip(&vec![b' '; 26 * 1024 * 1024])).await?;
    assert_eq!(bomb.status, 413);
    assert_eq!(bomb.json()["error"]["type"], "request_too_large");
    // Above Lambda's own limit the function is not called. AWS sends the answer.
    let plain = compressed(&gateway, "identity", vec![b' '; 7 * 1024 * 1024]).await?;
    assert_eq!(plain.status, 413);
    Ok(())
}

#[tokio::test]
async fn health_says_which_providers_are_configured_and_503_when_none_is() -> Result<()> {
    let gateway = Harness::start().await?;
    let answer = read(gateway.client.get(format!("{}/health", gateway.stack.url))).await?;
    assert_eq!(answer.status, 200);
    let all = json!({"vertexGemini": true, "vertexClaude": true, "openrouter": true});
    assert_eq!(answer.json(), json!({"status": "ok", "providers": all}));

    let mut options = options()?;
    options.variables.push(("OPENROUTER_API_KEY".to_owned(), String::new()));
    options.variables.push(("GOOGLE_APPLICATION_CREDENTIALS_JSON".to_owned(), String::new()));
    let gateway = Harness::start_with(options).await?;
    let answer = gateway.get("/health").await?;
    assert_eq!(answer.status, 503);
    let none = json!({"vertexGemini": false, "vertexClaude": false, "openrouter": false});
    assert_eq!(answer.json(), json!({"status": "unavailable", "providers": none}));
    let body = json!({"model": "gpt-5.2", "messages": [{"role": "user", "content": "hi"}]});
    let answer = gateway.post("/v1/chat/completions", &body).await?;
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (503, Some("provider_not_configured")));
    assert_eq!(answer.header("x-should-retry"), "false");
    Ok(())
}

#[tokio::test]
async fn one_list_of_models_serves_both_sdks() -> Result<()> {
    let gateway = Harness::start().await?;
    let list = gateway.get("/v1/models").await?.json();
    assert_eq!(list["object"], "list");
    let first = &list["data"][0];
    let expected = json!({
        "id": "claude-opus-4.6", "object": "model", "owned_by": "anthropic", "type": "model",
        "name": "Claude Opus 4.6", "display_name": "Claude Opus 4.6",
        "created": 1_795_651_200, "created_at": "2026-11-26T00:00:00Z",
        "context_window": 1_000_000, "max_output_tokens": 128_000, "max_input_tokens": 1_000_000, "max_tokens": 128_000,
        "input_modalities": ["text", "image", "pdf"], "output_modalities": ["text"],
        "pricing": {"input": 5, "output": 25, "cache_read": 0.5, "cache_write": 6.25},
    });
    assert_eq!(*first, expected);
    assert_eq!(
        (&list["has_more"], &list["first_id"], &list["last_id"]),
        (&json!(false), &json!("claude-opus-4.6"), &json!("mistral-large-4"))
    );
    assert_eq!(gateway.get("/v1/models/anthropic/claude-opus-4.6").await?.json(), expected);
    let unknown = gateway.get("/v1/models/gpt-6").await?;
    assert_eq!((unknown.status, unknown.json()["error"]["code"].as_str()), (404, Some("model_not_found")));
    Ok(())
}
