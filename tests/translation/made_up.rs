//! Generators of histories, requests and replies that clients and providers might send.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::LazyLock;

use gateway::chat::{BlockStart, Delta, FinishReason, Origin, Signature, StreamEvent, Usage};
use gateway::translate::{Conversion, Delivery};
use gateway::wire::{self, ClientFormat, WireFormat};
use gateway_tests::corpus::{requests, streams};
use gateway_tests::project;
use gateway_tests::relaying::{FORMATS, broken_rule, events, frames, relay_chunks, relay_whole};
use gateway_tests::rich::PICTURE;
use gateway_tests::sending::send;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::claude::again;
use super::replies::check_encoded;
use super::requests::{MODELS, check_prefixes, check_sent};

static OWN_REQUESTS: LazyLock<Vec<(ClientFormat, PathBuf, Value)>> =
    LazyLock::new(|| requests().into_iter().filter(|(_, path, _)| path.starts_with(project())).collect());

static OWN_STREAMS: LazyLock<Vec<(WireFormat, PathBuf, Vec<u8>)>> =
    LazyLock::new(|| streams().into_iter().filter(|(_, path, _)| path.starts_with(project())).collect());

/// A message of a history. Clients trim, merge and reorder such messages.
fn message(format: ClientFormat) -> impl Strategy<Value = Value> {
    let text = || prop::sample::select(vec!["", " ", "hi", "\n\n"]);
    let ids = prop::sample::subsequence(vec!["a".to_owned(), "functions.f:0".to_owned(), "x".repeat(90)], 0..=3);
    let sealed = prop::sample::select(vec!["", "EqoB", "gw1.g.EqoB"]);
    (0..4_u8, text(), text(), ids, sealed).prop_map(move |(kind, first, second, ids, sealed)| match (format, kind) {
        (_, 0) => json!({"role": "user", "content": first}),
        (ClientFormat::ChatCompletions, 1) => {
            let call = |id: &String| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": second}});
            json!({"role": "assistant", "content": first, "tool_calls": ids.iter().map(call).collect::<Vec<_>>()})
        }
        (ClientFormat::ChatCompletions, 2) => {
            json!({"role": "tool", "content": second, "tool_call_id": ids.first().map_or("gone", String::as_str)})
        }
        (_, 3) => json!({"role": "system", "content": second}),
        (ClientFormat::Messages, 1) => {
            let calls = ids.iter().map(|id| json!({"type": "tool_use", "id": id, "name": "f", "input": {}}));
            let thought = match first {
                "hi" => json!({"type": "redacted_thinking", "data": "opaque"}),
                _ => json!({"type": "thinking", "thinking": second, "signature": sealed}),
            };
            json!({"role": "assistant", "content": std::iter::once(thought).chain(calls).collect::<Vec<_>>()})
        }
        (ClientFormat::Messages, _) => {
            let text = json!({"type": "text", "text": first});
            let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}});
            let results = ids.iter().map(
                |id| json!({"type": "tool_result", "tool_use_id": id, "content": [{"type": "text", "text": second}, image]}),
            );
            json!({"role": "user", "content": std::iter::once(text).chain(results).collect::<Vec<_>>()})
        }
        (ClientFormat::ChatCompletions, _) => json!({"role": "assistant", "content": null}),
        (ClientFormat::Responses, 1) => {
            let id = ids.first().map_or("gone", String::as_str);
            match first {
                "hi" => json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": second}]}),
                " " => json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": sealed}),
                _ => json!({"type": "function_call", "call_id": id, "name": "f", "arguments": second}),
            }
        }
        (ClientFormat::Responses, _) => {
            let image = json!({"type": "input_image", "image_url": format!("data:image/png;base64,{PICTURE}")});
            let output = json!([{"type": "input_text", "text": second}, image]);
            json!({"type": "function_call_output", "call_id": ids.last().map_or("gone", String::as_str), "output": output})
        }
    })
}

