//! Creates the upstream body from a client's request. A pure function of the request and of what the route supports.

use std::collections::HashMap;
use std::sync::Arc;

use super::conversion::{Conversion, Forwarded};
use super::media;
use super::restore::Restore;
use crate::catalog::{Model, Route};
use crate::chat::request::{Place, ToolChoice, ToolDefinition};
use crate::chat::turns::{Piece as _, PieceKind};
use crate::chat::{ChatRequest, Origin, Part, Signature};
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::native::{Files, Forwarding, UpstreamBody};
use crate::wire::tag;
use crate::wire::target::{Encoded, OutputBounds, Refusal, Target};
use crate::wire::thoughts::ThoughtKeys;
use crate::wire::{self, ClientRequest, Native, WireFormat};

/// The upstream body, without the provider's own fields.
#[derive(Debug)]
pub struct Outbound {
    /// The body.
    pub body: UpstreamBody,
    /// How the provider's reply becomes the client's.
    pub conversion: Conversion,
    /// Paths of what the route does not support, for `x-gateway-dropped`.
    pub dropped: Vec<String>,
    /// How documents are read.
    pub files: Files,
}

/// The destination of a request.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// The model.
    pub model: &'a Model,
    /// The route.
    pub route: &'a Route,
    /// The provider's format.
    pub wire: WireFormat,
    /// Bounds of the reply's length.
    pub output: OutputBounds,
}

impl Destination<'_> {
    /// The route's model, for encoders.
    pub fn target(&self) -> Target<'_> {
        // Half for the answer, and half for the reasoning.
        let parts = if self.model.capabilities.limit_excludes_thinking { 2 } else { 1 };
        Target {
            capabilities: &self.model.capabilities,
            max_output_tokens: self.model.max_output_tokens.min(self.output.most / parts),
            default_output: self.model.default_output,
            must_say_limit: self.output.must_say,
            context_window: self.model.context_window,
            upstream: self.route.upstream.as_str(),
        }
    }
}

/// What accompanies a request besides its body.
#[derive(Clone, Copy, Debug)]
pub struct RequestExtras<'a> {
    /// Anthropic's betas that Vertex accepts.
    pub betas: &'a [&'a str],
    /// Gemini's signatures by tool-call id, from the vault.
    pub signatures: &'a HashMap<String, String>,
    /// Reads the reasoning that the client keeps.
    pub thoughts: Option<&'a ThoughtKeys>,
}

/// Creates the body for a route: the client's own with edits if the formats match, translated otherwise. A pure function.
/// Each dropped path is named once, in order.
pub fn outbound(request: &ClientRequest, to: Destination<'_>, extras: RequestExtras<'_>) -> Result<Outbound, GatewayError> {
    let native =
        request.format.native().filter(|native| native.wire() == to.wire && native.takes(request.body(), &to.target()));
    let files = files(request, to)?;
    let mut outbound = match native {
        Some(native) => forward(request, native, to, extras)?,
        None => translate(request, to, extras)?,
    };
    outbound.files = files;
    outbound.dropped.sort_unstable();
    outbound.dropped.dedup_by(|later, earlier| is_within(later, earlier));
    Ok(outbound)
}

/// How the request's documents are read. Fails with a 400 for a part that the model does not accept.
fn files(request: &ClientRequest, to: Destination<'_>) -> Result<Files, GatewayError> {
    let has_files = media::check(request, to)?;
    Ok(match (has_files, media::reads_files(to.model)) {
        (false, _) => Files::None,
        (true, true) => Files::Native,
        (true, false) => Files::Parsed,
    })
}

