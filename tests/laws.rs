//! Rules that hold for every input. They are tested with the project's own fixtures, with recorded traffic if there is a
//! folder of it, and with arbitrary bytes.
//!
//! Recorded traffic is read in place: `GATEWAY_FIXTURES` names its folder, `../shared/fixtures` next to the project is used
//! otherwise. Without one, those laws are skipped with a printed line.

use std::fs;
use std::path::{Path, PathBuf};

use gateway::chat::{StreamEvent, Usage};
use gateway::document::Document;
use gateway::money::PicoUsd;
use gateway::translate::{Conversion, Delivery, Progress};
use gateway::wire::{self, ClientFormat};
use gateway_tests::project;
use gateway_tests::relaying::{
    ESTIMATE, FORMATS, NATIVE_FORMATS, broken_rule, catalog, events, folded_from, frames, native_wire, relay,
    told_both_ways, whole_from,
};
use gateway_tests::sending::{send, tells};
use proptest::prelude::*;
use serde_json::Value;

fn recorded() -> Option<PathBuf> {
    let named = std::env::var("GATEWAY_FIXTURES").ok().map(PathBuf::from);
    let folder = named.unwrap_or_else(|| project().join("../shared/fixtures"));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no recorded traffic at {}", folder.display());
    None
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    files.sort();
    files
}

/// Every available stream, the project's own and the recorded ones, with the format that can forward it.
fn streams() -> Vec<(ClientFormat, PathBuf, Vec<u8>)> {
    let own = project().join("tests/fixtures/replies");
    let mut folders = vec![
        (ClientFormat::ChatCompletions, own.join("openrouter"), ".sse"),
        (ClientFormat::Messages, own.join("vertex-claude"), ".sse"),
    ];
    if let Some(recorded) = recorded() {
        for (format, folder) in [
            (ClientFormat::ChatCompletions, "openrouter/stream"),
            (ClientFormat::ChatCompletions, "openai-chat/stream"),
            (ClientFormat::Messages, "vertex-claude/stream"),
            (ClientFormat::Messages, "anthropic/stream"),
        ] {
            folders.push((format, recorded.join(folder), ".response.sse"));
            folders.push((format, recorded.join(folder), ".response.jsonl"));
        }
    }
    let read = |(format, folder, ending): (ClientFormat, PathBuf, &str)| {
        files(&folder, ending).into_iter().map(move |path| (format, path.clone(), stream(format, &path)))
    };
    folders.into_iter().flat_map(read).collect()
}

/// The bytes of a stream; `.jsonl` files hold one `data` a line, with the event's name in `type`.
fn stream(format: ClientFormat, path: &Path) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "sse") {
        return text.into_bytes();
    }
    let framed = text.lines().filter(|line| !line.is_empty()).map(|line| match format {
        ClientFormat::ChatCompletions => format!("data: {line}\n\n"),
        ClientFormat::Messages | ClientFormat::Responses => {
            let kind = serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned();
            format!("event: {kind}\ndata: {line}\n\n")
        }
    });
    framed.collect::<String>().into_bytes()
}

#[test]
fn any_split_of_a_stream_gives_the_same_bytes_and_the_same_usage() {
    for (format, path, stream) in streams() {
        let whole = relay(format, std::iter::once(stream.as_slice()));
        for size in [1, 2, 3, 7, 64, 1000] {
            let split = relay(format, stream.chunks(size));
            assert_eq!(split.bytes, whole.bytes, "{} in pieces of {size}", path.display());
            assert_eq!((split.end, split.meter.usage), (whole.end.clone(), whole.meter.usage), "{}", path.display());
        }
    }
}

#[test]
fn frames_that_repeat_the_one_before_are_told_as_if_they_were_read() {
    for (native, path, stream) in streams() {
        for format in FORMATS {
            for delivery in [Delivery::Streamed, Delivery::Whole] {
                let [left, read] = told_both_ways(format, native_wire(native), delivery, &stream);
                assert_eq!(left, read, "{} for {format:?}", path.display());
            }
        }
    }
}

#[test]
fn decoders_obey_the_grammar() {
    for (format, path, stream) in streams() {
        let (events, result) = events(native_wire(format), &stream);
        assert_eq!(broken_rule(&events), None, "{}", path.display());
        let finishes = events.iter().filter(|event| matches!(event, StreamEvent::Finish(_))).count();
        assert_eq!(finishes, usize::from(result.is_ok()), "{}: {result:?}", path.display());
    }
}

