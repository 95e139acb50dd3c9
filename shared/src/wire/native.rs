//! What the forwarders of all formats share: allowed fields, tools that run at the client, and output limits.

use std::sync::Arc;

use super::OutputLimit;
use super::names::ToolNames;
use super::request::{ToolName, Tools};
use super::target::Target;
use crate::capability::SamplingField;
use crate::chat::request::{Place, ToolChoice};
use crate::document::{Document, Edits, Value, append_members};
use crate::error::GatewayError;

/// What a provider format accepts of a request in its own format.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// Top-level fields that pass, sorted. Fields that control or price the upstream call are never among them.
    pub forwarded: &'static [&'static str],
    /// Fields that the gateway uses itself, so that dropping them loses nothing.
    pub consumed: &'static [&'static str],
    /// Whether a declared tool runs at the client.
    pub is_client_tool: fn(Value<'_>) -> bool,
    /// Finds the name of a declared tool.
    pub tool_name: ToolName,
    /// Reads which tools may be called.
    pub tool_choice: fn(Value<'_>) -> Result<ToolChoice, GatewayError>,
}

/// Changes of a forwarded request that its reply must restore.
#[derive(Clone, Debug, Default)]
pub struct Undo {
    /// Renamed tools and properties.
    pub names: ToolNames,
    /// The tool whose arguments are the answer.
    pub answer_tool: Option<String>,
}

impl Undo {
    /// Whether nothing must be restored.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.answer_tool.is_none()
    }
}

/// A request that is forwarded to a provider of its own format, with edits where the provider or the model would reject it.
#[derive(Debug)]
pub struct Forwarding<'d> {
    /// The body.
    pub body: Value<'d>,
    /// The edits.
    pub edits: Edits,
    /// Fields that are reported to the client.
    pub dropped: Vec<String>,
    /// Places of values that are reported to the client.
    pub left_out: Vec<Place>,
    /// What the reply must restore.
    pub undo: Undo,
}

impl<'d> Forwarding<'d> {
    /// Keeps the allowed fields. Drops other fields and server tools, and names them.
    pub fn new(body: Value<'d>, allowed: &Allowed) -> Result<Self, GatewayError> {
        let mut forwarding =
            Self { body, edits: Edits::default(), dropped: Vec::new(), left_out: Vec::new(), undo: Undo::default() };
        forwarding.keep_fields(allowed);
        forwarding.keep_client_tools(allowed)?;
        Ok(forwarding)
    }

    /// Drops a field, and names it if it has an effect.
    pub fn drop_field(&mut self, name: &str) {
        if self.edits.remove_field(self.body, name) {
            self.dropped.push(name.to_owned());
        }
    }

    /// Drops a value and names it.
    pub fn drop(&mut self, value: Value<'_>) {
        self.edits.remove(value);
        self.left_out.push(value.place());
    }

    /// Drops a value, and names it if it has an effect.
    pub fn leave_out(&mut self, value: Value<'_>) {
        self.edits.remove(value);
        self.left_out.extend((!value.is_empty()).then(|| value.place()));
    }

    /// Drops the members of an object that are not in `known`, and names those that have an effect.
    pub fn leave_others_out(&mut self, object: Value<'_>, known: &[&str]) {
        let others = object.members().filter(|(name, _)| !known.contains(&name.as_ref()));
        others.for_each(|(_, value)| self.leave_out(value));
    }

    /// Drops the members that a closed object does not have, and names those that have an effect.
    pub fn keep_only(&mut self, object: Value<'_>, known: &[&str]) {
        for (_, value) in object.members().filter(|(name, _)| !known.contains(&name.as_ref())) {
            self.edits.remove(value);
            self.left_out.extend((!value.is_null()).then(|| value.place()));
        }
    }

    /// Drops tools that repeat an earlier declaration.
    pub fn keep_once(&mut self, tools: impl IntoIterator<Item = Value<'d>>, name: ToolName) -> Result<(), GatewayError> {
        Tools::of(tools, name)?.repeated.into_iter().for_each(|tool| self.edits.remove(tool));
        Ok(())
    }

    /// Lowers an output limit to the model's, and adds one if the body must have it.
    pub fn clamp_output(&mut self, limit: Option<OutputLimit>, target: &Target<'_>) {
        match limit {
            Some(OutputLimit { field, tokens }) if target.clamp(tokens) != tokens => {
                self.edits.set(self.body, field, &target.clamp(tokens));
                self.dropped.push(field.to_owned());
            }
            None if target.must_say_limit => {
                let limit = target.clamp(target.default_output);
                self.edits.set(self.body, "max_tokens", &limit);
                self.dropped.extend((limit != target.default_output).then(|| "max_tokens".to_owned()));
            }
            Some(_) | None => {}
        }
    }