/// Whether a path is inside another one, and dropped with it.
fn is_within(path: &str, whole: &str) -> bool {
    path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Forwards a request in the provider's own format, with edits where its model would reject it.
fn forward(
    request: &ClientRequest,
    native: &'static dyn Native,
    to: Destination<'_>,
    extras: RequestExtras<'_>,
) -> Result<Outbound, GatewayError> {
    let Forwarding { body: _, edits, mut dropped, left_out, undo } = native.forward(request, &to.target(), extras.betas)?;
    dropped.extend(request.document.paths_of(left_out));
    let body = UpstreamBody::Forwarded { document: Arc::clone(&request.document), edits };
    Ok(Outbound { body, conversion: Conversion::Forward(Forwarded { native, undo }), dropped, files: Files::None })
}

/// Decodes a request and encodes it for another format. Names top-level fields that the conversation cannot hold, and what
/// the format does not support.
fn translate(request: &ClientRequest, to: Destination<'_>, extras: RequestExtras<'_>) -> Result<Outbound, GatewayError> {
    let wire = to.wire;
    let mut dropped = unknown_fields(request);
    let server_tools = server_tools(request);
    let mut conversation = wire::decode_request(request, extras.thoughts)?;
    let chooses = request.body().get("tool_choice").is_some();
    if !server_tools.is_empty() && chooses && !has_what_is_chosen(&conversation) {
        let ChatRequest { tools, tool_choice, .. } = &mut conversation;
        *tool_choice = declared_choice(std::mem::take(tool_choice), tools);
        dropped.push("tool_choice".to_owned());
    }
    dropped.extend(server_tools);
    let mut unsent = std::mem::take(&mut conversation.left_out);
    if to.model.capabilities.refuses_past_reasoning {
        unsent.extend(drop_reasoning(&mut conversation));
    } else {
        restore_signatures(&mut conversation, extras.signatures);
    }
    let visible_reasoning = conversation.reasoning.visible;
    let encoded = wire::encode_request(wire, conversation, &to.target());
    let placed = |Refusal { error, place }: Refusal| match request.document.path_of(place) {
        Some(path) => error.with_param(path),
        None => error,
    };
    let Encoded { body, lost, left_out, names, answer_tool } = encoded.map_err(placed)?;
    dropped.extend(lost.into_iter().map(|lost| request.format.path_of(lost, request.body()).to_owned()));
    dropped.extend(request.document.paths_of(unsent.into_iter().chain(left_out)));
    let mut restore = Restore::new(names, answer_tool, visible_reasoning);
    restore.function_calls = request.format.knows_function_call(request.body());
    Ok(Outbound {
        body: UpstreamBody::Encoded(body),
        conversion: Conversion::Translate { wire, restore },
        dropped,
        files: Files::None,
    })
}

/// Whether the tools in a tool choice are declared.
fn has_what_is_chosen(conversation: &ChatRequest) -> bool {
    let ChatRequest { tools, tool_choice, .. } = conversation;
    let is_declared = |name: &String| tools.iter().any(|tool| tool.name == *name);
    !tools.is_empty() && tool_choice.names().iter().all(is_declared)
}

/// What a tool choice says about declared tools: of a list, those that are declared; otherwise nothing.
fn declared_choice(choice: ToolChoice, tools: &[ToolDefinition]) -> ToolChoice {
    match choice {
        ToolChoice::Allowed { mut names, required } => {
            names.retain(|name| tools.iter().any(|tool| tool.name == *name));
            if names.is_empty() { ToolChoice::Auto } else { ToolChoice::Allowed { names, required } }
        }
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required | ToolChoice::Named(_) => ToolChoice::Auto,
    }
}

/// Top-level fields that the conversation cannot hold.
fn unknown_fields(request: &ClientRequest) -> Vec<String> {
    let carried = request.format.carried_fields();
    let fields = request.body().members().filter(|(_, value)| !value.is_null());
    fields
        .filter(|(name, value)| carried.binary_search(&name.as_ref()).is_err() && !tag::is_all_of(name, *value))
        .map(|(name, _)| request.body().path_of(&name))
        .collect()
}

/// Server tools of the client's vendor, which exist nowhere else.
fn server_tools(request: &ClientRequest) -> Vec<String> {
    let tools = request.body().get("tools").filter(|tools| tools.kind() == Kind::List);
    let tools = tools.into_iter().flat_map(Value::elements);
    tools.filter(|tool| !request.format.is_client_tool(*tool)).map(Value::path).collect()
}

/// Adds signatures to calls, unless the client kept them itself.
fn restore_signatures(conversation: &mut ChatRequest, signatures: &HashMap<String, String>) {
    for part in conversation.messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::ToolCall(call) = part
            && call.signature.is_none()
        {
            let known = signatures.get(&call.id);
            call.signature = known.map(|value| Signature { origin: Origin::Gemini, value: value.clone() });
        }
    }
}

