use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::model_request::Mode;
use super::super::transcript::Transcript;
use super::family::Family;
use super::*;

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAEElEQVR4nGP4z8AARwzEcQCukw/x0F8jngAAAABJRU5ErkJggg==";
const OPUS: &str = "claude-opus-4-6";

fn request(wire: Wire, model: &str, limit: Option<u64>) -> ModelRequest {
    ModelRequest { output_limit: limit, ..ModelRequest::new(wire, Mode::Whole, model, Transcript::default()) }
}

fn says(content: &Value) -> Value {
    json!({ "messages": [{ "role": "user", "content": content }] })
}

/// How much more a body weighs than one with the content `a`.
fn weight(wire: Wire, model: &str, content: &Value) -> u64 {
    weight::of(wire, model, &says(content)) - weight::of(wire, model, &says(&json!("")))
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The header of a picture of this size.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes
}

#[test]
fn output_is_a_part_of_the_limit_or_of_the_most_that_the_model_gives() {
    for (wire, model, limit, percent, expected) in [
        (Wire::Claude, OPUS, Some(1_000), 100, 1_000),
        (Wire::Claude, OPUS, Some(1_001), 50, 500),
        (Wire::Claude, OPUS, None, 100, 128_000),
        (Wire::Claude, "claude-haiku-4-5@20251001", None, 100, 64_000),
        (Wire::Gemini, "gemini-2.5-flash", None, 100, 65_535),
        (Wire::Gemini, "gemini-3.1-pro-preview", None, 50, 32_768),
        (Wire::OpenRouter, "openai/gpt-5.2", None, 100, 128_000),
        (Wire::OpenRouter, "anthropic/claude-opus-4.5", None, 100, 64_000),
        (Wire::OpenRouter, "moonshotai/kimi-k2.5", None, 100, 262_144),
        (Wire::OpenRouter, "qwen/qwen3-coder:free", Some(1), 50, 1),
    ] {
        let usage = usage(&request(wire, model, limit), &says(&json!("a")), percent);
        assert_eq!(usage.output_tokens, expected, "{model}");
    }
}

#[test]
fn a_prompt_with_a_tool_search_is_read_ten_times_with_what_was_said_so_far() {
    let body = |kind: &str| json!({ "max_tokens": 100, "messages": [], "tools": [{ "type": kind, "name": "a" }] });
    let input = |kind: &str| usage(&request(Wire::Claude, OPUS, Some(100)), &body(kind), 100).input_tokens;
    let once = weight::of(Wire::Claude, OPUS, &body("tool_search_tool_x"));
    assert_eq!(input("tool_search_tool_x"), 10 * once + (0..10).map(|round| 10 * round).sum::<u64>());
    assert_eq!(input("bash_20250124"), weight::of(Wire::Claude, OPUS, &body("bash_20250124")));
}

#[test]
fn marks_decide_for_how_long_all_input_is_written() {
    let mark = |ttl: &str| json!([{ "type": "text", "text": "a", "cache_control": { "type": "ephemeral", "ttl": ttl } }]);
    let written = |wire: Wire, model: &str, body: &Value| {
        let usage = usage(&request(wire, model, Some(9)), body, 100);
        let share = |tokens: u64| if tokens == usage.input_tokens { "all" } else { "none" };
        (share(usage.written_tokens), share(usage.written_1h_tokens))
    };
    for (wire, model, body, expected) in [
        (Wire::Claude, OPUS, says(&json!("a")), ("none", "none")),
        (Wire::Claude, OPUS, says(&mark("5m")), ("all", "none")),
        (Wire::Claude, OPUS, says(&mark("1h")), ("none", "all")),
        (Wire::Claude, OPUS, says(&json!([{ "type": "tool_result", "content": mark("1h") }])), ("none", "all")),
        (Wire::OpenRouter, "anthropic/claude-opus-4.6", says(&mark("1h")), ("none", "all")),
        (Wire::OpenRouter, "openai/gpt-5.2", says(&mark("1h")), ("none", "none")),
        (Wire::OpenRouter, "openai/gpt-6.1-sol", says(&json!("a")), ("all", "none")),
    ] {
        assert_eq!(written(wire, model, &body), expected, "{model}: {body}");
    }
}

#[test]
fn openrouters_price_is_that_of_the_model() {
    let usage = |input_tokens: u64, written_1h_tokens: u64| SimulatedUsage {
        input_tokens,
        output_tokens: 1_000,
        written_1h_tokens,
        ..SimulatedUsage::default()
    };
    assert_eq!(prices::micro_usd("openai/gpt-5.2", usage(1_000, 0)), 1_750 + 14_000);
    assert_eq!(prices::micro_usd("anthropic/claude-opus-4.6", usage(1_000, 1_000)), 10_000 + 25_000);
    assert_eq!(prices::micro_usd("anthropic/claude-sonnet-4.5", usage(200_001, 0)), 1_200_006 + 22_500);
    assert_eq!(prices::micro_usd("anthropic/claude-sonnet-4.5", usage(200_000, 0)), 600_000 + 15_000);
}

