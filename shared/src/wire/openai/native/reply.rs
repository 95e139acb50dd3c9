//! A whole Chat Completions reply for a client of the same format.

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::super::client::reply::{WholeCall, calls_of};
use super::super::client::stream::finish_word;
use super::super::provider::pieces::Arguments;
use super::super::provider::reply::{exact_word, is_true_word};
use super::super::provider::stream::DONE;
use super::super::usage::ClientUsage;
use crate::chat::{ChatResponse, Part};
use crate::error::UpstreamError;
use crate::sse::Frame;
use crate::wire::fold::Tree;
use crate::wire::raw::RawObject;
use crate::wire::shape::Text;
use crate::wire::{FrameFold, ReplyContext};

/// Merges a stream into the whole reply. Top-level fields of chunks describe the reply, so the last value counts, also for
/// strings. A choice's `delta` becomes its `message`. Call numbers and padding belong to streams only.
#[derive(Debug, Default)]
pub struct Fold {
    whole: Tree,
    choices: Tree,
    /// Whether the last frame only added a piece of text.
    added_text: bool,
}

impl FrameFold for Fold {
    fn add(&mut self, frame: &Frame<'_>) -> Result<(), UpstreamError> {
        if frame.data.trim() == DONE {
            return Ok(());
        }
        self.added_text = false;
        for (name, value) in Tree::read(frame.data)?.into_fields() {
            match name.as_str() {
                "choices" => self.add_choices(value),
                // Padding against traffic analysis, in streams only.
                "obfuscation" => {}
                _ => self.whole.replace(&name, value),
            }
        }
        Ok(())
    }

    fn add_text(&mut self, text: &str) -> bool {
        let [choice] = self.choices.items_mut() else { return false };
        let content = choice.get_mut("message").and_then(|message| message.get_mut("content"));
        self.added_text && content.is_some_and(|content| content.append(text))
    }

    fn whole(&mut self) -> Result<String, UpstreamError> {
        self.whole.set("object", Tree::Text("chat.completion".to_owned()));
        for choice in self.choices.items_mut() {
            let Some(message) = choice.get_mut("message") else { continue };
            if message.get("role").is_none() {
                message.set("role", Tree::Text("assistant".to_owned()));
            }
            for name in ["content", "refusal"] {
                if message.get(name).is_none() {
                    message.set(name, Tree::Scalar("null".into()));
                }
            }
            if let Some(calls) = message.get_mut("tool_calls") {
                // Call numbers belong to streams.
                calls.items_mut().iter_mut().for_each(|call| drop(call.take("index")));
            }
        }
        self.whole.set("choices", std::mem::replace(&mut self.choices, Tree::List(Vec::new())));
        Ok(serde_json::to_string(&self.whole)?)
    }
}

impl Fold {
    fn add_choices(&mut self, mut choices: Tree) {
        for choice in choices.items_mut() {
            if let Some(delta) = choice.take("delta").filter(|delta| !delta.is_null()) {
                choice.set("message", delta);
            }
            if choice.index().is_none() {
                // There is one choice: without a number it is the first.
                choice.set("index", Tree::Scalar("0".into()));
            }
        }
        self.added_text = matches!(choices.items_mut(), [choice] if choice.growing() == 1
            && choice.get("message").and_then(|message| message.get("content")).is_some_and(|text| text.growing() == 1));
        match &self.choices {
            Tree::List(_) => self.choices.merge(choices),
            Tree::Scalar(_) | Tree::Text(_) | Tree::Object(_) => self.choices = choices,
        }
    }
}

#[derive(Deserialize)]
struct CallShape<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(rename = "type", borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    function: FunctionShape<'a>,
}

#[derive(Deserialize)]
struct FunctionShape<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    arguments: &'a RawValue,
}

