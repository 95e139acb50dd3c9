//! A request after its wire has been read: what the simulator needs to know to answer it.

use serde_json::Value;

use super::script::has_marker;
use super::text;
use super::wire::Wire;

/// How the answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// In one piece.
    Whole,
    /// As server-sent events.
    Events,
    /// As one JSON array that grows (Gemini without `alt=sse`).
    Array,
    /// Only the number of input tokens.
    Count,
}

/// Whether the request wants to see the reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It does not ask for any.
    #[default]
    Hidden,
    /// It wants the signature without the text.
    Sealed,
    /// It wants the text.
    Shown,
}

/// A tool that may be called.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) schema: Value,
}

/// One question, whichever wire asked it.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) wire: Wire,
    pub(super) mode: Mode,
    pub(super) model: String,
    pub(super) input_tokens: u64,
    /// The text of the last user message that has any.
    pub(super) user_text: String,
    /// The text of the last user message that has a marker.
    pub(super) marked_text: String,
    /// What the tools answered, if the last message says that.
    pub(super) tool_result: Option<String>,
    /// How many results of tools the whole conversation holds.
    pub(super) tool_results: usize,
    /// The tools that may be called, in the order of their declaration.
    pub(super) tools: Vec<Tool>,
    pub(super) thinking: Thinking,
}

impl Question {
    pub(super) fn new(wire: Wire, mode: Mode, model: &str, transcript: Transcript) -> Self {
        Self {
            wire,
            mode,
            model: model.to_owned(),
            input_tokens: text::input_tokens(transcript.bytes),
            user_text: transcript.user_text,
            marked_text: transcript.marked_text,
            tool_result: transcript.tool_result,
            tool_results: transcript.tool_results,
            tools: Vec::new(),
            thinking: Thinking::Hidden,
        }
    }

    pub(super) fn with_tools(mut self, tools: Vec<Tool>) -> Self {
        self.tools = tools;
        self
    }

    pub(super) fn with_thinking(mut self, thinking: Thinking) -> Self {
        self.thinking = thinking;
        self
    }
}

/// A request that is answered with an error before any script is read.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) shape: Shape,
    pub(super) message: String,
}

/// Who speaks in an error: the provider's own API or Google's platform in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Own,
    Google,
}

impl Refusal {
    pub(super) fn own(status: u16, message: &str) -> Self {
        Self { status, shape: Shape::Own, message: message.to_owned() }
    }

    pub(super) fn google(status: u16, message: &str) -> Self {
        Self { status, shape: Shape::Google, message: message.to_owned() }
    }
}

/// The texts of a conversation, told message by message.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    bytes: usize,
    user_text: String,
    marked_text: String,
    tool_result: Option<String>,
    tool_results: usize,
}

impl Transcript {
    /// Text of the system or of the assistant: it only counts.
    pub(super) fn other(&mut self, texts: &[&str]) {
        self.tool_result = None;
        self.count(texts);
    }

    /// A message of the user.
    pub(super) fn user(&mut self, texts: &[&str]) {
        self.tool_result = None;
        self.count(texts);
        // Clients append reminders of their own to what the user typed, so the marker may not be in the last part.
        let marked = texts.iter().rev().find(|text| has_marker(text));
        if let Some(text) = marked {
            (*text).clone_into(&mut self.marked_text);
        }
        if let Some(text) = marked.or(texts.last()) {
            (*text).clone_into(&mut self.user_text);
        }
    }

    /// A message of tool results, perhaps with text beside them. Unless that text has a marker of its own, the script of the
    /// question that led to the call stays in force.
    pub(super) fn results(&mut self, results: &[String], texts: &[&str]) {
        self.count(texts);
        self.tool_results += results.len();
        for result in results {
            self.bytes += result.len();
            let said = self.tool_result.get_or_insert_default();
            if !said.is_empty() {
                said.push('\n');
            }
            said.push_str(result);
        }
        if let Some(text) = texts.iter().rev().find(|text| has_marker(text)) {
            (*text).clone_into(&mut self.user_text);
            (*text).clone_into(&mut self.marked_text);
        }
    }

    fn count(&mut self, texts: &[&str]) {
        self.bytes += texts.iter().map(|text| text.len()).sum::<usize>();
    }
}

/// The elements of an array field; none if it is absent or something else.
pub(super) fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// A string field.
pub(super) fn string<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str)
}

/// The texts of a `content` that is either a string or a list of parts with a `text`.
pub(super) fn texts(content: Option<&Value>) -> Vec<&str> {
    match content {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| string(part, "text")).collect(),
        Some(_) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_stays_in_force_after_its_tool_call() {
        let mut transcript = Transcript::default();
        transcript.user(&["[[sim:tool label=x]]"]);
        transcript.other(&[]);
        transcript.results(&["18 degrees".to_owned(), "rain".to_owned()], &["a reminder"]);
        assert_eq!(transcript.user_text, "[[sim:tool label=x]]");
        assert_eq!(transcript.tool_result.as_deref(), Some("18 degrees\nrain"));
    }

    #[test]
    fn marked_part_wins_over_a_later_reminder() {
        let mut transcript = Transcript::default();
        transcript.user(&["[[sim:echo]] hello", "a reminder"]);
        assert_eq!(transcript.user_text, "[[sim:echo]] hello");
        transcript.user(&["first", "last"]);
        assert_eq!(transcript.user_text, "last");
    }
}
