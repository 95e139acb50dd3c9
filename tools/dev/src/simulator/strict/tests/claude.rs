use super::super::super::signature;
use super::super::super::wire::Wire;
use super::super::claude::check;
use super::*;

pub(super) const OPUS: &str = "claude-opus-4-6";
pub(super) const NEWEST: &str = "claude-opus-4-8@default";
pub(super) const HAIKU: &str = "claude-haiku-4-5@20251001";

pub(super) fn body() -> Value {
    json!({
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 2_000,
        "messages": [{ "role": "user", "content": "hello" }],
        "tools": [{ "name": "weather", "input_schema": { "type": "object", "properties": { "city": { "type": "string" } } } }],
    })
}

pub(super) fn verdict(model: &str, change: &Value) -> Verdict {
    check(model, "", &changed(&body(), change))
}

pub(super) fn thought(step: usize) -> Value {
    json!({ "type": "thinking", "thinking": "", "signature": signature::issue(Wire::Claude, OPUS, step) })
}

pub(super) fn call(id: &str) -> Value {
    json!({ "type": "tool_use", "id": id, "name": "weather", "input": {} })
}

pub(super) fn result(id: &str) -> Value {
    json!({ "type": "tool_result", "tool_use_id": id, "content": "18 degrees" })
}

pub(super) fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// A conversation that continues after the first user message.
pub(super) fn talk(turns: &[Value]) -> Value {
    let mut messages = vec![json!({ "role": "user", "content": "hello" })];
    for (place, content) in turns.iter().enumerate() {
        messages.push(json!({ "role": if place % 2 == 0 { "assistant" } else { "user" }, "content": content }));
    }
    json!({ "messages": messages })
}

#[test]
fn sound_requests_are_accepted() {
    let budget = json!({ "thinking": { "type": "enabled", "budget_tokens": 1_024 } });
    let closed = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let format = json!({ "output_config": { "effort": "max", "format": { "type": "json_schema", "schema": closed } } });
    let adaptive = json!({ "thinking": { "type": "adaptive" }, "tool_choice": { "type": "any" } });
    for (model, change) in [
        (OPUS, json!({ "temperature": 1, "stop_sequences": ["END"], "metadata": { "user_id": "u".repeat(256) } })),
        (OPUS, json!({ "anthropic_beta": ["context-management-2025-06-27"], "context_management": {} })),
        (OPUS, format),
        (OPUS, adaptive.clone()),
        (NEWEST, adaptive),
        (HAIKU, json!({ "tools": [{ "name": "n".repeat(128), "input_schema": { "type": "object" } }] })),
        (HAIKU, json!({ "top_p": 1, "top_k": 0 })),
        (HAIKU, budget.clone()),
        (HAIKU, talk(&[json!([call("a")]), json!([result("a"), text("and now?")])])),
        (HAIKU, changed(&budget, &talk(&[json!([thought(0), call("a")]), json!([result("a")])]))),
        // An answer without reasoning does not matter after another user message.
        (HAIKU, changed(&budget, &talk(&[json!("hello"), json!("and now?")]))),
        (HAIKU, talk(&[json!("{")])),
        (HAIKU, json!({ "messages": [{ "role": "user", "content": "a" }, { "role": "user", "content": "b" }] })),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{change}");
    }
}

