//! Sends one request to models of several providers. Each provider must get the same meaning in its own format, or the same
//! field must be named as dropped.

use gateway_tests::relaying::catalog;
use gateway_tests::sending::send_along;
use serde_json::{Value, json};

use super::upstream::{CHAT, MESSAGES, PNG, check, function, schema, tool, user};

const CLAUDE: &str = "claude-opus-4.6";
const GEMINI: &str = "gemini-3-pro";
const GPT: &str = "gpt-5.2";

fn picture() -> Value {
    json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}")}})
}

/// The same picture in Claude's format and in Gemini's.
fn shown() -> [Value; 2] {
    let source = json!({"type": "base64", "media_type": "image/png", "data": PNG});
    [json!({"type": "image", "source": source}), json!({"inlineData": {"mimeType": "image/png", "data": PNG}})]
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

#[test]
fn arguments_that_are_an_object_are_those_of_the_call() {
    let given = json!({"town": "Kemi", "deep": {"n": 1}});
    let called = json!([{"id": "call_5", "type": "function", "function": {"name": "warmth", "arguments": given}}]);
    let request = json!({"tools": [function("warmth")], "messages": [
        user(json!("Is it warm?")),
        {"role": "assistant", "content": null, "tool_calls": called},
        {"role": "tool", "tool_call_id": "call_5", "content": "7 degrees"},
    ]});
    let used = json!([{"type": "tool_use", "id": "call_5", "name": "warmth", "input": given}]);
    check(CHAT, CLAUDE, &request, json!({"/messages/1/content": used}), &[]);
    let named = json!({"name": "warmth", "args": given});
    check(CHAT, GEMINI, &request, json!({"/contents/1/parts/0/functionCall": named}), &[]);
    let written = json!({"name": "warmth", "arguments": given.to_string()});
    check(CHAT, GPT, &request, json!({"/messages/1/tool_calls/0/function": written}), &[]);
}

#[test]
fn a_picture_of_the_assistant_is_shown_by_the_user() {
    let [block, _] = shown();
    let request = json!({"messages": [
        user(json!("Draw a boat.")), {"role": "assistant", "content": [picture()]}, user(json!("Where is its sail?")),
    ]});
    let turn = json!([user(json!([text("Draw a boat."), block, text("Where is its sail?")]))]);
    check(CHAT, CLAUDE, &request, json!({"/messages": turn}), &[]);
    let beside = json!({"messages": [
        user(json!("Draw a boat.")), {"role": "assistant", "content": [text("There."), picture()]}, user(json!("Its sail?")),
    ]});
    let turns = json!([
        user(json!([text("Draw a boat.")])),
        {"role": "assistant", "content": [text("There.")]},
        user(json!([block, text("Its sail?")])),
    ]);
    check(CHAT, CLAUDE, &beside, json!({"/messages": turns}), &[]);
}

#[test]
fn a_picture_among_the_instructions_is_shown_first() {
    let [block, part] = shown();
    let request = json!({"messages": [
        {"role": "system", "content": [text("Paint like this."), picture()]}, user(json!("Paint a barn.")),
    ]});
    let claude = json!({
        "/system": [text("Paint like this.")],
        "/messages": [user(json!([block, text("Paint a barn.")]))],
    });
    check(CHAT, CLAUDE, &request, claude, &[]);
    let gemini = json!({
        "/systemInstruction/parts": [{"text": "Paint like this."}],
        "/contents": [{"role": "user", "parts": [part, {"text": "Paint a barn."}]}],
    });
    check(CHAT, GEMINI, &request, gemini, &[]);
}

#[test]
fn half_a_character_is_told_as_one_that_is_missing() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"broken \udc4d off"}]}"#;
    for (model, pointer) in
        [(CLAUDE, "/messages/0/content/0/text"), (GEMINI, "/contents/0/parts/0/text"), (GPT, "/messages/0/content")]
    {
        let model = catalog().unwrap().resolve(model).unwrap();
        let sent = send_along(CHAT, body, &model, &model.routes[0], &[]).unwrap();
        let upstream: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(upstream.pointer(pointer), Some(&json!("broken \u{fffd} off")), "{upstream}");
        assert_eq!(sent.dropped, [""; 0]);
    }
}

#[test]
fn a_thought_among_the_parts_of_a_chat_message_is_kept_or_named() {
    let thinks = |thought: Value| {
        let answer = json!({"role": "assistant", "content": [thought, text("Two.")]});
        json!({"messages": [user(json!("How many oars?")), answer, user(json!("And sails?"))]})
    };
    let request = thinks(json!({"type": "thinking", "thinking": "Count them.", "signature": "ZWxzZXdoZXJl"}));
    let claude = json!({"/messages/1": {"role": "assistant", "content": [text("Two.")]}});
    check(CHAT, CLAUDE, &request, claude, &["messages[1].content[0]"]);
    let gemini = json!({"/contents/1": {"role": "model", "parts": [{"text": "Two."}]}});
    check(CHAT, GEMINI, &request, gemini, &["messages[1].content[0]"]);
    let gpt = json!({"/messages/1": {"role": "assistant", "content": "Two."}});
    check(CHAT, GPT, &request, gpt, &["messages[1].content[0]"]);
    // A model that signs nothing accepts the text of its earlier reasoning.
    let unsigned = thinks(json!({"type": "thinking", "thinking": "Count them."}));
    let kimi = json!({"/messages/1": {"role": "assistant", "content": "Two.", "reasoning": "Count them."}});
    check(CHAT, "kimi-k2.5", &unsigned, kimi, &[]);
}

