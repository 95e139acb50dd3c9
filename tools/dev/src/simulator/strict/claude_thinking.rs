//! What Claude on Vertex rejects in the settings of reasoning and effort. The rules of each model: platform.claude.com, the
//! pages on thinking, effort and the models (autumn 2026); docs.cloud.google.com for Sonnet 5.5.

use serde_json::Value;

use super::super::json::{items, string};
use super::claude_model::Model;
use super::verdict::{Verdict, ensure, extra};

/// Checks reasoning, effort, and their combination with a forced call.
pub(super) fn check(model: Model<'_>, body: &Value) -> Verdict {
    let forced = matches!(body.pointer("/tool_choice/type").and_then(Value::as_str), Some("any" | "tool"));
    ensure(!forced || model.takes_forced_choice(), || {
        "tool_choice: `any` and `tool` are not supported for this model. Use `auto` or `none`.".to_owned()
    })?;
    if let Some(thinking) = body.get("thinking") {
        fields(model, thinking)?;
        kind(model, thinking, body)?;
        let by_budget = string(thinking, "type") == Some("enabled");
        ensure(!(forced && by_budget), || "Thinking may not be enabled when tool_choice forces tool use.".to_owned())?;
    }
    edits(model, body)?;
    effort(model, body)
}

/// Context edits of reasoning require reasoning (router-for-me/CLIProxyAPI#4957, anthropics/claude-code#11971).
fn edits(model: Model<'_>, body: &Value) -> Verdict {
    let thinks = match body.pointer("/thinking/type").and_then(Value::as_str) {
        Some(kind) => kind != "disabled",
        None => model.thinks_by_default(),
    };
    let mut edits = items(body.get("context_management").unwrap_or(&Value::Null), "edits");
    let place = edits.position(|edit| string(edit, "type").is_some_and(|kind| kind.starts_with("clear_thinking_")));
    let clears = place.is_some();
    // platform.claude.com, context editing, combined strategies.
    ensure(place.is_none_or(|place| place == 0), || {
        "`clear_thinking_20251015` must be the first of `context_management.edits`".to_owned()
    })?;
    ensure(thinks || !clears, || {
        "`clear_thinking_20251015` strategy requires `thinking` to be enabled or adaptive".to_owned()
    })
}

fn fields(model: Model<'_>, thinking: &Value) -> Verdict {
    let kind = string(thinking, "type").unwrap_or_default();
    let known: &[&str] = match kind {
        "disabled" => &["type"],
        "enabled" => &["type", "budget_tokens", "display"],
        "adaptive" if model.binds_thoughts() => &["type", "display", "block_binding"],
        _ => &["type", "display"],
    };
    extra(Some(thinking), &format!("thinking.{kind}"), known)?;
    let display = thinking.get("display").filter(|display| !display.is_null());
    ensure(display.is_none_or(|display| display == "summarized" || display == "omitted"), || {
        format!("thinking.{kind}.display: Input should be 'summarized' or 'omitted'")
    })
}

fn kind(model: Model<'_>, thinking: &Value, body: &Value) -> Verdict {
    match string(thinking, "type") {
        Some("disabled") => {
            ensure(model.can_stop_thinking(), || "\"thinking.type.disabled\" is not supported for this model.".to_owned())
        }
        Some("adaptive") => {
            ensure(model.thinks_adaptively(), || "adaptive thinking is not supported on this model".to_owned())
        }
        Some("between_tools") if model.thinks_between_tools() => Ok(()),
        Some("enabled") => {
            ensure(model.thinks_by_budget(), || {
                "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \
                 \"output_config.effort\" to control thinking behavior."
                    .to_owned()
            })?;
            let budget = thinking.get("budget_tokens").and_then(Value::as_u64);
            let budget = budget.ok_or_else(|| "thinking.enabled.budget_tokens: Field required".to_owned())?;
            ensure(budget >= 1_024, || {
                "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024".to_owned()
            })?;
            ensure(budget < body.get("max_tokens").and_then(Value::as_u64).unwrap_or(0), || {
                "`max_tokens` must be greater than `thinking.budget_tokens`.".to_owned()
            })
        }
        Some(_) | None => {
            Err("thinking: Input tag found using 'type' does not match any of the expected tags: 'adaptive', \
             'disabled', 'enabled'"
                .to_owned())
        }
    }
}

fn effort(model: Model<'_>, body: &Value) -> Verdict {
    let Some(effort) = body.pointer("/output_config/effort").filter(|effort| !effort.is_null()) else { return Ok(()) };
    let (level, levels) = (effort.as_str().unwrap_or_default(), model.efforts());
    ensure(!levels.is_empty(), || "output_config.effort: Extra inputs are not permitted".to_owned())?;
    ensure(levels.contains(&level), || {
        format!("This model does not support effort level '{level}'. Supported levels: {}.", levels.join(", "))
    })?;
    let kind = body.pointer("/thinking/type").and_then(Value::as_str);
    let off = kind == Some("between_tools") || kind == Some("disabled") && model.ties_effort_to_thinking();
    ensure(!(off && matches!(level, "xhigh" | "max")), || {
        format!("Effort level '{level}' is not supported when thinking is disabled.")
    })
}
