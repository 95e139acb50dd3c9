//! Encodes the conversation as a Messages request for Vertex AI.
//!
//! What is lost: seed, penalties, reasoning of other providers. Settings that a model does not accept are listed as dropped.

mod blocks;
mod marks;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::capability::Thinking as Generation;
use crate::chat::Turns;
use crate::chat::request::{
    ChatRequest, JsonText, Message, Part, Place, Reasoning, ResponseFormat, Sampling, ToolChoice, ToolDefinition,
};
use crate::chat::turns::text;
use crate::error::GatewayError;
use crate::wire::anthropic::betas;
use crate::wire::anthropic::rules::history::{self, Ending};
use crate::wire::anthropic::rules::thinking::{self, Circumstances, DROP_BLOCK, Plan, SUMMARIZED, Told, Wish};
use crate::wire::anthropic::rules::tools::{ANSWER_DESCRIPTION, answer_by_tool, answer_name};
use crate::wire::anthropic::rules::user::user_id;
use crate::wire::anthropic::rules::{sampling, tools as tool_rules};
use crate::wire::body;
use crate::wire::claude_schema::{self as schema, StrictTools};
use crate::wire::lost::Lost;
use crate::wire::names::{self, PropertyNames, ToolNames};
use crate::wire::schema_ref;
use crate::wire::target::{Encoded, Refusal, Target, allowed_tools, without};
use blocks::{Block, CacheControl, MessageOut, Rules, is_sent, message_blocks, system_blocks};
use marks::limit_cache_marks;

#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    anthropic_beta: Vec<&'static str>,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block>,
    messages: Vec<MessageOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ChoiceOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
}

#[derive(Serialize)]
struct ToolOut {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    input_schema: Box<RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
struct ChoiceOut {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_parallel_tool_use: bool,
}

#[derive(Serialize)]
struct Thinking {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block_binding: Option<BlockBinding>,
}

/// What happens to reasoning that returns after a changed prefix.
#[derive(Serialize)]
struct BlockBinding {
    prefix_mismatch_behavior: &'static str,
}

#[derive(Serialize)]
struct OutputConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format>,
}

#[derive(Serialize)]
struct Format {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: Box<RawValue>,
}

#[derive(Serialize)]
struct Metadata {
    user_id: String,
}

