//! The client must get what the provider sent, streamed or not.

use std::path::Path;

use bytes::BytesMut;
use gateway::chat::{BlockStart, Delta, FinishReason, StreamEvent, Usage, collect};
use gateway::translate::{CallIds, Delivery, Progress, ReplyRules, Restore};
use gateway::wire::names::ToolNames;
use gateway::wire::{ClientFormat, WireFormat};
use gateway_tests::corpus::{streams, whole_replies};
use gateway_tests::relaying::{
    ESTIMATE, FORMATS, broken_rule, client_events, client_reply, context, events, frames, identity, is_forwarded,
    relay_from, whole_from,
};
use gateway_tests::responses::broken_order;
use serde_json::Value;

use super::requests::is_id;

/// The content of a reply: its blocks in order. Adjacent blocks of the same kind are joined, and empty ones are left out. Tool
/// calls are given by name and arguments.
pub fn said(events: &[StreamEvent]) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    for event in events {
        match event {
            StreamEvent::BlockStart(BlockStart::Text) => blocks.push(("text".into(), String::new())),
            StreamEvent::BlockStart(BlockStart::Reasoning) => blocks.push(("reasoning".into(), String::new())),
            StreamEvent::BlockStart(BlockStart::ToolCall { name, .. }) => {
                blocks.push((format!("call {name}"), String::new()));
            }
            StreamEvent::Delta(Delta::Text(piece) | Delta::Reasoning(piece) | Delta::Arguments(piece)) => {
                blocks.last_mut().unwrap().1.push_str(piece);
            }
            _ => {}
        }
    }
    let mut joined: Vec<(String, String)> = Vec::new();
    for (kind, text) in blocks {
        let is_call = kind.starts_with("call ");
        match joined.last_mut() {
            Some((last, said)) if *last == kind && !is_call => said.push_str(&text),
            _ if is_call => joined.push((kind, arguments(&text))),
            _ if text.is_empty() => {}
            _ => joined.push((kind, text)),
        }
    }
    joined
}

/// The arguments of a call as a client parses them. `None` if they were cut off at the token limit.
fn arguments(text: &str) -> String {
    let parsed = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    parsed.unwrap_or_else(|| Value::Object(serde_json::Map::new())).to_string()
}

/// The same without the order between kinds, because a Chat Completions reply that is not streamed cannot express it.
fn by_kind(said: Vec<(String, String)>) -> (String, String, Vec<(String, String)>) {
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    for (kind, piece) in said {
        match kind.as_str() {
            "text" => text.push_str(&piece),
            "reasoning" => reasoning.push_str(&piece),
            _ => calls.push((kind, piece)),
        }
    }
    (text, reasoning, calls)
}

fn finish(events: &[StreamEvent]) -> Option<FinishReason> {
    events.iter().find_map(|event| if let StreamEvent::Finish(finish) = event { Some(finish.clone()) } else { None })
}

/// The finish reason as a client of this format can read it. Chat Completions have one word for three reasons.
fn told(format: ClientFormat, events: &[StreamEvent]) -> Option<FinishReason> {
    match (format, finish(events)?) {
        (ClientFormat::ChatCompletions, FinishReason::StopSequence(_) | FinishReason::Paused) => Some(FinishReason::Stop),
        // `completed` has no reason of its own: if the response has calls, the client must answer them.
        (ClientFormat::Responses, FinishReason::StopSequence(_) | FinishReason::Paused | FinishReason::Stop) => {
            let is_call = |event: &StreamEvent| matches!(event, StreamEvent::BlockStart(BlockStart::ToolCall { .. }));
            Some(if events.iter().any(is_call) { FinishReason::ToolCalls } else { FinishReason::Stop })
        }
        (_, finish) => Some(finish),
    }
}

/// The events as a client of another format gets them. `None` if the rules make them a failed attempt.
fn ruled(format: ClientFormat, events: &[StreamEvent]) -> Option<Vec<StreamEvent>> {
    let mut restore = Restore::new(ToolNames::default(), None, true);
    let (mut rules, mut checked) = (ReplyRules::new(identity(format), CallIds::Own), Vec::new());
    for event in events.iter().cloned().filter_map(|event| restore.apply(event)) {
        rules.check(event, "", &mut checked).ok()?;
    }
    Some(checked)
}

fn usage(events: &[StreamEvent]) -> Option<Usage> {
    events.iter().rev().find_map(|event| match event {
        StreamEvent::Usage(usage) => Some(*usage),
        StreamEvent::Start { usage, .. } => Some(*usage).filter(|usage| !usage.is_empty()),
        _ => None,
    })
}

/// The counts that both client formats show: prompt tokens, tokens read from a cache, tokens written to a cache, and output
/// tokens.
fn counts(usage: Option<Usage>) -> Option<[u64; 4]> {
    usage.map(|usage| [usage.total_input(), usage.cache_read, usage.cache_write(), usage.output])
}

