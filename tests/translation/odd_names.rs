//! Names that are not valid Unicode text, at all places where a client may choose a name. They must never cause an internal
//! error of the gateway.

use gateway::catalog::Catalog;
use gateway::error::ErrorKind;
use gateway::wire::ClientFormat;
use gateway_tests::sending::send;

#[test]
fn half_a_character_in_a_name_is_carried_or_refused_and_never_a_fault_of_the_gateways() {
    let catalog = Catalog::embedded().unwrap();
    let fields = [
        r#""reasoning": {"\ud800": 1}"#,
        r#""reasoning": {"effort": "low", "\ud800": 1}"#,
        r#""thinking": {"type": "enabled", "budget_tokens": 1024, "\udc00": 1}"#,
        r#""metadata": {"\ud800": "\ud800"}"#,
        r#""response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"\ud800": {"type": "string"}}}}}"#,
        r#""tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"\ud800": {"enum": ["\ud800"]}}}}}]"#,
        r#""tools": [{"name": "f", "input_schema": {"type": "object", "properties": {"\ud800": {"enum": ["\ud800"]}}}}]"#,
        r#""tool_choice": {"\ud800": 1}"#,
        r#""\ud800": {"\ud800": 1}"#,
        r#""stop": ["\ud800"]"#,
        r#""provider": {"\ud800": ["\ud800"]}"#,
    ];
    let mut faults = Vec::new();
    for model in catalog.models() {
        for format in [ClientFormat::ChatCompletions, ClientFormat::Messages] {
            for field in fields {
                let body = format!(
                    r#"{{"model": "{}", "max_tokens": 2048, "messages": [{{"role": "user", "content": "hi"}}], {field}}}"#,
                    model.id
                );
                if let Err(error) = send(format, &body, model)
                    && error.kind() == ErrorKind::Internal
                {
                    faults.push(format!("{} {field}: {}", model.id, error.reason()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
