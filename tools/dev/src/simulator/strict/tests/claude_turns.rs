//! Where a conversation with Claude may have blocks, ids, marks and nulls.

use super::claude::{HAIKU, NEWEST, OPUS, call, result, talk, text, thought, verdict};
use super::*;

fn image() -> Value {
    json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": PNG } })
}

fn marked(block: &Value) -> Value {
    changed(block, &json!({ "cache_control": { "type": "ephemeral" } }))
}

/// A tool search, which runs at the provider.
fn search(id: &str) -> Value {
    json!({ "type": "server_tool_use", "id": id, "name": "tool_search_tool_regex", "input": { "query": "x" } })
}

fn found(id: &str) -> Value {
    json!({ "type": "tool_search_tool_result", "tool_use_id": id, "content": { "type": "tool_search_tool_search_result" } })
}

fn document() -> Value {
    json!({ "type": "document", "source": { "type": "text", "media_type": "text/plain", "data": "a" } })
}

fn cited(block: &Value) -> Value {
    changed(block, &json!({ "citations": { "enabled": true } }))
}

/// A user message of these blocks.
fn asking(blocks: &[Value]) -> Value {
    json!({ "messages": [{ "role": "user", "content": blocks }] })
}

/// A tool result of these blocks.
fn holding(blocks: &[Value]) -> Value {
    changed(&result("a"), &json!({ "content": blocks }))
}

#[test]
fn blocks_in_their_places_are_accepted() {
    let nested = holding(&[marked(&text("r1")), marked(&text("r2")), image()]);
    for (model, change) in [
        (OPUS, talk(&[json!([call("a")]), json!([result("a"), image()]), json!([call("b")]), json!([result("b")])])),
        (
            OPUS,
            changed(
                &talk(&[json!([call("a")]), json!([nested])]),
                &json!({ "system": [marked(&text("s1")), marked(&text("s2"))] }),
            ),
        ),
        (OPUS, json!({ "messages": [{ "role": "user", "content": [changed(&text("a"), &json!({ "citations": [] }))] }] })),
        (OPUS, json!({ "stop_sequences": ["END"], "system": "be brief" })),
        (OPUS, talk(&[json!([call("a")]), json!([holding(&[])])])),
        // Reasoning of an earlier turn stays although reasoning is off now.
        (OPUS, talk(&[json!([thought(0), text("hello")]), json!("and now?")])),
        // A model that reasons by default may continue from its own reasoning.
        ("claude-opus-5", talk(&[json!([thought(0), call("a")]), json!([result("a")])])),
        (HAIKU, talk(&[json!("here it is:")])),
        (
            OPUS,
            talk(&[json!([call("a")]), json!([holding(&[json!({ "type": "tool_reference", "tool_name": "weather" })])])]),
        ),
        (OPUS, talk(&[json!([search("s"), found("s")]), json!("b")])),
        // The search runs after the client's result arrives.
        (OPUS, talk(&[json!([search("s"), call("a")]), json!([result("a")])])),
        (OPUS, talk(&[json!([search("s"), call("a")]), json!([result("a")]), json!([found("s"), text("b")]), json!("c")])),
        (OPUS, asking(&[cited(&document()), cited(&document())])),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{change}");
    }
}

#[test]
fn what_the_providers_tools_left_behind_comes_whole() {
    let search_result = |block: Value| json!({ "type": "search_result", "source": "s", "title": "t", "content": [block] });
    for (change, words) in [
        (
            talk(&[json!([search("s"), text("a")]), json!("b")]),
            "messages.1.content.0: `tool_search_tool_regex` tool use with id `s` was found without a corresponding result block",
        ),
        (
            talk(&[json!([search("s"), call("a")]), json!([result("a")]), json!("b"), json!("c")]),
            "messages.1.content.0: `tool_search_tool_regex` tool use with id `s` was found without a corresponding result block",
        ),
        (
            talk(&[json!([found("s"), text("a")]), json!("b")]),
            "messages.1.content.0: unexpected `tool_use_id` found in `tool_search_tool_result` blocks: s",
        ),
        (
            talk(&[json!([{ "type": "compaction", "content": "a" }]), json!("b")]),
            "messages: `compaction` blocks need the beta compact-2026-01-12",
        ),
        (
            asking(&[cited(&document()), document()]),
            "messages: citations must be enabled on all or none of the documents and search results",
        ),
        (asking(&[search_result(image())]), "messages.0.content.0.search_result.content: Input should be 'text'"),
        (
            asking(&[changed(&search_result(text("a")), &json!({ "content": [] }))]),
            "messages.0.content.0.search_result.content: List should have at least 1 item",
        ),
        (
            asking(&[search_result(marked(&text("a")))]),
            "messages.0.content.0.search_result.content.0.cache_control: Extra inputs are not permitted",
        ),
        (
            asking(&[changed(
                &document(),
                &json!({ "source": { "type": "text", "media_type": "text/plain", "data": "a", "x": 1 } }),
            )]),
            "messages.0.content.0.document.source.x: Extra inputs are not permitted",
        ),
    ] {
        assert_eq!(verdict(OPUS, &change), Err(words.to_owned()), "{change}");
    }
    let compacted = talk(&[json!([{ "type": "compaction", "content": "a" }]), json!("b")]);
    let betas = changed(&compacted, &json!({ "anthropic_beta": ["compact-2026-01-12"] }));
    assert_eq!(verdict(OPUS, &betas), Ok(()));
}