/// A chat message with parts and fields at places where clients put them and providers refuse them.
fn odd_chat_message() -> impl Strategy<Value = Value> {
    let picture = json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PICTURE}")}});
    let say = |text: &str| json!({"type": "text", "text": text});
    let parts = vec![picture, say("hi"), say(" "), json!({"type": "image_url", "image_url": "https://a.example/b.png"})];
    let content = prop_oneof![
        prop::sample::select(vec![Value::Null, json!(""), json!("hi")]),
        prop::sample::subsequence(parts, 0..=4).prop_map(Value::from),
    ];
    let ids = prop::sample::subsequence(vec!["", "a", "b"], 0..=3);
    let arguments = prop::sample::select(vec![Value::Null, json!({"a": 1}), json!("{}"), json!("{")]);
    let role = prop::sample::select(vec!["system", "developer", "user", "assistant", "assistant", "tool", "tool"]);
    (role, content, ids, arguments).prop_map(|(role, content, ids, arguments)| match role {
        "assistant" => {
            let call = |id: &&str| json!({"id": id, "function": {"name": "f", "arguments": arguments}});
            json!({
                "role": role, "content": content, "tool_calls": ids.iter().map(call).collect::<Vec<_>>(), "refusal": null,
                "reasoning_content": "hm",
            })
        }
        "tool" => {
            let content = if content.is_null() { json!("") } else { content };
            json!({"role": role, "content": content, "tool_call_id": ids.first().unwrap_or(&"a")})
        }
        _ => json!({"role": role, "content": if content.is_null() { json!("hi") } else { content }}),
    })
}

