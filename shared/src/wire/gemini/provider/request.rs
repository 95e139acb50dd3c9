//! Encodes the conversation as a `generateContent` request (Vertex AI v1).
//!
//! What is lost: cache marks (Gemini caches automatically), the user id, the ban on parallel calls, reasoning text of
//! earlier turns.

mod content;
mod thinking;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::capability::Thinking;
use crate::chat::request::{ChatRequest, JsonText, ResponseFormat, Sampling, ToolChoice, ToolDefinition};
use crate::chat::{Part, Turns};
use crate::error::GatewayError;
use crate::wire::body;
use crate::wire::gemini::schema::{self, ToolInput};
use crate::wire::lost::Lost;
use crate::wire::names::ToolNames;
use crate::wire::schema_growth::SchemaGrowth;
use crate::wire::schema_ref;
use crate::wire::target::{Encoded, Target, allowed_tools};
use content::{Content, contents, system};
use thinking::ThinkingConfig;

/// Maximum number of stop sequences that Gemini accepts.
const MAX_STOPS: usize = 5;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Content>,
    contents: Vec<Content>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tools>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig>,
    generation_config: GenerationConfig,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tools {
    function_declarations: Vec<Declaration>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolConfig {
    function_calling_config: CallingConfig,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallingConfig {
    mode: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_function_names: Vec<String>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
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
    stop_sequences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_schema: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<ThinkingConfig>,
}

/// Encodes a request for a Gemini model.
pub fn encode(request: ChatRequest, target: &Target<'_>) -> Result<Encoded, GatewayError> {
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
    let names = ToolNames::new(&tools);
    let mut turns = Turns::of(messages, str::to_owned);
    if !target.capabilities.prefill {
        turns.end_with_user();
    }
    let Turns { system: mut instructions, turns, left_out: misplaced } = turns;
    left_out.extend(misplaced.iter().map(Part::place));
    let mut generation_config = self::sampling(target.sampling(sampling, reasoning.amount, &mut lost), target, &mut lost);
    let asked = target.said_output_limit(max_tokens, &mut lost);
    let (config, limit) = thinking::plan(reasoning, asked, target, &mut lost);
    (generation_config.thinking_config, generation_config.max_output_tokens) = (config, limit);
    let mut growth = SchemaGrowth::of(&tools, response_format.schema());
    if let Some(instruction) = answer_format(response_format, &mut generation_config, target, tools.is_empty())? {
        lost.push(Lost::ResponseFormat);
        instructions.push(crate::chat::turns::text(&instruction));
    }
    for written in generation_config.response_schema.iter().chain(&generation_config.response_json_schema) {
        growth.take("response_format", written.get())?;
    }
    lost.extend(parallel_tool_calls.filter(|parallel| !parallel).map(|_| Lost::ParallelToolCalls));
    lost.extend(verbosity.map(|_| Lost::Verbosity));
    lost.extend(user.map(|_| Lost::User));
    let tool_config = (!tools.is_empty()).then(|| calling_config(&tool_choice, &tools, &names)).flatten();
    let tools = match &tool_choice {
        ToolChoice::Allowed { names: allowed, required: false } => allowed_tools(tools, Some(allowed)),
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Allowed { .. } => {
            tools
        }
    };
    let body = Body {
        system_instruction: system(instructions),
        contents: contents(turns, &names, target, &mut left_out)?,
        tools: declarations(tools, &names, target, &mut growth)?,
        tool_config,
        generation_config,
    };
    let body = body::write(&body).map_err(|error| GatewayError::unreadable(&error))?;
    Ok(Encoded { body, lost, left_out, names, answer_tool: None })
}

/// Gemini's seeds have 32 bits. Penalties are rejected unless the model's data says otherwise.
fn sampling(sampling: Sampling, target: &Target<'_>, lost: &mut Vec<Lost>) -> GenerationConfig {
    let Sampling { temperature, top_p, top_k, seed, frequency_penalty, presence_penalty, stop } = sampling;
    let asked_stops = stop.len();
    let stop_sequences: Vec<String> = stop.into_iter().filter(|stop| !stop.is_empty()).take(MAX_STOPS).collect();
    lost.extend((stop_sequences.len() < asked_stops).then_some(Lost::Stop));
    let takes_penalties = target.capabilities.penalties;
    let fitting = seed.filter(|seed| i32::try_from(*seed).is_ok());
    lost.extend((fitting != seed).then_some(Lost::Seed));
    lost.extend(frequency_penalty.filter(|_| !takes_penalties).map(|_| Lost::FrequencyPenalty));
    lost.extend(presence_penalty.filter(|_| !takes_penalties).map(|_| Lost::PresencePenalty));
    GenerationConfig {
        temperature,
        top_p,
        top_k,
        seed: fitting,
        frequency_penalty: frequency_penalty.filter(|_| takes_penalties),
        presence_penalty: presence_penalty.filter(|_| takes_penalties),
        stop_sequences,
        ..GenerationConfig::default()
    }
}

/// Sets the response format, or returns it as an instruction if the model rejects it together with tools.
fn answer_format(
    format: ResponseFormat,
    config: &mut GenerationConfig,
    target: &Target<'_>,
    without_tools: bool,
) -> Result<Option<String>, GatewayError> {
    let native = without_tools || target.capabilities.json_with_tools;
    let in_openapi = target.capabilities.thinking != Thinking::GeminiLevel;
    let schema = match format {
        ResponseFormat::Text => return Ok(None),
        ResponseFormat::JsonObject if native => None,
        ResponseFormat::JsonObject => return Ok(Some("Respond with a single JSON object and nothing else.".to_owned())),
        ResponseFormat::JsonSchema { schema, .. }
            if native
                && !target.capabilities.refuses_schemas
                && !(in_openapi && schema_ref::has_dictionary(parse(&schema)?)) =>
        {
            Some(schema)
        }
        ResponseFormat::JsonSchema { schema, .. } => {
            // The OpenAPI subset cannot express dictionaries. It can still request JSON.
            config.response_mime_type = native.then_some("application/json");
            return Ok(Some(schema_ref::asked_in_words(parse(&schema)?)));
        }
    };
    config.response_mime_type = Some("application/json");
    if let Some(schema) = schema {
        let raw = parse(&schema)?;
        if in_openapi {
            config.response_schema = schema::openapi(raw).map_err(|error| wrong_schema("response_format", &error))?;
        } else {
            config.response_json_schema =
                Some(schema::json_schema(raw).map_err(|error| wrong_schema("response_format", &error))?);
        }
    }
    Ok(None)
}

fn calling_config(choice: &ToolChoice, tools: &[ToolDefinition], names: &ToolNames) -> Option<ToolConfig> {
    let strict = tools.iter().any(|tool| tool.strict.is_some());
    let (mode, allowed) = match choice {
        ToolChoice::Auto | ToolChoice::Allowed { required: false, .. } if strict => ("VALIDATED", Vec::new()),
        ToolChoice::Auto | ToolChoice::Allowed { required: false, .. } => return None,
        ToolChoice::None => ("NONE", Vec::new()),
        ToolChoice::Required => ("ANY", Vec::new()),
        ToolChoice::Named(name) => ("ANY", vec![names.outward(name)]),
        ToolChoice::Allowed { names: allowed, required: true } => {
            ("ANY", allowed.iter().map(|name| names.outward(name)).collect())
        }
    };
    Some(ToolConfig { function_calling_config: CallingConfig { mode, allowed_function_names: allowed } })
}

fn declarations(
    tools: Vec<ToolDefinition>,
    names: &ToolNames,
    target: &Target<'_>,
    growth: &mut SchemaGrowth,
) -> Result<Vec<Tools>, GatewayError> {
    let mut declared = Vec::with_capacity(tools.len());
    for (position, tool) in tools.into_iter().enumerate() {
        let ToolDefinition { name, description, schema, strict: _, cache: _ } = tool;
        let fault = |error: &schema::SchemaError| wrong_schema(&format!("tools[{position}]"), error);
        let (mut parameters, mut parameters_json_schema) = (None, None);
        if let Some(schema) = &schema {
            let input = ToolInput::of(parse(schema)?).map_err(|error| fault(&error))?;
            if target.capabilities.thinking == Thinking::GeminiLevel {
                parameters_json_schema = input.json_schema().map_err(|error| fault(&error))?;
            } else {
                parameters = input.openapi().map_err(|error| fault(&error))?;
            }
        }
        for written in parameters.iter().chain(&parameters_json_schema) {
            growth.take(&format!("tools[{position}]"), written.get())?;
        }
        declared.push(Declaration { name: names.outward(&name), description, parameters, parameters_json_schema });
    }
    Ok(if declared.is_empty() { Vec::new() } else { vec![Tools { function_declarations: declared }] })
}

fn parse(schema: &JsonText) -> Result<&RawValue, GatewayError> {
    serde_json::from_str(&schema.0).map_err(|error| GatewayError::unreadable(&error))
}

fn wrong_schema(path: &str, error: &schema::SchemaError) -> GatewayError {
    GatewayError::invalid(path, format!("{path}: {error}."))
}
