//! Thoughts that a client keeps and sends back.

use std::collections::HashMap;

use gateway::chat::request::Place;
use gateway::chat::{Origin, Part, Signature};
use gateway::ids::KeyId;
use gateway::translate::outbound::{Destination, RequestExtras, outbound};
use gateway::wire::native::ProviderFields;
use gateway::wire::open_request;
use gateway::wire::target::OutputBounds;
use gateway::wire::thoughts::ThoughtKeys;
use gateway_tests::relaying::{asked, catalog};
use gateway_tests::sending::wire_of;
use serde_json::{Value, json};

use super::super::upstream::RESPONSES;

/// A thought of Claude's.
fn thought() -> Part {
    let signature = Some(Signature { origin: Origin::Anthropic, value: "EqoB".to_owned() });
    Part::Reasoning { text: "hm".to_owned(), signature, place: Place::NOWHERE }
}

/// What Claude is sent of a history with that thought, by the clients of that key, and what is named.
fn with_thought(kept: &str, thoughts: Option<&ThoughtKeys>) -> (Value, Vec<String>) {
    let thought =
        json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "secretly"}], "encrypted_content": kept});
    let call = json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"});
    let input = json!([
        {"role": "user", "content": "hi"}, thought, call, {"type": "function_call_output", "call_id": "a", "output": "7"},
    ]);
    let body =
        json!({"model": "m", "input": input, "reasoning": {"effort": "high"}, "tools": [{"type": "function", "name": "f"}]});
    let model = catalog().unwrap().resolve("claude-opus-4.6").unwrap();
    let route = &model.routes[0];
    let to = Destination { model: &model, route, wire: wire_of(route.provider), output: OutputBounds::NONE };
    let request = open_request(RESPONSES, body.to_string()).unwrap();
    let extras = RequestExtras { betas: &[], signatures: &HashMap::new(), thoughts };
    let sent = outbound(&request, to, extras).unwrap();
    let body = serde_json::from_slice(&sent.body.finish(&ProviderFields::default()).unwrap()).unwrap();
    (body, sent.dropped)
}

#[test]
fn a_thought_goes_back_to_its_provider_signed_as_it_was() {
    let keys = asked().thoughts.unwrap();
    let kept = keys.write(&thought()).unwrap();
    let (body, dropped) = with_thought(&kept, Some(&keys));
    assert_eq!(body["messages"][1]["content"][0], json!({"type": "thinking", "thinking": "hm", "signature": "EqoB"}));
    assert_eq!(dropped, [""; 0]);
}

#[test]
fn a_thought_that_is_altered_or_anothers_never_reaches_a_provider_and_the_session_goes_on() {
    let secret = "0123456789abcdef0123456789abcdef".into();
    let of = |digest: u8| ThoughtKeys::new(&secret, None, KeyId::of_lookup_digest(&[digest; 32]));
    let kept = of(1).write(&thought()).unwrap();
    let altered = (0..kept.len()).map(|at| {
        let mut altered = kept.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        (String::from_utf8(altered).unwrap(), Some(of(1)))
    });
    let others = [(kept.clone(), Some(of(2))), (kept.clone(), None), ("gAAAAABsomebody-elses".to_owned(), Some(of(1)))];
    for (kept, keys) in altered.chain(others) {
        let (body, dropped) = with_thought(&kept, keys.as_ref());
        assert_eq!(dropped, ["input[1]"], "{kept}");
        let text = body.to_string();
        assert!(!text.contains("EqoB") && !text.contains("secretly") && !text.contains(&kept), "{text}");
        assert_eq!(body["messages"][1]["content"][0]["type"], "tool_use", "{text}");
    }
}
