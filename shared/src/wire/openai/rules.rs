//! What OpenRouter and the models behind it accept: rules for every request, forwarded or translated. The forwarder applies
//! them as edits, the encoder while writing.

mod gemini;
mod kimi;
pub(super) mod media;
pub(super) mod mistral;
mod names;
mod patterns;
mod reasoning;
mod schemas;
mod strict;

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::capability::SamplingSupport;
use crate::chat::Turns;
use crate::chat::turns::{IdRule, Piece};
use crate::wire::claude_schema::{self, SchemaError, StrictTools};
use crate::wire::target::Target;
use crate::wire::{names as plain_names, schema_ref};
pub(super) use names::{schema_name, speaker, takes_tool_name, tool_name_rule};
pub(super) use reasoning::{
    SeparateBudget, calls_without_thinking, counts_thoughts, fitted_budget, has_claudes_budget, is_silent, is_tight,
    known_effort, knows_none, least_effort, rejects_silence, replaces_amount, separate_budget, thinks_unasked, unasked,
    verbosity, wants_thoughts_of_calls,
};
pub(super) use schemas::tool_schema;
pub(super) use strict::allows_strict;

/// Longest call id that OpenAI accepts.
const LONGEST_ID: usize = 64;

/// Maximum number of stop sequences that OpenRouter accepts.
const MAX_STOPS: usize = 4;

/// The stop sequences that a model accepts: none if it rejects them, no empty ones, no white space for Claude, and at most
/// four.
pub(super) fn stops(stops: Vec<String>, target: &Target<'_>) -> Vec<String> {
    let most = if target.capabilities.refuses_stop { 0 } else { MAX_STOPS };
    let is_taken = |stop: &String| if is_claude(target.upstream) { !stop.trim().is_empty() } else { !stop.is_empty() };
    stops.into_iter().filter(is_taken).take(most).collect()
}

/// Longest user id that a model accepts: OpenRouter's limit (ujisati/claude-code-provider-proxy#11), or OpenAI's (`Invalid
/// 'user': string too long. Expected a string with maximum length 64`).
pub(super) fn longest_user(upstream: &str) -> usize {
    if is_openai(upstream) { LONGEST_KEY } else { 128 }
}
/// Longest cache key and longest `safety_identifier` that OpenAI accepts (earendil-works/pi#4719; its API reference).
pub(super) const LONGEST_KEY: usize = 64;

/// Shortens a name that only needs to be unique. A longer name is cut and gets a checksum. Nothing is lost.
pub(super) fn told_apart(name: &str, longest: usize) -> Cow<'_, str> {
    if name.chars().count() <= longest { Cow::Borrowed(name) } else { Cow::Owned(plain_names::with_checksum(name)) }
}

/// How a model spells call ids. Claude rejects other characters than letters, digits, `_` and `-` behind OpenRouter too
/// (openclaw/openclaw#10223, braintrustdata/braintrust-sdk-javascript#1339).
pub(super) fn call_ids(upstream: &str) -> IdRule {
    if mistral::serves(upstream) {
        mistral::call_id
    } else if is_claude(upstream) {
        plain_names::call_id
    } else {
        call_id
    }
}

/// A call id, unchanged if possible. Kimi's ids contain the number of the call, and Kimi needs them back unchanged.
fn call_id(id: &str) -> String {
    if (1..=LONGEST_ID).contains(&id.len()) { id.to_owned() } else { plain_names::call_id(id) }
}

/// The text of a tool message whose content the message cannot hold: it accepts only text, and the rest follows in a user
/// message.
pub(super) const fn attached(pictures_only: bool) -> &'static str {
    if pictures_only {
        "(A picture follows in the next user message.)"
    } else {
        "(A file follows in the next user message.)"
    }
}

/// The vendors that sign reasoning: the beginning of their models' names and OpenRouter's formats of their entries. Azure
/// serves OpenAI's models (openrouter.ai, API reference of `ReasoningFormat`).
const SIGNERS: [(&str, &[&str]); 4] =
    [(CLAUDE, &["anthropic-"]), ("google/", &["google-"]), ("openai/", &["openai-", "azure-openai-"]), ("x-ai/", &["xai-"])];

/// The beginning of the names of Claude models.
const CLAUDE: &str = "anthropic/";

/// Whether an entry of `reasoning_details` goes back to a model: vendors read only their own formats. A signed entry without
/// a format is Claude's (OpenRouter's default), an unsigned entry without a format belongs to no vendor, like the format
/// `unknown`.
pub(super) fn takes_details(upstream: &str, format: Option<&str>, is_signed: bool) -> bool {
    let is_of = |formats: &[&str]| format.is_some_and(|format| formats.iter().any(|start| format.starts_with(start)));
    let reader = SIGNERS.iter().find(|(vendor, _)| upstream.starts_with(vendor));
    match reader {
        Some((vendor, _)) if format.is_none() => is_signed && *vendor == CLAUDE,
        Some((_, formats)) => is_of(formats),
        None if format.is_none() => !is_signed,
        None => !SIGNERS.iter().any(|(_, formats)| is_of(formats)),
    }
}

