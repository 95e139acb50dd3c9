//! A part that the target cannot carry is named with its path. A part without content is not named.

use gateway::wire::ClientFormat;
use serde_json::{Value, json};

use super::upstream::{CHAT, MESSAGES, PDF, PNG, check, function, schema, sent, tool, user};

const CLAUDE: &str = "claude-opus-4.6";
const GEMINI: &str = "gemini-3-pro";
const GPT: &str = "gpt-5.2";

/// Checks which parts of a request are named as dropped for a model.
#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn names(format: ClientFormat, model: &str, request: Value, dropped: &[&str]) {
    check(format, model, &request, json!({}), dropped);
}

/// A conversation that continues after this message.
#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn after(message: Value) -> Value {
    json!({"tools": [function("f")], "messages": [user(json!("Hi.")), message, user(json!("And?"))]})
}

fn called(extra: &Value) -> Value {
    let call = json!({"id": "c", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{}"}});
    let mut message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    message.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    message
}

#[test]
fn members_that_no_conversation_has_are_named() {
    let picture = |detail: &str| {
        let image_url = json!({"url": format!("data:image/png;base64,{PNG}"), "detail": detail});
        json!({"messages": [user(json!([{"type": "image_url", "image_url": image_url}]))]})
    };
    names(CHAT, GEMINI, picture("low"), &["messages[0].content[0].image_url.detail"]);
    names(CHAT, GEMINI, picture("auto"), &[]);
    let shown = json!({"role": "assistant", "content": "There.", "images": [{"type": "image_url"}], "annotations": [{"type": "url"}]});
    names(CHAT, GEMINI, after(shown.clone()), &["messages[1].annotations", "messages[1].images"]);
    names(CHAT, CLAUDE, after(shown), &["messages[1].annotations", "messages[1].images"]);
    let silent = json!({"role": "assistant", "content": "There.", "images": [], "annotations": [], "audio": null});
    names(CHAT, GEMINI, after(silent), &[]);
    let cited =
        json!({"role": "assistant", "content": [{"type": "text", "text": "So.", "citations": [{"type": "page_location"}]}]});
    names(
        MESSAGES,
        GPT,
        json!({"messages": [user(json!("Hi.")), cited, user(json!("And?"))]}),
        &["messages[1].content[0].citations"],
    );
}

#[test]
fn members_of_tools_outside_their_schema_are_named() {
    let mut odd = tool("f");
    let extra = json!({"input_examples": [{"town": "Oulu"}], "allowed_callers": ["direct"], "eager_input_streaming": true, "defer_loading": false});
    odd.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let editor = json!({"type": "text_editor_20250728", "name": "edit", "max_characters": 10_000});
    let request = json!({"tools": [odd, editor], "messages": [user(json!("Hi."))]});
    for model in [GEMINI, GPT] {
        names(
            MESSAGES,
            model,
            request.clone(),
            &["tools[0].allowed_callers", "tools[0].input_examples", "tools[1].max_characters"],
        );
    }
    // The same parts in a chat request, also if it is forwarded.
    let request = json!({"tools": [odd], "messages": [user(json!("Hi."))]});
    for model in [CLAUDE, GEMINI, GPT] {
        names(CHAT, model, request.clone(), &["tools[0].allowed_callers", "tools[0].input_examples"]);
    }
}

#[test]
fn the_grammar_of_a_custom_tool_is_named_where_it_is_not_sent() {
    let format = json!({"type": "grammar", "grammar": {"syntax": "regex", "definition": "[a-z]+"}});
    let nested = json!({"type": "custom", "custom": {"name": "say", "format": format}});
    let flat = json!({"type": "custom", "name": "say", "format": format});
    let input = json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
    for (tool, path) in [(&nested, "tools[0].custom.format.grammar"), (&flat, "tools[0].format.grammar")] {
        let request = json!({"tools": [tool], "messages": [user(json!("Hi."))]});
        check(CHAT, CLAUDE, &request, json!({"/tools/0/input_schema": input}), &[path]);
        let declared = "/tools/0/functionDeclarations/0/parametersJsonSchema";
        check(CHAT, GEMINI, &request, json!({declared: input}), &[path]);
        check(CHAT, GPT, &request, json!({"/tools/0": nested}), &[]);
    }
}

#[test]
fn a_choice_is_of_the_kind_of_its_tool() {
    let flat = json!({"type": "custom", "name": "say"});
    let choice = json!({"type": "function", "function": {"name": "say"}});
    let request = json!({"tools": [flat], "tool_choice": choice, "messages": [user(json!("Hi."))]});
    let custom = json!({"type": "custom", "custom": {"name": "say"}});
    check(CHAT, GPT, &request, json!({"/tools/0": custom, "/tool_choice": custom}), &[]);
    let claude = json!({"/tool_choice": {"type": "tool", "name": "say"}});
    check(CHAT, CLAUDE, &request, claude, &[]);
    let request = json!({"tools": [function("say")], "tool_choice": custom, "messages": [user(json!("Hi."))]});
    check(CHAT, GPT, &request, json!({"/tool_choice": choice}), &[]);
}

#[test]
fn a_name_is_said_or_named() {
    names(CHAT, GEMINI, after(called(&json!({"name": "scout"}))), &["messages[1].name"]);
    let result = |name: &str| {
        json!({"tools": [function("f")], "messages": [
            user(json!("Hi.")), called(&json!({})), {"role": "tool", "tool_call_id": "c", "name": name, "content": "7"},
        ]})
    };
    names(CHAT, GEMINI, result("g"), &["messages[2].name"]);
    names(CHAT, GEMINI, result("f"), &[]);
    let speaking = after(json!({"role": "assistant", "name": "scout", "content": "Land."}));
    check(CHAT, GEMINI, &speaking, json!({"/contents/1/parts/0/text": "scout: Land."}), &[]);
}

#[test]
fn a_cache_mark_where_none_can_stand_is_named() {
    let mark = json!({"type": "ephemeral"});
    names(CHAT, CLAUDE, after(called(&json!({"cache_control": mark}))), &["messages[1].cache_control"]);
    let sound = json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}, "cache_control": mark});
    names(CHAT, GEMINI, json!({"messages": [user(json!([sound]))]}), &["messages[0].content[0].cache_control"]);
}

