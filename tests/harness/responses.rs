//! Reads Responses streams and replies as clients do, and checks the order of events in every stream.
//!
//! No provider uses this format, so the library has no decoder for it.

use std::collections::BTreeMap;

use gateway::chat::request::CacheLifetime;
use gateway::chat::{BlockStart, Citation, Delta, FinishReason, Origin, Signature, StreamEvent, Usage};
use gateway::error::{UpstreamError, UpstreamErrorKind};
use serde_json::{Value, json};

/// The state of an item of a stream.
#[derive(Clone, Debug, Default)]
struct Item {
    id: Value,
    is_done: bool,
    /// The parts by list and number: whether each is done, and the text of its deltas.
    parts: BTreeMap<(String, u64), (bool, String)>,
    /// The text of a call's deltas.
    call: Option<String>,
}

/// The state of a stream (OpenAI's reference of streaming events, and its recorded traffic).
#[derive(Debug, Default)]
pub struct Order {
    number: u64,
    response: Option<Value>,
    items: Vec<Item>,
    done: Vec<Value>,
    /// The number of annotations by the id of their item.
    annotations: BTreeMap<String, u64>,
    end: Option<String>,
}

/// For the events of a part: the prefix of their names, the list of the part, and the field of its text.
const PARTS: [(&str, &str, &str); 4] = [
    ("response.output_text.", "content", "text"),
    ("response.refusal.", "content", "refusal"),
    ("response.reasoning_summary_text.", "summary", "text"),
    ("response.reasoning_text.", "content", "text"),
];

/// The result of a check, or the broken rule.
type Checked = Result<(), String>;

impl Order {
    /// Checks the next event. The error names the broken rule.
    pub fn take(&mut self, name: Option<&str>, event: &Value) -> Checked {
        let kind = event["type"].as_str().ok_or("an event without a type")?;
        ensure(name.is_none_or(|name| name == kind), "an event of another name")?;
        ensure(self.end.is_none(), "an event after the end")?;
        ensure(event["sequence_number"].as_u64() == Some(self.number), "a number out of order")?;
        self.number += 1;
        match kind {
            "response.created" => {
                ensure(self.number == 1, "the response is created twice")?;
                self.response = Some(event["response"]["id"].clone());
                ensure(event["response"]["output"] == json!([]), "a created response with output")
            }
            "response.in_progress" | "response.queued" => self.check_response(event),
            "error" => self.check_error(event),
            "response.completed" | "response.incomplete" | "response.failed" => self.finish(kind, event),
            "response.output_item.added" => self.add(event),
            "response.output_item.done" => self.item_done(event),
            _ => self.take_piece(kind, event),
        }
    }

    /// Whether the stream has ended.
    pub fn end(&self) -> Option<&str> {
        self.end.as_deref()
    }

    fn check_response(&self, event: &Value) -> Checked {
        let id = self.response.as_ref().ok_or("an event before the response is created")?;
        ensure(event["response"]["id"] == *id, "a response of another id")
    }

    fn check_error(&self, event: &Value) -> Checked {
        ensure(self.response.is_some(), "an error before the response is created")?;
        ensure(event["message"].is_string() || event["error"]["message"].is_string(), "an error without a message")
    }

    fn finish(&mut self, kind: &str, event: &Value) -> Checked {
        self.check_response(event)?;
        let response = &event["response"];
        ensure(response["status"] == kind.trim_start_matches("response."), "an end of another status")?;
        ensure(kind == "response.failed" || self.items.iter().all(|item| item.is_done), "an end before an item is done")?;
        if kind == "response.failed" {
            ensure(response["error"]["message"].is_string(), "a failure without a message")?;
        } else {
            ensure(same_items(&response["output"], &self.done), "the end has other items")?;
        }
        self.end = Some(kind.to_owned());
        Ok(())
    }