/// Whether it is a Claude model, for which cache marks count.
pub(super) fn is_claude(upstream: &str) -> bool {
    upstream.starts_with(CLAUDE)
}

/// Whether it is a Gemini model. A cache mark makes it store a cache at an extra price, while it caches automatically
/// without one.
pub(super) fn is_gemini(upstream: &str) -> bool {
    upstream.starts_with("google/")
}

/// Whether a model with this sampling support accepts penalties and log probabilities: OpenAI's reasoning models reject them
/// together.
pub(super) const fn takes_penalties(support: SamplingSupport) -> bool {
    match support {
        SamplingSupport::All | SamplingSupport::One | SamplingSupport::Draws => true,
        SamplingSupport::WithoutThinking | SamplingSupport::Nothing => false,
    }
}

/// Whether the model rejects a conversation that ends with the assistant.
pub(super) fn refuses_prefill(target: &Target<'_>) -> bool {
    let upstream = target.upstream;
    !target.capabilities.prefill && (is_claude(upstream) || is_gemini(upstream) || mistral::serves(upstream))
}

/// Removes reasoning without an answer. Claude rejects it at the end of a conversation (router-for-me/CLIProxyAPI#5322,
/// NousResearch/hermes-agent#13010); elsewhere its signed reasoning stays. Other vendors reject an assistant message without
/// content (Moonshot: MoonshotAI/kimi-code#1985, AstrBotDevs/AstrBot#7200; OpenAI: continuedev/continue#9838).
pub(super) fn drop_reasoning_alone<P: Piece>(turns: &mut Turns<P>, upstream: &str) {
    if is_claude(upstream) { turns.drop_trailing_reasoning() } else { turns.drop_bare_reasoning() }
}

/// Whether a model accepts instructions only as the first message. Qwen's chat template raises `System message must be at
/// the beginning` (anomalyco/opencode#42909, farion1231/cc-switch#1921), `MiniMax` answers `invalid chat setting`
/// (MiniMax-AI/MiniMax-M2#51), and Mistral rejects them after the assistant (SillyTavern/SillyTavern#1558).
pub(super) fn instructs_first(upstream: &str) -> bool {
    is_qwen(upstream) || upstream.starts_with("minimax/") || mistral::serves(upstream)
}

/// Whether it is an OpenAI model.
pub(super) fn is_openai(upstream: &str) -> bool {
    upstream.starts_with("openai/")
}

/// Between the texts of a message that become one.
pub(super) const BETWEEN_TEXTS: &str = "\n\n";
/// Between the texts of a tool's result.
pub(super) const BETWEEN_RESULTS: &str = "\n";

/// Whether a model reads results and its own messages as lists of texts. Only some open models do, and Qwen needs a list for
/// its cache marks.
pub(super) fn reads_lists(upstream: &str, has_marks: bool) -> bool {
    is_openai(upstream) || is_claude(upstream) || is_gemini(upstream) || has_marks && is_qwen(upstream)
}

/// Whether it is an xAI model (Grok).
fn is_grok(upstream: &str) -> bool {
    upstream.starts_with("x-ai/")
}

/// Whether it is a Moonshot model (Kimi).
fn is_kimi(upstream: &str) -> bool {
    upstream.starts_with("moonshotai/")
}

fn is_qwen(upstream: &str) -> bool {
    upstream.starts_with("qwen/")
}

fn is_deepseek(upstream: &str) -> bool {
    upstream.starts_with("deepseek/")
}

/// The strict tools of a request next to this response schema, before any is admitted. Claude compiles them together.
pub(super) fn strict_tools(upstream: &str, answer: Option<&RawValue>) -> StrictTools {
    let sent = answer.filter(|_| is_claude(upstream)).and_then(|answer| claude_schema::output(answer).ok());
    StrictTools::beside(sent.as_deref())
}

/// Whether a model accepts a tool with this schema as strict, in addition to the earlier ones. Claude has its own limits for
/// the schema as it is sent.
pub(super) fn takes_strict(upstream: &str, schema: Option<&RawValue>, others: &mut StrictTools) -> bool {
    if is_claude(upstream) {
        let sent = claude_schema::tool_input(schema.unwrap_or(RawValue::NULL));
        return sent.is_ok_and(|sent| others.admits(&sent));
    }
    let sent = || tool_schema(upstream, schema).ok().flatten();
    !is_openai(upstream) || sent().is_some_and(|sent| allows_strict(&sent))
}