/// JSON of any shape, with field names that occur in requests and replies.
fn any_json() -> impl Strategy<Value = Value> {
    const WORDS: [&str; 30] = [
        "type",
        "text",
        "role",
        "content",
        "user",
        "assistant",
        "tool_use",
        "tool_result",
        "function",
        "name",
        "arguments",
        "id",
        "input",
        "thinking",
        "signature",
        "image",
        "source",
        "url",
        "data",
        "object",
        "properties",
        "$ref",
        "#",
        "anyOf",
        "",
        "functionCall",
        "args",
        "parts",
        "finishReason",
        "thoughtSignature",
    ];
    let word = || prop::sample::select(WORDS.to_vec());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let pairs = prop::collection::vec((word(), inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            pairs.prop_map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// Replaces the n-th value, counted over the whole tree. If there are fewer values, returns the remaining number.
fn replace(tree: &mut Value, n: usize, with: &Value) -> Option<usize> {
    if n == 0 {
        tree.clone_from(with);
        return None;
    }
    let mut left = n - 1;
    let inner: Vec<&mut Value> = match tree {
        Value::Array(list) => list.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    };
    for value in inner {
        left = replace(value, left, with)?;
    }
    Some(left)
}

fn signature() -> impl Strategy<Value = Option<Delta>> {
    let origins = vec![Origin::Anthropic, Origin::Gemini];
    let signed = |origin| Delta::Signature(Signature { origin, value: "EqoB+/=".to_owned() });
    prop::option::of(prop::sample::select(origins).prop_map(signed))
}

fn whole(start: BlockStart, deltas: Vec<Delta>) -> Vec<StreamEvent> {
    let deltas = deltas.into_iter().map(StreamEvent::Delta);
    std::iter::once(StreamEvent::BlockStart(start)).chain(deltas).chain([StreamEvent::BlockStop]).collect()
}

fn owned(pieces: Vec<&str>, delta: fn(String) -> Delta) -> Vec<Delta> {
    pieces.into_iter().map(|piece| delta(piece.to_owned())).collect()
}

/// A call with some of these arguments, in pieces.
fn call(arguments: Vec<Vec<&'static str>>) -> impl Strategy<Value = Vec<StreamEvent>> {
    (prop::sample::select(arguments), signature(), "[a-z]{1,3}").prop_map(|(arguments, signed, name)| {
        let deltas = signed.into_iter().chain(owned(arguments, Delta::Arguments)).collect();
        whole(BlockStart::ToolCall { id: String::new(), name }, deltas)
    })
}

/// A block that a decoder can produce.
fn block() -> impl Strategy<Value = Vec<StreamEvent>> {
    let pieces = || prop::collection::vec(prop::sample::select(vec!["", " ", "ü", "\"\\\n", "data: x\r\n\r\n"]), 0..4);
    prop_oneof![
        pieces().prop_map(move |text| whole(BlockStart::Text, owned(text, Delta::Text))),
        (pieces(), signature()).prop_map(move |(text, signed)| {
            whole(BlockStart::Reasoning, owned(text, Delta::Reasoning).into_iter().chain(signed).collect())
        }),
        Just(whole(
            BlockStart::RedactedReasoning { data: Signature { origin: Origin::Anthropic, value: "opaque".to_owned() } },
            Vec::new()
        )),
        call(vec![vec![], vec!["{}"], vec!["{\"a\":", "{\"}\":[]}", "}"], vec!["", "{", "}"]]),
    ]
}

/// A reply that a decoder can produce.
fn reply() -> impl Strategy<Value = Vec<StreamEvent>> {
    use FinishReason::{ContentFilter, Length, Paused, Stop, StopSequence, ToolCalls};
    let finishes =
        vec![Stop, StopSequence(Some("END".to_owned())), StopSequence(None), Length, ToolCalls, ContentFilter, Paused];
    let usage = || {
        prop::array::uniform5(0..3_u64).prop_map(|[input, cache_read, five_minutes, hour, output]| Usage {
            input,
            cache_read,
            cache_write_5m: five_minutes,
            cache_write_1h: hour,
            output,
            ..Usage::default()
        })
    };
    // Only a call that breaks off at the end has incomplete arguments.
    let broken = prop::option::of(call(vec![vec!["null"], vec!["{\"a\":\"b"], vec!["[1"]]));
    let blocks = (prop::collection::vec(block(), 0..6), broken)
        .prop_map(|(blocks, broken)| blocks.into_iter().chain(broken).collect::<Vec<_>>());
    (usage(), blocks, prop::option::of(usage()), prop::sample::select(finishes)).prop_map(|(known, blocks, last, finish)| {
        let start = StreamEvent::Start { id: String::new(), model: String::new(), usage: known };
        let last = last.map(StreamEvent::Usage);
        [start].into_iter().chain(blocks.into_iter().flatten()).chain(last).chain([StreamEvent::Finish(finish)]).collect()
    })
}

proptest! {
    #[test]
    fn any_reply_reaches_any_client_as_it_was_said(reply in reply()) {
        prop_assert_eq!(broken_rule(&reply), None);
        for format in FORMATS {
            check_encoded(format, &reply, &format!("{format:?}"));
        }
    }

    #[test]
    fn any_history_is_repaired_and_grows_at_its_end(
        (format, messages) in prop::sample::select(FORMATS.to_vec())
            .prop_flat_map(|format| (Just(format), prop::collection::vec(message(format), 1..8))),
        thinking in prop::sample::select(vec![
            Value::Null, json!({"type": "enabled", "budget_tokens": 2000}), json!({"type": "adaptive"}), json!({"type": "disabled"}),
        ]),
    ) {
        let tools = match format {
            ClientFormat::ChatCompletions => json!([{"type": "function", "function": {"name": "f"}}]),
            ClientFormat::Messages => json!([{"name": "f", "input_schema": {}}]),
            ClientFormat::Responses => json!([{"type": "function", "name": "f"}]),
        };
        let body = if format == ClientFormat::Responses {
            json!({"model": "m", "max_output_tokens": 9, "input": messages, "tools": tools})
        } else {
            json!({"model": "m", "max_tokens": 9, "messages": messages, "tools": tools, "thinking": thinking})
        };
        for model in MODELS.iter() {
            let Ok(sent) = send(format, &body.to_string(), model) else { continue };
            check_sent(&sent, model.id.as_str());
            match &sent.conversion {
                Conversion::Forward(forwarded) if forwarded.native.wire() == WireFormat::Anthropic => {
                    prop_assert_eq!(again(model.id.as_str(), &[], &sent.body), sent.body, "a second time");
                }
                Conversion::Forward(_) => {
                    let text = String::from_utf8(sent.body).unwrap();
                    let named = format!("{{\"model\":\"m\",{}", text.strip_prefix('{').unwrap());
                    let again = send(format, &named, model).unwrap();
                    prop_assert_eq!(String::from_utf8(again.body).unwrap(), text);
                }
                Conversion::Translate { .. } => {}
            }
        }
        check_prefixes(format, &body, &MODELS, "made up");
    }

    #[test]
    fn any_odd_chat_is_repaired_once_and_shows_pictures_as_the_users(messages in prop::collection::vec(odd_chat_message(), 1..8)) {
        let body = json!({"model": "m", "messages": messages}).to_string();
        for model in MODELS.iter() {
            let Ok(sent) = send(ClientFormat::ChatCompletions, &body, model) else { continue };
            let Conversion::Forward(_) = sent.conversion else { continue };
            check_sent(&sent, model.id.as_str());
            let text = String::from_utf8(sent.body).unwrap();
            let sent: Value = serde_json::from_str(&text).unwrap();
            for message in sent["messages"].as_array().unwrap().iter().filter(|message| message["role"] != "user") {
                prop_assert!(!message["content"].to_string().contains("image_url"), "{}", text);
            }
            let again = format!("{{\"model\":\"m\",{}", text.strip_prefix('{').unwrap());
            let again = send(ClientFormat::ChatCompletions, &again, model).unwrap();
            prop_assert_eq!(String::from_utf8(again.body).unwrap(), text);
        }
    }

    #[test]
    fn mutated_requests_never_panic(which in any::<prop::sample::Index>(), at in 0..300_usize, with in any_json()) {
        let (format, _, mut body) = OWN_REQUESTS[which.index(OWN_REQUESTS.len())].clone();
        replace(&mut body, at, &with);
        for model in MODELS.iter() {
            drop(send(format, &body.to_string(), model));
        }
    }

    #[test]
    fn arbitrary_requests_never_panic(message in any_json(), tools in any_json(), other in any_json()) {
        let body = json!({
            "model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [message]}, message], "tools": [tools],
            "input": [message, {"role": "user", "content": [message]}], "text": {"format": other}, "reasoning": other,
            "tool_choice": other, "thinking": other, "response_format": other, "system": [message],
        });
        for (format, model) in FORMATS.into_iter().flat_map(|format| MODELS.iter().map(move |model| (format, model))) {
            drop(send(format, &body.to_string(), model));
            drop(wire::open_request(format, body.to_string()).and_then(|request| wire::decode_request(&request, None)));
        }
    }

    #[test]
    fn mutated_replies_never_panic_and_never_break_the_grammar(
        which in any::<prop::sample::Index>(), at in 0..60_usize, with in any_json(),
    ) {
        let (wire, _, stream) = OWN_STREAMS[which.index(OWN_STREAMS.len())].clone();
        let mut mutated = String::new();
        for (event, data) in frames(&stream) {
            let mut data: Value = serde_json::from_str(&data).unwrap_or_default();
            replace(&mut data, at, &with);
            write!(mutated, "event: {}\ndata: {data}\n\n", event.unwrap_or_default()).unwrap();
        }
        for format in FORMATS {
            for delivery in [Delivery::Streamed, Delivery::Whole] {
                relay_chunks(delivery, format, wire, mutated.as_bytes().chunks(11));
                for (_, data) in frames(mutated.as_bytes()) {
                    relay_whole(delivery, format, wire, &data);
                }
            }
        }
        prop_assert_eq!(broken_rule(&events(wire, mutated.as_bytes()).0), None);
    }
}
