//! What the simulator says and how it counts: the same question always gives the same words and the same usage.
//!
//! - Input tokens: the bytes of all message, tool-result and system text, the marker included, divided by four, rounded up, at
//!   least 1. Tool declarations, call arguments and images count nothing.
//! - Output tokens: the whitespace-separated words of the reasoning, of the text, and of the tool call (its name and arguments).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::question::{Question, Tool};
use super::script::{Scenario, without_marker};
use super::{ids, journal::SimulatedUsage};

/// The echo's limit in characters.
const ECHO_LIMIT: usize = 2_000;
const THOUGHT: &str = "The user wants an answer. I shall say who I am and repeat the question.";

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Call,
    Length,
}

/// A tool call; the arguments are JSON text.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: String,
}

/// An answer before any wire has seen it.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) model: String,
    /// The words of the reasoning, each with the space before it.
    pub(super) thoughts: Vec<String>,
    /// The words of the answer, each with the space before it.
    pub(super) words: Vec<String>,
    pub(super) call: Option<Call>,
    pub(super) finish: Finish,
    pub(super) usage: SimulatedUsage,
    /// False if the script wants no word about usage.
    pub(super) tells_usage: bool,
}

impl Reply {
    pub(super) fn compose(question: &Question, scenario: Scenario) -> Self {
        let call = match &question.tool {
            Some(tool) if scenario == Scenario::Tool && question.tool_result.is_none() => Some(call(tool)),
            Some(_) | None => None,
        };
        let thoughts = if scenario == Scenario::Thinking { words(THOUGHT) } else { Vec::new() };
        let mut words = if call.is_some() { Vec::new() } else { words(&answer_text(question, scenario)) };
        let mut finish = if call.is_some() { Finish::Call } else { Finish::Stop };
        if scenario == Scenario::Truncated {
            words.truncate(words.len().div_ceil(2));
            finish = Finish::Length;
        }
        let call_words = call.as_ref().map_or(0, |call| 1 + count(&call.arguments));
        let usage = SimulatedUsage {
            input_tokens: question.input_tokens,
            output_tokens: count(&words.concat()) + count(&thoughts.concat()) + call_words,
            reasoning_tokens: count(&thoughts.concat()),
            cost_micro_usd: None,
        };
        let tells_usage = scenario != Scenario::NoUsage;
        Self { model: question.model.clone(), thoughts, words, call, finish, usage, tells_usage }
    }

    pub(super) fn text(&self) -> String {
        self.words.concat()
    }

    pub(super) fn thinking(&self) -> String {
        self.thoughts.concat()
    }

    /// The usage to report, if the script lets it be told.
    pub(super) fn told_usage(&self) -> Option<SimulatedUsage> {
        self.tells_usage.then_some(self.usage)
    }

    /// An opaque signature of the kind that providers attach to reasoning and to tool calls.
    pub(super) fn signature(&self) -> String {
        STANDARD.encode(format!("simulated signature of {} {}", self.model, ids::random(48)))
    }
}

/// Tokens for so many bytes of text.
pub(super) fn input_tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX).max(1)
}

/// Output tokens for this text.
pub(super) fn count(text: &str) -> u64 {
    u64::try_from(text.split_whitespace().count()).unwrap_or(u64::MAX)
}

/// The text in pieces of one word each; together they are the text, spaces and line ends included.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut word_seen = false;
    for letter in text.chars() {
        match pieces.last_mut() {
            Some(piece) if !(letter.is_whitespace() && word_seen) => piece.push(letter),
            Some(_) | None => {
                word_seen = false;
                pieces.push(letter.to_string());
            }
        }
        word_seen |= !letter.is_whitespace();
    }
    pieces
}

fn answer_text(question: &Question, scenario: Scenario) -> String {
    if let Scenario::Long { words } = scenario {
        let numbered: Vec<String> = (1..=words).map(|number| format!("word{number}")).collect();
        return numbered.join(" ");
    }
    let wire = question.wire.title();
    let (verb, quoted) = match &question.tool_result {
        Some(result) => ("The tool answered", result.clone()),
        None => ("You said", without_marker(&question.user_text)),
    };
    let echo: String = quoted.chars().take(ECHO_LIMIT).collect();
    format!("Hello from the simulator. I stand in for {} over the {wire} wire. {verb}: \"{echo}\"", question.model)
}

fn call(tool: &Tool) -> Call {
    Call { name: tool.name.clone(), arguments: minimal(&tool.schema, &tool.schema, 0).to_string() }
}

/// The smallest value a schema allows, as far as a stand-in needs to know: required properties, first choices, zeros.
fn minimal(schema: &Value, root: &Value, depth: u8) -> Value {
    // A schema may refer to itself.
    if depth > 8 {
        return Value::Null;
    }
    let next = |schema: &Value| minimal(schema, root, depth + 1);
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, next);
    }
    if let Some(value) = schema.get("const").or_else(|| schema.get("default")).or_else(|| schema.pointer("/enum/0")) {
        return value.clone();
    }
    if let Some(choice) = ["/anyOf/0", "/oneOf/0", "/allOf/0"].iter().find_map(|place| schema.pointer(place)) {
        return next(choice);
    }
    let kind = schema.get("type").and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()));
    match kind.unwrap_or(if depth == 0 { "object" } else { "string" }).to_ascii_lowercase().as_str() {
        "object" => {
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            let property = |name: &str| schema.get("properties").and_then(|all| all.get(name)).map_or(Value::Null, next);
            Value::Object(required.map(|name| (name.to_owned(), property(name))).collect::<Map<_, _>>())
        }
        "array" if schema.get("minItems").and_then(Value::as_u64).unwrap_or(0) > 0 => {
            Value::Array(schema.get("items").map(next).into_iter().collect())
        }
        "array" => Value::Array(Vec::new()),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| Value::from(1)),
        "boolean" => Value::Bool(true),
        "null" => Value::Null,
        _ => Value::from("simulated"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn words_together_are_the_text() {
        let text = "  Two  words\nand more. ";
        assert_eq!(words(text), ["  Two", "  words", "\nand", " more.", " "]);
        assert_eq!(words(text).concat(), text);
        assert!(words("").is_empty());
    }

    #[test]
    fn input_tokens_are_a_quarter_of_the_bytes_rounded_up() {
        assert_eq!([0, 1, 4, 5, 8].map(input_tokens), [1, 1, 1, 2, 2]);
    }

    #[test]
    fn arguments_hold_the_required_properties_only() {
        let schema = parsed(
            r##"{"type":"object","required":["city","unit","days","at"],"properties":{
                "city":{"type":"STRING"},"unit":{"enum":["c","f"]},"days":{"type":["integer","null"],"minimum":2},
                "at":{"$ref":"#/$defs/at"},"more":{"type":"string"}},
                "$defs":{"at":{"type":"object","required":["x"],"properties":{"x":{"type":"boolean"}}}}}"##,
        );
        let expected = parsed(r#"{"city":"simulated","unit":"c","days":2,"at":{"x":true}}"#);
        assert_eq!(minimal(&schema, &schema, 0), expected);
    }

    #[test]
    fn tool_without_required_properties_is_called_with_an_empty_object() {
        assert_eq!(call(&Tool { name: "now".to_owned(), schema: Value::Null }).arguments, "{}");
    }

    #[test]
    fn schema_that_refers_to_itself_ends() {
        let schema = parsed(r##"{"type":"object","required":["self"],"properties":{"self":{"$ref":"#"}}}"##);
        assert!(minimal(&schema, &schema, 0).is_object());
    }
}