#[test]
fn settings_are_refused() {
    let extra = "Extra inputs are not permitted";
    for (model, change, words) in [
        (OPUS, json!({ "seed": 1 }), "seed: Extra inputs are not permitted"),
        (OPUS, json!({ "context_management": {} }), extra),
        (OPUS, json!({ "metadata": { "name": "x" } }), "metadata.name: Extra inputs are not permitted"),
        (OPUS, json!({ "metadata": { "user_id": "x".repeat(257) } }), "at most 256 characters"),
        (OPUS, json!({ "metadata": { "user_id": "a@b.example" } }), "appears to contain an email address"),
        (OPUS, json!({ "anthropic_beta": ["claude-code-20250219"] }), "Unexpected value(s) `claude-code-20250219`"),
        (OPUS, json!({ "max_tokens": 128_001 }), "max_tokens: 128001 > 128000"),
        (HAIKU, json!({ "max_tokens": 64_001 }), "output tokens for claude-haiku-4-5"),
        (OPUS, json!({ "max_tokens": 0 }), "greater than or equal to 1"),
        (OPUS, json!({ "stop_sequences": ["\n"] }), "each stop sequence must contain non-whitespace"),
        (OPUS, json!({ "temperature": 0.5, "top_p": 0.5 }), "cannot both be specified"),
        (OPUS, json!({ "temperature": 1.5 }), "temperature: range: 0..1"),
        (OPUS, json!({ "top_p": 1.5 }), "top_p: range: 0..1"),
        (NEWEST, json!({ "temperature": 0.5 }), "`temperature` is deprecated for this model."),
        (NEWEST, json!({ "top_k": 5 }), "`top_k` is deprecated"),
        (HAIKU, json!({ "output_config": { "effort": "low" } }), "output_config.effort: Extra inputs"),
        (OPUS, json!({ "output_config": { "effort": "xhigh" } }), "Supported levels: high, low, max, medium."),
        (HAIKU, json!({ "output_config": { "format": {} } }), "output_config.format: Extra inputs"),
        (
            OPUS,
            json!({ "output_config": { "format": { "type": "json_schema", "schema": { "properties": {} } } } }),
            "'additionalProperties' must be explicitly set to false",
        ),
        (
            OPUS,
            json!({ "output_config": { "format": { "type": "json_schema", "schema": { "type": "object",
                "properties": { "a": { "type": "null" } }, "required": ["a", "a"], "additionalProperties": false } } } }),
            "output_config.format.schema: JSON schema is invalid",
        ),
        (
            OPUS,
            json!({ "output_config": { "format": { "type": "json_schema", "schema": { "type": "integer", "minimum": 1 } } } }),
            "For 'integer' type, property 'minimum' is not supported",
        ),
    ] {
        refused(verdict(model, &change), words, &change);
    }
    refused(check(OPUS, "context-1m-2025-08-07, nonsense", &body()), "`nonsense`", &Value::Null);
}

