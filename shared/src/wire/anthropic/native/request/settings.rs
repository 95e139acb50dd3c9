//! Settings of a forwarded request: thinking, effort, response format, sampling.

use serde_json::value::RawValue;

use super::blocks::quoted;
use super::tools::raw;
use crate::capability::SamplingField;
use crate::chat::request::Effort;
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::anthropic::betas;
use crate::wire::anthropic::client::request::effort;
use crate::wire::anthropic::rules::sampling;
use crate::wire::anthropic::rules::thinking::{Asked, DROP_BLOCK, Plan, SUMMARIZED, Told, Wish};
use crate::wire::claude_schema as schema;
use crate::wire::native::Forwarding;
use crate::wire::request::{is_newer_display, is_unset_top_k};
use crate::wire::schema_ref;
use crate::wire::target::Target;

/// The reasoning settings that the request asks for.
pub(super) fn wish(body: Value<'_>) -> Result<Wish, GatewayError> {
    let told = body.get("output_config").map(|config| config.fields(["effort"])).transpose()?;
    let effort: Option<Effort> = told.and_then(|[told]| told).map(effort).transpose()?;
    let thinking = match body.get("thinking") {
        None => Asked::Nothing,
        Some(thinking) => {
            let [kind, budget] = thinking.fields(["type", "budget_tokens"])?;
            let kind = kind.ok_or_else(|| thinking.missing("type"))?.text()?;
            match (kind.as_ref(), budget.map(Value::whole_number).transpose()?) {
                ("disabled", _) => Asked::Off,
                ("between_tools", _) => Asked::BetweenTools,
                ("enabled", Some(budget)) => Asked::Budget(budget),
                _ => Asked::Adaptive,
            }
        }
    };
    Ok(Wish { thinking, effort })
}

/// Writes the thinking settings that the model supports. The client's `display` stays, if Vertex AI knows it.
pub(super) fn set_thinking(forwarding: &mut Forwarding<'_>, plan: &Plan, target: &Target<'_>) {
    let Some(thinking) = forwarding.body.get("thinking") else { return };
    write_thinking(forwarding, thinking, plan, target);
    let display = thinking.get("display").filter(|display| is_newer_display(*display));
    if let Some(display) = display.filter(|display| !forwarding.edits.removes(*display)) {
        forwarding.edits.set(thinking, "display", "omitted");
        forwarding.left_out.push(display.place());
    }
}

fn write_thinking<'d>(forwarding: &mut Forwarding<'d>, thinking: Value<'d>, plan: &Plan, target: &Target<'_>) {
    for (_, value) in thinking.members().filter(|(_, value)| value.is_null()) {
        forwarding.edits.remove(value);
    }
    if plan.loses_thinking || plan.loses_off && plan.told == Told::Nothing {
        return forwarding.drop_field("thinking");
    }
    if plan.loses_off {
        forwarding.dropped.push("thinking".to_owned());
    }
    let says = |kind: &str| thinking.get("type").is_some_and(|said| said.is(kind));
    let known: &[&str] = if target.capabilities.bound_thoughts { &WITH_ADAPTIVE } else { &UNBOUND };
    match plan.told {
        Told::Nothing => {}
        Told::Off => {
            if !says("disabled") {
                forwarding.edits.set(thinking, "type", "disabled");
            }
            forwarding.keep_only(thinking, &["type"]);
        }
        Told::BetweenTools => {
            if !says("between_tools") {
                forwarding.edits.set(thinking, "type", "between_tools");
            }
            forwarding.keep_only(thinking, &UNBOUND);
        }
        Told::Budget(tokens) => {
            if !says("enabled") {
                forwarding.edits.set(thinking, "type", "enabled");
            }
            let own = thinking.get("budget_tokens");
            if own.and_then(Value::as_whole_number) != Some(tokens) {
                forwarding.edits.set(thinking, "budget_tokens", &tokens);
            }
            if let Some(own) = own.filter(|_| plan.changes_budget) {
                forwarding.left_out.push(own.place());
            }
            forwarding.keep_only(thinking, &WITH_BUDGET);
        }
        Told::Adaptive if says("adaptive") => forwarding.keep_only(thinking, known),
        Told::Adaptive => {
            forwarding.edits.set(thinking, "type", "adaptive");
            forwarding.edits.remove_field(thinking, "budget_tokens");
            // A client that asks for a budget expects a model that shows its reasoning.
            if thinking.get("display").is_none() {
                forwarding.edits.set(thinking, "display", SUMMARIZED);
            }
            forwarding.keep_only(thinking, &WITH_BUDGET);
        }
    }
}

