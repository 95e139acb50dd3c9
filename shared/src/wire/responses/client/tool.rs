//! Tools that run at the client, and the form of their calls: functions, tools with text input, tools that OpenAI's models
//! know by type, and groups of them (`namespace`). Other models see all of them as functions, and a call returns in its
//! tool's own form.

use std::collections::HashMap;

use crate::chat::request::{JsonText, ToolDefinition};
use crate::document::Value;
use crate::error::GatewayError;
use crate::wire::request::{optional_text, set_flag, text_field};

/// The kind of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Arguments are a JSON object.
    Function,
    /// The input is text.
    Custom,
    /// OpenAI's tool of this type.
    Typed(&'static Typed),
}

/// A tool that OpenAI's models know by type and that runs at the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed {
    /// Its type, which is also its name for other models.
    pub name: &'static str,
    /// The type of a call.
    pub call: &'static str,
    /// The type of its result.
    pub output: &'static str,
    /// The field of a call that contains its arguments.
    pub arguments: &'static str,
    /// Prefix of a call's id.
    pub id_prefix: &'static str,
    description: &'static str,
    schema: &'static str,
}

/// OpenAI's reference of tools: local shell, shell, apply patch, tool search. The schemas describe a call's arguments.
pub(super) static TYPED: [Typed; 4] = [
    Typed {
        name: "local_shell",
        call: "local_shell_call",
        output: "local_shell_call_output",
        arguments: "action",
        id_prefix: "lsh_",
        description: "Runs a command on the user's machine and returns its output.",
        schema: r#"{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"},"description":"The program and its arguments."},"working_directory":{"type":"string"},"timeout_ms":{"type":"integer"}},"required":["command"]}"#,
    },
    Typed {
        name: "shell",
        call: "shell_call",
        output: "shell_call_output",
        arguments: "action",
        id_prefix: "sh_",
        description: "Runs shell commands on the user's machine and returns their output.",
        schema: r#"{"type":"object","properties":{"commands":{"type":"array","items":{"type":"string"},"description":"Shell commands, run in order."},"timeout_ms":{"type":"integer"},"max_output_length":{"type":"integer"}},"required":["commands"]}"#,
    },
    Typed {
        name: "apply_patch",
        call: "apply_patch_call",
        output: "apply_patch_call_output",
        arguments: "operation",
        id_prefix: "apc_",
        description: "Creates, updates or deletes a file by a diff in the V4A format.",
        schema: r#"{"type":"object","properties":{"type":{"type":"string","enum":["create_file","update_file","delete_file"]},"path":{"type":"string"},"diff":{"type":"string","description":"The V4A diff; not for delete_file."}},"required":["type","path"]}"#,
    },
    Typed {
        name: "tool_search",
        call: "tool_search_call",
        output: "tool_search_output",
        arguments: "arguments",
        id_prefix: "tsc_",
        description: "Searches for further tools.",
        schema: r#"{"type":"object","properties":{"query":{"type":"string"}},"required":["query"]}"#,
    },
];

/// The schema of a custom tool's input. Other vendors do not support its grammar.
const CUSTOM_INPUT: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// Whether a declared tool runs at the client. Others run at the provider, at prices that the catalogue does not have.
pub(super) fn is_client_tool(tool: Value<'_>) -> bool {
    match tool.get("type") {
        Some(kind) => {
            let is_own = ["function", "custom", "namespace", "local_shell", "apply_patch"].iter().any(|own| kind.is(own));
            is_own || runs_here(tool, kind)
        }
        None => tool.get("name").is_some() && tool.get("parameters").is_some(),
    }
}

/// A search that the client runs itself, or a shell that is not in a container of OpenAI's.
fn runs_here(tool: Value<'_>, kind: Value<'_>) -> bool {
    let environment = tool.at(&["environment", "type"]);
    kind.is("tool_search") && tool.get("execution").is_some_and(|execution| execution.is("client"))
        || kind.is("shell") && environment.is_none_or(|environment| environment.is("local"))
}

/// Other models' name of a tool in a group.
pub(super) fn full_name(namespace: Option<&str>, name: &str) -> String {
    match namespace.filter(|namespace| !namespace.is_empty()) {
        Some(namespace) => format!("{namespace}__{name}"),
        None => name.to_owned(),
    }
}

/// OpenAI's tool of this type.
pub(super) fn typed(kind: &str) -> Option<&'static Typed> {
    TYPED.iter().find(|typed| typed.name == kind)
}

/// A declared tool with its group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared<'d> {
    /// The declaration.
    pub tool: Value<'d>,
    /// The group.
    pub group: Option<Value<'d>>,
}