/// Encodes a request for a Claude model.
pub fn encode(request: ChatRequest, target: &Target<'_>) -> Result<Encoded, Refusal> {
    let ChatRequest {
        messages,
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
    let mut turns = Turns::of(messages, names::call_id);
    left_out.extend(turns.left_out.iter().map(Part::place));
    lost.extend(verbosity.map(|_| Lost::Verbosity));
    let (mut tools, tool_choice) = allowed(tools, tool_choice);
    let mut tool_choice = target.choice(tool_choice, &mut lost);
    declare_used(&mut tools, &turns);
    let response_format = sayable(response_format, &mut turns, target, &mut lost)?;
    let (format, answer_tool) = answer_format(response_format, &mut tools, &mut tool_choice, &mut turns, target)?;
    let names = tool_names(&tools)?;
    let limit = target.output_limit(max_tokens, &mut lost);
    let obstacle = history::obstacle(&tool_choice, &turns.turns, is_sent, target);
    let plan = thinking::plan(
        Wish::of(reasoning.amount),
        target.capabilities,
        &Circumstances { limit, most: target.max_output_tokens, obstacle },
    );
    lost.extend(plan.lost());
    end_with_the_user(&mut turns, target);
    let thinking = thinking_out(&plan, reasoning, target);
    let is_bound = thinking.as_ref().is_some_and(|thinking| thinking.block_binding.is_some());
    let mut body = Body {
        anthropic_beta: if is_bound { vec![betas::THOUGHT_BINDING] } else { Vec::new() },
        max_tokens: limit,
        system: system_blocks(turns.system),
        messages: messages_out(turns.turns, &plan, &names, &mut left_out)?,
        tool_choice: (!tools.is_empty()).then(|| choice(&tool_choice, &names, parallel_tool_calls == Some(false))).flatten(),
        tools: tools_out(tools, &names, target, format.as_ref(), &mut left_out)?,
        output_config: (plan.effort.is_some() || format.is_some()).then_some(OutputConfig { effort: plan.effort, format }),
        thinking,
        temperature: None,
        top_p: None,
        top_k: None,
        stop_sequences: Vec::new(),
        metadata: user.map(|user| Metadata { user_id: user_id(&user).into_owned() }),
    };
    let refused = sampling::refused(target.capabilities.sampling, asked_sampling(&sampling), plan.told.is_on());
    let sampling = without(refused, sampling, &mut lost);
    set_sampling(&mut body, sampling, &mut lost);
    left_out.extend(limit_cache_marks(&mut body));
    let body = body::write(&body).map_err(|error| GatewayError::unreadable(&error))?;
    Ok(Encoded { body, lost, left_out, names, answer_tool })
}

fn asked_sampling(sampling: &Sampling) -> sampling::Asked {
    let Sampling { temperature, top_p, top_k, .. } = sampling;
    sampling::Asked { temperature: *temperature, top_p: top_p.is_some(), top_k: top_k.is_some() }
}

/// The tools that a tool choice allows, and the choice between them: Claude has no list of allowed tools.
fn allowed(tools: Vec<ToolDefinition>, choice: ToolChoice) -> (Vec<ToolDefinition>, ToolChoice) {
    match choice {
        ToolChoice::Allowed { names, required } => {
            let choice = if required { ToolChoice::Required } else { ToolChoice::Auto };
            (allowed_tools(tools, Some(&names)), choice)
        }
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required | ToolChoice::Named(_) => (tools, choice),
    }
}

/// Declares stubs for tools that the history calls and the client no longer declares: a history with calls needs tools.
fn declare_used(tools: &mut Vec<ToolDefinition>, turns: &Turns) {
    if !tools.is_empty() {
        return;
    }
    let name = |part: &Part| if let Part::ToolCall(call) = part { Some(call.name.clone()) } else { None };
    let calls: Vec<String> = turns.turns.iter().flat_map(|turn| &turn.parts).filter_map(name).collect();
    for name in tool_rules::undeclared(calls.iter().map(String::as_str)) {
        let name = name.to_owned();
        tools.push(ToolDefinition { name, description: None, schema: None, strict: None, cache: None });
    }
}

/// The names of tools and of their properties.
fn tool_names(tools: &[ToolDefinition]) -> Result<ToolNames, GatewayError> {
    let mut names = tool_rules::names(tools.iter().map(|tool| tool.name.as_str()));
    for tool in tools {
        let schema = tool.schema.as_ref().map(parse).transpose()?;
        if let Some(properties) = schema.and_then(PropertyNames::for_claude) {
            names.with_properties(&tool.name, properties);
        }
    }
    Ok(names)
}

/// The thinking settings to send. Up to 4.5, off needs no setting. Models with only `adaptive` show their reasoning if
/// requested, and clients of other formats expect models that show it.
fn thinking_out(plan: &Plan, reasoning: Reasoning, target: &Target<'_>) -> Option<Thinking> {
    let generation = target.capabilities.thinking;
    let shows = generation == Generation::AdaptiveOnly && reasoning.visible;
    // Clients of other formats shorten histories without knowing that reasoning is bound to them.
    let drops = plan.may_drop_thoughts(target.capabilities);
    let block_binding = || drops.then_some(BlockBinding { prefix_mismatch_behavior: DROP_BLOCK });
    let told =
        |kind, budget_tokens, display| Some(Thinking { kind, budget_tokens, display, block_binding: block_binding() });
    match plan.told {
        Told::Nothing if drops => told("adaptive", None, None),
        Told::Nothing => None,
        Told::BetweenTools => told("between_tools", None, shows.then_some(SUMMARIZED)),
        Told::Off if generation == Generation::Budget => None,
        Told::Off => told("disabled", None, None),
        Told::Budget(tokens) => told("enabled", Some(tokens), None),
        Told::Adaptive => told("adaptive", None, shows.then_some(SUMMARIZED)),
    }
}

/// The response format, in words if it has a dictionary: structured output closes every object, so that a dictionary could
/// only be empty.
fn sayable(
    format: ResponseFormat,
    turns: &mut Turns,
    target: &Target<'_>,
    lost: &mut Vec<Lost>,
) -> Result<ResponseFormat, GatewayError> {
    match &format {
        ResponseFormat::JsonSchema { schema, .. }
            if target.capabilities.structured_output && schema::is_said_in_words(parse(schema)?) =>
        {
            turns.system.push(text(&schema_ref::asked_in_words(parse(schema)?)));
            lost.push(Lost::ResponseFormat);
            Ok(ResponseFormat::Text)
        }
        ResponseFormat::JsonSchema { .. } | ResponseFormat::JsonObject | ResponseFormat::Text => Ok(format),
    }
}

/// Structured output by the model, or else by one forced tool whose arguments are the answer.
fn answer_format(
    format: ResponseFormat,
    tools: &mut Vec<ToolDefinition>,
    choice: &mut ToolChoice,
    turns: &mut Turns,
    target: &Target<'_>,
) -> Result<(Option<Format>, Option<String>), GatewayError> {
    let schema = match format {
        ResponseFormat::Text => return Ok((None, None)),
        ResponseFormat::JsonObject => {
            turns.system.push(text("Respond with a single JSON object and nothing else."));
            return Ok((None, None));
        }
        ResponseFormat::JsonSchema { schema, .. } => schema,
    };
    if target.capabilities.structured_output {
        let schema = schema::output(parse(&schema)?).map_err(|error| wrong_schema("response_format", &error))?;
        return Ok((Some(Format { kind: "json_schema", schema }), None));
    }
    let name = answer_name(tools.iter().map(|tool| tool.name.as_str()));
    // If the client has tools, the model must be free to call them first.
    if tools.is_empty() || *choice == ToolChoice::None {
        *choice = ToolChoice::Named(name.clone());
    } else {
        turns.system.push(text(&answer_by_tool(&name)));
    }
    tools.push(ToolDefinition {
        name: name.clone(),
        description: Some(ANSWER_DESCRIPTION.to_owned()),
        schema: Some(schema),
        strict: None,
        cache: None,
    });
    Ok((None, Some(name)))
}

fn messages_out(
    turns: Vec<Message>,
    plan: &Plan,
    names: &ToolNames,
    left_out: &mut Vec<Place>,
) -> Result<Vec<MessageOut>, Refusal> {
    let thoughtless = history::without_thoughts(&turns, plan, is_sent);
    let rules = |at: usize| Rules { names, keep_thinking: plan.thinks && !thoughtless.contains(&at) };
    let message = |(at, turn)| message_blocks(turn, &rules(at), left_out).transpose();
    turns.into_iter().enumerate().filter_map(message).collect()
}

fn end_with_the_user(turns: &mut Turns, target: &Target<'_>) {
    match history::ending(&turns.turns, target) {
        Ending::Fine => {}
        Ending::UserTurn => turns.end_with_user(),
        Ending::Trimmed => {
            let parts = turns.turns.last_mut().into_iter().flat_map(|turn| &mut turn.parts);
            if let Some(Part::Text { text, .. }) = parts.rev().find(|part| is_sent(part)) {
                text.truncate(text.trim_end().len());
            }
        }
    }
}

fn tools_out(
    tools: Vec<ToolDefinition>,
    names: &ToolNames,
    target: &Target<'_>,
    answer: Option<&Format>,
    left_out: &mut Vec<Place>,
) -> Result<Vec<ToolOut>, GatewayError> {
    let mut strict_tools = StrictTools::beside(answer.map(|answer| &*answer.schema));
    let tool_out = |(position, tool): (usize, ToolDefinition)| {
        let strict = tool.strict;
        let out = tool_out(position, tool, names, target, &mut strict_tools)?;
        left_out.extend(strict.filter(|_| !out.strict));
        Ok(out)
    };
    tools.into_iter().enumerate().map(tool_out).collect()
}

fn tool_out(
    position: usize,
    tool: ToolDefinition,
    names: &ToolNames,
    target: &Target<'_>,
    others: &mut StrictTools,
) -> Result<ToolOut, GatewayError> {
    let ToolDefinition { name, description, schema, strict, cache } = tool;
    let schema = schema.unwrap_or_else(|| JsonText("{}".to_owned()));
    let raw = parse(&schema)?;
    let strict = strict.is_some() && tool_rules::is_strict(raw, target.capabilities, others);
    let renamed = names.properties(&name).and_then(|properties| properties.schema(raw));
    let raw = renamed.as_deref().unwrap_or(raw);
    let input_schema = schema::tool_input(raw).map_err(|error| wrong_schema(&format!("tools[{position}]"), &error))?;
    Ok(ToolOut { name: names.outward(&name), description, input_schema, strict, cache_control: cache.map(CacheControl::of) })
}

fn choice(choice: &ToolChoice, names: &ToolNames, one_at_a_time: bool) -> Option<ChoiceOut> {
    let (kind, name) = match choice {
        ToolChoice::Auto | ToolChoice::Allowed { .. } if !one_at_a_time => return None,
        ToolChoice::Auto | ToolChoice::Allowed { .. } => ("auto", None),
        ToolChoice::None => return Some(ChoiceOut { kind: "none", name: None, disable_parallel_tool_use: false }),
        ToolChoice::Required => ("any", None),
        ToolChoice::Named(name) => ("tool", Some(names.outward(name))),
    };
    Some(ChoiceOut { kind, name, disable_parallel_tool_use: one_at_a_time })
}

fn set_sampling(body: &mut Body, sampling: Sampling, lost: &mut Vec<Lost>) {
    let Sampling { temperature, top_p, top_k, seed, frequency_penalty, presence_penalty, stop } = sampling;
    lost.extend(seed.map(|_| Lost::Seed));
    lost.extend(frequency_penalty.map(|_| Lost::FrequencyPenalty));
    lost.extend(presence_penalty.map(|_| Lost::PresencePenalty));
    let kept: Vec<String> = stop.iter().filter(|stop| sampling::is_stop(stop)).cloned().collect();
    if kept.len() < stop.len() {
        lost.push(Lost::Stop);
    }
    body.stop_sequences = kept;
    body.temperature = temperature.map(sampling::in_range);
    lost.extend((body.temperature != temperature).then_some(Lost::Temperature));
    body.top_p = top_p.map(sampling::in_range);
    lost.extend((body.top_p != top_p).then_some(Lost::TopP));
    body.top_k = top_k;
}

fn parse(schema: &JsonText) -> Result<&RawValue, GatewayError> {
    serde_json::from_str(&schema.0).map_err(|error| GatewayError::unreadable(&error))
}

fn wrong_schema(path: &str, error: &impl std::fmt::Display) -> GatewayError {
    GatewayError::invalid(path, format!("{path}: {error}."))
}