#[test]
fn everything_that_a_model_reads_is_counted() {
    let schema = json!({ "type": "object" });
    let text = |value: &Value| tokenizer::tokens(&value.to_string());
    let tool =
        json!({ "name": "look", "description": "looks", "input_schema": schema, "cache_control": { "type": "ephemeral" } });
    let body = json!({ "max_tokens": 9, "system": "be brief", "tools": [tool], "messages": [
        { "role": "user", "content": "hello" },
        { "role": "assistant", "content": [{ "type": "thinking", "thinking": "hm", "signature": "abcdef" },
            { "type": "tool_use", "id": "toolu_1", "name": "look", "input": { "at": "x" } }] },
        { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "toolu_1", "content": [{ "type": "text", "text": "one" }] }] },
    ] });
    let words = 1 + 2 + 2 + 2 + 2 + 1 + 2 + 1;
    let expected = words + text(&schema) + text(&json!({ "at": "x" })) + 4 * 4 + 346;
    assert_eq!(weight::of(Wire::Claude, OPUS, &body), expected);
    let call = json!({ "id": "call_1", "type": "function", "function": { "name": "look", "arguments": "{\"at\":\"x\"}" } });
    let body = json!({ "messages": [{ "role": "assistant", "content": null, "tool_calls": [call] }] });
    assert_eq!(weight::of(Wire::OpenRouter, "openai/gpt-5.2", &body), 2 + text(&json!({ "at": "x" })) + 2 * 4);
    let parts = json!([{ "functionResponse": { "name": "look", "response": { "output": "18" } } }, { "text": "hello", "thoughtSignature": "x" }]);
    let body =
        json!({ "contents": [{ "role": "user", "parts": parts }], "systemInstruction": { "parts": [{ "text": "be" }] } });
    assert_eq!(weight::of(Wire::Gemini, "gemini-2.5-pro", &body), 2 + text(&json!({ "output": "18" })) + 2 + 1 + 2 * 4);
}

#[test]
fn pictures_count_by_their_size_and_family() {
    for (model, width, height, expected) in [
        (OPUS, 28, 29, 2),
        (OPUS, 3_136, 1_568, 1_568),
        (OPUS, 3_136, 28, 56),
        ("claude-opus-4-8", 5_152, 28, 92),
        ("claude-opus-4-8", 8_000, 8_000, 4_784),
        ("gemini-2.5-flash", 384, 384, 258),
        ("gemini-2.5-flash", 769, 768, 516),
        ("gemini-3.1-pro-preview", 4, 4, 1_120),
        ("openai/gpt-5.2", 64, 33, 4),
        ("openai/gpt-5.2", 4_096, 4_096, 1_536),
        ("openai/gpt-5-mini", 32, 32, 2),
        ("openai/gpt-5-nano", 4_096, 4_096, 3_779),
        ("openai/gpt-6.1-sol", 3_200, 3_200, 10_000),
    ] {
        assert_eq!(media::size(Family::of(model), width, height), expected, "{model} {width}x{height}");
    }
}

#[test]
fn parts_are_found_on_each_wire() {
    let source = |media: &str, bytes: &[u8]| json!({ "type": "base64", "media_type": media, "data": base64(bytes) });
    let image = json!([{ "type": "image", "source": source("image/png", &png(56, 56)) }]);
    assert_eq!(weight(Wire::Claude, OPUS, &image), 4);
    let inside = json!([{ "type": "tool_result", "tool_use_id": "a", "content": image }]);
    assert_eq!(weight(Wire::Claude, OPUS, &inside), 4);
    let url =
        json!([{ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{PNG}"), "detail": "high" } }]);
    assert_eq!(weight(Wire::OpenRouter, "openai/gpt-5.2", &url), 1);
    let linked = json!([{ "type": "image_url", "image_url": { "url": "https://x/y.png" } }]);
    assert_eq!(weight(Wire::OpenRouter, "openai/gpt-5.2", &linked), 1_536);
    let part =
        json!({ "contents": [{ "role": "user", "parts": [{ "inlineData": { "mimeType": "image/png", "data": PNG } }] }] });
    assert_eq!(weight::of(Wire::Gemini, "gemini-2.5-pro", &part), 258 + 2 * 4);
}

#[test]
fn pages_and_seconds_are_counted() {
    let gemini = |mime: &str, bytes: &[u8]| media::inline(Family::of("gemini-3.1-pro-preview"), mime, &base64(bytes));
    let pdf = b"%PDF-1.4 <</Type /Pages>> <</Type /Page>> <</Type/Page/Parent 1 0 R>>";
    assert_eq!(gemini("application/pdf", pdf), 2 * 560);
    assert_eq!(gemini("application/pdf", b"%PDF-1.7 packed"), 560);
    assert_eq!(gemini("audio/mp3", &[0; 2_500]), 3 * 32);
    assert_eq!(media::inline(Family::of(OPUS), "application/pdf", &base64(pdf)), 2 * (3_000 + 1_568));
    assert_eq!(gemini("text/plain", b"hello"), 2);
}

#[test]
fn bytes_that_are_no_picture_are_text() {
    let text = "aGVsbG8gd29ybGQ=";
    assert_eq!(media::inline(Family::of(OPUS), "image/png", text), tokenizer::tokens(text));
    // A header without a size counts as the largest picture.
    assert_eq!(media::inline(Family::of(OPUS), "image/png", &base64(b"\x89PNG\r\n\x1a\n")), 1_568);
}