/// Lets Claude drop replayed reasoning whose prefix has changed, which it rejects otherwise: clients edit histories, and the
/// gateway adds turns (pydantic/pydantic-ai#7984, zed-industries/zed#63571). The client's own setting stays. Returns whether
/// the request has the setting, which requires a beta.
pub(super) fn bind_thoughts(forwarding: &mut Forwarding<'_>, plan: &Plan, target: &Target<'_>, replays: bool) -> bool {
    let body = forwarding.body;
    let thinking = body.get("thinking").filter(|thinking| !forwarding.edits.removes(*thinking));
    let own = thinking.and_then(|thinking| thinking.get("block_binding"));
    if own.is_some_and(|own| !forwarding.edits.removes(own)) {
        return true;
    }
    if !replays || !plan.may_drop_thoughts(target.capabilities) {
        return false;
    }
    let binding = format!(r#"{{"prefix_mismatch_behavior":"{DROP_BLOCK}"}}"#);
    if let Some(thinking) = thinking {
        forwarding.edits.set_json(thinking, "block_binding", &binding);
    } else {
        let adaptive = format!(r#"{{"type":"adaptive","block_binding":{binding}}}"#);
        forwarding.edits.set_json(body, "thinking", &adaptive);
    }
    true
}

/// Prefix of the type of a context edit of reasoning.
pub(super) const THOUGHTS: &str = "clear_thinking_";

/// Whether a context edit's type has this prefix.
pub(super) fn is_edit_of(edit: &Value<'_>, kind: &str) -> bool {
    edit.get("type").and_then(Value::as_text).is_some_and(|known| known.starts_with(kind))
}

/// States the reasoning of a model that reasons by default if an edit of reasoning is sent, which requires `thinking` to be
/// enabled or adaptive (router-for-me/CLIProxyAPI#4908).
pub(super) fn say_thinking(forwarding: &mut Forwarding<'_>, plan: &Plan, betas: &[&str]) {
    if plan.told != Told::Nothing || !betas.contains(&betas::CONTEXT_MANAGEMENT) {
        return;
    }
    let edits = forwarding.body.at(&["context_management", "edits"]).into_iter().flat_map(Value::elements);
    if edits.filter(|edit| !forwarding.edits.removes(*edit)).any(|edit| is_edit_of(&edit, THOUGHTS)) {
        forwarding.edits.set_json(forwarding.body, "thinking", r#"{"type":"adaptive"}"#);
    }
}

/// Members of `adaptive` thinking of models whose reasoning is bound.
const WITH_ADAPTIVE: [&str; 3] = ["block_binding", "display", "type"];
/// Members of `between_tools`, and of `adaptive` for models whose reasoning is not bound.
const UNBOUND: [&str; 2] = ["display", "type"];
/// Members of `enabled` thinking.
const WITH_BUDGET: [&str; 3] = ["budget_tokens", "display", "type"];

/// How the answer gets the requested format.
#[derive(Clone, Copy, Debug)]
pub(super) enum AnswerFormat<'d> {
    /// No schema is requested.
    Free,
    /// By the model's structured output.
    ByMode(Value<'d>),
    /// By a tool whose arguments are the answer, if the model has no structured output.
    ByTool(Value<'d>),
    /// In words: structured output closes every object, so that a dictionary could only be empty.
    InWords(Value<'d>),
}

impl<'d> AnswerFormat<'d> {
    /// Reads the requested format, in its new or older position, and how the model can produce it.
    pub(super) fn of(body: Value<'d>, target: &Target<'_>) -> Result<Self, GatewayError> {
        let schema = body.at(&["output_config", "format", "schema"]).or_else(|| body.at(&["output_format", "schema"]));
        Ok(match schema {
            None => Self::Free,
            Some(schema) if !target.capabilities.structured_output => Self::ByTool(schema),
            Some(schema) if schema::is_said_in_words(raw(schema)?.as_ref()) => Self::InWords(schema),
            Some(schema) => Self::ByMode(schema),
        })
    }

    /// The schema of the tool that gives the answer.
    pub(super) const fn by_tool(self) -> Option<Value<'d>> {
        if let Self::ByTool(schema) = self { Some(schema) } else { None }
    }

    /// The schema that the model compiles, as it is sent.
    pub(super) fn compiled(self) -> Result<Option<Box<RawValue>>, GatewayError> {
        let Self::ByMode(schema) = self else { return Ok(None) };
        Ok(schema::output(raw(schema)?.as_ref()).ok())
    }

    /// The instruction that requests it.
    pub(super) fn in_words(self) -> Result<Option<String>, GatewayError> {
        let Self::InWords(schema) = self else { return Ok(None) };
        Ok(Some(schema_ref::asked_in_words(raw(schema)?.as_ref())))
    }
}

/// Writes effort and format as far as the model accepts them. Drops and names other settings. Removes an object that becomes
/// empty.
pub(super) fn set_output(
    forwarding: &mut Forwarding<'_>,
    plan: &Plan,
    answer: AnswerFormat<'_>,
) -> Result<(), GatewayError> {
    let body = forwarding.body;
    let config = body.get("output_config").filter(|config| config.kind() == Kind::Object);
    let mut set: Vec<(&str, String)> = Vec::new();
    let own_effort = config.and_then(|config| config.get("effort"));
    set.extend(plan.effort.filter(|word| !own_effort.is_some_and(|own| own.is(word))).map(|word| ("effort", quoted(word))));
    let is_by_mode = matches!(answer, AnswerFormat::ByMode(_));
    set.extend(format(body, config).filter(|_| is_by_mode).transpose()?.map(|format| ("format", format)));
    let mut left = !set.is_empty();
    for (name, value) in config.into_iter().flat_map(Value::members) {
        match name.as_ref() {
            _ if value.is_null() => forwarding.edits.remove(value),
            "effort" if plan.loses_effort => forwarding.drop(value),
            "effort" if plan.effort.is_none() => forwarding.edits.remove(value),
            "format" if value.get("schema").is_some() && answer.by_tool().is_some() => forwarding.edits.remove(value),
            "format" if value.get("schema").is_some() && !is_by_mode => forwarding.drop(value),
            // The format `text` means none.
            "format" if value.get("schema").is_none() => forwarding.edits.remove(value),
            "effort" | "format" => left = true,
            _ => forwarding.drop(value),
        }
    }
    let is_in_config = config.and_then(|config| config.at(&["format", "schema"])).is_some();
    let is_lost = matches!(answer, AnswerFormat::InWords(_)) && !is_in_config;
    if is_lost && body.get("output_format").is_some() {
        forwarding.dropped.push("output_format".to_owned());
    }
    match config {
        Some(config) if left => set.iter().for_each(|(name, json)| forwarding.edits.set_json(config, name, json)),
        Some(_) => drop(forwarding.edits.remove_field(body, "output_config")),
        None if left => {
            let members: Vec<String> = set.iter().map(|(name, json)| format!("\"{name}\":{json}")).collect();
            forwarding.edits.set_json(body, "output_config", &format!("{{{}}}", members.join(",")));
        }
        None => {}
    }
    Ok(())
}

/// The format to send, at its present position in the API and with a schema that Claude accepts. `None` if the client's
/// format stays.
fn format(body: Value<'_>, config: Option<Value<'_>>) -> Option<Result<String, GatewayError>> {
    let own = config.and_then(|config| config.get("format"));
    let schema = match own {
        Some(own) => own.get("schema")?,
        None => body.at(&["output_format", "schema"])?,
    };
    let closed = match closed(schema) {
        Ok(closed) => closed,
        Err(error) => return Some(Err(error)),
    };
    let stays = own.is_some() && closed.get() == schema.json().0;
    (!stays).then(|| Ok(format!(r#"{{"type":"json_schema","schema":{}}}"#, closed.get())))
}

fn closed(schema: Value<'_>) -> Result<Box<RawValue>, GatewayError> {
    schema::output(raw(schema)?.as_ref()).map_err(|error| schema.wrong(&error.to_string()))
}

/// Removes sampling settings that the model rejects, and moves the rest into their ranges.
pub(super) fn set_sampling(forwarding: &mut Forwarding<'_>, plan: &Plan, target: &Target<'_>) -> Result<(), GatewayError> {
    let body = forwarding.body;
    let [temperature, top_p, top_k] = body.fields(["temperature", "top_p", "top_k"])?;
    let unset = top_k.filter(|top_k| is_unset_top_k(*top_k));
    if let Some(top_k) = unset {
        forwarding.edits.remove(top_k);
    }
    let temperature = temperature.map(Value::number).transpose()?;
    let share = top_p.map(Value::number).transpose()?;
    let asked = sampling::Asked { temperature, top_p: top_p.is_some(), top_k: top_k.is_some() && unset.is_none() };
    let refused = sampling::refused(target.capabilities.sampling, asked, plan.told.is_on());
    for field in &refused {
        forwarding.drop_field(field.name());
    }
    for (field, asked) in [(SamplingField::Temperature, temperature), (SamplingField::TopP, share)] {
        let outside = asked.filter(|asked| !refused.contains(&field) && (sampling::in_range(*asked) - asked).abs() > 0.0);
        if let Some(asked) = outside {
            forwarding.edits.set(body, field.name(), &sampling::in_range(asked));
            forwarding.dropped.push(field.name().to_owned());
        }
    }
    set_stops(forwarding);
    Ok(())
}

/// Removes stop sequences that Claude rejects.
fn set_stops(forwarding: &mut Forwarding<'_>) {
    let Some(stops) = forwarding.body.get("stop_sequences") else { return };
    let is_stop = |stop: &Value<'_>| stop.as_text().is_some_and(|stop| sampling::is_stop(&stop));
    let (kept, refused): (Vec<_>, Vec<_>) = stops.elements().partition(is_stop);
    if !refused.is_empty() {
        forwarding.dropped.push("stop_sequences".to_owned());
    }
    for stop in refused {
        forwarding.edits.remove(stop);
    }
    if kept.is_empty() {
        forwarding.edits.remove(stops);
    }
}