    fn add(&mut self, event: &Value) -> Checked {
        ensure(self.response.is_some(), "an item before the response is created")?;
        ensure(event["output_index"].as_u64() == Some(self.items.len() as u64), "an item out of order")?;
        let item = &event["item"];
        ensure(item["type"] != "reasoning" || item["summary"].is_array(), "a thought without a summary")?;
        self.items.push(Item { id: item["id"].clone(), ..Item::default() });
        Ok(())
    }

    fn item(&mut self, event: &Value) -> Result<&mut Item, String> {
        let index = event["output_index"].as_u64().ok_or("an event without the place of its item")?;
        let item = self.items.get_mut(usize::try_from(index).unwrap_or(usize::MAX)).ok_or("an event of no item")?;
        ensure(!item.is_done, "an event of an item that is done")?;
        Ok(item)
    }

    fn item_done(&mut self, event: &Value) -> Checked {
        let done = event["item"].clone();
        let item = self.item(event)?;
        ensure(item.parts.values().all(|(is_done, _)| *is_done), "an item is done before its parts")?;
        ensure(item.id == done["id"], "an item that is done under another id")?;
        for ((list, number), (_, text)) in &item.parts {
            let part = &done[list.as_str()][usize::try_from(*number).unwrap_or(usize::MAX)];
            let said = part["text"].as_str().or(part["refusal"].as_str());
            ensure(said == Some(text.as_str()), "a part that says something else than its deltas")?;
        }
        let said = ["arguments", "input"].iter().find_map(|name| done[*name].as_str());
        ensure(item.call.is_none() || item.call.as_deref() == said, "a call of other arguments than its deltas")?;
        item.is_done = true;
        self.done.push(done);
        Ok(())
    }

    fn take_piece(&mut self, kind: &str, event: &Value) -> Checked {
        for (list, added, done) in [
            ("content", "response.content_part.added", "response.content_part.done"),
            ("summary", "response.reasoning_summary_part.added", "response.reasoning_summary_part.done"),
        ] {
            let number = event[format!("{list}_index")].as_u64();
            if kind == added {
                let number = number.ok_or("a part without its number")?;
                let parts = &mut self.item(event)?.parts;
                ensure(!parts.contains_key(&(list.to_owned(), number)), "a part that is added twice")?;
                parts.insert((list.to_owned(), number), (false, String::new()));
                return Ok(());
            }
            if kind == done {
                let key = (list.to_owned(), number.ok_or("a part without its number")?);
                let part = self.item(event)?.parts.get_mut(&key).ok_or("a part is done that was not added")?;
                part.0 = true;
                return Ok(());
            }
        }
        if let Some((prefix, list, text)) = PARTS.iter().find(|(prefix, ..)| kind.starts_with(prefix)) {
            let number = event[format!("{list}_index")].as_u64().ok_or("a piece without the number of its part")?;
            let item = self.item(event)?;
            ensure(item.id == event["item_id"], "a piece of an item of another id")?;
            let part = item.parts.get_mut(&((*list).to_owned(), number)).ok_or("a piece of no part")?;
            ensure(!part.0, "a piece of a part that is done")?;
            return match kind.strip_prefix(prefix) {
                Some("delta") => {
                    part.1.push_str(event["delta"].as_str().ok_or("a delta that says nothing")?);
                    Ok(())
                }
                Some("done") => ensure(event[*text].as_str() == Some(&part.1), "a text that is not its deltas"),
                Some("annotation.added") => {
                    let number = self.annotations.entry(event["item_id"].to_string()).or_default();
                    ensure(event["annotation_index"].as_u64() == Some(*number), "an annotation out of order")?;
                    *number += 1;
                    Ok(())
                }
                // Other events that name a part.
                _ => Ok(()),
            };
        }
        if is_delta(kind) && (kind.contains("function_call") || kind.contains("custom_tool_call")) {
            let item = self.item(event)?;
            ensure(item.id == event["item_id"], "a piece of a call of another id")?;
            item.call.get_or_insert_default().push_str(event["delta"].as_str().ok_or("a delta that says nothing")?);
        }
        Ok(())
    }
}

