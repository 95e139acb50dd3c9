//! What OpenRouter and the models behind it accept: rules for every request, forwarded or translated. The forwarder applies
//! them as edits, the encoder while writing.

mod kimi;
pub(super) mod media;
pub(super) mod mistral;
mod names;
mod patterns;
mod schemas;

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::capability::{Capabilities, ForcedCalls, SamplingSupport, Thinking, ThinkingOff};
use crate::chat::Turns;
use crate::chat::request::{Amount, Effort, Reasoning, ToolChoice};
use crate::chat::turns::{IdRule, Piece};
use crate::wire::claude_schema::{self, SchemaError, StrictTools};
use crate::wire::target::Target;
use crate::wire::{effort, names as plain_names, schema_ref};
pub(super) use names::{schema_name, speaker, takes_tool_name, tool_name_rule};
pub(super) use schemas::tool_schema;

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

/// Longest user id that OpenRouter accepts (ujisati/claude-code-provider-proxy#11).
pub(super) const LONGEST_USER: usize = 128;
/// Longest cache key and longest `safety_identifier` that OpenAI accepts (earendil-works/pi#4719; its API reference).
pub(super) const LONGEST_KEY: usize = 64;

/// Shortens a name that only needs to be unique. A longer name is cut and gets a checksum. Nothing is lost.
pub(super) fn told_apart(name: &str, longest: usize) -> Cow<'_, str> {
    if name.chars().count() <= longest { Cow::Borrowed(name) } else { Cow::Owned(plain_names::with_checksum(name)) }
}

/// How a model spells call ids.
pub(super) fn call_ids(upstream: &str) -> IdRule {
    if mistral::serves(upstream) { mistral::call_id } else { call_id }
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

/// The effort that a model supports: the next lower one, or its lowest. Unchanged if its efforts are unknown.
pub(super) fn known_effort(wanted: Effort, capabilities: &Capabilities) -> Effort {
    if capabilities.thinking != Thinking::Effort {
        return wanted;
    }
    next_known(wanted, &capabilities.efforts).unwrap_or(wanted)
}

/// The next lower word, or the lowest; `None` if there is none.
fn next_known(wanted: Effort, words: &[String]) -> Option<Effort> {
    let words = words.iter().filter_map(|word| Effort::parse(word));
    let (not_above, above): (Vec<Effort>, Vec<Effort>) = words.partition(|known| *known <= wanted);
    not_above.into_iter().max().or_else(|| above.into_iter().min())
}

/// Whether a model with this sampling support accepts penalties and log probabilities: OpenAI's reasoning models reject them
/// together.
pub(super) const fn takes_penalties(support: SamplingSupport) -> bool {
    match support {
        SamplingSupport::All | SamplingSupport::One | SamplingSupport::Draws => true,
        SamplingSupport::WithoutThinking | SamplingSupport::Nothing => false,
    }
}

/// Whether a model's reasoning has a budget in tokens, and not only an effort that OpenRouter converts.
pub(super) const fn counts_thoughts(capabilities: &Capabilities) -> bool {
    match capabilities.thinking {
        Thinking::Budget | Thinking::Adaptive | Thinking::GeminiBudget => true,
        Thinking::None | Thinking::AdaptiveOnly | Thinking::GeminiLevel | Thinking::Effort | Thinking::Switch => false,
    }
}

/// The reasoning budget within the model's range and an output limit, with room for an answer. Smaller budgets are raised to
/// Claude's smallest budget. Returns `None` if even that budget does not fit.
pub(super) fn fitted_budget(wanted: u64, limit: Option<u64>, target: &Target<'_>) -> Option<u64> {
    const LEAST: u64 = 1_024;
    let wanted = if is_claude(target.upstream) { wanted.max(LEAST) } else { wanted };
    let wanted = target.capabilities.budget.map_or(wanted, |(least, most)| wanted.clamp(least, most.max(least)));
    let room = effort::room_for_thoughts(limit.unwrap_or(target.max_output_tokens));
    Some(wanted.min(room)).filter(|budget| *budget >= LEAST.min(wanted))
}

/// A reasoning budget next to an output limit that does not count reasoning.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeparateBudget {
    /// The budget in tokens.
    pub(super) tokens: u64,
    /// Whether it is lower than the client requests.
    pub(super) is_lowered: bool,
}

