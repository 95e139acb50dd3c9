//! The items of a reply.

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::tool::{Kind, Named};
use crate::chat::Citation;
use crate::wire::shape::arguments_object;

/// The state of an item or a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
    Failed,
}

/// An item of a reply.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item {
    Message {
        id: String,
        status: Status,
        role: &'static str,
        content: Vec<Content>,
    },
    Reasoning {
        id: String,
        summary: Vec<Summary>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<String>,
    },
    FunctionCall {
        id: String,
        status: Status,
        call_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        name: String,
        arguments: String,
    },
    CustomToolCall {
        id: String,
        status: Status,
        call_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        name: String,
        input: String,
    },
    LocalShellCall {
        id: String,
        status: Status,
        call_id: String,
        action: Box<RawValue>,
    },
    ShellCall {
        id: String,
        status: Status,
        call_id: String,
        action: Box<RawValue>,
    },
    ApplyPatchCall {
        id: String,
        status: Status,
        call_id: String,
        operation: Box<RawValue>,
    },
    ToolSearchCall {
        id: String,
        status: Status,
        call_id: String,
        execution: &'static str,
        arguments: Box<RawValue>,
    },
}

/// A part of a message.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Content {
    OutputText { text: String, annotations: Vec<Annotation>, logprobs: [(); 0] },
    Refusal { refusal: String },
}

/// A source that a text cites.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Annotation {
    #[serde(rename = "type")]
    kind: &'static str,
    start_index: u64,
    end_index: u64,
    title: String,
    url: String,
}

impl Annotation {
    pub(super) fn of(citation: &Citation) -> Self {
        let Citation { url, title, start, end, text: _ } = citation.clone();
        Self { kind: "url_citation", start_index: start, end_index: end, title, url }
    }
}

/// A part of a reasoning summary.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Summary {
    SummaryText { text: String },
}

impl Content {
    pub(super) fn text(text: &str) -> Self {
        Self::cited(text, Vec::new())
    }

    pub(super) fn cited(text: &str, annotations: Vec<Annotation>) -> Self {
        Self::OutputText { text: text.to_owned(), annotations, logprobs: [] }
    }
}

impl Item {
    /// A message; without a part until it has one.
    pub(super) fn message(id: &str, status: Status, part: Option<Content>) -> Self {
        Self::Message { id: id.to_owned(), status, role: "assistant", content: part.into_iter().collect() }
    }

    /// A reasoning item: its summary, and the content that the client keeps.
    pub(super) fn thought(id: &str, shown: Option<&str>, kept: Option<String>) -> Self {
        let summary = shown.map(|text| Summary::SummaryText { text: text.to_owned() }).into_iter().collect();
        Self::Reasoning { id: id.to_owned(), summary, encrypted_content: kept }
    }

    /// A call in its tool's own form, with the arguments that have come so far.
    pub(super) fn call(id: &str, call_id: &str, tool: &Named, arguments: &str, status: Status) -> Self {
        let (id, call_id) = (id.to_owned(), call_id.to_owned());
        let Named { kind, namespace, name } = tool.clone();
        let typed = match kind {
            Kind::Function => {
                let arguments = arguments.to_owned();
                return Self::FunctionCall { id, status, call_id, namespace, name, arguments };
            }
            Kind::Custom => {
                return Self::CustomToolCall { id, status, call_id, namespace, name, input: custom_input(arguments) };
            }
            Kind::Typed(typed) => typed,
        };
        match typed.name {
            "local_shell" => Self::LocalShellCall { id, status, call_id, action: local_action(arguments) },
            "shell" => Self::ShellCall { id, status, call_id, action: object(arguments) },
            "apply_patch" => Self::ApplyPatchCall { id, status, call_id, operation: object(arguments) },
            _ => Self::ToolSearchCall { id, status, call_id, execution: "client", arguments: object(arguments) },
        }
    }
}

/// The text input of a custom tool: the value of its only argument, or the arguments themselves if the model invented
/// others.
pub(super) fn custom_input(arguments: &str) -> String {
    #[derive(Deserialize)]
    struct Input {
        input: String,
    }
    serde_json::from_str::<Input>(arguments).map_or_else(|_| arguments.to_owned(), |custom| custom.input)
}

/// Arguments as an object.
fn object(arguments: &str) -> Box<RawValue> {
    on_one_line(&arguments_object(arguments).0)
}

/// JSON on one line, as events require: its strings contain no line breaks.
pub(super) fn on_one_line(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.replace(['\n', '\r'], " ")).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The action of a local shell.
#[derive(Serialize)]
struct LocalAction {
    #[serde(rename = "type")]
    kind: &'static str,
    command: Vec<String>,
    env: serde_json::Map<String, serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_directory: Option<String>,
}

/// The arguments of a local shell, as models write them. Some write the command as one shell line.
#[derive(Default, Deserialize)]
#[serde(default)]
struct LocalArguments {
    command: Command,
    env: Option<serde_json::Map<String, serde_json::Value>>,
    timeout_ms: Option<u64>,
    user: Option<String>,
    working_directory: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Command {
    Words(Vec<String>),
    Line(String),
}

impl Default for Command {
    fn default() -> Self {
        Self::Words(Vec::new())
    }
}

/// The action of a local shell. Clients need its type, a list of words and an environment.
fn local_action(arguments: &str) -> Box<RawValue> {
    let arguments: LocalArguments = serde_json::from_str(arguments).unwrap_or_default();
    let LocalArguments { command, env, timeout_ms, user, working_directory } = arguments;
    let command = match command {
        Command::Words(words) => words,
        Command::Line(line) => vec!["bash".to_owned(), "-lc".to_owned(), line],
    };
    let env = env.unwrap_or_default();
    to_raw_value(&LocalAction { kind: "exec", command, env, timeout_ms, user, working_directory })
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}