    /// Writes the whole numbers at these places without a fraction: `64` instead of `64.0`. The value stays the same. Some
    /// providers read such a field only as an integer, and a provider that cannot read a limit answers without a limit. Call
    /// this last: it does not change values that were edited before.
    pub fn write_whole_numbers(&mut self, places: &[&[&str]]) {
        for number in places.iter().filter_map(|place| self.body.at(place)) {
            if let Some(whole) = number.as_integer().filter(|whole| whole.to_string() != number.spelling()) {
                self.edits.replace(number, &whole);
            }
        }
    }

    fn keep_fields(&mut self, allowed: &Allowed) {
        for (name, value) in self.body.members() {
            if allowed.forwarded.binary_search(&name.as_ref()).is_err() {
                self.edits.remove(value);
                // An empty object can switch something on, such as `web_search_options`.
                if !value.is_null() && !allowed.consumed.contains(&name.as_ref()) {
                    self.dropped.push(self.body.path_of(&name));
                }
            }
        }
    }

    /// Keeps only tools that run at the client, each once. Without any, drops the list and the tool choice too, because
    /// providers reject a choice without tools.
    fn keep_client_tools(&mut self, allowed: &Allowed) -> Result<(), GatewayError> {
        let Some(tools) = self.body.get("tools") else { return Ok(()) };
        let (kept, server): (Vec<Value<'_>>, Vec<Value<'_>>) =
            tools.list()?.partition(|tool| (allowed.is_client_tool)(*tool));
        for tool in &server {
            self.drop(*tool);
        }
        if kept.is_empty() && !server.is_empty() {
            self.edits.remove(tools);
            self.drop_field("tool_choice");
        } else if !server.is_empty() {
            self.drop_choice_between_others(&kept, allowed)?;
        }
        self.keep_once(kept, allowed.tool_name)?;
        Ok(())
    }

    /// Drops a tool choice that names a dropped tool, because providers reject it.
    fn drop_choice_between_others(&mut self, kept: &[Value<'_>], allowed: &Allowed) -> Result<(), GatewayError> {
        let Some(choice) = self.body.get("tool_choice") else { return Ok(()) };
        let is_kept = |name: &String| kept.iter().any(|tool| (allowed.tool_name)(*tool).is_some_and(|known| known.is(name)));
        if !(allowed.tool_choice)(choice)?.names().iter().all(is_kept) {
            self.drop_field("tool_choice");
        }
        Ok(())
    }
}

/// The sampling fields that a body sets.
pub fn sampling_fields(body: Value<'_>) -> Vec<SamplingField> {
    let named = |name: &str| SamplingField::ALL.into_iter().find(|field| field.name() == name);
    body.members().filter(|(_, value)| !value.is_null()).filter_map(|(name, _)| named(&name)).collect()
}

/// Fields that the provider module adds last: the model, the version, the stream switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderFields {
    /// Names and JSON values to set.
    pub set: Vec<(&'static str, String)>,
    /// Fields to remove at any depth.
    pub removed: &'static [&'static str],
    /// The only other fields that the call accepts; `None` for any.
    pub only: Option<&'static [&'static str]>,
}

/// Documents in a request that are not text, and how they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// There are none.
    None,
    /// The model reads them.
    Native,
    /// The provider extracts their text.
    Parsed,
}

/// An upstream body that is complete except for the provider's fields.
#[derive(Clone, Debug)]
pub enum UpstreamBody {
    /// The client's body with edits.
    Forwarded {
        /// The client's body.
        document: Arc<Document>,
        /// The edits.
        edits: Edits,
    },
    /// A body encoded for another format.
    Encoded(Vec<u8>),
}

impl UpstreamBody {
    /// Serialises the body once, with the provider's fields.
    pub fn finish(self, fields: &ProviderFields) -> Result<Vec<u8>, GatewayError> {
        match self {
            Self::Forwarded { document, edits } => Ok(edited(&document, edits, fields)),
            Self::Encoded(mut body) if fields.only.is_none() => {
                append_members(&mut body, &fields.set);
                Ok(body)
            }
            // Only token counts limit their fields.
            Self::Encoded(body) => {
                let text = String::from_utf8(body).map_err(|_| GatewayError::internal("the body is not text"))?;
                let document = Document::parse_sent(text)?;
                Ok(edited(&document, Edits::default(), fields))
            }
        }
    }
}

fn edited(document: &Document, mut edits: Edits, fields: &ProviderFields) -> Vec<u8> {
    let body = document.root();
    for (name, value) in body.members() {
        let refused = fields.removed.contains(&name.as_ref());
        if refused || fields.only.is_some_and(|only| !only.contains(&name.as_ref())) {
            edits.remove(value);
        }
    }
    for (name, json) in &fields.set {
        edits.set_json(body, name, json);
    }
    document.edited(&edits)
}