#[test]
fn a_title_is_said_before_its_file() {
    let source = json!({"type": "base64", "media_type": "application/pdf", "data": PDF});
    let document = json!({"type": "document", "source": source, "title": "Plan", "context": "Of the harbour."});
    let file = json!({"inlineData": {"mimeType": "application/pdf", "data": PDF}});
    let parts = json!([{"text": "Of the harbour."}, {"text": "Plan"}, file]);
    check(MESSAGES, GEMINI, &json!({"messages": [user(json!([document]))]}), json!({"/contents/0/parts": parts}), &[]);
}

#[test]
fn a_strict_tool_is_one_or_is_named() {
    let strict = |schema: Value| json!({"name": "f", "input_schema": schema, "strict": true});
    let mut closed = schema();
    closed["additionalProperties"] = json!(false);
    let request = json!({"tools": [strict(closed)], "messages": [user(json!("Hi."))]});
    check(MESSAGES, GPT, &request, json!({"/tools/0/function/strict": true}), &[]);
    let request = json!({"tools": [strict(schema())], "messages": [user(json!("Hi."))]});
    check(MESSAGES, GPT, &request, json!({"/tools/0/function/strict": null}), &["tools[0].strict"]);
    check(MESSAGES, "kimi-k2.5", &request, json!({"/tools/0/function/strict": true}), &[]);
}

