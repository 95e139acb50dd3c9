//! What Claude rejects in the turns of a conversation behind OpenRouter, which passes its errors on.

use serde_json::Value;

use super::super::json::{items, string};
use super::claude_model::Model;
use super::verdict::{Verdict, ensure, is_name};

/// Checks the calls, results and reasoning of a conversation with this model.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    let name = model.trim_start_matches("anthropic/").replace('.', "-");
    let claude = Model::named(&name);
    ids(body)?;
    results(body)?;
    silent(claude, body)?;
    never_silent(claude, body)
}

/// The ids of calls (openclaw/openclaw#10223, braintrustdata/braintrust-sdk-javascript#1339).
fn ids(body: &Value) -> Verdict {
    for (place, message) in items(body, "messages").enumerate() {
        let ids = items(message, "tool_calls").filter_map(|call| string(call, "id")).chain(string(message, "tool_call_id"));
        for id in ids {
            ensure(is_name(id, "_-", usize::MAX), || {
                format!("messages.{place}.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
            })?;
        }
    }
    Ok(())
}

/// Results have no blank text and no mark on an empty one (serialx/vibecore#8).
fn results(body: &Value) -> Verdict {
    let is_result = |message: &&Value| string(message, "role") == Some("tool");
    for result in items(body, "messages").filter(is_result) {
        let own = string(result, "content").map(|text| (text, result.get("cache_control")));
        let parts = items(result, "content").filter_map(|part| Some((string(part, "text")?, part.get("cache_control"))));
        for (text, mark) in own.into_iter().chain(parts) {
            ensure(!(text.is_empty() && mark.is_some()), || {
                "messages.0.content.0.text: cache_control cannot be set for empty text blocks".to_owned()
            })?;
            ensure(text.is_empty() || !text.trim().is_empty(), || {
                "messages: text content blocks must contain non-whitespace text".to_owned()
            })?;
        }
    }
    Ok(())
}

/// Whether the request asks for reasoning; `None` if it says nothing about it.
fn asks(body: &Value) -> Option<bool> {
    let effort = body.get("reasoning_effort").or_else(|| body.pointer("/reasoning/effort")).and_then(Value::as_str);
    let enabled = body.pointer("/reasoning/enabled").and_then(Value::as_bool);
    let budget = body.pointer("/reasoning/max_tokens").and_then(Value::as_u64);
    let amount = effort.map(|effort| effort != "none").or(budget.map(|budget| budget > 0));
    enabled.filter(|enabled| !enabled).or(amount).or(enabled)
}

/// The assistant turn that the model continues: an open tool turn, or the beginning of its answer.
fn continued(body: &Value) -> Option<&Value> {
    let mut before = items(body, "messages").collect::<Vec<_>>().into_iter().rev();
    before.find(|message| string(message, "role") != Some("tool")).filter(|last| string(last, "role") == Some("assistant"))
}

/// Without reasoning, the continued turn has none (tailcallhq/forgecode#1195).
fn silent(claude: Model<'_>, body: &Value) -> Verdict {
    let thinks = asks(body).unwrap_or_else(|| claude.thinks_by_default());
    let thought = continued(body).is_some_and(|turn| items(turn, "reasoning_details").next().is_some());
    ensure(thinks || !thought, || {
        "When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`.".to_owned()
    })
}

/// OpenRouter switches reasoning off for a tool turn without reasoning if the request asks for it, which models that always
/// reason reject (NousResearch/hermes-agent#43012).
fn never_silent(claude: Model<'_>, body: &Value) -> Verdict {
    let turn = continued(body).filter(|turn| items(turn, "tool_calls").next().is_some());
    let is_bare = turn.is_some_and(|turn| items(turn, "reasoning_details").next().is_none());
    let always = !claude.can_stop_thinking() || claude.name.contains("fable");
    ensure(!(is_bare && always && asks(body).is_some()), || {
        "\"thinking.type.disabled\" is not supported for this model.".to_owned()
    })
}
