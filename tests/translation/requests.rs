//! Every request can be sent in every wire format, and follows its rules. If a conversation gets longer, the beginning of the
//! sent body stays the same.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use gateway::catalog::Model;
use gateway::error::GatewayError;
use gateway::translate::Conversion;
use gateway::wire::{ClientFormat, WireFormat};
use gateway_tests::corpus::requests;
use gateway_tests::relaying::catalog;
use gateway_tests::sending::{Sent, send, tells};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::naming::essence;

/// The models of the catalogue.
pub static MODELS: LazyLock<Vec<Arc<Model>>> = LazyLock::new(|| catalog().unwrap().models().cloned().collect());

/// Whether a refusal helps the client: it must name the part that this model's route cannot carry.
fn is_documented(error: &GatewayError) -> bool {
    error.code() == Some("unsupported") && !error.message().is_empty()
}

#[test]
fn every_request_reaches_every_wire_and_loses_no_field_unnamed() {
    for (format, path, body) in requests() {
        for model in MODELS.iter() {
            let place = format!("{} for {}", path.display(), model.id);
            let outbound = match send(format, &body.to_string(), model) {
                Ok(outbound) => outbound,
                Err(error) => {
                    assert!(is_documented(&error), "{place}: {error:?}");
                    continue;
                }
            };
            let sent: Value = serde_json::from_slice(&outbound.body).unwrap();
            for (name, value) in body.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()) {
                let is_part = |dropped: &String| {
                    dropped.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
                };
                let named = outbound.dropped.iter().any(is_part);
                let kept = match &outbound.conversion {
                    // A repaired history contains everything of the client's history. Inline data has its real type.
                    Conversion::Forward(_) if name == "messages" => {
                        texts(value).iter().all(|text| holds_text(&sent, essence(text)))
                    }
                    Conversion::Forward(_) => {
                        let is_same = sent.get(name) == Some(value) || CONSUMED.contains(&name.as_str());
                        // Parts that a model would refuse are sent in another form.
                        let is_off = name == "reasoning_effort" && value == "none" && sent["reasoning"]["enabled"] == false;
                        // The model's limit does not count reasoning, so the effort becomes a budget.
                        let is_budget = name == "reasoning_effort" && sent["reasoning"]["max_tokens"].is_u64();
                        is_same || is_off || is_budget || tells(&sent, value)
                    }
                    Conversion::Translate { .. } if SCALARS.contains(&name.as_str()) => holds(&sent, value),
                    Conversion::Translate { .. } => format.carried_fields().contains(&name.as_str()),
                };
                assert!(kept || named, "{place}: {name} = {value} is lost");
            }
        }
    }
}

/// The texts of a conversation, and the addresses of its pictures.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(fields) => {
            let said = ["arguments", "content", "text", "url"].iter().filter_map(|name| fields.get(*name)?.as_str());
            let said = said.filter(|text| !text.trim().is_empty()).map(str::to_owned);
            said.chain(fields.values().flat_map(texts)).collect()
        }
        _ => Vec::new(),
    }
}

pub fn holds_text(place: &Value, text: &str) -> bool {
    match place {
        Value::String(held) => held.contains(text),
        Value::Array(list) => list.iter().any(|item| holds_text(item, text)),
        Value::Object(fields) => fields.values().any(|item| holds_text(item, text)),
        _ => false,
    }
}

/// Fields that the gateway itself acts on.
const CONSUMED: [&str; 5] = ["anthropic_beta", "anthropic_version", "model", "stream", "stream_options"];

/// Fields that translation may move. If it changes one, it must name it.
const SCALARS: [&str; 8] =
    ["frequency_penalty", "presence_penalty", "seed", "stop", "stop_sequences", "temperature", "top_k", "top_p"];

/// Whether a value occurs anywhere in another one. Numbers are compared by value. A text may also be the only entry of a list.
pub fn holds(place: &Value, value: &Value) -> bool {
    let same = match (place, value) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(list), Value::String(_)) => list.first() == Some(value),
        _ => place == value,
    };
    same || match place {
        Value::Array(list) => list.iter().any(|item| holds(item, value)),
        Value::Object(fields) => fields.values().any(|item| holds(item, value)),
        _ => false,
    }
}

