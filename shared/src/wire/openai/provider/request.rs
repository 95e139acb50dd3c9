//! Encodes the conversation as a Chat Completions request for OpenRouter.
//!
//! What is lost: cache lifetimes on parts that are not text (the mark itself stays).

mod marks;
mod messages;
mod reasoning;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::chat::request::{
    ChatRequest, JsonText, Place, Reasoning, ResponseFormat, Role, Sampling, ToolChoice, ToolDefinition,
};
use crate::chat::turns::text;
use crate::chat::{Part, Turns};
use crate::error::GatewayError;
use crate::wire::body;
use crate::wire::claude_schema::StrictTools;
use crate::wire::lost::Lost;
use crate::wire::names::{PropertyNames, ToolNames};
use crate::wire::openai::rules;
use crate::wire::schema_ref;
use crate::wire::target::{Encoded, Target, allowed_tools};
use marks::limit_cache_marks;
use messages::{CacheOut, MessageOut, can_resume, drop_thoughts, has_thoughts_of_calls, messages};
use reasoning::{ReasoningOut, combined, sent_amount, switched_off, unasked, verbosity};
pub(in crate::wire::openai) use reasoning::{reasoning, within};

#[derive(Serialize)]
struct Body {
    messages: Vec<MessageOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ChoiceOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<FormatOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<ReasoningOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
}

#[derive(Serialize)]
struct ToolOut {
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheOut>,
}

