//! A Messages request on its way to Claude on Vertex AI, which speaks the same format. One that its model takes as it stands passes
//! through; one that it would refuse goes through the conversation, which knows each generation's rules.

use crate::capability::Thinking;
use crate::document::Value;
use crate::error::GatewayError;
use crate::wire::ClientRequest;
use crate::wire::anthropic::client::request::{is_billing_block, is_client_tool, tool_choice, tool_name};
use crate::wire::anthropic::{betas, signature};
use crate::wire::native::{Allowed, Forwarding, sampling_fields};
use crate::wire::target::Target;

/// What passes to Vertex AI, which refuses unknown fields. Never what steers or prices the upstream call: service tier, speed,
/// containers, MCP servers.
const ALLOWED: Allowed = Allowed {
    forwarded: &[
        "cache_control",
        "context_management",
        "max_tokens",
        "messages",
        "metadata",
        "output_config",
        "stop_sequences",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    ],
    // The first two are the body's forms of headers.
    consumed: &["anthropic_beta", "anthropic_version", "model", "stream"],
    is_client_tool,
    tool_name,
    tool_choice,
};

/// Anthropic's limit of cache marks.
pub const MAX_CACHE_MARKS: usize = 4;

/// The edits that a request needs which its model takes. `betas` are those that Vertex takes.
pub fn forward<'d>(request: &'d ClientRequest, target: &Target<'_>, betas: &[&str]) -> Result<Forwarding<'d>, GatewayError> {
    let mut forwarding = Forwarding::new(request.document.root(), &ALLOWED)?;
    forwarding.clamp_output(request.max_tokens, target);
    drop_billing(&mut forwarding);
    apply_betas(&mut forwarding, betas);
    Ok(forwarding)
}

/// Removes Claude Code's billing block: it differs from request to request and stands before everything that could be cached.
fn drop_billing(forwarding: &mut Forwarding<'_>) {
    let Some(system) = forwarding.body.get("system") else { return };
    let (billing, kept): (Vec<_>, Vec<_>) = system.elements().partition(|block| is_billing_block(*block));
    for block in &billing {
        forwarding.drop(*block);
    }
    if kept.is_empty() && !billing.is_empty() {
        forwarding.edits.remove(system);
    }
}

/// Puts the accepted betas into the body, where Vertex takes them, and drops what needs a beta that is not there.
fn apply_betas(forwarding: &mut Forwarding<'_>, betas: &[&str]) {
    if !betas.contains(&betas::CONTEXT_MANAGEMENT) {
        forwarding.drop_field("context_management");
    }
    if !betas.is_empty() {
        forwarding.edits.set(forwarding.body, "anthropic_beta", betas);
    }
}

/// True when Vertex AI takes the request for that model without repair.
pub fn fits(body: Value<'_>, target: &Target<'_>) -> bool {
    let Ok([thinking, output, format]) = body.fields(["thinking", "output_config", "output_format"]) else { return false };
    blocks_fit(body)
        && target.capabilities.sampling.refused(&sampling_fields(body)).is_empty()
        && thinking.is_none_or(|thinking| thinking_fits(thinking, target))
        && output.is_none_or(|output| output_fits(output, target))
        // The older place of the format is refused on Vertex AI.
        && format.is_none()
        && roles_fit(body, target)
}

fn elements<'d>(body: Value<'d>, name: &str) -> impl Iterator<Item = Value<'d>> {
    body.get(name).into_iter().flat_map(Value::elements)
}

/// Whether Vertex takes every content block, and no more places than allowed are marked for the cache. Each block is read once:
/// they are most of a body.
fn blocks_fit(body: Value<'_>) -> bool {
    let places = elements(body, "tools").chain([body]);
    let own = places.filter(|place| place.get("cache_control").is_some()).count();
    let contents = elements(body, "messages").filter_map(|message| message.get("content")).chain(body.get("system"));
    let marks = contents.map(marks_of).try_fold(own, |sum, marks| Some(sum.saturating_add(marks?)));
    marks.is_some_and(|marks| marks <= MAX_CACHE_MARKS)
}