/// The tools of a list that run at the client; tools in groups are listed individually.
pub(super) fn declared<'d>(tools: impl Iterator<Item = Value<'d>>) -> Vec<Declared<'d>> {
    let mut all = Vec::new();
    for tool in tools.filter(|tool| is_client_tool(*tool)) {
        if tool.get("type").is_some_and(|kind| kind.is("namespace")) {
            let inner = tool.get("tools").into_iter().flat_map(Value::elements).filter(|inner| is_client_tool(*inner));
            all.extend(inner.map(|inner| Declared { tool: inner, group: Some(tool) }));
        } else {
            all.push(Declared { tool, group: None });
        }
    }
    all
}

impl Declared<'_> {
    /// Its kind.
    pub(super) fn kind(self) -> Kind {
        let word = self.tool.get("type").and_then(Value::as_text).unwrap_or_default();
        match typed(&word) {
            Some(typed) => Kind::Typed(typed),
            None if word == "custom" => Kind::Custom,
            None => Kind::Function,
        }
    }

    /// Its name in its group.
    fn own_name(self) -> Result<String, GatewayError> {
        if let Kind::Typed(typed) = self.kind() { Ok(typed.name.to_owned()) } else { text_field(self.tool, "name") }
    }

    fn namespace(self) -> Result<Option<String>, GatewayError> {
        self.group.map(|group| text_field(group, "name")).transpose()
    }

    /// Its name for other models.
    pub(super) fn name(self) -> Result<String, GatewayError> {
        Ok(full_name(self.namespace()?.as_deref(), &self.own_name()?))
    }

    /// The description of a custom tool, including its grammar as text.
    fn with_grammar(self, description: Option<String>) -> Option<String> {
        let text = |name: &str| self.tool.at(&["format", name]).and_then(Value::as_text);
        let Some(definition) = text("definition") else { return description };
        let syntax = text("syntax").unwrap_or_default();
        let grammar = format!("The input is a text of this {syntax} grammar:\n{definition}");
        Some(description.map_or_else(|| grammar.clone(), |description| format!("{description}\n\n{grammar}")))
    }

    /// The tool as a function.
    pub(super) fn definition(self) -> Result<ToolDefinition, GatewayError> {
        let [description, parameters, strict] = self.tool.fields(["description", "parameters", "strict"])?;
        let (description, parameters) = (optional_text(description)?, parameters.map(Value::json));
        let fixed = |schema: &str| Some(JsonText(schema.to_owned()));
        let (description, schema) = match self.kind() {
            Kind::Function => (description, parameters),
            Kind::Custom => (self.with_grammar(description), fixed(CUSTOM_INPUT)),
            Kind::Typed(typed) => {
                (description.or_else(|| Some(typed.description.to_owned())), parameters.or_else(|| fixed(typed.schema)))
            }
        };
        Ok(ToolDefinition { name: self.name()?, description, schema, strict: set_flag(strict)?, cache: None })
    }
}

/// The client's name of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// Its kind.
    pub kind: Kind,
    /// Its group.
    pub namespace: Option<String>,
    /// Its name in the group.
    pub name: String,
}

impl Named {
    /// Prefix of a call's id.
    pub(super) fn id_prefix(&self) -> &'static str {
        match self.kind {
            Kind::Function => "fc_",
            Kind::Custom => "ctc_",
            Kind::Typed(typed) => typed.id_prefix,
        }
    }
}

/// The tools of a request, by their names for other models.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, Named>);

impl Names {
    /// The tools of a request: declared ones, and those that its searches found. A decoded request has no errors here.
    pub(super) fn of(body: Value<'_>) -> Self {
        let named = |tool: Declared<'_>| {
            let named = Named { kind: tool.kind(), namespace: tool.namespace().ok()?, name: tool.own_name().ok()? };
            Some((tool.name().ok()?, named))
        };
        Self(declared(all_tools(body)).into_iter().filter_map(named).collect())
    }

    /// The client's tool with this name; a function if the client does not know it.
    pub(super) fn get(&self, name: &str) -> Named {
        let unknown = || Named { kind: Kind::Function, namespace: None, name: name.to_owned() };
        self.0.get(name).cloned().unwrap_or_else(unknown)
    }
}

/// The declared tools of a request, then those of its items: found by searches, or added by the client.
pub(super) fn all_tools<'d>(body: Value<'d>) -> impl Iterator<Item = Value<'d>> {
    let found = body.get("input").into_iter().flat_map(Value::elements);
    let has_tools = |kind: Value<'_>| kind.is("tool_search_output") || kind.is("additional_tools");
    let found = found.filter(move |item| item.get("type").is_some_and(has_tools));
    let tools = |holder: Value<'d>| holder.get("tools").into_iter().flat_map(Value::elements);
    tools(body).chain(found.flat_map(tools))
}