/// The reasoning budget that a body with an output limit needs, if the limit does not count reasoning. It is smaller
/// than the limit, as if both counted together.
pub(super) fn separate_budget(amount: Amount, limit: Option<u64>, target: &Target<'_>) -> Option<SeparateBudget> {
    let limit = limit.filter(|_| target.capabilities.limit_excludes_thinking)?;
    let most = target.capabilities.budget.map_or(u64::MAX, |(_, most)| most);
    let wanted = match amount {
        Amount::Budget(tokens) => tokens,
        Amount::Effort(effort) | Amount::EffortAlone(effort) | Amount::Adaptive(Some(effort)) => {
            effort::qwen_budget(effort, most)
        }
        // The least that the model does, which is named where it is decided.
        Amount::Off => 0,
        Amount::Default | Amount::Adaptive(None) => most,
    };
    let is_asked = !matches!(amount, Amount::Default | Amount::Adaptive(None));
    let tokens = wanted.min(most).min(effort::room_for_thoughts(limit)).max(1);
    Some(SeparateBudget { tokens, is_lowered: is_asked && tokens < wanted })
}

/// Whether an output limit leaves no room for Claude's smallest budget.
pub(super) fn is_tight(limit: Option<u64>, target: &Target<'_>) -> bool {
    is_claude(target.upstream) && limit.is_some() && fitted_budget(u64::MAX, limit, target).is_none()
}

