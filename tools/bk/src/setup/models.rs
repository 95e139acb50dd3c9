//! The gateway's models in the list that Codex reads. Codex knows a model's window, efforts and tools only from its list,
//! and takes its own instructions from there too. So each entry is one of Codex's own entries with the facts of the
//! gateway's model: Codex's texts come from the installed Codex and stay on its machine.

use std::io::{self, ErrorKind};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use gateway::capability::{Capabilities, Thinking};
use gateway::catalog::{Catalog, Model};
use serde::Serialize;
use serde_json::{Map, Value};

use super::clients::ModelList;

#[derive(Serialize)]
struct List {
    models: Vec<Value>,
}

/// What an entry says of the gateway's model.
#[derive(Serialize)]
struct Facts<'a> {
    slug: &'a str,
    display_name: &'a str,
    description: String,
    priority: usize,
    context_window: u64,
    max_context_window: u64,
    input_modalities: &'static [&'static str],
    supported_reasoning_levels: Vec<Level<'a>>,
    default_reasoning_level: Option<&'a str>,
    support_verbosity: bool,
    default_verbosity: Option<&'a Value>,
    visibility: &'static str,
    supported_in_api: bool,
    #[serde(flatten)]
    absent: Absent,
}

#[derive(Serialize)]
struct Level<'a> {
    effort: &'a str,
    description: &'a str,
}

/// What only OpenAI's service has, and texts that go with its own models.
#[derive(Default, Serialize)]
struct Absent {
    upgrade: Option<()>,
    availability_nux: Option<()>,
    model_messages: Option<()>,
    tool_mode: Option<()>,
    additional_speed_tiers: [(); 0],
    service_tiers: [(); 0],
    supports_search_tool: bool,
    use_responses_lite: bool,
    supports_image_detail_original: bool,
}

/// The list for all models of the gateway. The error is the reason why there is none: the client is not installed, or prints
/// no list.
pub(super) fn list(models: &ModelList) -> Result<String, String> {
    made(models).map_err(|error| {
        let is_missing = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::NotFound);
        match models.listed_by.first() {
            Some(program) if is_missing => format!("`{program}` was not found"),
            _ => format!("{error:#}"),
        }
    })
}

fn made(models: &ModelList) -> Result<String> {
    let (program, arguments) = models.listed_by.split_first().context("no command prints the client's list")?;
    let shown = models.listed_by.join(" ");
    let mut command = Command::new(program);
    let output = command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.with_context(|| format!("run `{shown}`"))?;
    ensure!(output.status.success(), "`{shown}` failed");
    let own = serde_json::from_slice(&output.stdout).with_context(|| format!("read what `{shown}` prints"))?;
    let entry = plain_entry(&own).with_context(|| format!("`{shown}` lists no model"))?;
    let catalog = Catalog::embedded()?;
    let listed = catalog.models().filter(|model| !model.is_gone());
    let entries: Result<Vec<Value>> = listed.enumerate().map(|(place, model)| made_from(entry, model, place)).collect();
    Ok(serde_json::to_string_pretty(&List { models: entries? })?)
}

/// The first entry of a model that calls tools directly, or else the first entry. Newer models of OpenAI write programs that
/// call tools.
fn plain_entry(list: &Value) -> Option<&Map<String, Value>> {
    let mut entries = list.get("models")?.as_array()?.iter().filter_map(Value::as_object);
    let first = entries.clone().next();
    entries.find(|entry| entry.get("tool_mode").is_none_or(Value::is_null)).or(first)
}

/// An entry of Codex's with the facts of a model.
fn made_from(entry: &Map<String, Value>, model: &Model, place: usize) -> Result<Value> {
    let efforts = efforts(&model.capabilities);
    let default = model.capabilities.default_effort.as_deref().filter(|word| efforts.contains(word));
    let default = default.or_else(|| efforts.iter().copied().find(|word| *word == "medium")).or(efforts.first().copied());
    let is_seen = model.input_modalities.iter().any(|modality| modality == "image");
    let is_openai = model.owned_by == "openai";
    let facts = Facts {
        slug: model.id.as_str(),
        display_name: &model.name,
        description: format!("{} through the gateway", model.name),
        priority: place,
        context_window: model.max_input_tokens,
        max_context_window: model.max_input_tokens,
        input_modalities: if is_seen { &["text", "image"] } else { &["text"] },
        supported_reasoning_levels: efforts.iter().map(|effort| Level { effort, description: effort }).collect(),
        default_reasoning_level: default,
        support_verbosity: is_openai,
        default_verbosity: entry.get("default_verbosity").filter(|_| is_openai),
        visibility: "list",
        supported_in_api: true,
        absent: Absent::default(),
    };
    let mut made = entry.clone();
    made.remove("comp_hash");
    if let Value::Object(facts) = serde_json::to_value(facts)? {
        made.extend(facts);
    }
    Ok(Value::Object(made))
}

/// The efforts that Codex offers for a model: none where it has no setting for the amount.
fn efforts(capabilities: &Capabilities) -> Vec<&str> {
    let words = capabilities.efforts.iter().map(String::as_str);
    match capabilities.thinking {
        Thinking::None | Thinking::Switch => Vec::new(),
        Thinking::GeminiBudget | Thinking::Budget => vec!["low", "medium", "high"],
        Thinking::Adaptive | Thinking::AdaptiveOnly | Thinking::GeminiLevel | Thinking::Effort => words.collect(),
    }
}
