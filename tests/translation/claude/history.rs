//! The conversation: turns, thoughts, the start and the end.

use serde_json::{Value, json};

use super::super::upstream::PNG;
use super::{ALL, Expected, assistant, call, check, probe, result, text, user};

type Messages = Vec<Value>;

/// Checks what messages become, whatever the model.
fn check_messages(cases: Vec<(Messages, Messages)>) {
    check_messages_of(ALL, cases);
}

fn check_messages_of(models: &'static [&'static str], cases: Vec<(Messages, Messages)>) {
    let case = |(list, expected): (Messages, Messages)| Expected {
        models,
        betas: &[],
        fields: json!({"tools": [probe()], "messages": list}),
        sent: vec![("/messages", json!(expected))],
        dropped: &[],
    };
    check(cases.into_iter().map(case).collect());
}

fn go() -> Value {
    user(&json!("Dive."))
}

#[test]
fn calls_are_answered_at_once_in_their_order_and_under_ids_of_their_own() {
    let lost = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": [text("No result was recorded for this call.")], "is_error": true});
    check_messages(vec![
        // A result that is missing, one that comes late, and one of a call that is gone.
        (
            vec![go(), assistant(&json!([call("a"), call("b")])), user(&json!([text("And?"), result("b"), result("z")]))],
            vec![
                go(),
                assistant(&json!([call("a"), call("b")])),
                user(&json!([lost("a"), result("b"), text("And?"), text("Result of an earlier tool call:"), text("calm")])),
            ],
        ),
        (
            vec![
                go(),
                assistant(&json!([call("a"), call("b")])),
                user(&json!([result("b")])),
                user(&json!([result("a")])),
                go(),
            ],
            vec![go(), assistant(&json!([call("a"), call("b")])), user(&json!([result("a"), result("b")])), go()],
        ),
        (vec![go(), assistant(&json!([call("a")]))], vec![go(), assistant(&json!([call("a")])), user(&json!([lost("a")]))]),
        (
            vec![go(), assistant(&json!([text("Now."), call("a")])), user(&json!("Leave it."))],
            vec![go(), assistant(&json!([text("Now."), call("a")])), user(&json!([lost("a"), text("Leave it.")]))],
        ),
        // Ids that are not taken, and one that comes twice.
        (
            vec![
                go(),
                assistant(&json!([call("f:0")])),
                user(&json!([result("f:0")])),
                assistant(&json!([call("f:0")])),
                user(&json!([result("f:0")])),
            ],
            vec![
                go(),
                assistant(&json!([call("f_0")])),
                user(&json!([result("f_0")])),
                assistant(&json!([call("f_0_2")])),
                user(&json!([result("f_0_2")])),
            ],
        ),
    ]);
}

#[test]
fn what_stands_in_a_wrong_place_moves_and_what_says_nothing_goes() {
    let picture = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}});
    let untouched = user(&json!([result("a"), text("Go on.")]));
    check_messages(vec![
        // Empty texts, and messages of nothing else.
        (
            vec![go(), assistant(&json!("")), user(&json!([text(" "), text("Deeper.")])), user(&json!(" \n"))],
            vec![go(), user(&json!([text("Deeper.")]))],
        ),
        // What the model drew is shown by the user.
        (
            vec![go(), assistant(&json!([text("Look."), picture])), go()],
            vec![go(), assistant(&json!([text("Look.")])), user(&json!([picture, text("Dive.")]))],
        ),
        // An instruction where no model takes one.
        (
            vec![go(), assistant(&json!("Aye.")), json!({"role": "system", "content": "Be quick."})],
            vec![go(), assistant(&json!("Aye.")), user(&json!("<system-reminder>\nBe quick.\n</system-reminder>"))],
        ),
        (vec![assistant(&json!("Ahoy.")), go()], vec![user(&json!([text("Continue.")])), assistant(&json!("Ahoy.")), go()]),
        // Messages of one role in a row stay apart, and what is right stays as it is.
        (
            vec![go(), go(), assistant(&json!([call("a")])), untouched.clone(), go()],
            vec![go(), go(), assistant(&json!([call("a")])), untouched, go()],
        ),
    ]);
}

#[test]
fn instructions_between_turns_stay_where_the_model_follows_them_and_are_marked_texts_elsewhere() {
    let system = |content: &Value| json!({"role": "system", "content": content});
    let quick = system(&json!("Be quick."));
    let told = text("<system-reminder>\nBe quick.\n</system-reminder>");
    let folded = user(&json!([text("Dive."), told]));
    let between = vec![go(), quick.clone(), assistant(&json!("Aye.")), go()];
    let last = vec![go(), quick.clone()];
    let after_results =
        vec![go(), assistant(&json!([call("a")])), user(&json!([result("a")])), system(&json!([text("Be quick.")]))];
    let newer = &["claude-opus-4.8"][..];
    check_messages_of(
        &ALL[..3],
        vec![(between.clone(), vec![folded.clone(), assistant(&json!("Aye.")), go()]), (last.clone(), vec![folded.clone()])],
    );
    // A repair elsewhere leaves it where it is.
    let opened = [vec![assistant(&json!("Ahoy."))], between.clone()].concat();
    let repaired = [vec![user(&json!([text("Continue.")]))], opened.clone()].concat();
    check_messages_of(
        newer,
        vec![
            (between.clone(), between),
            (last.clone(), last),
            (after_results.clone(), after_results),
            (opened, repaired),
            // Two in a row, and one that the user's next message follows.
            (vec![go(), quick.clone(), go()], vec![folded.clone(), go()]),
            (
                vec![go(), quick.clone(), quick, assistant(&json!("Aye.")), go()],
                vec![user(&json!([text("Dive."), told, told])), assistant(&json!("Aye.")), go()],
            ),
        ],
    );
}