/// Removes the reasoning of earlier turns, and the signatures of their calls. Returns the places of the reasoning.
fn drop_reasoning(conversation: &mut ChatRequest) -> Vec<Place> {
    let mut places = Vec::new();
    for message in &mut conversation.messages {
        let (reasoning, kept): (Vec<Part>, Vec<Part>) =
            std::mem::take(&mut message.parts).into_iter().partition(|part| part.kind() == PieceKind::Thought);
        places.extend(reasoning.iter().map(Part::place));
        message.parts = kept;
        for part in &mut message.parts {
            if let Part::ToolCall(call) = part {
                call.signature = None;
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::wire::ClientFormat;
    use crate::wire::native::ProviderFields;

    /// What is sent to a model in its own format, and what is reported as dropped.
    fn forwarded(format: ClientFormat, model: &str, body: &str) -> (String, Vec<String>) {
        let model = Catalog::embedded().unwrap().resolve(model).unwrap();
        let request = wire::open_request(format, body.to_owned()).unwrap();
        let extras = RequestExtras { betas: &[], signatures: &HashMap::new(), thoughts: None };
        let wire = format.native().unwrap().wire();
        let destination = Destination { model: &model, route: &model.routes[0], wire, output: OutputBounds::NONE };
        let outbound = outbound(&request, destination, extras).unwrap();
        let body = outbound.body.finish(&ProviderFields::default()).unwrap();
        (String::from_utf8(body).unwrap(), outbound.dropped)
    }

    #[test]
    fn the_developer_role_is_kept_for_openais_models_only() {
        let body = r#"{"model":"m","messages":[{"role":"developer","content":"a","name":"\u0061"},{"role":"user","content":"\"developer\""}]}"#;
        let sent = |role: &str| {
            format!(
                r#"{{"messages":[{{"role":"{role}","content":"a","name":"\u0061"}},{{"role":"user","content":"\"developer\""}}]}}"#
            )
        };
        let of = |model: &str| forwarded(ClientFormat::ChatCompletions, model, body);
        assert_eq!(of("gpt-5.2"), (sent("developer"), vec![]));
        assert_eq!(of("kimi-k2.5"), (sent("system"), vec![]));
    }

    #[test]
    fn an_effort_and_a_budget_of_thoughts_are_not_sent_together() {
        let of = |reasoning: &str| {
            let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"a"}}],"reasoning":{reasoning}}}"#);
            forwarded(ClientFormat::ChatCompletions, "gpt-5.2", &body)
        };
        let sent = |reasoning: &str| format!(r#"{{"messages":[{{"role":"user","content":"a"}}],"reasoning":{reasoning}}}"#);
        let both = of(r#"{"effort":"low","max_tokens":2000}"#);
        assert_eq!(both, (sent(r#"{"effort":"low"}"#), vec!["reasoning.max_tokens".to_owned()]));
        for one in [r#"{"max_tokens":2000}"#, r#"{"effort":null,"max_tokens":2000}"#, "null"] {
            assert_eq!(of(one), (sent(one), vec![]));
        }
    }

    #[test]
    fn the_billing_block_goes_and_the_other_blocks_keep_their_spelling() {
        let of = |system: &str| {
            let body =
                format!(r#"{{"max_tokens":1,"messages":[{{"role":"user","content":"a"}}],"model":"m","system":{system}}}"#);
            forwarded(ClientFormat::Messages, "claude-opus-4.6", &body)
        };
        let sent = |system: &str| format!(r#"{{"max_tokens":1,"messages":[{{"role":"user","content":"a"}}]{system}}}"#);
        let billing = r#"{"type":"text","text":"x-anthropic-billing-header: cc_version=1"}"#;
        let gone = vec!["system[0]".to_owned()];
        assert_eq!(
            of(&format!(r#"[{billing},{{"type":"text", "text":"b"}}]"#)),
            (sent(r#","system":[{"type":"text", "text":"b"}]"#), gone.clone())
        );
        assert_eq!(of(&format!("[{billing}]")), (sent(""), gone));
        let quoted = r#""about x-anthropic-billing-header: lines""#;
        assert_eq!(of(quoted), (sent(&format!(r#","system":{quoted}"#)), vec![]));
    }
}