/// The value without cache marks, because their places may change from turn to turn.
fn unmarked(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "cache_control")
            .map(|(name, value)| (name.clone(), unmarked(value)))
            .collect(),
        Value::Array(list) => list.iter().map(unmarked).collect(),
        other => other.clone(),
    }
}

/// The exact bytes of each sent message, and the other parts that decide whether a prompt cache is hit.
fn sent_history(body: &[u8]) -> (Vec<String>, Vec<String>, String) {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(body).unwrap();
    let text = |name: &str| fields.get(name).map_or("", |value| value.get()).to_owned();
    let messages = fields.get("messages").or(fields.get("contents")).unwrap();
    let messages: Vec<&RawValue> = serde_json::from_str(messages.get()).unwrap();
    let messages = messages.into_iter().map(|message| message.get().to_owned()).collect();
    (messages, ["system", "systemInstruction", "tools"].map(text).to_vec(), text("thinking"))
}

/// Whether there is content other than reasoning. Reasoning is removed if thinking is off.
fn says_something(message: &Value) -> bool {
    let is_thought = |block: &Value| block["type"] == "thinking" || block["type"] == "redacted_thinking";
    let says = |block: &Value| !is_thought(block) && block["text"].as_str().is_none_or(|text| !text.trim().is_empty());
    let text = message["content"].as_str().is_some_and(|text| !text.trim().is_empty());
    let is_item = message["type"].as_str().is_some_and(|kind| kind.ends_with("_call") || kind.ends_with("_output"));
    let result = message["role"] == "tool" || is_item;
    text || result || list(message, "content").iter().any(says) || !list(message, "tool_calls").is_empty()
}

/// Whether a message, or an item of a Responses request, is the model's.
fn is_by_model(message: &Value) -> bool {
    let kind = message["type"].as_str().unwrap_or_default();
    message["role"] == "assistant" || kind == "reasoning" || kind.ends_with("_call")
}

/// Checks that a history that ends before any assistant turn is sent exactly as the beginning of the longer history.
pub fn check_prefixes(format: ClientFormat, body: &Value, models: &[Arc<Model>], place: &str) -> usize {
    let body = unmarked(body);
    let list = if format == ClientFormat::Responses { "input" } else { "messages" };
    // The input may be a single text.
    let Some(messages) = body[list].as_array() else { return 0 };
    let is_assistant = |position: usize| is_by_model(&messages[position]);
    let is_cut = |cut: &usize| {
        // If a message without content is removed, the turns before and after it become one turn.
        let both = says_something(&messages[cut - 1]) && says_something(&messages[*cut]);
        both && !is_assistant(cut - 1) && is_assistant(*cut)
    };
    let mut seen = 0;
    for model in models {
        let Ok(whole) = send(format, &body.to_string(), model) else { continue };
        let (long, beside, thinking) = sent_history(&whole.body);
        for cut in (1..messages.len()).filter(is_cut) {
            let mut shorter = body.clone();
            shorter[list].as_array_mut().unwrap().truncate(cut);
            let Ok(shorter) = send(format, &shorter.to_string(), model) else { continue };
            let (short, short_beside, short_thinking) = sent_history(&shorter.body);
            // Reasoning of earlier turns is removed if thinking is no longer possible, and a history that needs a repair is
            // rewritten. So these are left out.
            let same_conversion = std::mem::discriminant(&whole.conversion) == std::mem::discriminant(&shorter.conversion);
            if same_conversion && thinking == short_thinking {
                assert!(long.starts_with(&short), "{place} cut at {cut} for {}:\n{short:?}\n{long:?}", model.id);
                // A tool that only the history names, or that one of its items adds, is declared as soon as the history
                // contains it.
                let adds_tools = messages[cut..].iter().any(|item| item["type"] == "additional_tools");
                let compared = if body.get("tools").is_some() && !adds_tools { 3 } else { 2 };
                assert_eq!(short_beside[..compared], beside[..compared], "{place} cut at {cut} for {}", model.id);
                seen += 1;
            }
        }
    }
    seen
}