fn encoded(format: ClientFormat, events: &[StreamEvent]) -> Vec<u8> {
    let (mut encoder, mut out) = (format.encoder(context(format, Delivery::Streamed)), BytesMut::new());
    for event in events {
        encoder.encode(event, &mut out);
    }
    out.to_vec()
}

#[test]
fn any_split_of_a_stream_gives_the_same_client_bytes() {
    for (wire, path, stream) in streams() {
        for format in FORMATS {
            let whole = relay_from(format, wire, std::iter::once(stream.as_slice()));
            for size in [1, 3, 64, 1000] {
                let split = relay_from(format, wire, stream.chunks(size));
                assert_eq!(split.bytes, whole.bytes, "{} as {format:?} in pieces of {size}", path.display());
                assert_eq!((split.end, split.meter.usage), (whole.end.clone(), whole.meter.usage), "{}", path.display());
            }
        }
    }
}

#[test]
fn what_is_encoded_decodes_to_the_same_reply() {
    let streamed = streams().into_iter().map(|(wire, path, stream)| (path, events(wire, &stream).0));
    let whole = whole_replies().into_iter().map(|(_, path, _, events)| (path, events));
    for (path, original) in streamed.chain(whole) {
        for format in FORMATS {
            check_encoded(format, &original, &format!("{} as {format:?}", path.display()));
        }
    }
}

/// Checks that a client of a format gets a correct stream and a correct reply without streaming, both with the content of the
/// events.
pub fn check_encoded(format: ClientFormat, original: &[StreamEvent], place: &str) {
    let Some(original) = ruled(format, original) else { return };
    let original = original.as_slice();
    let bytes = encoded(format, original);
    let (again, result) = client_events(format, &bytes);
    assert_eq!(broken_rule(&again), None, "{place}");
    assert_eq!(said(&again), said(original), "{place}");
    assert_eq!(finish(&again), told(format, original), "{place}");
    assert_eq!(result.is_ok(), finish(original).is_some(), "{place}");
    match format {
        ClientFormat::ChatCompletions => check_chunks(&bytes, result.is_ok(), place),
        ClientFormat::Messages => check_blocks(&bytes, result.is_ok(), place),
        ClientFormat::Responses => assert_eq!(broken_order(&frames(&bytes), result.is_ok()), None, "{place}"),
    }
    if let Some(reply) = collect(original.iter().cloned()) {
        let whole = String::from_utf8(format.encode_whole(&reply, &context(format, Delivery::Whole)).unwrap()).unwrap();
        let whole = client_reply(format, &whole).unwrap();
        assert_eq!(by_kind(said(&whole)), by_kind(said(original)), "{place}");
        assert_eq!(finish(&whole), told(format, original), "{place}");
        if reply.usage.is_some() {
            assert_eq!(counts(usage(&whole)), counts(reply.usage), "{place}");
            assert_eq!(counts(usage(&again)), counts(reply.usage), "{place}");
        }
    }
}

/// Checks that all chunks have the same id, number their calls from zero, contain one finish reason, and end with `[DONE]`.
fn check_chunks(bytes: &[u8], complete: bool, place: &str) {
    let mut data: Vec<String> = frames(bytes).into_iter().map(|(_, data)| data).collect();
    assert_eq!(data.iter().position(|data| data == "[DONE]"), complete.then(|| data.len() - 1), "{place}");
    data.truncate(data.len() - usize::from(complete));
    let (mut calls, mut finishes) = (0, 0);
    for (position, data) in data.iter().enumerate() {
        let chunk: Value = serde_json::from_str(data).unwrap();
        assert_eq!(chunk["id"], identity(ClientFormat::ChatCompletions).id, "{place}");
        let choice = &chunk["choices"][0];
        assert_eq!(choice["delta"]["role"] == "assistant", position == 0, "{place}: {data}");
        assert_eq!(choice.is_null(), chunk["usage"].is_object(), "{place}: {data}");
        finishes += usize::from(choice["finish_reason"].is_string());
        if let Some(call) = choice["delta"]["tool_calls"].get(0) {
            if let Some(id) = call["id"].as_str() {
                assert!(is_id(id, 40), "{place}: {id}");
                calls += 1;
            }
            assert_eq!(call["index"], calls - 1, "{place}: {data}");
        }
    }
    assert_eq!(finishes, usize::from(complete), "{place}");
}