/// Corrects a reply for its client: the gateway's id, model and usage replace the provider's, and what contradicts the
/// checked reply changes. Everything else stays as the provider wrote it.
pub fn corrected(body: &str, reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error> {
    let mut fields = RawObject::parse(body)?;
    fields.set("id", &context.identity.id)?;
    fields.set("model", context.identity.model.as_str())?;
    if let Some(usage) = &reply.usage {
        fields.set("usage", &ClientUsage::new(usage, context.cost_of(usage)))?;
    }
    let text = fields.get("choices").unwrap_or("[]").to_owned();
    let mut choices: Vec<RawObject<'_>> = serde_json::from_str(&text)?;
    let Some(choice) = choices.first_mut() else { return fields.to_json() };
    let mut is_changed = false;
    let text = |name: &str| choice.get(name).and_then(|word| serde_json::from_str::<Text<'_>>(word).ok());
    let (word, native) = (text("finish_reason"), text("native_finish_reason"));
    let native = native.as_ref().map(|native| native.0.as_ref());
    if !word.is_some_and(|word| is_true_word(exact_word(&word.0, native), &reply.finish)) {
        choice.set("finish_reason", finish_word(&reply.finish))?;
        is_changed = true;
    }
    let text = choice.get("message").unwrap_or("{}").to_owned();
    let mut message = RawObject::parse(&text)?;
    if correct_message(&mut message, reply)? {
        choice.set("message", &message)?;
        is_changed = true;
    }
    if is_changed {
        let choices = to_raw_value(&choices)?;
        fields.set("choices", &choices)?;
    }
    fields.to_json()
}

/// Corrects a message. Returns true if anything was wrong.
fn correct_message(message: &mut RawObject<'_>, reply: &ChatResponse) -> Result<bool, serde_json::Error> {
    let mut is_changed = false;
    let content = message.get("content").unwrap_or("");
    let is_blocked = reply.refusal.is_some() && matches!(content, "\"\"" | "");
    if !(content.starts_with('"') || content == "null") || is_blocked {
        let text = joined(reply, |part| if let Part::Text { text, .. } = part { text } else { "" });
        message.set("content", &Some(text).filter(|text| !text.is_empty()))?;
        is_changed = true;
    }
    let is_told = message.get("refusal").is_some_and(|words| words.starts_with('"'));
    if let Some(words) = reply.refusal.as_ref().filter(|_| !is_told) {
        message.set("refusal", words)?;
        is_changed = true;
    }
    let thought = joined(reply, |part| if let Part::Reasoning { text, .. } = part { text } else { "" });
    let is_silent = |name: &str| !message.get(name).is_some_and(|text| text.starts_with('"') && text != "\"\"");
    if !thought.is_empty() && is_silent("reasoning") && is_silent("reasoning_content") {
        message.set("reasoning_content", &thought)?;
        message.set("reasoning", &thought)?;
        is_changed = true;
    }
    let calls = calls_of(reply);
    if let Some(corrected) = corrected_calls(message.get("tool_calls").unwrap_or("null"), &calls)? {
        if calls.is_empty() {
            message.remove("tool_calls");
        } else {
            message.set("tool_calls", &corrected)?;
        }
        is_changed = true;
    }
    Ok(is_changed)
}

fn joined(reply: &ChatResponse, of: fn(&Part) -> &str) -> String {
    reply.parts.iter().map(of).collect()
}

/// The correct calls, if the provider's differ. If their number is the same, the provider's other fields stay.
fn corrected_calls(written: &str, calls: &[WholeCall<'_>]) -> Result<Option<Box<RawValue>>, serde_json::Error> {
    if are_same(written, calls) {
        return Ok(None);
    }
    let written = serde_json::from_str::<Option<Vec<RawObject<'_>>>>(written).unwrap_or_default().unwrap_or_default();
    if written.len() != calls.len() {
        return to_raw_value(calls).map(Some);
    }
    let corrected = written.into_iter().zip(calls).map(|(mut written, call)| {
        let function = written.get("function").unwrap_or("{}").to_owned();
        let mut function = RawObject::parse(&function).unwrap_or_default();
        function.set("name", &call.function.name)?;
        function.set("arguments", call.function.arguments)?;
        written.set("id", call.id)?;
        written.set("type", "function")?;
        written.set("function", &function)?;
        Ok(written)
    });
    to_raw_value(&corrected.collect::<Result<Vec<_>, serde_json::Error>>()?).map(Some)
}

/// Whether the provider's calls are correct.
fn are_same(written: &str, calls: &[WholeCall<'_>]) -> bool {
    let Ok(written) = serde_json::from_str::<Option<Vec<CallShape<'_>>>>(written) else { return false };
    let written = written.unwrap_or_default();
    let is_same = |(written, call): (&CallShape<'_>, &WholeCall<'_>)| {
        let CallShape { id, kind, function: FunctionShape { name, arguments } } = written;
        let is_text = arguments.get().starts_with('"');
        id.as_ref().is_some_and(|id| id.0 == call.id)
            && kind.as_ref().is_some_and(|kind| kind.0 == "function")
            && Some(name.0.as_ref()) == call.function.name
            && is_text
            && Arguments::of(arguments).text() == call.function.arguments
    };
    written.len() == calls.len() && written.iter().zip(calls).all(is_same)
}
