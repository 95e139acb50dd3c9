//! Sources that a reply cites, from a provider to clients of every format, and back in the next request.

use gateway::chat::{Citation, Delta, StreamEvent};
use gateway::wire::{ClientFormat, WireFormat};
use gateway_tests::relaying::{FORMATS, client_events, client_reply, folded_from, relay_from, whole_from};
use serde_json::{Value, json};

use super::reply_shapes::{Outcome, Row, blocks, candidates, chunks};
use super::upstream::{CHAT, MESSAGES, RESPONSES, check, sent, user};

const ANNOTATION: &str = r#"{"type":"url_citation","url_citation":{"url":"https://a.example","title":"A","start_index":0,"end_index":2,"content":"said"}}"#;

/// The reply of a model behind OpenRouter that cites one source.
fn cited() -> Row {
    let text = r#""delta":{"role":"assistant","content":"Hi"},"finish_reason":null"#;
    let source = format!(r#""delta":{{"content":"","annotations":[{ANNOTATION}]}},"finish_reason":null"#);
    let end = r#""delta":{},"finish_reason":"stop""#;
    let whole =
        format!(r#""message":{{"role":"assistant","content":"Hi","annotations":[{ANNOTATION}]}},"finish_reason":"stop""#);
    chunks("cited", &[text, &source, end], &whole, Outcome::Said("text Hi", "stop", "end_turn"))
}

fn stream_of(row: &Row) -> String {
    row.stream.iter().flat_map(|data| ["data: ", data, "\n\n"]).collect()
}

fn citations(events: &[StreamEvent]) -> Vec<Citation> {
    let citation = |event: &StreamEvent| match event {
        StreamEvent::Delta(Delta::Citation(citation)) => Some(citation.clone()),
        _ => None,
    };
    events.iter().filter_map(citation).collect()
}

/// What a format can say of the source.
fn told(format: ClientFormat) -> Citation {
    let text = Some("said".to_owned());
    let (url, title) = ("https://a.example".to_owned(), "A".to_owned());
    match format {
        ClientFormat::ChatCompletions => Citation { url, title, start: 0, end: 2, text },
        ClientFormat::Messages => Citation { url, title, start: 0, end: 0, text },
        ClientFormat::Responses => Citation { url, title, start: 0, end: 2, text: None },
    }
}

#[test]
fn clients_of_every_format_get_the_sources_of_a_reply() {
    let row = cited();
    let stream = stream_of(&row);
    for format in FORMATS {
        let relayed = relay_from(format, WireFormat::OpenAi, std::iter::once(stream.as_bytes()));
        let (events, result) = client_events(format, &relayed.bytes);
        assert!(result.is_ok(), "{format:?}: {result:?}");
        assert_eq!(citations(&events), [told(format)], "{format:?} streamed");
        let whole = row.whole.as_deref().unwrap();
        for (body, _) in [
            whole_from(format, WireFormat::OpenAi, whole).unwrap(),
            folded_from(format, WireFormat::OpenAi, stream.as_bytes()).unwrap(),
        ] {
            assert_eq!(citations(&client_reply(format, &body).unwrap()), [told(format)], "{format:?}: {body}");
        }
    }
}

#[test]
fn a_source_has_the_form_of_its_format() {
    let whole = cited().whole.unwrap();
    let body =
        |format| -> Value { serde_json::from_str(&whole_from(format, WireFormat::OpenAi, &whole).unwrap().0).unwrap() };
    let annotation =
        json!({"type": "url_citation", "start_index": 0, "end_index": 2, "title": "A", "url": "https://a.example"});
    assert_eq!(body(RESPONSES)["output"][0]["content"][0]["annotations"], json!([annotation]));
    let location = json!({"type": "web_search_result_location", "cited_text": "said", "encrypted_index": "", "title": "A",
        "url": "https://a.example"});
    assert_eq!(body(MESSAGES)["content"][0]["citations"], json!([location]));
}

#[test]
fn claudes_sources_become_annotations() {
    let location = json!({"type": "web_search_result_location", "cited_text": "said", "encrypted_index": "x", "title": "A",
        "url": "https://a.example"});
    let delta = json!({"type": "citations_delta", "citation": location});
    let events = [
        r#""type":"content_block_start","index":0,"content_block":{"type":"text","text":"","citations":[]}"#.to_owned(),
        format!(r#""type":"content_block_delta","index":0,"delta":{delta}"#),
        r#""type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}"#.to_owned(),
        r#""type":"content_block_stop","index":0"#.to_owned(),
    ];
    let block = json!({"type": "text", "text": "Hi", "citations": [location]}).to_string();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    let row = blocks("cited", &events, r#""end_turn""#, &block, Outcome::Said("text Hi", "stop", "end_turn"));
    let stream: String = stream_of(&row);
    let expected = json!([{"type": "url_citation", "url_citation":
        {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 0, "content": "said"}}]);
    for body in [
        whole_from(CHAT, WireFormat::Anthropic, row.whole.as_deref().unwrap()).unwrap().0,
        folded_from(CHAT, WireFormat::Anthropic, stream.as_bytes()).unwrap().0,
    ] {
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["choices"][0]["message"]["annotations"], expected, "{body}");
    }
}

#[test]
fn works_that_gemini_quotes_become_annotations() {
    let quoted = r#""citationMetadata":{"citations":[{"startIndex":1,"endIndex":2,"uri":"https://a.example","title":"A"},{"endIndex":2}]}"#;
    for (text, start, end) in [("Hi", 1, 2), ("Hé", 0, 0)] {
        let content = format!(r#""content":{{"role":"model","parts":[{{"text":"{text}"}}]}}"#);
        let first = format!("{content},{quoted}");
        let last = format!(r#""finishReason":"STOP",{quoted}"#);
        let row = candidates("quoted", &[&first, &last], Outcome::Said("text Hi", "stop", "end_turn"));
        let (body, _) = folded_from(CHAT, WireFormat::Gemini, stream_of(&row).as_bytes()).unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        let expected = json!([{"type": "url_citation", "url_citation":
            {"url": "https://a.example", "title": "A", "start_index": start, "end_index": end}}]);
        assert_eq!(body["choices"][0]["message"]["annotations"], expected, "{body}");
    }
}

#[test]
fn sources_of_other_vendors_do_not_go_back_to_claude() {
    let location = |index: Value| {
        json!({"type": "web_search_result_location", "cited_text": "said", "encrypted_index": index, "title": "A",
            "url": "https://a.example"})
    };
    let answer =
        |citations: Value| json!({"role": "assistant", "content": [{"type": "text", "text": "Hi", "citations": citations}]});
    let history = |citations: Value| json!({"messages": [user(json!("a")), answer(citations), user(json!("b"))]});
    let (first, second) = (location(json!("")), location(json!("x")));
    let path = "/messages/1/content/0/citations";
    let named = "messages[1].content[0].citations";
    for foreign in [&first, &location(Value::Null)] {
        check(MESSAGES, "claude-opus-4.6", &history(json!([foreign])), json!({path: null}), &[named]);
    }
    let kept = json!({path: [second]});
    let named = format!("{named}[0]");
    check(MESSAGES, "claude-opus-4.6", &history(json!([first, second])), kept, &[&named]);
    let (body, _) = sent(MESSAGES, "gpt-5.2", history(json!([first])));
    assert_eq!(body["messages"][1], json!({"role": "assistant", "content": "Hi"}));
}
