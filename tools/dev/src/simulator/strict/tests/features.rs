//! Features that a provider refuses in some requests: each with a body that has it and one that does not.

use serde_json::json;

use crate::simulator::strict::features::Feature;
use crate::simulator::wire::Wire;

#[test]
fn earlier_reasoning_is_refused_and_other_content_is_not() {
    for (wire, with, without) in [
        (
            Wire::OpenRouter,
            json!({ "messages": [{ "reasoning_details": [{ "data": "x" }] }] }),
            json!({ "messages": [{ "reasoning_details": [] }, { "content": "x" }] }),
        ),
        (
            Wire::Claude,
            json!({ "messages": [{ "content": [{ "type": "redacted_thinking" }] }] }),
            json!({ "messages": [{ "content": [{ "type": "text" }] }, { "content": "x" }] }),
        ),
        (
            Wire::Gemini,
            json!({ "contents": [{ "parts": [{ "thoughtSignature": "c2ln" }] }] }),
            json!({ "contents": [{ "parts": [{ "thoughtSignature": "skip_thought_signature_validator" }] }] }),
        ),
    ] {
        assert!(Feature::PastReasoning.check(wire, &with).is_err(), "{with}");
        assert_eq!(Feature::PastReasoning.check(wire, &without), Ok(()), "{without}");
    }
}

#[test]
fn compiled_schemas_are_refused_and_others_are_not() {
    for (wire, with, without) in [
        (
            Wire::OpenRouter,
            json!({ "tools": [{ "function": { "strict": true } }] }),
            json!({ "response_format": { "type": "json_object" }, "tools": [{ "function": {} }] }),
        ),
        (Wire::Claude, json!({ "output_config": { "format": {} } }), json!({ "output_config": { "effort": "low" } })),
        (
            Wire::Gemini,
            json!({ "generationConfig": { "responseJsonSchema": {} } }),
            json!({ "generationConfig": { "responseMimeType": "application/json" } }),
        ),
    ] {
        assert!(Feature::Schemas.check(wire, &with).is_err(), "{with}");
        assert_eq!(Feature::Schemas.check(wire, &without), Ok(()), "{without}");
    }
}