/// The effort for a client that wants no reasoning from a model that always reasons: its lowest. OpenRouter refuses to
/// switch mandatory reasoning off (its model list, `reasoning.mandatory`).
pub(super) fn least_effort(capabilities: &Capabilities) -> Option<Effort> {
    let must_think = match capabilities.thinking {
        Thinking::Effort => !knows_none(capabilities),
        Thinking::GeminiLevel => true,
        Thinking::GeminiBudget => capabilities.budget.is_some_and(|(least, _)| least > 0),
        Thinking::Adaptive | Thinking::AdaptiveOnly => {
            matches!(capabilities.thinking_off, ThinkingOff::BetweenTools | ThinkingOff::Never)
        }
        Thinking::None | Thinking::Budget | Thinking::Switch => false,
    };
    let words = capabilities.efforts.iter().filter_map(|word| Effort::parse(word));
    must_think.then(|| words.min().unwrap_or(Effort::Minimal))
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

/// Whether OpenRouter gives Claude a reasoning budget for this amount. Claude does not combine a budget with a forced call,
/// a prefilled answer, or a tool turn without signed reasoning (platform.claude.com, extended thinking, feature
/// compatibility and tool use).
pub(super) fn has_claudes_budget(target: &Target<'_>, amount: Amount) -> bool {
    let is_budget = match (target.capabilities.thinking, amount) {
        (_, Amount::Default | Amount::Off | Amount::EffortAlone(_)) => false,
        (thinking, amount) => {
            thinking == Thinking::Budget || thinking == Thinking::Adaptive && matches!(amount, Amount::Budget(_))
        }
    };
    is_claude(target.upstream) && is_budget
}

/// Whether the request leaves reasoning on for a model that then requires the reasoning of every call in the history
/// (`thinking is enabled but reasoning_content is missing in assistant tool call message`: earendil-works/pi#987 through
/// OpenRouter, QuantumNous/new-api#3121; for DeepSeek earendil-works/pi#3636 and api-docs.deepseek.com, thinking mode). If
/// one is missing, the model answers without reasoning.
pub(super) fn wants_thoughts_of_calls(target: &Target<'_>, asked: Reasoning) -> bool {
    // Both reason by default (api-docs.deepseek.com, thinking mode; danny-avila/LibreChat#13366 and earendil-works/pi#1517
    // through OpenRouter).
    asked.amount != Amount::Off
        && (is_kimi(target.upstream) || is_deepseek(target.upstream))
        && target.capabilities.unsigned_reasoning
}

/// Whether a forced call switches reasoning off.
pub(super) fn calls_without_thinking(target: &Target<'_>, choice: &ToolChoice) -> bool {
    target.capabilities.forced_calls == ForcedCalls::WithoutThinking && choice.is_forced()
}

/// Whether it is an OpenAI model.
pub(super) fn is_openai(upstream: &str) -> bool {
    upstream.starts_with("openai/")
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

/// Whether a response schema is requested in words: Claude's form would close an object with free property names, and
/// OpenAI's root is an object (`must be type object`: developers.openai.com, structured outputs).
pub(super) fn is_said_in_words(upstream: &str, schema: &RawValue) -> bool {
    is_claude(upstream) && claude_schema::is_said_in_words(schema) || is_openai(upstream) && !has_object_root(schema)
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
    let root = schema_ref::parse(schema).ok();
    root.is_none_or(|root| root.get("type").is_some_and(|kind| kind == "object") || root.get("$ref").is_some())
}

/// Whether a model reasons by default.
pub(super) fn thinks_unasked(capabilities: &Capabilities) -> bool {
    match capabilities.thinking {
        Thinking::GeminiLevel | Thinking::GeminiBudget => true,
        Thinking::Effort => {
            capabilities.default_effort.as_deref().map_or_else(|| !knows_none(capabilities), |word| word != "none")
        }
        Thinking::None | Thinking::Budget | Thinking::Adaptive | Thinking::AdaptiveOnly | Thinking::Switch => false,
    }
}

/// The verbosity that a model accepts. Claude's is its effort without reasoning: one of its words, the next lower one or its
/// lowest; `None` if it has no words. OpenAI's ends at `high`.
pub(super) fn verbosity(wanted: Effort, target: &Target<'_>) -> Option<Effort> {
    if is_claude(target.upstream) {
        next_known(wanted, &target.capabilities.efforts)
    } else if is_openai(target.upstream) {
        let known = wanted.min(Effort::High);
        Some(known).filter(|known| !target.capabilities.fixed_verbosity || *known == Effort::Medium)
    } else {
        Some(wanted)
    }
}

/// Whether the user must open the conversation: only OpenAI's models answer instructions without a user message (Anthropic's
/// and Google's API references; the chat template of Qwen's models raises `No user query found in messages`).
pub(super) fn needs_user(upstream: &str) -> bool {
    !is_openai(upstream)
}

/// Whether OpenAI accepts a schema as strict: every object is closed and requires all its properties (developers.openai.com,
/// structured outputs).
pub(super) fn allows_strict(schema: &RawValue) -> bool {
    schema_ref::parse(schema).is_ok_and(|schema| is_strict(&schema))
}

/// Keywords that OpenAI's strict schemas do not have (its guide to structured outputs; 567-labs/instructor#1074,
/// ai-dynamo/dynamo#15153, mastra-ai/mastra#23321).
const NOT_STRICT: [&str; 14] = [
    "allOf",
    "default",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedProperties",
    "uniqueItems",
];

fn is_strict(schema: &Value) -> bool {
    // Neither `true` nor `{}` says what a value is.
    let Value::Object(schema) = schema else { return *schema != Value::Bool(true) };
    if schema.is_empty() || NOT_STRICT.iter().any(|keyword| schema.contains_key(*keyword)) {
        return false;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let is_object = properties.is_some() || schema.get("type").is_some_and(|kind| kind == "object");
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &String| required.is_some_and(|names| names.iter().any(|known| known == name));
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    (!is_object || is_closed && properties.is_none_or(|properties| properties.keys().all(is_required)))
        && schema_ref::children(schema).into_iter().all(is_strict)
}

/// Whether a model supports the effort `none`.
pub(super) fn knows_none(capabilities: &Capabilities) -> bool {
    capabilities.efforts.iter().any(|word| word == "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target<'a>(capabilities: &'a Capabilities, upstream: &'a str) -> Target<'a> {
        let (max_output_tokens, default_output, context_window) = (1, 1, 1);
        Target { capabilities, max_output_tokens, default_output, must_say_limit: false, context_window, upstream }
    }

    #[test]
    fn an_effort_is_one_that_the_model_knows() {
        for (known, wanted, sent) in [
            (&["low", "high"][..], Effort::Minimal, Effort::Low),
            (&["low", "high"], Effort::Medium, Effort::Low),
            (&["low", "high"], Effort::Max, Effort::High),
            (&["none", "medium"], Effort::Low, Effort::Medium),
            (&[], Effort::Max, Effort::Max),
        ] {
            let efforts = known.iter().map(|word| (*word).to_owned()).collect();
            let capabilities = Capabilities { thinking: Thinking::Effort, efforts, ..Capabilities::default() };
            assert_eq!(known_effort(wanted, &capabilities), sent, "{known:?} {wanted:?}");
        }
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
    fn a_budget_fits_its_limit_and_its_range_or_is_none() {
        let of = |wanted, limit, upstream, budget| {
            let capabilities = Capabilities { budget, ..Capabilities::default() };
            fitted_budget(wanted, limit, &Target { max_output_tokens: 64_000, ..target(&capabilities, upstream) })
        };
        for (wanted, limit, sent) in [
            (2_000, Some(9_000), Some(2_000)),
            (60_000, Some(9_000), Some(7_976)),
            (2_000, Some(2_048), Some(1_024)),
            (2_000, Some(2_000), None),
            (500, Some(1_500), Some(500)),
            (100_000, None, Some(24_576)),
        ] {
            assert_eq!(of(wanted, limit, "google/gemini-2.5-flash", Some((0, 24_576))), sent, "{wanted} in {limit:?}");
        }
        let claude = |wanted, limit| of(wanted, limit, "anthropic/claude-haiku-4.5", None);
        assert_eq!(claude(500, Some(9_000)), Some(1_024));
        assert_eq!(claude(500, Some(1_500)), None);
        assert_eq!(claude(100_000, None), Some(62_976));
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