#[test]
fn settings_that_say_nothing_are_not_sent() {
    for unset in [-1, 0] {
        let request = json!({"messages": [user(json!("Hi."))], "top_k": unset});
        for model in [CLAUDE, "gemini-2.5-flash", GPT, "kimi-k2.5"] {
            check(CHAT, model, &request, json!({"/top_k": null, "/generationConfig/topK": null}), &[]);
        }
    }
}

#[test]
fn limits_are_raised_to_the_least_that_a_model_takes() {
    let request = |limit: u64| json!({"messages": [user(json!("Hi."))], "max_tokens": limit});
    for model in [GPT, "gpt-5-mini"] {
        check(CHAT, model, &request(3), json!({"/max_tokens": 16}), &["max_tokens"]);
        check(CHAT, model, &request(16), json!({"/max_tokens": 16}), &[]);
    }
}

#[test]
fn sampling_goes_along_with_no_effort_at_all_and_with_nothing_else() {
    let asks = |effort: Value| {
        let mut request = json!({"messages": [user(json!("Hi."))], "temperature": 0.6, "top_p": 0.5});
        request.as_object_mut().unwrap().extend(effort.as_object().unwrap().clone());
        request
    };
    let kept = json!({"/temperature": 0.6, "/top_p": 0.5, "/reasoning_effort": "none"});
    check(CHAT, GPT, &asks(json!({"reasoning_effort": "none"})), kept, &[]);
    // The model's default is no reasoning effort.
    check(CHAT, GPT, &asks(json!({})), json!({"/temperature": 0.6, "/top_p": 0.5, "/reasoning_effort": null}), &[]);
    for (model, effort) in [(GPT, json!("low")), (GPT, json!("high")), ("gpt-5.5", Value::Null)] {
        let request = asks(if effort.is_null() { json!({}) } else { json!({"reasoning_effort": effort}) });
        let gone = json!({"/temperature": null, "/top_p": null, "/reasoning_effort": effort});
        check(CHAT, model, &request, gone, &["temperature", "top_p"]);
    }
}

#[test]
fn a_connector_leaves_and_the_clients_own_tools_stay() {
    let request = json!({
        "mcp_servers": [{"type": "url", "url": "https://tools.example.net/mcp", "name": "t"}],
        "tools": [{"type": "mcp_toolset", "mcp_server_name": "t"}, tool("warmth")],
        "messages": [user(json!("Hi."))],
    });
    let named = ["mcp_servers", "tools[0]"];
    check(MESSAGES, CLAUDE, &request, json!({"/tools": [tool("warmth")], "/mcp_servers": null}), &named);
    let declared = json!([{"functionDeclarations": [{"name": "warmth", "parametersJsonSchema": schema()}]}]);
    check(MESSAGES, GEMINI, &request, json!({"/tools": declared, "/mcp_servers": null}), &named);
    check(MESSAGES, GPT, &request, json!({"/tools": [function("warmth")], "/mcp_servers": null}), &named);
}

#[test]
fn a_search_result_within_a_tools_result_is_said_in_text() {
    let found = json!({
        "type": "search_result", "source": "https://rules.example.org/7", "title": "Harbour", "citations": {"enabled": true},
        "content": [{"type": "text", "text": "Moor on the left."}],
    });
    let request = json!({"tools": [tool("warmth")], "messages": [
        user(json!("Where to moor?")),
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_3", "name": "warmth", "input": {"town": "Oulu"}}]},
        user(json!([{"type": "tool_result", "tool_use_id": "toolu_3", "content": [found]}])),
    ]});
    let said = "Harbour\nhttps://rules.example.org/7\nMoor on the left.";
    let named = ["messages[2].content[0].content[0].citations"];
    let gemini = json!({"/contents/2/parts/0/functionResponse/response/output": said});
    check(MESSAGES, GEMINI, &request, gemini, &named);
    check(MESSAGES, GPT, &request, json!({"/messages/2/content": said}), &named);
}

#[test]
fn a_task_budget_and_its_beta_are_named_together_on_every_route() {
    const BETA: &str = "task-budgets-2026-03-13";
    let betas = MESSAGES.betas(&[BETA]);
    assert_eq!((betas.accepted, betas.dropped), (vec![], vec![format!("anthropic-beta:{BETA}")]));
    let request = json!({
        "output_config": {"task_budget": {"type": "tokens", "total": 30_000}}, "messages": [user(json!("Hi."))],
    });
    for model in ["claude-opus-4.8", CLAUDE, GEMINI, GPT] {
        let gone = json!({"/output_config": null, "/anthropic_beta": null});
        check(MESSAGES, model, &request, gone, &["output_config.task_budget"]);
    }
}