/// Whether an event is a piece of an item.
fn is_delta(kind: &str) -> bool {
    kind.rsplit('.').next() == Some("delta")
}

fn ensure(holds: bool, rule: &str) -> Checked {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}

/// Whether these are the items that were done. OpenAI encrypts thoughts anew for the end.
fn same_items(output: &Value, done: &[Value]) -> bool {
    let bare = |item: &Value| {
        let mut item = item.clone();
        item.as_object_mut().map(|item| item.remove("encrypted_content"));
        item
    };
    output.as_array().is_some_and(|output| output.iter().map(bare).eq(done.iter().map(bare)))
}

/// The rule that a stream breaks, if it breaks any, with the event that does; `must_end` when it must have come to its end.
pub fn broken_order(frames: &[(Option<String>, String)], must_end: bool) -> Option<String> {
    let mut order = Order::default();
    for (position, (name, data)) in frames.iter().enumerate() {
        let Ok(event) = serde_json::from_str::<Value>(data) else { return Some(format!("event {position} is no JSON")) };
        if let Err(rule) = order.take(name.as_deref(), &event) {
            return Some(format!("event {position}: {rule}: {data}"));
        }
    }
    (must_end && order.end().is_none()).then(|| "no end".to_owned())
}

/// A Responses stream in the library's events; `Err` where it failed or was cut.
pub fn events_of_stream(frames: &[(Option<String>, String)]) -> (Vec<StreamEvent>, Result<(), UpstreamError>) {
    let mut reader = Reader::default();
    let mut result = Err(UpstreamError::truncated());
    // The item that has begun, and what its pieces say so far.
    let mut begun: Option<(Value, String)> = None;
    for (_, data) in frames {
        let event: Value = serde_json::from_str(data).unwrap_or_default();
        match event["type"].as_str().unwrap_or_default() {
            "response.created" => reader.begin(&event["response"]),
            "response.output_item.added" => begun = Some((event["item"].clone(), String::new())),
            "response.output_item.done" => {
                begun = None;
                reader.item(&event["item"]);
            }
            kind if is_delta(kind) => {
                if let Some((_, text)) = &mut begun {
                    text.push_str(event["delta"].as_str().unwrap_or_default());
                }
            }
            "response.completed" | "response.incomplete" => {
                reader.finish(&event["response"]);
                result = Ok(());
            }
            "error" | "response.failed" => {
                let message = event["message"].as_str().or(event["response"]["error"]["message"].as_str());
                result = Err(UpstreamError::new(UpstreamErrorKind::NoAnswer, message.unwrap_or_default().to_owned()));
            }
            _ => {}
        }
    }
    if let Some((item, text)) = begun {
        reader.broken_off(&item, text);
    }
    (reader.events, result)
}

/// A whole response in the library's events.
pub fn events_of_whole(body: &str) -> Result<Vec<StreamEvent>, UpstreamError> {
    let response: Value = serde_json::from_str(body)?;
    let mut reader = Reader::default();
    reader.begin(&response);
    response["output"].as_array().into_iter().flatten().for_each(|item| reader.item(item));
    reader.finish(&response);
    Ok(reader.events)
}

/// A cited source with an address.
fn source(annotation: &Value) -> Option<Citation> {
    let number = |name: &str| annotation[name].as_u64().unwrap_or_default();
    let (url, title) = (annotation["url"].as_str()?.to_owned(), annotation["title"].as_str()?.to_owned());
    Some(Citation { url, title, start: number("start_index"), end: number("end_index"), text: None })
}

/// Reads items, which say all that a reply says.
#[derive(Default)]
struct Reader {
    events: Vec<StreamEvent>,
    has_calls: bool,
}

impl Reader {
    fn begin(&mut self, response: &Value) {
        let text = |name: &str| response[name].as_str().unwrap_or_default().to_owned();
        self.events.push(StreamEvent::Start { id: text("id"), model: text("model"), usage: Usage::default() });
    }