#[derive(Serialize)]
struct FunctionOut {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ChoiceOut {
    Word(&'static str),
    Function {
        #[serde(rename = "type")]
        kind: &'static str,
        function: NameOut,
    },
}

#[derive(Serialize)]
struct NameOut {
    name: String,
}

#[derive(Serialize)]
struct FormatOut {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<SchemaOut>,
}

#[derive(Serialize)]
struct SchemaOut {
    name: String,
    strict: bool,
    schema: Box<RawValue>,
}

/// Encodes a request for a model behind OpenRouter.
pub fn encode(request: ChatRequest, target: &Target<'_>) -> Result<Encoded, GatewayError> {
    let ChatRequest {
        messages: conversation,
        tools,
        tool_choice,
        parallel_tool_calls,
        max_tokens,
        sampling,
        reasoning,
        response_format,
        verbosity,
        user,
        left_out: _,
    } = request;
    let (mut lost, mut left_out) = (Vec::new(), Vec::new());
    let mut turns = Turns::of(conversation, rules::call_ids(target.upstream));
    rules::drop_reasoning_alone(&mut turns, target.upstream);
    left_out.extend(turns.left_out.iter().map(Part::place));
    let names = tool_names(&tools, target);
    let allowed = if let ToolChoice::Allowed { names, .. } = &tool_choice { Some(names.clone()) } else { None };
    let mut tools = allowed_tools(tools, allowed.as_deref());
    let response_format = sayable(response_format, &mut turns, &tools, target, &mut lost)?;
    end_with_the_user(&mut turns, target);
    left_out.extend(limit_cache_marks(&mut tools, &mut turns, target));
    let tool_choice = target.choice(tool_choice, &mut lost);
    let excludes_all = !tools.is_empty() && rules::calls_without_thinking(target, &tool_choice);
    let reasoning = if excludes_all { switched_off(reasoning, &mut lost) } else { reasoning };
    let reasoning = settled(reasoning, &tool_choice, &turns, target, &mut lost);
    let Sampling { temperature, top_p, top_k, seed, frequency_penalty, presence_penalty, stop } =
        self::sampling(sampling, reasoning, target, &mut lost);
    let stop = stops(stop, target, &mut lost);
    let limit = target.said_output_limit(max_tokens, &mut lost);
    if rules::is_silent(sent_amount(reasoning, target), limit, target) {
        left_out.extend(drop_thoughts(&mut turns));
    }
    let kept_seed = seed.filter(|seed| target.seeds().contains(seed));
    lost.extend((kept_seed != seed).then_some(Lost::Seed));
    lost.extend(parallel_tool_calls.filter(|_| tools.is_empty()).map(|_| Lost::ParallelToolCalls));
    let body = Body {
        messages: messages(turns, &names, target, &mut left_out),
        tool_choice: if tools.is_empty() { None } else { choice(&tool_choice, &names) },
        parallel_tool_calls: parallel_tool_calls.filter(|_| !tools.is_empty()),
        tools: tools_out(tools, &names, target, response_format.schema(), &mut left_out)?,
        max_tokens: limit,
        temperature,
        top_p,
        top_k,
        seed: kept_seed,
        frequency_penalty,
        presence_penalty,
        stop,
        response_format: answer_format(response_format, target, &mut lost)?,
        reasoning: within(self::reasoning(reasoning, target, &mut lost), reasoning.amount, limit, target, &mut lost),
        verbosity: self::verbosity(reasoning, verbosity, target, &mut lost),
        user: user.map(|user| rules::told_apart(&user, rules::longest_user(target.upstream)).into_owned()),
    };
    let body = body::write(&body).map_err(|error| GatewayError::unreadable(&error))?;
    Ok(Encoded { body, lost, left_out, names, answer_tool: None })
}

/// The stop sequences that the model accepts.
fn stops(asked: Vec<String>, target: &Target<'_>, lost: &mut Vec<Lost>) -> Vec<String> {
    let number = asked.len();
    let taken = rules::stops(asked, target);
    lost.extend((taken.len() < number).then_some(Lost::Stop));
    taken
}

/// Asks for a JSON object in words.
const JSON_OBJECT: &str = "Respond with a single JSON object and nothing else.";

/// Whether a text of the conversation has the word JSON.
fn says_json(turns: &Turns) -> bool {
    let mut parts = turns.system.iter().chain(turns.turns.iter().flat_map(|turn| &turn.parts));
    parts.any(|part| matches!(part, Part::Text { text, .. } if rules::has_word_json(text)))
}

/// The reasoning that goes with the tool choice and with the reasoning that the history has.
fn settled(asked: Reasoning, choice: &ToolChoice, turns: &Turns, target: &Target<'_>, lost: &mut Vec<Lost>) -> Reasoning {
    let is_bare = rules::wants_thoughts_of_calls(target, asked) && !has_thoughts_of_calls(turns, target);
    let reasoning = if is_bare { switched_off(asked, lost) } else { asked };
    if rules::rejects_silence(target) && !can_resume(turns, target) {
        return unasked(reasoning, target, lost);
    }
    let excludes_budget = || choice.is_forced() || turns.is_begun() || !can_resume(turns, target);
    combined(reasoning, excludes_budget, target, lost)
}

/// The response format, in words if the model does not accept it together with tools.
fn sayable(
    format: ResponseFormat,
    turns: &mut Turns,
    tools: &[ToolDefinition],
    target: &Target<'_>,
    lost: &mut Vec<Lost>,
) -> Result<ResponseFormat, GatewayError> {
    let schema = format.schema().map(|JsonText(schema)| RawValue::from_string(schema.clone())).transpose();
    let schema = schema.map_err(|error| GatewayError::unreadable(&error))?;
    let is_taken = (tools.is_empty() || target.capabilities.json_with_tools)
        && !schema.as_ref().is_some_and(|schema| rules::is_said_in_words(target, schema));
    let instruction = match (&format, schema) {
        (ResponseFormat::Text, _) => return Ok(format),
        (ResponseFormat::JsonObject, _) if is_taken => {
            if rules::must_say_json(target.upstream, || says_json(turns)) {
                turns.system.push(text(JSON_OBJECT));
            }
            return Ok(format);
        }
        _ if is_taken => return Ok(format),
        (_, Some(schema)) => schema_ref::asked_in_words(&schema),
        (_, None) => JSON_OBJECT.to_owned(),
    };
    turns.system.push(text(&instruction));
    lost.push(Lost::ResponseFormat);
    Ok(ResponseFormat::Text)
}

/// Gives the last word to the user if the model does not continue an answer. Older Claude models do not continue from white
/// space.
fn end_with_the_user(turns: &mut Turns, target: &Target<'_>) {
    let Some(begun) = turns.turns.last_mut().filter(|last| last.role == Role::Assistant) else { return };
    if rules::refuses_prefill(target) {
        turns.end_with_user();
    } else if let (Some(Part::Text { text, .. }), true) = (begun.parts.last_mut(), rules::is_claude(target.upstream)) {
        text.truncate(text.trim_end().len());
    }
}

/// The sampling settings that the model accepts with this much reasoning.
fn sampling(sampling: Sampling, reasoning: Reasoning, target: &Target<'_>, lost: &mut Vec<Lost>) -> Sampling {
    let amount = sent_amount(reasoning, target);
    let sampling = target.sampling(sampling, amount, lost);
    if rules::takes_penalties(target.sampling_support(amount)) && !target.capabilities.refuses_penalties {
        return sampling;
    }
    lost.extend(sampling.frequency_penalty.map(|_| Lost::FrequencyPenalty));
    lost.extend(sampling.presence_penalty.map(|_| Lost::PresencePenalty));
    Sampling { frequency_penalty: None, presence_penalty: None, ..sampling }
}

/// Names of tools, and for Claude also of their properties.
fn tool_names(tools: &[ToolDefinition], target: &Target<'_>) -> ToolNames {
    let mut names = ToolNames::under(rules::tool_name_rule(target.upstream), tools.iter().map(|tool| tool.name.as_str()));
    for tool in tools.iter().filter(|_| rules::is_claude(target.upstream)) {
        let schema = tool.schema.as_ref().and_then(|JsonText(schema)| serde_json::from_str::<&RawValue>(schema).ok());
        if let Some(properties) = schema.and_then(PropertyNames::for_claude) {
            names.with_properties(&tool.name, properties);
        }
    }
    names
}

fn tools_out(
    tools: Vec<ToolDefinition>,
    names: &ToolNames,
    target: &Target<'_>,
    answer: Option<&JsonText>,
    left_out: &mut Vec<Place>,
) -> Result<Vec<ToolOut>, GatewayError> {
    target.check_number_of_tools(tools.len())?;
    let answer = answer.and_then(|JsonText(answer)| serde_json::from_str::<&RawValue>(answer).ok());
    let mut strict = rules::strict_tools(target.upstream, answer);
    tools.into_iter().map(|tool| tool_out(tool, names, target, &mut strict, left_out)).collect()
}

/// A tool is declared `strict` if its schema follows the rules for it.
fn tool_out(
    tool: ToolDefinition,
    names: &ToolNames,
    target: &Target<'_>,
    others: &mut StrictTools,
    left_out: &mut Vec<Place>,
) -> Result<ToolOut, GatewayError> {
    let ToolDefinition { name, description, schema, strict, cache } = tool;
    let parameters = schema
        .map(|JsonText(schema)| RawValue::from_string(schema))
        .transpose()
        .map_err(|error| GatewayError::unreadable(&error))?;
    let renamed = names.properties(&name).zip(parameters.as_ref());
    let parameters = renamed.and_then(|(names, schema)| names.schema(schema)).or(parameters);
    let parameters = rules::tool_schema(target.upstream, parameters.as_deref())
        .map_err(|error| GatewayError::invalid("tools", format!("tools: {error}.")))?;
    let is_strict = strict.is_some()
        && !target.capabilities.refuses_schemas
        && rules::takes_strict(target.upstream, parameters.as_deref(), others);
    left_out.extend(strict.filter(|_| !is_strict));
    let function = FunctionOut { name: names.outward(&name), description, parameters, strict: is_strict };
    Ok(ToolOut { kind: "function", function, cache_control: cache.map(CacheOut::of) })
}

fn choice(choice: &ToolChoice, names: &ToolNames) -> Option<ChoiceOut> {
    match choice {
        ToolChoice::Auto | ToolChoice::Allowed { required: false, .. } => None,
        ToolChoice::None => Some(ChoiceOut::Word("none")),
        ToolChoice::Required | ToolChoice::Allowed { required: true, .. } => Some(ChoiceOut::Word("required")),
        ToolChoice::Named(name) => {
            Some(ChoiceOut::Function { kind: "function", function: NameOut { name: names.outward(name) } })
        }
    }
}

fn answer_format(
    format: ResponseFormat,
    target: &Target<'_>,
    lost: &mut Vec<Lost>,
) -> Result<Option<FormatOut>, GatewayError> {
    Ok(match format {
        ResponseFormat::Text => None,
        ResponseFormat::JsonObject => Some(FormatOut { kind: "json_object", json_schema: None }),
        ResponseFormat::JsonSchema { name, schema: JsonText(schema) } => {
            let schema = RawValue::from_string(schema).map_err(|error| GatewayError::unreadable(&error))?;
            let form = rules::answer_form(target.upstream, &schema);
            let wrong = |error| GatewayError::invalid("response_format", format!("response_format: {error}."));
            let rules::AnswerForm { schema, takes_strict: strict } = form.map_err(wrong)?;
            lost.extend((!strict).then_some(Lost::ResponseFormat));
            let name = rules::schema_name(&name).into_owned();
            Some(FormatOut { kind: "json_schema", json_schema: Some(SchemaOut { name, strict, schema }) })
        }
    })
}
