use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::capability::PictureTokens;

/// A family with numbers that are easy to distinguish.
fn family() -> MediaTokens {
    let picture = PictureTokens::Patch { side: 10, edge: None, most: 10_000, least: 0, permille: 1_000 };
    MediaTokens { picture, page: 5_000, pages: Some(100), limits: None, hidden: 0, sound_second: Some(32) }
}

fn measured(wire: WireFormat, body: &str) -> Measured {
    Measured::of(wire, body.as_bytes(), &family()).unwrap()
}

/// A picture of 100 x 100 pixels: 100 squares.
fn png() -> String {
    STANDARD.encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x64\0\0\0\x64\x08\x02\0\0\0")
}

fn pdf(pages: usize) -> String {
    STANDARD.encode(format!("%PDF-1.4 {}", "<< /Type /Page >> ".repeat(pages)))
}

/// What a part adds to the media of a body in each format that has it: as base64 of this type.
fn media_of(data: &str, media_type: &str) -> [(u64, bool); 4] {
    let bodies = [
        (
            WireFormat::Anthropic,
            format!(r#"{{"type":"image","source":{{"type":"base64","media_type":"{media_type}","data":"{data}"}}}}"#),
        ),
        (
            WireFormat::Anthropic,
            format!(r#"{{"type":"document","source":{{"data":"{data}","media_type":"{media_type}","type":"base64"}}}}"#),
        ),
        (WireFormat::OpenAi, format!(r#"{{"type":"file","file":{{"file_data":"data:{media_type};base64,{data}"}}}}"#)),
        (WireFormat::Gemini, format!(r#"{{"inlineData":{{"mimeType":"{media_type}","data":"{data}"}}}}"#)),
    ];
    bodies.map(|(wire, part)| {
        let list = if wire == WireFormat::Gemini { ("contents", "parts") } else { ("messages", "content") };
        let sizes = measured(wire, &format!(r#"{{"{}":[{{"role":"user","{}":[{part}]}}]}}"#, list.0, list.1));
        (sizes.media, sizes.is_unbounded)
    })
}

#[test]
fn a_prompt_that_claude_searches_tools_in_may_be_read_ten_times() {
    let body = |tools: &str| format!(r#"{{"max_tokens":9,"messages":[],"tools":[{tools}]}}"#);
    let once = measured(WireFormat::Anthropic, &body(r#"{"type":"tool_search_took_regex"}"#));
    let often = measured(WireFormat::Anthropic, &body(r#"{"type":"tool_search_tool_regex"}"#));
    let (tool_itself, said) = (700, 9);
    assert!(often.worst_input(u64::MAX) >= 10 * (once.worst_input(u64::MAX) + tool_itself - 1) + 9 * said);
    assert_eq!((often.worst_input(10), often.largest_input(10)), (100, 100));
}

#[test]
fn a_text_that_may_be_cited_counts_twice_and_instructions_at_least() {
    let body = |text: &str, citations: &str| {
        let source = format!(r#"{{"type":"text","media_type":"text/plain","data":"{text}"}}"#);
        format!(r#"{{"messages":[{{"role":"user","content":[{{"type":"document","source":{source}{citations}}}]}}]}}"#)
    };
    let worst = |text: &str, citations: &str| measured(WireFormat::Anthropic, &body(text, citations)).worst_input(u64::MAX);
    let (asked, declined) = (r#","citations":{"enabled":true}"#, r#","citations":{"enabled":false}"#);
    assert!(worst("a", asked) >= worst("a", declined) + 1_000);
    let long = "{}".repeat(5_000);
    assert!(worst(&long, asked) >= worst(&long, declined) + 10_000);
}

#[test]
fn parts_count_by_their_bytes_and_never_by_their_labels() {
    for label in ["image/png", "application/pdf", "IMAGE/JPEG", "text/plain", ""] {
        assert_eq!(media_of(&png(), label), [(100, false); 4], "{label}");
        assert_eq!(media_of(&pdf(3), label), [(15_000, false); 4], "{label}");
    }
    let text = STANDARD.encode("{}".repeat(3_000));
    assert_eq!(media_of(&text, "image/png"), [(6_000, false); 4]);
    let unknown = STANDARD.encode([0xfe_u8; 300]);
    assert_eq!(media_of(&unknown, "image/png"), [(0, true); 4]);
    let locked = STANDARD.encode("%PDF-1.4 << /Type /Page >> << /Encrypt 1 0 R >>");
    assert_eq!(media_of(&locked, "application/pdf"), [(500_000, false); 4], "the most pages that a request has");
}

#[test]
fn bytes_that_can_be_read_in_several_ways_count_as_the_dearest() {
    let text = "{}".repeat(3_000);
    let film = [b"\0\0\0\x20ftypisom\0\0\0\0isomiso2".to_vec(), vec![0xff; 300]].concat();
    let picture_and_pdf = [STANDARD.decode(png()).unwrap(), b"%PDF << /Type /Page >>".to_vec()].concat();
    for (bytes, expected) in [
        (format!("BM{text}").into_bytes(), (6_002, false)),
        (format!("GIF8{text}").into_bytes(), (10_000, false)),
        (format!(" %PDF /Type /Page {text}").into_bytes(), (6_016, false)),
        (picture_and_pdf, (5_000, false)),
        (film, (0, true)),
        (b"RIFF\0\0\0\0AVI LIST text".to_vec(), (0, true)),
    ] {
        let [_, document, attached, inline] = media_of(&STANDARD.encode(&bytes), "text/plain");
        assert_eq!([document, attached, inline], [expected; 3], "{}", String::from_utf8_lossy(&bytes[..12]));
    }
}

#[test]
fn what_is_not_known_may_be_anything() {
    let unbounded = |wire, body: &str| measured(wire, body).is_unbounded;
    for part in [
        r#"{"type":"video_url","video_url":{"url":"https://a.example/b.mp4"}}"#,
        r#"{"type":"input_video","video_url":{"url":"https://a.example/b.mp4"}}"#,
        r#"{"type":"input_image","image_url":"https://a.example/b.png"}"#,
        r#"{"type":"file","file":{"file_data":"data:application/pdf;BASE64,JVBE"}}"#,
        r#"{"type":"image_url","image_url":{"url":"DATA:image/png,abc"}}"#,
        r#"{"type":"file","file":{"file_data":"data:application/pdf;base64,JV*BE"}}"#,
    ] {
        assert!(unbounded(WireFormat::OpenAi, &format!(r#"{{"messages":[{{"content":[{part}]}}]}}"#)), "{part}");
    }
    let images = r#"{"messages":[{"role":"assistant","content":"x","images":[{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}]}]}"#;
    assert_eq!(measured(WireFormat::OpenAi, images).media, 10_000);
}

#[test]
fn what_a_providers_own_tools_told_is_read_like_other_blocks() {
    let data = png();
    let picture =
        format!(r#"{{"type":"image","source":{{"type":"base64","data":"{data}"}},"cache_control":{{"ttl":"1h"}}}}"#);
    for inner in [
        format!(r#"{{"type":"mcp_tool_result","content":[{picture}]}}"#),
        format!(r#"{{"type":"web_fetch_tool_result","content":{{"type":"web_fetch_result","content":{picture}}}}}"#),
    ] {
        let sizes = measured(WireFormat::Anthropic, &format!(r#"{{"messages":[{{"content":[{inner}]}}]}}"#));
        assert_eq!((sizes.media, sizes.cache), (100, Some(CacheLifetime::OneHour)), "{inner}");
    }
}

#[test]
fn typed_tools_and_forms_of_the_answer_add_what_their_provider_says_of_them() {
    let added = |body: &str| measured(WireFormat::Anthropic, body).added;
    assert_eq!(added(r#"{"tools":[{"type":"bash_20250124","name":"bash"},{"name":"f"}]}"#), 245);
    assert_eq!(added(r#"{"output_config":{"format":{"type":"json_schema"}}}"#), FORM_FRAME);
}

#[test]
fn what_stands_elsewhere_is_text_however_it_looks() {
    let data = png();
    for (wire, body) in [
        (WireFormat::Anthropic, format!(r#"{{"messages":[{{"role":"user","content":"{data}"}}]}}"#)),
        (
            WireFormat::Anthropic,
            format!(
                r#"{{"messages":[{{"content":[{{"type":"tool_use","input":{{"type":"image","source":{{"type":"base64","data":"{data}"}}}}}}]}}]}}"#
            ),
        ),
        (
            WireFormat::Anthropic,
            format!(r#"{{"messages":[{{"content":[{{"type":"document","source":{{"type":"text","data":"{data}"}}}}]}}]}}"#),
        ),
        (
            WireFormat::OpenAi,
            format!(r#"{{"messages":[{{"content":[{{"type":"text","text":"data:image/png;base64,{data}"}}]}}]}}"#),
        ),
        (WireFormat::OpenAi, format!(r#"{{"messages":[{{"content":"x"}}],"tools":[{{"image_url":{{"url":"{data}"}}}}]}}"#)),
        (
            WireFormat::Gemini,
            format!(r#"{{"contents":[{{"parts":[{{"functionCall":{{"args":{{"inlineData":{{"data":"{data}"}}}}}}}}]}}]}}"#),
        ),
    ] {
        let sizes = measured(wire, &body);
        assert_eq!((sizes.media, sizes.is_unbounded), (0, false), "{body}");
        assert!(sizes.text.bytes() > data.len() as u64, "{body}");
    }
}

#[test]
fn parts_inside_results_are_parts() {
    let data = png();
    for (wire, body) in [
        (
            WireFormat::Anthropic,
            format!(
                r#"{{"messages":[{{"content":[{{"type":"tool_result","content":[{{"type":"image","source":{{"type":"base64","data":"{data}"}}}}]}}]}}]}}"#
            ),
        ),
        (
            WireFormat::Anthropic,
            format!(
                r#"{{"messages":[{{"content":[{{"type":"document","source":{{"type":"content","content":[{{"type":"image","source":{{"type":"base64","data":"{data}"}}}}]}}}}]}}]}}"#
            ),
        ),
        (
            WireFormat::Gemini,
            format!(
                r#"{{"contents":[{{"parts":[{{"functionResponse":{{"parts":[{{"inlineData":{{"data":"{data}"}}}}]}}}}]}}]}}"#
            ),
        ),
    ] {
        assert_eq!(measured(wire, &body).media, 100, "{body}");
    }
}

#[test]
fn a_part_behind_a_url_is_the_largest_of_its_kind() {
    let of = |part: &str| {
        let sizes = measured(WireFormat::OpenAi, &format!(r#"{{"messages":[{{"content":[{part}]}}]}}"#));
        (sizes.media, sizes.is_unbounded)
    };
    assert_eq!(of(r#"{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}"#), (10_000, false));
    assert_eq!(of(r#"{"type":"image_url","image_url":"https://a.example/b.png"}"#), (10_000, false));
    assert_eq!(of(r#"{"type":"file","file":{"file_data":"https://a.example/b.pdf"}}"#), (0, true));
    assert_eq!(
        measured(
            WireFormat::OpenAi,
            r#"{"messages":[{"content":[{"type":"file","file":{"file_data":"https://a.example"}}]}]}"#
        )
        .worst_input(777),
        777
    );
}

#[test]
fn the_limit_and_the_dearest_cache_mark_are_those_of_the_body() {
    let of = |wire, body: &str| {
        let sizes = measured(wire, body);
        (sizes.output_limit, sizes.cache)
    };
    let (five, hour) = (Some(CacheLifetime::FiveMinutes), Some(CacheLifetime::OneHour));
    for (wire, body, expected) in [
        (WireFormat::OpenAi, r#"{"messages":[]}"#, (None, None)),
        (WireFormat::OpenAi, r#"{"max_tokens":7,"max_completion_tokens":9}"#, (Some(9), None)),
        (WireFormat::Gemini, r#"{"generationConfig":{"maxOutputTokens":5}}"#, (Some(5), None)),
        (WireFormat::Anthropic, r#"{"max_tokens":3,"cache_c\u006fntrol":{"type":"ephemeral"}}"#, (Some(3), five)),
        (
            WireFormat::Anthropic,
            r#"{"system":[{"type":"text","cache_control":{"type":"ephemeral"}}],"tools":[{"cache_control":{"ttl":"\u0031h"}}]}"#,
            (None, hour),
        ),
        (
            WireFormat::Anthropic,
            r#"{"messages":[{"content":[{"type":"tool_result","content":[{"type":"text","cache_control":{"ttl":"1h"}}]}]}]}"#,
            (None, hour),
        ),
        (
            WireFormat::Anthropic,
            r#"{"messages":[{"content":[{"type":"text","text":"\"cache_control\":{}"}]}]}"#,
            (None, None),
        ),
    ] {
        assert_eq!(of(wire, body), expected, "{body}");
    }
}

#[test]
fn text_counts_by_its_characters_and_never_above_the_window() {
    let body = format!(r#"{{"messages":[{{"role":"user","content":"{}"}}]}}"#, "ab".repeat(10_000));
    let sizes = measured(WireFormat::OpenAi, &body);
    // Two tokens for three letters, then the names and the role.
    assert_eq!(sizes.worst_input(u64::MAX), 13_333 + 16 + 5 + FRAME);
    assert_eq!(sizes.worst_input(5_000), 5_000);
    let chinese = format!(r#"{{"messages":[{{"role":"user","content":"{}"}}]}}"#, "\u{5b57}".repeat(10_000));
    assert!(measured(WireFormat::OpenAi, &chinese).worst_input(u64::MAX) >= 30_000);
}

#[test]
fn the_vendors_own_instructions_are_held_with_every_request() {
    let worst = |hidden: u64| {
        let media = MediaTokens { hidden, ..family() };
        let body = br#"{"messages":[{"role":"user","content":"hi"}]}"#;
        Measured::of(WireFormat::OpenAi, body, &media).unwrap().worst_input(100_000)
    };
    assert_eq!(worst(1_000) - worst(0), 1_000);
}