    fn block(&mut self, start: BlockStart, deltas: Vec<Delta>) {
        self.events.push(StreamEvent::BlockStart(start));
        self.events.extend(deltas.into_iter().map(StreamEvent::Delta));
        self.events.push(StreamEvent::BlockStop);
    }

    fn item(&mut self, item: &Value) {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let arguments = match item["type"].as_str().unwrap_or_default() {
            "message" => return item["content"].as_array().into_iter().flatten().for_each(|part| self.part(part)),
            "reasoning" => return self.thought(item),
            "function_call" => text("arguments"),
            "custom_tool_call" => json!({"input": item["input"]}).to_string(),
            "local_shell_call" | "shell_call" => item["action"].to_string(),
            "apply_patch_call" => item["operation"].to_string(),
            "tool_search_call" => item["arguments"].to_string(),
            // What ran at OpenAI.
            _ => return,
        };
        self.has_calls = true;
        let name =
            item["name"].as_str().unwrap_or_else(|| item["type"].as_str().unwrap_or_default().trim_end_matches("_call"));
        let name = match item["namespace"].as_str() {
            Some(namespace) => format!("{namespace}__{name}"),
            None => name.to_owned(),
        };
        self.block(BlockStart::ToolCall { id: text("call_id"), name }, vec![Delta::Arguments(arguments)]);
    }

    /// An item that is not done, with what its pieces say.
    fn broken_off(&mut self, item: &Value, text: String) {
        let (start, delta) = match item["type"].as_str().unwrap_or_default() {
            "message" => (BlockStart::Text, Delta::Text(text)),
            "reasoning" => (BlockStart::Reasoning, Delta::Reasoning(text)),
            _ => {
                let text_of = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
                (BlockStart::ToolCall { id: text_of("call_id"), name: text_of("name") }, Delta::Arguments(text))
            }
        };
        self.events.extend([StreamEvent::BlockStart(start), StreamEvent::Delta(delta)]);
    }

    fn part(&mut self, part: &Value) {
        match (part["text"].as_str(), part["refusal"].as_str()) {
            (Some(text), _) => {
                let mut deltas = vec![Delta::Text(text.to_owned())];
                deltas.extend(part["annotations"].as_array().into_iter().flatten().filter_map(source).map(Delta::Citation));
                self.block(BlockStart::Text, deltas);
            }
            (None, Some(words)) => self.events.push(StreamEvent::Refusal(words.to_owned())),
            (None, None) => {}
        }
    }

    fn thought(&mut self, item: &Value) {
        let texts = item["summary"].as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
        let mut deltas: Vec<Delta> = texts.map(|text| Delta::Reasoning(text.to_owned())).collect();
        let value = item["encrypted_content"].as_str().map(str::to_owned);
        deltas.extend(value.map(|value| Delta::Signature(Signature { origin: Origin::OpenRouter, value })));
        self.block(BlockStart::Reasoning, deltas);
    }

    fn finish(&mut self, response: &Value) {
        let usage = &response["usage"];
        if usage.is_object() {
            let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
            let cache_read = count("/input_tokens_details/cached_tokens");
            let written = count("/input_tokens_details/cache_write_tokens");
            let input = count("/input_tokens").saturating_sub(cache_read).saturating_sub(written);
            let (output, reasoning) = (count("/output_tokens"), count("/output_tokens_details/reasoning_tokens"));
            let usage = Usage { input, cache_read, cache_write_5m: written, output, reasoning, ..Usage::default() };
            self.events.push(StreamEvent::Usage(usage.written_for(CacheLifetime::FiveMinutes)));
        }
        let finish = match response["incomplete_details"]["reason"].as_str() {
            Some("content_filter") => FinishReason::ContentFilter,
            Some(_) => FinishReason::Length,
            None if self.has_calls => FinishReason::ToolCalls,
            None => FinishReason::Stop,
        };
        self.events.push(StreamEvent::Finish(finish));
    }
}