#[test]
fn thinking_is_refused() {
    let enabled = |budget: u64| json!({ "thinking": { "type": "enabled", "budget_tokens": budget } });
    let adaptive = json!({ "thinking": { "type": "adaptive" } });
    for (model, change, words) in [
        (OPUS, json!({ "thinking": { "type": "enabled" } }), "budget_tokens: Field required"),
        (OPUS, enabled(1_023), "greater than or equal to 1024"),
        (OPUS, enabled(2_000), "must be greater than `thinking.budget_tokens`"),
        (NEWEST, enabled(1_024), "\"thinking.type.enabled\" is not supported for this model"),
        (HAIKU, adaptive.clone(), "adaptive thinking is not supported on this model"),
        (HAIKU, changed(&enabled(1_024), &json!({ "tool_choice": { "type": "any" } })), "Thinking may not be enabled when"),
        (OPUS, changed(&adaptive, &json!({ "temperature": 0.2 })), "may only be set to 1 when thinking"),
        (OPUS, changed(&adaptive, &json!({ "top_k": 2 })), "`top_k` must be unset"),
        (OPUS, changed(&adaptive, &json!({ "top_p": 0.5 })), "greater than or equal to 0.95"),
        (
            "claude-opus-5",
            json!({ "thinking": { "type": "disabled" }, "output_config": { "effort": "max" } }),
            "not supported when thinking is disabled",
        ),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}

#[test]
fn a_begun_answer_and_thinking_do_not_go_together() {
    let begun = talk(&[json!("{")]);
    assert_eq!(verdict(HAIKU, &begun), Ok(()));
    let thinks = changed(&begun, &json!({ "thinking": { "type": "enabled", "budget_tokens": 1_024 } }));
    refused(verdict(HAIKU, &thinks), "final assistant content is not supported when thinking is enabled", &thinks);
}

#[test]
fn a_source_comes_back_with_its_index() {
    let history = |index: &str| {
        let source = json!({ "type": "web_search_result_location", "url": "https://a.example", "title": "A", "cited_text": "a",
            "encrypted_index": index });
        let answer = json!({ "type": "text", "text": "b", "citations": [source] });
        json!({ "messages": [{ "role": "user", "content": "a" }, { "role": "assistant", "content": [answer] },
            { "role": "user", "content": "c" }] })
    };
    assert_eq!(verdict(OPUS, &history("x")), Ok(()));
    refused(verdict(OPUS, &history("")), "`encrypted_index` is not valid", &history(""));
}

#[test]
fn citations_and_a_form_of_the_answer_do_not_go_together() {
    let source = json!({ "type": "text", "media_type": "text/plain", "data": "a" });
    let cited = |enabled: bool| {
        let block = json!({ "type": "document", "source": source, "citations": { "enabled": enabled } });
        json!({ "messages": [{ "role": "user", "content": [block, text("b")] }] })
    };
    let closed = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let format = json!({ "output_config": { "format": { "type": "json_schema", "schema": closed } } });
    assert_eq!(verdict(OPUS, &cited(true)), Ok(()));
    assert_eq!(verdict(OPUS, &changed(&cited(false), &format)), Ok(()));
    let both = changed(&cited(true), &format);
    refused(verdict(OPUS, &both), "Citations are not supported when output_config.format is set", &both);
}

#[test]
fn a_tool_is_there_and_may_be_called() {
    let tool = |name: &str, more: Value| changed(&json!({ "name": name, "input_schema": { "type": "object" } }), &more);
    let waits = json!({ "defer_loading": true });
    let some = json!({ "tools": [tool("a", waits.clone()), tool("b", json!({}))] });
    let direct = json!({ "tools": [tool("a", json!({ "allowed_callers": ["direct"] }))] });
    assert_eq!((verdict(OPUS, &some), verdict(OPUS, &direct)), (Ok(()), Ok(())));
    let none = json!({ "tools": [tool("a", waits)] });
    refused(verdict(OPUS, &none), "At least one tool must have defer_loading=false", &none);
    let coded = json!({ "tools": [tool("a", json!({ "allowed_callers": ["code_execution_20250825"] }))] });
    refused(verdict(OPUS, &coded), "code_execution_20250825 is not among the tools", &coded);
}

#[test]
fn edits_of_thoughts_go_with_thinking_only() {
    let managed = json!({
        "anthropic_beta": ["context-management-2025-06-27"],
        "context_management": { "edits": [{ "type": "clear_thinking_20251015", "keep": "all" }] },
    });
    let with = |thinking: &str| changed(&managed, &json!({ "thinking": { "type": thinking } }));
    assert_eq!(verdict(OPUS, &with("adaptive")), Ok(()));
    assert_eq!(verdict("claude-opus-5", &managed), Ok(()));
    let edits = json!([{ "type": "clear_tool_uses_20250919" }, { "type": "clear_thinking_20251015" }]);
    let late = changed(&with("adaptive"), &json!({ "context_management": { "edits": edits } }));
    refused(verdict(OPUS, &late), "must be the first of `context_management.edits`", &late);
    for change in [managed.clone(), with("disabled")] {
        refused(verdict(OPUS, &change), "requires `thinking` to be enabled or adaptive", &change);
    }
}

#[test]
fn tools_are_refused() {
    let tool = |change: Value| json!({ "tools": [changed(&json!({ "name": "a", "input_schema": { "type": "object" } }), &change)] });
    for (change, words) in [
        (tool(json!({ "name": "a.b" })), "tools.0.custom.name: String should match pattern"),
        (tool(json!({ "name": "n".repeat(129) })), "tools.0.custom.name: String should match pattern"),
        (tool(json!({ "parameters": {} })), "tools.0.custom.parameters: Extra inputs"),
        (tool(json!({ "input_schema": null })), "tools.0.custom.input_schema: Field required"),
        (tool(json!({ "input_schema": { "type": null } })), "input_schema.type: Field required"),
        (tool(json!({ "input_schema": { "type": "string" } })), "Input should be 'object'"),
        (tool(json!({ "input_schema": { "anyOf": [] } })), "does not support oneOf, allOf, or anyOf at the top level"),
        (tool(json!({ "input_schema": { "properties": { "a b": {} } } })), "Property keys should match pattern"),
        (
            tool(json!({ "input_schema": { "properties": { "a": { "items": { "properties": { "$b": {} } } } } } })),
            "Property keys should match pattern",
        ),
        (tool(json!({ "strict": true })), "'additionalProperties' must be explicitly set to false"),
        (tool(json!({ "type": "code_execution_20250825" })), "Input tag 'code_execution_20250825'"),
        (json!({ "tools": null, "tool_choice": { "type": "auto" } }), "may only be specified while providing tools"),
        (json!({ "tool_choice": { "type": "tool", "name": "b" } }), "Tool 'b' not found in provided tools"),
        (json!({ "tool_choice": { "type": "none", "disable_parallel_tool_use": true } }), "tool_choice.none.disable"),
    ] {
        refused(verdict(OPUS, &change), words, &change);
    }
    let twice = json!({ "tools": [body()["tools"][0], body()["tools"][0]] });
    refused(verdict(OPUS, &twice), "Tool names must be unique", &twice);
}

#[test]
fn conversations_are_refused() {
    let says = |content: Value| json!({ "messages": [{ "role": "user", "content": content }] });
    let missing = "`tool_use` ids were found without `tool_result` blocks immediately after: a.";
    for (change, words) in [
        (json!({ "messages": [{ "role": "assistant", "content": "a" }] }), "first message must use the \"user\" role"),
        (json!({ "messages": [{ "role": "system", "content": "a" }] }), "Unexpected role \"system\""),
        (
            json!({ "messages": [{ "role": "user", "content": "a", "cache_control": {} }] }),
            "messages.0.cache_control: Extra",
        ),
        (json!({ "system": [text("")] }), "system: text content blocks must be non-empty"),
        (says(json!("")), "all messages must have non-empty content"),
        (says(json!([text("")])), "text content blocks must be non-empty"),
        (says(json!([text(" \n")])), "must contain non-whitespace text"),
        (says(json!([{ "type": "text", "text": "a", "id": "x" }])), "messages.0.content.0.text.id: Extra"),
        (says(json!([{ "type": "input_audio" }])), "Input tag 'input_audio'"),
        (says(json!([result("x")])), "unexpected `tool_use_id` found in `tool_result` blocks: x."),
        (talk(&[json!([call("a")]), json!("go on")]), missing),
        (talk(&[json!([call("a")]), json!([text("first"), result("a")])]), missing),
        (talk(&[json!([call("a"), call("b")]), json!([result("b")])]), missing),
        (talk(&[json!([call("a")]), json!([result("a"), result("a")])]), "each tool_use must have a single result"),
        (talk(&[json!([call("a"), call("a")]), json!([result("a")])]), "ids must be unique"),
        (talk(&[json!([call("a:0")]), json!([result("a:0")])]), "tool_use.id: String should match pattern"),
        (talk(&[json!("done")]), "does not support assistant message prefill"),
    ] {
        refused(verdict(OPUS, &change), words, &change);
    }
    let open = talk(&[json!([call("a")])]);
    refused(verdict(HAIKU, &open), missing, &open);
    let padded = talk(&[json!("{ ")]);
    refused(verdict(HAIKU, &padded), "cannot end with trailing whitespace", &padded);
}

#[test]
fn reasoning_in_the_history_is_refused() {
    let adaptive = json!({ "thinking": { "type": "adaptive" } });
    let budget = json!({ "thinking": { "type": "enabled", "budget_tokens": 1_024 } });
    let with = |block: Value| changed(&adaptive, &talk(&[json!([block, call("a")]), json!([result("a")])]));
    let signed = |change: Value| with(changed(&thought(0), &change));
    let gemini = signature::issue(Wire::Gemini, "gemini-3-pro", 0);
    for (change, words) in [
        (signed(json!({ "signature": "gw1.x" })), "messages.1.content.0: Invalid `signature` in `thinking` block"),
        (signed(json!({ "signature": gemini })), "Invalid `signature`"),
        (signed(json!({ "thinking": "something else" })), "cannot be modified"),
        (with(json!({ "type": "redacted_thinking", "data": "x" })), "Invalid `data` in `redacted_thinking` block"),
        (changed(&signed(json!({})), &json!({ "thinking": null })), "When thinking is disabled, an `assistant` message"),
        (
            changed(&budget, &talk(&[json!([call("a")]), json!([result("a")])])),
            "Expected `thinking` or `redacted_thinking`, but found `tool_use`",
        ),
    ] {
        refused(verdict(OPUS, &change), words, &change);
    }
}

#[test]
fn media_and_cache_marks_are_refused() {
    let says = |content: Vec<Value>| json!({ "messages": [{ "role": "user", "content": content }] });
    let media = |kind: &str, source: Value| says(vec![json!({ "type": kind, "source": source })]);
    let inline = |media: &str, data: &str| json!({ "type": "base64", "media_type": media, "data": data });
    let mark = |ttl: &str| json!({ "type": "text", "text": "a", "cache_control": { "type": "ephemeral", "ttl": ttl } });
    assert_eq!(verdict(OPUS, &media("image", inline("image/png", PNG))), Ok(()));
    assert_eq!(verdict(OPUS, &media("document", inline("application/pdf", "JVBERi0="))), Ok(()));
    let plain = json!({ "type": "text", "media_type": "text/plain", "data": "a" });
    assert_eq!(verdict(OPUS, &media("document", plain)), Ok(()));
    assert_eq!(verdict(OPUS, &says(vec![mark("1h"), mark("5m")])), Ok(()));
    for (change, words) in [
        (media("image", json!({ "type": "url", "url": "https://x/y.png" })), "URL sources are not supported"),
        (media("image", inline("image/tiff", "AAAA")), "image.source.base64.media_type: Input should be 'image/jpeg'"),
        (media("image", inline("image/png", "data:image/png;base64,AA")), "Invalid base64 data"),
        (media("document", inline("text/csv", "AAAA")), "Input should be 'application/pdf'"),
        (media("document", inline("image/png", PNG)), "Input should be 'application/pdf'"),
        (media("document", json!({ "type": "text", "media_type": "text/csv", "data": "a" })), "should be 'text/plain'"),
        (says(vec![mark("5m"); 5]), "A maximum of 4 blocks with cache_control may be provided. Found 5."),
        (says(vec![mark("5m"), mark("1h")]), "a ttl='1h' cache_control block must not come after"),
        (says(vec![mark("1d")]), "ttl: Input should be '5m' or '1h'"),
        (media("image", inline("image/png", "aGVsbG8=")), "Could not process image"),
        (media("image", inline("image/jpeg", PNG)), "does not match the provided media type image/jpeg"),
        (media("document", inline("application/pdf", "aGVsbG8=")), "The PDF specified was not valid."),
        (media("document", json!({ "type": "url", "url": "https://x/y.pdf" })), "URL sources are not supported"),
    ] {
        refused(verdict(OPUS, &change), words, &change);
    }
}