#[test]
fn values_of_another_type_are_refused() {
    for (change, words) in [
        (json!({ "metadata": { "user_id": 5 } }), "metadata.user_id: Input should be a valid string"),
        (json!({ "metadata": "a" }), "metadata: Input should be a valid dictionary"),
        (
            json!({ "tools": [{ "name": "a", "description": 5, "input_schema": { "type": "object" } }] }),
            "tools.0.custom.description: Input should be a valid string",
        ),
        (
            talk(&[json!([call("a")]), json!([changed(&result("a"), &json!({ "is_error": "yes" }))])]),
            "messages.2.content.0.is_error: Input should be a valid boolean",
        ),
        (
            talk(&[json!([call("a")]), json!([changed(&result("a"), &json!({ "content": 5 }))])]),
            "messages.2.content.0.content: Input should be a valid list",
        ),
    ] {
        assert_eq!(verdict(OPUS, &change), Err(words.to_owned()), "{change}");
    }
}

#[test]
fn blocks_of_the_other_role_are_refused() {
    for (change, words) in [
        (
            talk(&[json!([image()]), json!("what is it?")]),
            "messages.1.content.0: `image` blocks can only be in `user` messages",
        ),
        (
            talk(&[
                json!([{ "type": "document", "source": { "type": "text", "media_type": "text/plain", "data": "a" } }]),
                json!("b"),
            ]),
            "`document` blocks can only be in `user` messages",
        ),
        (
            talk(&[json!([call("a")]), json!([result("a"), call("b")])]),
            "`tool_use` blocks can only be in `assistant` messages",
        ),
        (json!({ "system": [image()] }), "system.0.type: Input should be 'text'"),
        (
            talk(&[json!([{ "type": "mcp_tool_result", "tool_use_id": "m", "content": [] }]), json!("b")]),
            "Input tag 'mcp_tool_result'",
        ),
        (talk(&[json!([{ "type": "mcp_tool_use", "id": "m" }]), json!("b")]), "Input tag 'mcp_tool_use'"),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "tool_reference", "tool_name": "a" }] }] }),
            "Input tag 'tool_reference'",
        ),
        (json!({ "system": [text(" ")] }), "system: text content blocks must contain non-whitespace text"),
    ] {
        refused(verdict(OPUS, &change), words, &change);
    }
}

#[test]
fn blank_texts_are_refused_wherever_they_stand() {
    let words = "must contain non-whitespace text";
    for change in [
        json!({ "system": [text("\n")] }),
        json!({ "messages": [{ "role": "user", "content": " " }] }),
        talk(&[json!([text("  ")]), json!("next")]),
        talk(&[json!([call("a")]), json!([holding(&[text(" ")])])]),
        json!({ "messages": [{ "role": "user", "content": [{ "type": "document", "source": { "type": "content", "content": [text(" ")] } }] }] }),
        json!({ "messages": [{ "role": "user", "content": [{ "type": "search_result", "source": "x", "title": "y", "content": [text(" ")] }] }] }),
    ] {
        refused(verdict(OPUS, &change), words, &change);
    }
    let padded = talk(&[json!("here it is: ")]);
    refused(verdict(HAIKU, &padded), "cannot end with trailing whitespace", &padded);
}

#[test]
fn an_id_names_one_call_of_the_whole_conversation() {
    let again = talk(&[json!([call("a")]), json!([result("a")]), json!([call("a")]), json!([result("a")])]);
    refused(verdict(OPUS, &again), "messages.3: `tool_use` ids must be unique", &again);
}

#[test]
fn marks_for_the_cache_are_counted_in_results_and_refused_on_thoughts() {
    let nested = holding(&[marked(&text("r1")), marked(&text("r2"))]);
    let system = json!({ "system": [marked(&text("s1")), marked(&text("s2"))] });
    let six = changed(&talk(&[json!([call("a")]), json!([marked(&nested), marked(&text("next"))])]), &system);
    refused(verdict(OPUS, &six), "A maximum of 4 blocks with cache_control may be provided. Found 6.", &six);
    let adaptive = json!({ "thinking": { "type": "adaptive" } });
    for block in [marked(&thought(0)), marked(&json!({ "type": "redacted_thinking", "data": "x" }))] {
        let change = changed(&adaptive, &talk(&[json!([block, text("a")]), json!("next")]));
        refused(verdict(NEWEST, &change), "cache_control: Extra inputs are not permitted", &change);
    }
}