#[test]
fn parts_of_the_responses_api_mean_what_they_mean_there() {
    let url = format!("data:image/png;base64,{PNG}");
    let image = json!({"type": "input_image", "image_url": url, "detail": "high"});
    let file = json!({"type": "input_file", "filename": "plan.pdf", "file_data": PDF});
    let remote = json!({"type": "input_file", "file_url": "https://files.example.org/a.pdf"});
    let request = json!({"messages": [user(json!([{"type": "input_text", "text": "See."}, image, file, remote]))]});
    let gpt = json!([
        {"type": "text", "text": "See."},
        {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
        {"type": "file", "file": {"filename": "plan.pdf", "file_data": format!("data:application/pdf;base64,{PDF}")}},
        {"type": "file", "file": {"file_data": "https://files.example.org/a.pdf"}},
    ]);
    check(CHAT, GPT, &request, json!({"/messages/0/content": gpt}), &[]);
    let gemini = json!([
        {"text": "See."},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"text": "plan.pdf"},
        {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://files.example.org/a.pdf"}},
    ]);
    check(CHAT, GEMINI, &request, json!({"/contents/0/parts": gemini}), &["messages[0].content[1].detail"]);
    let summary = json!([{"type": "summary_text", "text": "Count them."}]);
    let thought = json!({"type": "reasoning", "summary": summary, "encrypted_content": "b3BhcXVl"});
    let request = after(json!({"role": "assistant", "content": [thought, {"type": "output_text", "text": "Two."}]}));
    let kimi = json!({"/messages/1": {"role": "assistant", "content": "Two.", "reasoning": "Count them."}});
    check(CHAT, "kimi-k2.5", &request, kimi, &["messages[1].content[0].encrypted_content"]);
    check(CHAT, GEMINI, &request, json!({"/contents/1/parts": [{"text": "Two."}]}), &["messages[1].content[0]"]);
}

#[test]
fn one_call_at_a_time_is_asked_for_in_either_dialect() {
    let choice = json!({"type": "auto", "disable_parallel_tool_use": true});
    let request = json!({"tools": [function("f")], "tool_choice": choice, "messages": [user(json!("Hi."))]});
    check(CHAT, GPT, &request, json!({"/parallel_tool_calls": false, "/tool_choice": "auto"}), &[]);
    check(CHAT, CLAUDE, &request, json!({"/tool_choice": choice}), &[]);
    names(CHAT, GEMINI, request, &["parallel_tool_calls"]);
}

#[test]
fn what_is_in_something_that_is_named_is_not_named_again() {
    let block = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}, "x": 1});
    let request = json!({"messages": [user(json!("Hi.")), {"role": "assistant", "content": [block]}, user(json!("And?"))]});
    let (_, dropped) = sent(MESSAGES, GEMINI, request);
    assert_eq!(dropped, ["messages[1].content[0]"]);
}

#[test]
fn an_earlier_call_of_a_custom_tool_is_one_of_a_function() {
    let call = json!({"id": "c", "type": "custom", "custom": {"name": "say", "input": "a \"b\""}});
    let request = json!({"messages": [
        user(json!("Hi.")),
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "said"},
    ]});
    let written = json!({"id": "c", "type": "function", "function": {"name": "say", "arguments": r#"{"input":"a \"b\""}"#}});
    check(CHAT, GPT, &request, json!({"/messages/1/tool_calls": [written]}), &[]);
}

#[test]
fn a_second_amount_of_thinking_is_named() {
    let request = json!({"messages": [user(json!("Hi."))], "reasoning": {"effort": "low", "max_tokens": 3_000}});
    for model in [GPT, CLAUDE, GEMINI] {
        names(CHAT, model, request.clone(), &["reasoning.max_tokens"]);
    }
    let off =
        json!({"messages": [user(json!("Hi."))], "thinking": {"type": "disabled"}, "output_config": {"effort": "low"}});
    names(MESSAGES, "gemini-2.5-flash", off, &["output_config.effort"]);
}

#[test]
fn a_result_tells_and_shows_and_nothing_else() {
    let inner = json!({"type": "tool_result", "tool_use_id": "x", "content": "deep"});
    let thought = json!({"type": "reasoning", "text": "Hm."});
    let request = json!({"messages": [
        user(json!("Hi.")),
        called(&json!({})),
        {"role": "tool", "tool_call_id": "c", "content": [thought, inner, {"type": "text", "text": "flat"}]},
    ]});
    let said = json!("deep\nflat");
    check(CHAT, GPT, &request, json!({"/messages/2/content": said}), &["messages[2].content[0]"]);
    let gemini = json!({"/contents/2/parts/0/functionResponse/response/output": said});
    check(CHAT, GEMINI, &request, gemini, &["messages[2].content[0]"]);
}

#[test]
fn a_sealed_thought_that_nothing_follows_is_named() {
    let thought = json!({"type": "thinking", "thinking": "Hm.", "signature": "gw1.g.EqoB"});
    let alone = json!({"messages": [user(json!("Hi.")), {"role": "assistant", "content": [text("Two."), thought]}, user(json!("And?"))]});
    names(MESSAGES, GEMINI, alone, &["messages[1].content[1]"]);
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}