#[test]
fn a_stream_cut_anywhere_ends_in_one_error_and_never_cleanly() {
    let own = project().join("tests/fixtures/replies");
    for (format, path) in [
        (ClientFormat::ChatCompletions, own.join("openrouter/text.sse")),
        (ClientFormat::Messages, own.join("vertex-claude/thinking-and-tool.sse")),
    ] {
        let stream = fs::read(&path).unwrap();
        // What follows the last bytes of the end marker is only its blank line.
        let marker: &[u8] = if format == ClientFormat::Messages { b"message_stop\"" } else { b"[DONE]" };
        let end = stream.windows(marker.len()).rposition(|window| window == marker).unwrap();
        for cut in 0..end {
            let relayed = relay(format, std::iter::once(&stream[..cut]));
            let text = String::from_utf8(relayed.bytes).unwrap();
            // OpenAI's wire says how the reply ended before `[DONE]`: that much is a complete reply.
            let finished = format == ClientFormat::ChatCompletions && text.contains("\"finish_reason\":\"stop\"");
            assert_eq!(relayed.end == Progress::Finished, finished, "{} cut at {cut}", path.display());
            assert_eq!(text.matches("\"error\":").count(), usize::from(!finished), "{} cut at {cut}", path.display());
            assert!(finished || !(text.contains("[DONE]") || text.contains("message_stop\"")), "cut at {cut}");
        }
    }
}

/// A frame without the parts that forwarding may change.
fn comparable(format: ClientFormat, data: &str) -> Option<Value> {
    let mut value: Value = serde_json::from_str(data).ok()?;
    let fields = match format {
        ClientFormat::Messages if value.get("message").is_some() => value["message"].as_object_mut()?,
        ClientFormat::ChatCompletions | ClientFormat::Messages | ClientFormat::Responses => value.as_object_mut()?,
    };
    for changed in ["id", "model", "usage"] {
        fields.remove(changed);
    }
    // Only the first chunk of a chat stream has the role.
    if let Some(Value::Object(delta)) = value.pointer_mut("/choices/0/delta") {
        delta.remove("role");
    }
    Some(value)
}

#[test]
fn a_forwarded_stream_equals_its_input_but_for_id_model_usage_repeated_roles_and_a_doubled_finish() {
    for (format, path, stream) in streams() {
        let relayed = relay(format, std::iter::once(stream.as_slice()));
        if relayed.end != Progress::Finished {
            continue;
        }
        let mut input = frames(&stream);
        // Some recordings continue with the stream of a second request.
        let end = input.iter().position(|(event, _)| event.as_deref() == Some("message_stop"));
        input.truncate(end.map_or(input.len(), |end| end + 1));
        let input: Vec<Value> = input.iter().filter_map(|(_, data)| comparable(format, data)).collect();
        let output: Vec<Value> = frames(&relayed.bytes).iter().filter_map(|(_, data)| comparable(format, data)).collect();
        let mut expected = input.iter();
        for frame in &output {
            let is_usage = frame["choices"] == Value::Array(Vec::new());
            // Calls that cannot be forwarded are encoded.
            let is_call = frame.pointer("/choices/0/delta/tool_calls").is_some();
            let is_ours = (is_usage || is_call) && frame.as_object().unwrap().len() <= 3;
            assert!(is_ours || expected.any(|input| input == frame), "{}: {frame} is not of the input", path.display());
        }
        let lost = input.len().saturating_sub(output.len());
        assert!(lost <= 1 || format == ClientFormat::ChatCompletions, "{}: {lost} frames lost", path.display());
    }
}