/// The cache marks of blocks and of the blocks in them; `None` when Vertex refuses one of them: signatures of other providers,
/// unsigned thoughts, and addresses, which Vertex does not fetch reliably.
fn marks_of(blocks: Value<'_>) -> Option<usize> {
    blocks.elements().try_fold(0_usize, |marks, block| {
        let [kind, mark, seal, data, source, content] =
            block.fields(["type", "cache_control", "signature", "data", "source", "content"]).ok()?;
        let is_signed = |seal: Option<Value<'_>>| {
            seal.and_then(Value::as_text).is_some_and(|seal| !seal.is_empty() && signature::is_own(&seal))
        };
        let fits = match kind.and_then(Value::as_text).as_deref() {
            Some("thinking") => is_signed(seal),
            Some("redacted_thinking") => is_signed(data),
            _ => !source.and_then(|source| source.get("type")).is_some_and(|kind| kind.is("url")),
        };
        let inner = content.map_or(Some(0), marks_of)?;
        fits.then(|| marks.saturating_add(inner).saturating_add(usize::from(mark.is_some())))
    })
}

/// A budget must stay below the output limit, which may have been lowered after the budget was chosen.
fn thinking_fits(thinking: Value<'_>, target: &Target<'_>) -> bool {
    let budget = thinking.get("budget_tokens").and_then(Value::as_whole_number);
    let kind = thinking.get("type").and_then(Value::as_text).unwrap_or_default();
    let is_known = match (target.capabilities.thinking, kind.as_ref()) {
        (Thinking::Budget, "adaptive") | (Thinking::AdaptiveOnly, "enabled") => false,
        (_, _) => true,
    };
    is_known && budget.is_none_or(|budget| budget < target.max_output_tokens)
}

fn output_fits(output: Value<'_>, target: &Target<'_>) -> bool {
    let effort = output.get("effort").and_then(Value::as_text);
    let known = effort.is_none_or(|effort| target.capabilities.efforts.iter().any(|word| *word == effort));
    known && (output.get("format").is_none() || target.capabilities.structured_output)
}