/// Whether every provider and client accepts this id of a call.
pub fn is_id(id: &str, longest: usize) -> bool {
    (1..=longest).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// The identifiers of the calls of a turn, and those in the results of the next turn: ids, or names if a wire format has no
/// ids.
fn calls_and_results(wire: WireFormat, sent: &Value) -> Vec<(Vec<String>, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of_kind = |list: &[Value], kind: &str, id: &str| -> Vec<String> {
        list.iter().filter(|block| block["type"] == kind).map(|block| text(&block[id])).collect()
    };
    let named = |parts: &[Value], kind: &str| -> Vec<String> {
        parts.iter().filter(|part| part[kind].is_object()).map(|part| text(&part[kind]["name"])).collect()
    };
    let turn = |message: &Value| match wire {
        WireFormat::OpenAi => (
            list(message, "tool_calls").iter().map(|call| text(&call["id"])).collect(),
            message.get("tool_call_id").iter().map(|id| text(id)).collect(),
        ),
        WireFormat::Anthropic => {
            let content = list(message, "content");
            assert!(!content.is_empty(), "a message without content: {sent}");
            let is_empty = |block: &Value| block["type"] == "text" && block["text"].as_str().unwrap().trim().is_empty();
            assert!(!content.iter().chain(list(sent, "system")).any(is_empty), "an empty text: {sent}");
            let results = of_kind(content, "tool_result", "tool_use_id");
            let first = content.iter().take_while(|block| block["type"] == "tool_result").count();
            assert_eq!(first, results.len(), "results do not come first: {sent}");
            (of_kind(content, "tool_use", "id"), results)
        }
        WireFormat::Gemini => {
            (named(list(message, "parts"), "functionCall"), named(list(message, "parts"), "functionResponse"))
        }
    };
    let messages = if wire == WireFormat::Gemini { "contents" } else { "messages" };
    let mut turns: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for (calls, results) in list(sent, messages).iter().map(turn) {
        match turns.last_mut() {
            // Each result has its own message.
            Some((before, last))
                if wire == WireFormat::OpenAi && before.is_empty() && !results.is_empty() && !last.is_empty() =>
            {
                last.extend(results);
            }
            _ => turns.push((calls, results)),
        }
    }
    turns
}

/// The rules that every request must follow in a wire format.
pub fn check_sent(sent: &Sent, place: &str) {
    let (wire, is_forwarded) = match &sent.conversion {
        Conversion::Translate { wire, .. } => (*wire, false),
        Conversion::Forward(forwarded) => (forwarded.native.wire(), true),
    };
    // A body that is forwarded in the OpenAI format is not repaired.
    if is_forwarded && wire == WireFormat::OpenAi {
        return;
    }
    let body = &sent.body;
    let mut sent: Value = serde_json::from_slice(body).unwrap();
    if wire == WireFormat::Anthropic {
        spell_out(&mut sent);
    }
    let turns = calls_and_results(wire, &sent);
    let results = turns.iter().skip(1).map(|(_, results)| results.clone()).chain([Vec::new()]);
    for ((calls, _), results) in turns.iter().zip(results) {
        assert_eq!(*calls, results, "{place}: calls and their results in {sent}");
        // OpenRouter takes ids as their models made them.
        let is_fine = |id: &String| if wire == WireFormat::OpenAi { (1..=64).contains(&id.len()) } else { is_id(id, 64) };
        assert!(calls.iter().all(is_fine), "{place}: {calls:?}");
    }
    match wire {
        WireFormat::OpenAi => {}
        WireFormat::Anthropic => check_thinking(&sent, is_forwarded, place),
        WireFormat::Gemini => {
            let declared = sent["tools"].to_string() + &sent["generationConfig"].to_string();
            for keyword in ["\"$ref\":", "\"$defs\":", "\"$schema\":"] {
                assert!(!declared.contains(keyword), "{place}: {keyword} in {declared}");
            }
        }
    }
}

/// Converts each content that is one text to a list with one block, because clients may send either form.
fn spell_out(sent: &mut Value) {
    let is_place = |name: &String| name == "messages" || name == "system";
    let places = sent.as_object_mut().unwrap().iter_mut().filter(|(name, _)| is_place(name)).map(|(_, value)| value);
    for value in places {
        match value {
            Value::String(text) => *value = json!([{"type": "text", "text": text}]),
            Value::Array(list) => {
                for message in list {
                    let text = message["content"].as_str().map(|text| json!([{"type": "text", "text": text}]));
                    if let Some(content) = text {
                        message["content"] = content;
                    }
                }
            }
            _ => {}
        }
    }
}

/// Claude accepts only its own signed reasoning, and none while thinking is off. With a budget it refuses a last turn with
/// calls that does not begin with reasoning.
fn check_thinking(sent: &Value, is_forwarded: bool, place: &str) {
    let is_thought = |block: &Value| block["type"].as_str().is_some_and(|kind| kind.ends_with("thinking"));
    let answers: Vec<&Value> = list(sent, "messages").iter().filter(|message| message["role"] == "assistant").collect();
    for thought in answers.iter().flat_map(|message| list(message, "content")).filter(|block| is_thought(block)) {
        let seal = thought["signature"].as_str().or(thought["data"].as_str()).unwrap();
        assert!(!seal.is_empty() && !seal.starts_with("gw1."), "{place}: {thought} in {sent}");
        // If a request has no setting for thinking, the reasoning of earlier turns is kept.
        let said = sent["thinking"]["type"].as_str();
        assert!(matches!(said, Some("enabled" | "adaptive")) || is_forwarded, "{place}: {thought} in {sent}");
    }
    let last = list(sent, "messages").iter().nth_back(1).map_or(&[][..], |message| list(message, "content"));
    if sent["thinking"]["type"] == "enabled" && last.iter().any(|block| block["type"] == "tool_use") {
        assert!(is_thought(&last[0]), "{place}: {sent}");
    }
}

#[test]
fn what_is_sent_pairs_results_with_calls_and_keeps_the_wires_rules() {
    for (format, path, body) in requests() {
        for model in MODELS.iter() {
            let Ok(outbound) = send(format, &body.to_string(), model) else { continue };
            check_sent(&outbound, &format!("{} for {}", path.display(), model.id));
        }
    }
}

#[test]
fn a_longer_history_is_sent_as_the_shorter_one_and_more() {
    let checked = requests()
        .into_iter()
        .map(|(format, path, body)| check_prefixes(format, &body, &MODELS, &path.display().to_string()));
    assert!(checked.sum::<usize>() > 10);
}

#[test]
fn arguments_and_results_are_sent_as_json_that_every_strict_reader_takes() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(70), "]".repeat(70));
    for (text, arguments, result) in [
        (r#"{"a":"\ud83d"}"#, json!({"a": "\u{fffd}"}), json!({"a": "\u{fffd}"})),
        (&deep, json!({"_raw": deep}), json!({"output": deep})),
        ("[1]", json!({"_raw": "[1]"}), json!({"output": [1]})),
    ] {
        let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": text}});
        let body = json!({"model": "m", "messages": [
            {"role": "user", "content": "go"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": text},
        ]});
        let model = MODELS.iter().find(|model| model.id.as_str() == "gemini-3-pro").unwrap();
        let outbound = send(ClientFormat::ChatCompletions, &body.to_string(), model).unwrap();
        let sent: Value = serde_json::from_slice(&outbound.body).unwrap();
        assert_eq!(sent["contents"][1]["parts"][0]["functionCall"]["args"], arguments);
        assert_eq!(sent["contents"][2]["parts"][0]["functionResponse"]["response"], result);
    }
}