#[test]
fn whole_replies_pass_through_but_for_id_model_and_usage() {
    let Some(recorded) = recorded() else { return };
    let mut seen = 0;
    for (format, folder) in [
        (ClientFormat::ChatCompletions, "openrouter/unary"),
        (ClientFormat::ChatCompletions, "openai-chat/unary"),
        (ClientFormat::Messages, "vertex-claude/unary"),
        (ClientFormat::Messages, "anthropic/unary"),
    ] {
        for path in files(&recorded.join(folder), ".response.json") {
            let body = fs::read_to_string(&path).unwrap();
            let Ok((out, meter)) = whole_from(format, native_wire(format), &body) else {
                assert!(body.contains("\"error\""), "{} was refused", path.display());
                continue;
            };
            let strip = |text: &str| {
                let mut value: Value = serde_json::from_str(text).unwrap();
                for changed in ["id", "model", "usage"] {
                    value.as_object_mut().unwrap().remove(changed);
                }
                // A call without arguments gets an empty object.
                let calls = value.pointer_mut("/choices/0/message/tool_calls").and_then(Value::as_array_mut);
                for function in calls.into_iter().flatten().filter_map(|call| call["function"].as_object_mut()) {
                    function.entry("arguments").or_insert("{}".into());
                }
                value
            };
            assert_eq!(strip(&out), strip(&body), "{}", path.display());
            let tokens = meter.metered(ESTIMATE).usage;
            let cost = PicoUsd::new(u128::from(tokens.total_input() + tokens.output) * 1_000_000);
            assert!(out.contains(&format!("\"cost\":{cost}")), "{}", path.display());
            check_usage(format, &path, &body, meter.usage);
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} recorded replies");
}

/// The counts of the library's own events must add up to the provider's report.
fn check_usage(format: ClientFormat, path: &Path, body: &str, usage: Option<Usage>) {
    let reported = &serde_json::from_str::<Value>(body).unwrap()["usage"];
    let Some(usage) = usage else { return assert!(reported.is_null(), "{}", path.display()) };
    let count = |name: &str| reported[name].as_u64().unwrap_or(0);
    let (input, output) = match format {
        // xAI counts reasoning next to `completion_tokens`, in the total only.
        ClientFormat::ChatCompletions => {
            let reasoning = reported["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0);
            let (input, output) = (count("prompt_tokens"), count("completion_tokens"));
            (input, if count("total_tokens") == input + output + reasoning { output + reasoning } else { output })
        }
        ClientFormat::Responses => (count("input_tokens"), count("output_tokens")),
        ClientFormat::Messages => {
            let cached = count("cache_read_input_tokens") + count("cache_creation_input_tokens");
            (count("input_tokens") + cached, count("output_tokens"))
        }
    };
    assert_eq!((usage.total_input(), usage.output), (input, output), "{}", path.display());
}

#[test]
fn every_recorded_client_request_opens_and_loses_nothing_unnamed() {
    let Some(recorded) = recorded() else { return };
    let catalog = catalog().unwrap();
    let of_its_own_wire = |format| match format {
        ClientFormat::ChatCompletions | ClientFormat::Responses => catalog.resolve("gpt-5.2").unwrap(),
        ClientFormat::Messages => catalog.resolve("claude-opus-4.6").unwrap(),
    };
    let mut seen = 0;
    for client in ["claude-code", "langchain", "opencode", "sdk-js"] {
        for path in files(&recorded.join("clients").join(client), ".request.json") {
            let request: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let format = match request["path"].as_str().unwrap() {
                path if path.contains("/chat/completions") => ClientFormat::ChatCompletions,
                path if path.contains("/messages") => ClientFormat::Messages,
                _ => continue,
            };
            let body = request["body"].to_string();
            let outbound = match send(format, &body, &of_its_own_wire(format)) {
                Ok(outbound) if matches!(outbound.conversion, Conversion::Forward(_)) => outbound,
                Ok(_) => continue,
                Err(error) => {
                    assert_eq!(error.code(), Some("unsupported"), "{}: {error:?}", path.display());
                    continue;
                }
            };
            let sent: Value = serde_json::from_slice(&outbound.body).unwrap();
            let consumed = ["model", "stream", "stream_options", "anthropic_version", "anthropic_beta"];
            for (name, value) in request["body"].as_object().unwrap() {
                let named =
                    outbound.dropped.iter().any(|dropped| dropped == name || dropped.starts_with(&format!("{name}[")));
                let kept = sent.get(name) == Some(value) || tells(&sent, value);
                assert!(kept || named || consumed.contains(&name.as_str()), "{}: {name} is lost", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} recorded requests");
}

#[test]
fn an_estimate_of_input_tokens_never_falls_under_the_real_number() {
    let Some(recorded) = recorded() else { return };
    let (model, mut seen) = (catalog().unwrap().resolve("gpt-5-nano").unwrap(), 0);
    let media = &model.capabilities.media;
    for folder in ["openrouter/unary", "openai-chat/unary"] {
        for path in files(&recorded.join(folder), ".request.json") {
            let request: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let reply = path.to_string_lossy().replace(".request.", ".response.");
            let reply: Value = serde_json::from_str(&fs::read_to_string(reply).unwrap_or_default()).unwrap_or_default();
            // Server tools add texts of their own; the gateway drops them.
            let is_client_tool = |tool: &Value| matches!(tool["type"].as_str(), Some("function" | "custom"));
            let client_tools = request["tools"].as_array().is_none_or(|tools| tools.iter().all(is_client_tool));
            if let (Some(real), true) = (reply["usage"]["prompt_tokens"].as_u64(), client_tools) {
                let document = Document::parse(request.to_string(), &[&[]]).unwrap();
                let measured = wire::Measured::of_document(wire::WireFormat::OpenAi, &document, media);
                let estimate = measured.estimated_input();
                assert!(estimate * 100 >= real * 95, "{}: {estimate} for {real}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 40, "only {seen} recorded counts");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        for format in FORMATS {
            drop(wire::open_request(format, text.clone().into_owned()));
        }
        for format in NATIVE_FORMATS {
            relay(format, bytes.chunks(7));
            drop(whole_from(format, native_wire(format), &text));
            drop(folded_from(format, native_wire(format), &bytes));
        }
    }

    #[test]
    fn mutated_streams_never_panic_and_never_break_the_grammar(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), length in 0_usize..20,
    ) {
        let streams = own_streams();
        let (format, mut stream) = streams[which.index(streams.len())].clone();
        let at = at.index(stream.len());
        let end = (at + length).min(stream.len());
        stream.splice(at..end, [byte]);
        relay(format, stream.chunks(11));
        let (events, _) = events(native_wire(format), &stream);
        prop_assert_eq!(broken_rule(&events), None);
    }
}

fn own_streams() -> Vec<(ClientFormat, Vec<u8>)> {
    let own = project().join("tests/fixtures/replies");
    let folders = [(ClientFormat::ChatCompletions, "openrouter"), (ClientFormat::Messages, "vertex-claude")];
    let read =
        |(format, folder)| files(&own.join(folder), ".sse").into_iter().map(move |path| (format, fs::read(path).unwrap()));
    folders.into_iter().flat_map(read).collect()
}