#[test]
fn thoughts_need_a_signature() {
    let change = talk(&[json!([changed(&thought(0), &json!({ "signature": null })), text("a")]), json!("next")]);
    refused(verdict(HAIKU, &change), "messages.1.content.0.thinking.signature: Field required", &change);
    let turned_on = changed(
        &json!({ "thinking": { "type": "enabled", "budget_tokens": 1_024 } }),
        &talk(&[json!([text("calling"), call("a")]), json!([result("a")])]),
    );
    refused(verdict(HAIKU, &turned_on), "Expected `thinking` or `redacted_thinking`, but found `text`", &turned_on);
}

#[test]
fn null_is_refused_where_a_member_is_to_be_absent() {
    // Merging removes null, so these bodies are written by hand.
    let with = |name: &str| {
        let mut body = super::claude::body();
        body[name] = Value::Null;
        super::super::claude::check(OPUS, "", &body)
    };
    for (name, words) in [
        ("system", "system: Input should be a valid list"),
        ("tools", "tools: Input should be a valid list"),
        ("tool_choice", "tool_choice: Input should be a valid dictionary"),
        ("stop_sequences", "stop_sequences: Input should be a valid list"),
        ("metadata", "metadata: Input should be a valid dictionary"),
        ("thinking", "thinking: Input should be a valid dictionary"),
        ("temperature", "temperature: Input should be a valid number"),
    ] {
        refused(with(name), words, &Value::from(name));
    }
    let mut body = super::claude::body();
    body["messages"][0]["content"] = json!([{ "type": "text", "text": "a", "cache_control": null, "citations": null }]);
    assert_eq!(super::super::claude::check(OPUS, "", &body), Ok(()));
    body["tools"][0]["description"] = Value::Null;
    refused(
        super::super::claude::check(OPUS, "", &body),
        "tools.0.custom.description: Input should be a valid string",
        &body,
    );
}

#[test]
fn a_turn_with_thoughts_begins_with_one_if_there_is_a_budget() {
    let budget = json!({ "thinking": { "type": "enabled", "budget_tokens": 1_024 } });
    let turn = |blocks: Value| talk(&[blocks, json!("and now?")]);
    let between = turn(json!([text("a"), thought(0), text("b")]));
    assert_eq!(verdict(HAIKU, &changed(&budget, &turn(json!([thought(0), text("a"), thought(1), text("b")])))), Ok(()));
    assert_eq!(verdict(OPUS, &changed(&json!({ "thinking": { "type": "adaptive" } }), &between)), Ok(()));
    let change = changed(&budget, &between);
    refused(verdict(HAIKU, &change), "the first block must be `thinking` or `redacted_thinking`. Found `text`", &change);
}

#[test]
fn a_result_that_reports_an_error_says_something() {
    let failed = |content: Value| {
        let result = changed(&result("a"), &json!({ "is_error": true, "content": content }));
        talk(&[json!([call("a")]), json!([result])])
    };
    for said in [json!("lost"), json!([text("lost")])] {
        assert_eq!(verdict(OPUS, &failed(said)), Ok(()));
    }
    for silent in [json!(null), json!(""), json!([])] {
        let change = failed(silent);
        refused(verdict(OPUS, &change), "tool_result: content cannot be empty if `is_error` is true", &change);
    }
    let shown = failed(json!([text("lost"), image()]));
    refused(verdict(OPUS, &shown), r#"tool_result: all content must be type "text" if "is_error" is true"#, &shown);
    assert_eq!(
        verdict(OPUS, &talk(&[json!([call("a")]), json!([changed(&result("a"), &json!({ "content": "" }))])])),
        Ok(())
    );
}

#[test]
fn a_title_has_1_to_500_letters() {
    let named = |members: Value| asking(&[changed(&document(), &members)]);
    assert_eq!(verdict(OPUS, &named(json!({ "title": "\u{e9}".repeat(500), "context": "c" }))), Ok(()));
    for (members, words) in [
        (json!({ "title": "" }), "document.title: String should have at least 1 character"),
        (json!({ "title": "a".repeat(501) }), "document.title: String should have at most 500 characters"),
        (json!({ "context": "" }), "document.context: String should have at least 1 character"),
    ] {
        refused(verdict(OPUS, &named(members.clone())), words, &members);
    }
}