/// Checks that events number their blocks from zero, with one block open at a time, between one start and one stop.
fn check_blocks(bytes: &[u8], complete: bool, place: &str) {
    let (mut index, mut open, mut kinds) = (0, false, Vec::new());
    for (name, data) in frames(bytes) {
        let event: Value = serde_json::from_str(&data).unwrap();
        let kind = name.unwrap();
        assert_eq!(event["type"], *kind, "{place}");
        match kind.as_str() {
            "content_block_start" => {
                assert_eq!((event["index"].as_u64(), open), (Some(index), false), "{place}: {data}");
                let id = event["content_block"].get("id").and_then(Value::as_str);
                assert!(id.is_none_or(|id| is_id(id, 40)), "{place}: {id:?}");
                open = true;
            }
            "content_block_delta" => assert_eq!((event["index"].as_u64(), open), (Some(index), true), "{place}: {data}"),
            "content_block_stop" => {
                assert_eq!((event["index"].as_u64(), open), (Some(index), true), "{place}: {data}");
                (index, open) = (index + 1, false);
            }
            _ => kinds.push(kind),
        }
    }
    let expected: &[&str] = if complete { &["message_start", "message_delta", "message_stop"] } else { &["message_start"] };
    assert!(kinds == expected || (kinds.is_empty() && !complete), "{place}: {kinds:?}");
}

#[test]
fn a_whole_reply_says_what_its_stream_says() {
    for (wire, path, body, original) in whole_replies() {
        for format in FORMATS {
            let place = format!("{} as {format:?}", path.display());
            let result = whole_from(format, wire, &body);
            if is_forwarded(format, wire) && original.contains(&StreamEvent::BlockStart(BlockStart::Opaque)) {
                // Content that only this format has counts as an answer, and is forwarded.
                assert!(result.is_ok(), "{place}");
                continue;
            }
            let Some(original) = ruled(format, &original) else {
                assert!(result.is_err(), "{place} is no answer");
                continue;
            };
            let (out, meter) = result.unwrap();
            let client = client_reply(format, &out).unwrap();
            assert_eq!(by_kind(said(&client)), by_kind(said(&original)), "{place}");
            assert_eq!(finish(&client), told(format, &original), "{place}");
            assert_eq!(counts(usage(&client).filter(|_| meter.usage.is_some())), counts(meter.usage), "{place}");
            if wire == WireFormat::Gemini {
                let frame = format!("data: {}\n\n", serde_json::from_str::<Value>(&body).unwrap());
                let relayed = relay_from(format, wire, std::iter::once(frame.as_bytes()));
                let (streamed, _) = client_events(format, &relayed.bytes);
                assert_eq!(said(&streamed), said(&original), "{place}");
                assert_eq!((relayed.end, relayed.meter.usage), (Progress::Finished, meter.usage), "{place}");
            }
        }
    }
}

#[test]
fn the_client_is_shown_what_the_meter_counts_and_the_provider_reported() {
    for (wire, path, stream) in streams() {
        let total = reported_total(wire, &String::from_utf8_lossy(&stream).replace("data: ", ""));
        for format in FORMATS {
            let relayed = relay_from(format, wire, std::iter::once(stream.as_slice()));
            if relayed.end == Progress::Finished && relayed.meter.usage.is_some() {
                let shown = counts(usage(&client_events(format, &relayed.bytes).0));
                assert_eq!(shown, counts(relayed.meter.usage), "{} as {format:?}", path.display());
                check_total(total, relayed.meter.usage, &path);
            }
        }
    }
    for (wire, path, body, original) in whole_replies() {
        let line = serde_json::from_str::<Value>(&body).unwrap().to_string();
        check_total(reported_total(wire, &line), usage(&original), &path);
        for format in FORMATS.into_iter().filter(|format| is_forwarded(*format, wire)) {
            let Some(told) = ruled(format, &original) else { continue };
            let (_, meter) = whole_from(format, wire, &body).unwrap();
            assert_eq!(meter.usage.unwrap_or_default(), usage(&original).unwrap_or_default(), "{}", path.display());
            assert_eq!(meter.finish, finish(&told), "{}", path.display());
        }
    }
}

#[test]
fn generated_bytes_are_counted_alike_on_all_routes() {
    for (wire, path, stream) in streams() {
        let [first, others @ ..] = FORMATS.map(|format| relay_from(format, wire, stream.chunks(64)));
        for other in others {
            assert_eq!(first.meter.generated_bytes, other.meter.generated_bytes, "{}", path.display());
            assert_eq!(first.meter.metered(ESTIMATE), other.meter.metered(ESTIMATE), "{}", path.display());
        }
    }
}

/// The provider's own total, if its wire format has one. The last line with a total counts.
fn reported_total(wire: WireFormat, lines: &str) -> Option<u64> {
    let total = |line: &str| {
        let value: Value = serde_json::from_str(line).ok()?;
        match wire {
            WireFormat::OpenAi => value["usage"]["total_tokens"].as_u64(),
            WireFormat::Anthropic => None,
            WireFormat::Gemini => value["usageMetadata"]["totalTokenCount"].as_u64(),
        }
    };
    lines.lines().filter_map(total).next_back()
}

fn check_total(total: Option<u64>, usage: Option<Usage>, path: &Path) {
    // Other vendors' endpoints of this format may count reasoning separately from the completion. OpenRouter does not.
    let is_ours = !path.to_string_lossy().contains("openai-chat");
    if let (Some(total), Some(usage), true) = (total, usage, is_ours) {
        assert_eq!(usage.total_input() + usage.output, total, "{}", path.display());
    }
}