#[test]
fn a_repair_of_other_blocks_leaves_these_as_they_are() {
    let document = json!({
        "type": "document", "title": "Log", "context": "Of the third dive", "citations": {"enabled": true},
        "source": {"type": "text", "media_type": "text/plain", "data": "Forty metres."},
    });
    let found = json!({
        "type": "search_result", "source": "https://sea.example/depths", "title": "Depths", "citations": {"enabled": true},
        "content": [text("Sixty metres.")],
    });
    let reference =
        json!({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_reference", "tool_name": "probe"}]});
    let (brief, told) =
        (json!({"role": "system", "content": "Quietly."}), text("<system-reminder>\nQuietly.\n</system-reminder>"));
    check_messages_of(
        &ALL[..3],
        vec![
            (
                vec![user(&json!([document, found, text("How deep?")])), brief.clone()],
                vec![user(&json!([document, found, text("How deep?"), told]))],
            ),
            (
                vec![go(), assistant(&json!([call("a")])), user(&json!([reference])), brief],
                vec![go(), assistant(&json!([call("a")])), user(&json!([reference, told]))],
            ),
        ],
    );
}

#[test]
fn a_message_has_a_role_and_a_content_and_nothing_else() {
    let mark = json!({"type": "ephemeral"});
    let message = json!({"role": "user", "content": "Hi", "name": "Ada", "cache_control": mark, "id": null});
    check(vec![Expected {
        models: ALL,
        betas: &[],
        fields: json!({"messages": [message]}),
        sent: vec![("/messages", json!([user(&json!("Hi"))]))],
        dropped: &["messages[0].cache_control", "messages[0].name"],
    }]);
}

#[test]
fn the_start_and_the_end_of_a_conversation_are_as_the_model_takes_them() {
    let ends = |last: &Value| json!({"messages": [user(&json!("A list, please.")), last]});
    let older = &["claude-haiku-4.5", "claude-opus-4.5"][..];
    let newer = &["claude-opus-4.6", "claude-opus-4.8"][..];
    let case = |models, fields, sent| Expected { models, betas: &[], fields, sent, dropped: &[] };
    let leads = json!({
        "messages": [{"role": "system", "content": "Speak Latin."}, {"role": "system", "content": [text("Be kind.")]}, user(&json!("Hi"))],
    });
    let with_system = |system: &Value| {
        let mut body = leads.clone();
        body["system"] = system.clone();
        body
    };
    let (latin, kind) = (text("Speak Latin."), text("Be kind."));
    check(vec![
        case(
            older,
            ends(&assistant(&json!("1. "))),
            vec![("/messages/1/content", json!("1.")), ("/messages/2", Value::Null)],
        ),
        case(older, ends(&assistant(&json!([text("1.\n")]))), vec![("/messages/1/content/0/text", json!("1."))]),
        case(
            newer,
            ends(&assistant(&json!("1. "))),
            vec![("/messages/1/content", json!("1. ")), ("/messages/2", user(&json!([text("Continue.")])))],
        ),
        case(ALL, leads.clone(), vec![("/system", json!([latin, kind])), ("/messages", json!([user(&json!("Hi"))]))]),
        case(ALL, with_system(&json!("First.")), vec![("/system", json!([text("First."), latin, kind]))]),
        case(ALL, with_system(&json!([text(""), text("First.")])), vec![("/system", json!([text("First."), latin, kind]))]),
        case(ALL, json!({"system": [text(" ")]}), vec![("/system", Value::Null)]),
    ]);
}

#[test]
fn only_thoughts_that_claude_signed_go_back_and_only_where_it_thinks() {
    let thought = |signature: &Value| json!({"type": "thinking", "thinking": "Deep.", "signature": signature});
    let history = |block: &Value, thinking: &Value| {
        json!({
            "thinking": thinking, "tools": [probe()],
            "messages": [user(&json!("Dive.")), assistant(&json!([block, call("a")])), user(&json!([result("a")]))],
        })
    };
    let adaptive = json!({"type": "adaptive"});
    let budget = json!({"type": "enabled", "budget_tokens": 2000});
    let newer = &["claude-opus-4.6", "claude-opus-4.8"][..];
    let budgets = &["claude-haiku-4.5", "claude-opus-4.5", "claude-opus-4.6"][..];
    let case = |models, fields, sent, dropped| Expected { models, betas: &[], fields, sent, dropped };
    let first = "/messages/1/content/0";
    let mut cases = Vec::new();
    for unsigned in [json!(null), json!(""), json!("gw1.g.abc")] {
        let fields = history(&thought(&unsigned), &adaptive);
        cases.push(case(newer, fields, vec![(first, call("a"))], &["messages[1].content[0]"][..]));
        let fields = history(&thought(&unsigned), &budget);
        cases.push(case(budgets, fields, vec![("/thinking", Value::Null)], &["messages[1].content[0]", "thinking"]));
    }
    let mut marked = thought(&json!("Eq=="));
    marked["cache_control"] = json!({"type": "ephemeral"});
    cases.push(case(
        budgets,
        history(&marked, &budget),
        vec![(first, thought(&json!("Eq=="))), ("/thinking", budget.clone())],
        &["messages[1].content[0].cache_control"],
    ));
    let mut forced = history(&thought(&json!("Eq==")), &budget);
    forced["tool_choice"] = json!({"type": "any"});
    let gone = vec![("/thinking", Value::Null), (first, call("a")), ("/tool_choice/type", json!("any"))];
    cases.push(case(budgets, forced, gone, &["messages[1].content[0]", "thinking"]));
    let unthought = json!([user(&json!("Dive.")), assistant(&json!([call("a")])), user(&json!([result("a")]))]);
    let turned_on = json!({"thinking": budget, "tools": [probe()], "messages": unthought});
    cases.push(case(budgets, turned_on, vec![("/thinking", Value::Null), ("/messages", unthought)], &["thinking"]));
    check(cases);
}

#[test]
fn thoughts_of_a_turn_that_is_over_go_alone() {
    let history = |thoughts: &[Value]| {
        let answer = [thoughts, &[text("Deep enough.")]].concat();
        json!([user(&json!("Dive.")), assistant(&json!(answer)), user(&json!("And now?"))])
    };
    let budget = json!({"type": "enabled", "budget_tokens": 2000});
    let budgets = &["claude-haiku-4.5", "claude-opus-4.5", "claude-opus-4.6"][..];
    let case = |models, fields, sent, dropped| Expected { models, betas: &[], fields, sent, dropped };
    let mut cases = Vec::new();
    for unsigned in [
        json!({"type": "thinking", "thinking": "Deep."}),
        json!({"type": "thinking", "thinking": "Deep.", "signature": null}),
        json!({"type": "thinking", "thinking": "Deep.", "signature": ""}),
    ] {
        let fields = json!({"thinking": budget, "messages": history(&[unsigned])});
        let sent = vec![("/messages", history(&[])), ("/thinking", budget.clone())];
        cases.push(case(budgets, fields, sent, &["messages[1].content[0]"][..]));
    }
    let thoughts = [
        json!({"type": "thinking", "thinking": "D\u{e9}ep.", "signature": "Eq=="}),
        json!({"type": "redacted_thinking", "data": "Ew=="}),
    ];
    let marked = thoughts.clone().map(|mut thought| {
        thought["cache_control"] = json!({"type": "ephemeral"});
        thought
    });
    let named = &["messages[1].content[0].cache_control", "messages[1].content[1].cache_control"];
    cases.push(case(ALL, json!({"messages": history(&marked)}), vec![("/messages", history(&thoughts))], named));
    check(cases);
}

#[test]
fn a_conversation_of_which_nothing_is_sent_asks_to_continue() {
    let blank =
        json!({"type": "document", "title": "", "source": {"type": "text", "media_type": "text/plain", "data": " \n"}});
    let change = json!({"type": "tool_addition", "tool": {"type": "tool_reference", "name": "old"}});
    let thought = json!({"type": "thinking", "thinking": "", "signature": "Eq=="});
    let told = json!([user(&json!([text("Continue.")]))]);
    let case = |messages: Value, sent: &Value, dropped| Expected {
        models: ALL,
        betas: &[],
        fields: json!({"messages": messages}),
        sent: vec![("/messages", sent.clone())],
        dropped,
    };
    let first = &["messages[0].content[0]"][..];
    check(vec![
        case(json!([user(&json!([blank]))]), &told, &[]),
        case(json!([user(&json!(" "))]), &told, &[]),
        case(json!([user(&json!([change]))]), &told, first),
        case(json!([user(&json!([thought]))]), &told, first),
        case(json!([user(&json!([thought, text("Dive.")]))]), &json!([user(&json!([text("Dive.")]))]), first),
        case(json!([user(&json!([blank, text("Dive.")]))]), &json!([user(&json!([text("Dive.")]))]), &[]),
    ]);
    let sources = [
        json!({"type": "content", "content": []}),
        json!({"type": "content", "content": [text(" ")]}),
        json!({"type": "content", "content": " "}),
        json!({"type": "base64", "media_type": "text/plain", "data": "IAo="}),
    ];
    check(sources.map(|source| case(json!([user(&json!([{"type": "document", "source": source}]))]), &told, &[])).into());
}