/// System messages between turns are refused by all Vertex models, a trailing assistant message by the newer ones.
fn roles_fit(body: Value<'_>, target: &Target<'_>) -> bool {
    let is = |message: Value<'_>, role: &str| message.get("role").is_some_and(|said| said.is(role));
    let mut last = None;
    for message in elements(body, "messages") {
        if is(message, "system") {
            return false;
        }
        last = Some(message);
    }
    target.capabilities.prefill || !last.is_some_and(|message| is(message, "assistant"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::{Capabilities, SamplingSupport};
    use crate::document::Document;

    /// The rules of a generation, as the catalogue gives them.
    fn generation(name: &str) -> Capabilities {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        match name {
            "claude-haiku-4.5" => Capabilities {
                thinking: Thinking::Budget,
                sampling: SamplingSupport::One,
                prefill: true,
                ..Capabilities::default()
            },
            "claude-opus-4.6" => Capabilities {
                thinking: Thinking::Adaptive,
                efforts: words(&["low", "medium", "high", "max"]),
                sampling: SamplingSupport::One,
                structured_output: true,
                ..Capabilities::default()
            },
            _ => Capabilities {
                thinking: Thinking::AdaptiveOnly,
                efforts: words(&["low", "medium", "high", "xhigh", "max"]),
                sampling: SamplingSupport::Nothing,
                structured_output: true,
                ..Capabilities::default()
            },
        }
    }

    fn fits_model(model: &str, body: &str) -> bool {
        let document = Document::parse(body.to_owned(), &[]).unwrap();
        let target = Target {
            capabilities: &generation(model),
            max_output_tokens: 32_000,
            default_output: 32_000,
            must_say_limit: false,
            upstream: model,
        };
        fits(document.root(), &target)
    }

    #[test]
    fn what_a_generation_refuses_does_not_fit_it_however_it_is_spelled() {
        for (model, rest, expected) in [
            ("claude-haiku-4.5", "", true),
            ("claude-haiku-4.5", r#","thinking":{"type":"enabled","budget_tokens":2048}"#, true),
            ("claude-haiku-4.5", r#","thinking":{"type":"enabled","budget_tokens":31999}"#, true),
            ("claude-haiku-4.5", r#","thinking":{"type":"enabled","budget_tokens":32000}"#, false),
            ("claude-haiku-4.5", r#","thinking":{"type":"adaptive"}"#, false),
            ("claude-haiku-4.5", r#","thinking":{"t\u0079pe":"adapti\u0076e"}"#, false),
            ("claude-haiku-4.5", r#","output_config":{"effort":"high"}"#, false),
            ("claude-haiku-4.5", r#","output_config":{"format":{"type":"json_schema"}}"#, false),
            ("claude-opus-4.6", r#","output_format":{"type":"json_schema","schema":{}}"#, false),
            ("claude-opus-4.6", r#","output_format":null"#, true),
            ("claude-haiku-4.5", r#","temperature":0.5,"top_p":0.5"#, false),
            ("claude-opus-4.6", r#","thinking":{"type":"adaptive"},"output_config":{"effort":"max"}"#, true),
            ("claude-opus-4.6", r#","output_config":{"effort":"xhigh"}"#, false),
            ("claude-opus-4.8", r#","thinking":{"type":"enabled","budget_tokens":2048}"#, false),
            ("claude-opus-4.8", r#","temperature":1"#, false),
        ] {
            let body = format!(r#"{{"messages":[{{"role":"user","content":"hi"}}]{rest}}}"#);
            assert_eq!(fits_model(model, &body), expected, "{model} {rest}");
        }
    }

    #[test]
    fn blocks_that_vertex_refuses_are_found_at_their_places_and_nowhere_else() {
        let thought = |seal: &str| format!(r#"{{"type":"thinking","thinking":"","signature":{seal}}}"#);
        let picture = r#"{"type":"image","source":{"type":"\u0075rl","url":"https://a.example/b.png"}}"#;
        let mark = r#"{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}"#;
        for (blocks, expected) in [
            (thought("\"EqoB\""), true),
            (thought("\"\""), false),
            (thought("\"gw1.g.EqoB\""), false),
            (r#"{"type":"redacted_thinking","data":"\u0067w1.g.EqoB"}"#.to_owned(), false),
            (picture.to_owned(), false),
            (format!(r#"{{"type":"tool_result","tool_use_id":"a","content":[{picture}]}}"#), false),
            (r#"{"type":"text","text":"\"gw1.g.\" \"signature\":\"\" \"type\":\"url\""}"#.to_owned(), true),
            (
                r#"{"type":"tool_use","id":"a","name":"f","input":{"source":{"type":"url"},"cache_control":{}}}"#.to_owned(),
                true,
            ),
            ([mark; 4].join(","), true),
            ([mark; 5].join(",").replacen("cache_control", "c\\u0061che_control", 1), false),
        ] {
            let body = format!(r#"{{"messages":[{{"role":"user","content":[{blocks}]}}]}}"#);
            assert_eq!(fits_model("claude-opus-4.6", &body), expected, "{blocks}");
        }
    }

    #[test]
    fn system_messages_and_trailing_assistants_need_repair() {
        let check = |model: &str, role: &str| {
            let body = format!(r#"{{"messages":[{{"role":"user","content":"hi"}},{{"role":"{role}","content":"x"}}]}}"#);
            fits_model(model, &body)
        };
        assert!(check("claude-haiku-4.5", "assistant"));
        assert!(!check("claude-opus-4.6", "assistant"));
        assert!(!check("claude-opus-4.6", "system"));
    }

    #[test]
    fn the_list_of_forwarded_fields_is_sorted() {
        assert!(ALLOWED.forwarded.is_sorted());
    }
}
