//! The text of the simulator's answers. The same request always gives the same words.

use super::answer_form::AnswerForm;
use super::journal::SimulatedUsage;
use super::marker::without_markers;
use super::model_request::{ModelRequest, Thinking, Tool};
use super::reply::{Call, Finish, Reply};
use super::room::Said;
use super::sample::sample;
use super::scenario::Scenario;
use super::script::Script;
use super::signature;
use super::wire::Wire;
use super::{dearest, list_price};

/// The echo's limit in characters.
const ECHO_LIMIT: usize = 2_000;
const THOUGHT: &str = "The user wants an answer. I will say who I am and repeat the question.";

/// The reply for the script.
pub(super) fn compose(request: &ModelRequest, script: &Script) -> Reply {
    let scenario = script.scenario;
    let calls = request.turn.as_ref().map_or_else(|| calls(request, scenario), |turn| turn.calls.clone());
    let thinking = thinking(request, scenario);
    let thoughts = if thinking == Thinking::Shown { words(&thought(request, scenario)) } else { Vec::new() };
    let words = if calls.is_empty() { words(&answer_text(request, scenario)) } else { Vec::new() };
    let finish = if calls.is_empty() { Finish::Stop } else { Finish::Call };
    let mut said = Said { thoughts, words, calls, finish };
    if scenario == Scenario::Truncated {
        said.words.truncate(said.words.len().div_ceil(2));
        said.finish = Finish::Length;
    }
    let said = said.cut(request.dearest.map(|usage| usage.output_tokens).or(request.output_limit));
    let usage = usage(request, script, &said);
    let Said { thoughts, words, calls, finish } = said;
    // A reply that reports all allowed tokens has reached its limit, although it has fewer words.
    let full = scenario == Scenario::Dearest { percent: 100 };
    let strict = matches!(scenario, Scenario::Strict { .. });
    let gemini_3 = strict && request.wire == Wire::Gemini && request.model.starts_with("gemini-3");
    Reply {
        model: request.model.clone(),
        thoughts,
        words,
        thought: thinking != Thinking::Hidden,
        calls,
        gemini_3,
        signature: signature::issue(request.wire, &request.model, request.tool_results),
        sources: script.sources,
        finish: if full { Finish::Length } else { finish },
        usage,
        tells_usage: !matches!(scenario, Scenario::NoUsage | Scenario::Long { tells_usage: false, .. }),
    }
}

/// The counted usage, or the most expensive one that is allowed.
fn usage(request: &ModelRequest, script: &Script, said: &Said) -> SimulatedUsage {
    let (output_tokens, reasoning_tokens) = (said.tokens(), said.thought_tokens());
    if let Some(dearest) = request.dearest {
        let unsaid = dearest.output_tokens.saturating_sub(output_tokens);
        let unsaid = if dearest::may_think(request) { unsaid } else { 0 };
        return SimulatedUsage { reasoning_tokens: reasoning_tokens + unsaid, ..dearest };
    }
    let counted = SimulatedUsage {
        input_tokens: request.input_tokens,
        cached_tokens: script.cached.min(request.input_tokens),
        output_tokens,
        reasoning_tokens,
        ..SimulatedUsage::default()
    };
    let cost_pico_usd = request.is_listed.then(|| list_price::pico_usd(&request.model, counted)).flatten();
    SimulatedUsage { cost_pico_usd, ..counted }
}

/// The text in pieces of one word each. Joined, they are the text, with all white space.
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

fn answer_text(request: &ModelRequest, scenario: Scenario) -> String {
    if let Some(turn) = &request.turn {
        return turn.text.clone();
    }
    if let Scenario::Long { words, bytes, .. } = scenario {
        let padded = |word: String| {
            let padding = "x".repeat(bytes.saturating_sub(word.len()));
            word + &padding
        };
        let numbered: Vec<String> = (1..=words).map(|number| padded(format!("word{number}"))).collect();
        return numbered.join(" ");
    }
    if let Scenario::Strict { steps, .. } = scenario
        && request.tool_results >= steps
    {
        return format!("done after {steps} steps");
    }
    let wire = request.wire.title();
    let (verb, quoted) = match &request.tool_result {
        Some(result) => ("The tool answered", result.clone()),
        None => ("You said", without_markers(&request.user_text)),
    };
    let echo: String = quoted.chars().take(ECHO_LIMIT).collect();
    let model = &request.model;
    let words = format!("Hello from the simulator. I simulate the model {model} in the {wire} format. {verb}: \"{echo}\"");
    request.answer_form.shaped(words)
}

/// The calls of a reply. A strict loop makes several at first and then one at a time; otherwise one call that is answered at
/// once, if the script or the request demands it.
fn calls(request: &ModelRequest, scenario: Scenario) -> Vec<Call> {
    let number = if let Scenario::Strict { steps, parallel } = scenario {
        let at_once = if request.tool_results == 0 { parallel } else { 1 };
        at_once.min(steps.saturating_sub(request.tool_results))
    } else {
        let is_due = scenario == Scenario::Tool || (scenario == Scenario::Echo && request.answer_form == AnswerForm::Call);
        usize::from(is_due && request.tool_result.is_none())
    };
    request.tools.iter().cycle().take(number).map(call).collect()
}

/// Whether the reply starts with reasoning. Most scenarios ignore what the request asks for.
fn thinking(request: &ModelRequest, scenario: Scenario) -> Thinking {
    if matches!(scenario, Scenario::Strict { .. }) {
        request.thinking
    } else if scenario == Scenario::Thinking {
        Thinking::Shown
    } else {
        Thinking::Hidden
    }
}

fn thought(request: &ModelRequest, scenario: Scenario) -> String {
    if matches!(scenario, Scenario::Strict { .. }) { strict_thought(request.tool_results) } else { THOUGHT.to_owned() }
}

fn strict_thought(step: usize) -> String {
    format!("I have the results of {step} calls so far and will see what comes next.")
}

/// Whether the reply after this many tool results may have reasoning with this text. Providers that sign their reasoning
/// also accept it without its text.
pub(super) fn is_thought(text: &str, step: usize) -> bool {
    text.is_empty() || text == THOUGHT || text == strict_thought(step)
}

fn call(tool: &Tool) -> Call {
    Call { name: tool.name.clone(), arguments: sample(&tool.schema).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_together_are_the_text() {
        let text = "  Two  words\nand more. ";
        assert_eq!(words(text), ["  Two", "  words", "\nand", " more.", " "]);
        assert_eq!(words(text).concat(), text);
        assert!(words("").is_empty());
    }

    #[test]
    fn tool_without_required_properties_is_called_with_an_empty_object() {
        assert_eq!(call(&Tool { name: "now".to_owned(), schema: serde_json::Value::Null }).arguments, "{}");
    }
}