/// A response format as a model accepts it.
#[derive(Debug)]
pub(super) struct AnswerForm {
    /// The schema in its model's subset.
    pub(super) schema: Box<RawValue>,
    /// Whether it may be strict.
    pub(super) takes_strict: bool,
}

/// A response schema as a model accepts it: Claude closes every object and needs limits in words (platform.claude.com,
/// structured outputs).
pub(super) fn answer_form(upstream: &str, schema: &RawValue) -> Result<AnswerForm, SchemaError> {
    let sent = schemas::answer_schema(upstream, schema)?;
    let takes_strict = !is_openai(upstream) || allows_strict(&sent);
    Ok(AnswerForm { schema: sent, takes_strict })
}

/// Whether a response schema is requested in words: the model refuses it, Claude's form would close an object with free
/// property names, or OpenAI's root is not an object (`must be type object`: developers.openai.com, structured outputs).
pub(super) fn is_said_in_words(target: &Target<'_>, schema: &RawValue) -> bool {
    let upstream = target.upstream;
    target.capabilities.refuses_schemas
        || is_claude(upstream) && claude_schema::is_said_in_words(schema)
        || is_openai(upstream) && !has_object_root(schema)
}

/// Whether a request for a JSON object needs the word in its conversation, which `says_it` looks for: OpenAI, DeepSeek and
/// Qwen reject it otherwise (reVrost/go-openrouter#21 through OpenRouter, vercel/ai#7913, agno-agi/agno#5317).
pub(super) fn must_say_json(upstream: &str, says_it: impl FnOnce() -> bool) -> bool {
    (is_openai(upstream) || is_deepseek(upstream) || is_qwen(upstream)) && !says_it()
}

/// Whether a text has the word JSON, in any case.
pub(super) fn has_word_json(text: &str) -> bool {
    text.as_bytes().windows(4).any(|word| word.eq_ignore_ascii_case(b"json"))
}

/// Whether the root of a schema is an object.
fn has_object_root(schema: &RawValue) -> bool {
    let Ok(mut root) = schema_ref::parse(schema) else { return true };
    schema_ref::write_out_root(&mut root);
    let is_union = || ["allOf", "anyOf", "oneOf"].iter().any(|union| root.get(union).is_some());
    root.get("type").is_some_and(|kind| kind == "object") && !is_union()
}

/// Whether the user must open the conversation: only OpenAI's models answer instructions without a user message (Anthropic's
/// and Google's API references; the chat template of Qwen's models raises `No user query found in messages`).
pub(super) fn needs_user(upstream: &str) -> bool {
    !is_openai(upstream)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::capability::Capabilities;

    /// A target with these capabilities.
    pub(super) fn target<'a>(capabilities: &'a Capabilities, upstream: &'a str) -> Target<'a> {
        let (max_output_tokens, default_output, context_window) = (1, 1, 1);
        Target { capabilities, max_output_tokens, default_output, must_say_limit: false, context_window, upstream }
    }

    #[test]
    fn a_stop_is_one_that_the_model_takes() {
        let given = || ["", " ", "a", "b", "c", "d"].map(str::to_owned).to_vec();
        let taken = |upstream, refuses_stop| {
            let capabilities = Capabilities { refuses_stop, ..Capabilities::default() };
            stops(given(), &target(&capabilities, upstream))
        };
        assert_eq!(taken("openai/gpt-5.5", false), [" ", "a", "b", "c"]);
        assert_eq!(taken("openai/gpt-5.2", true), [""; 0]);
        assert_eq!(taken("anthropic/claude-opus-4.6", false), ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_strict_schema_closes_its_objects_and_requires_all_their_properties() {
        for (schema, is_strict) in [
            (r#"{"type":"object","properties":{"a":{"type":"null"}},"required":["a"],"additionalProperties":false}"#, true),
            (r#"{"type":"object","properties":{"a":{}},"additionalProperties":false}"#, false),
            (r#"{"type":"object","properties":{"a":{}},"required":["a"]}"#, false),
            (
                r#"{"type":"object","properties":{"a":{"type":"object"}},"required":["a"],"additionalProperties":false}"#,
                false,
            ),
            (r#"{"type":"string"}"#, true),
        ] {
            let raw = RawValue::from_string(schema.to_owned()).unwrap();
            assert_eq!(allows_strict(&raw), is_strict, "{schema}");
        }
    }

    #[test]
    fn ids_stay_unless_they_are_empty_or_too_long() {
        assert_eq!(call_id("functions.look:0"), "functions.look:0");
        assert!((1..=LONGEST_ID).contains(&call_id(&"x".repeat(90)).len()));
    }
}
