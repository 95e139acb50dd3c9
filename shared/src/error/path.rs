//! Field paths for the log: documented names, and numbers of entries. A name that the client chose, such as that of a tool's
//! parameter, becomes `*`.

/// Names of fields and headers that a path may contain. A missing name becomes `*` in the log.
#[rustfmt::skip]
const NAMES: [&str; 137] = [
    "action", "additionalProperties", "allowed_tools", "anyOf", "arguments", "audio", "authorization", "background",
    "before", "betas", "budget_tokens", "cache_control", "call_id", "citations", "client_metadata", "content",
    "content-encoding", "context", "conversation", "custom", "data", "days", "defer_loading", "description", "detail",
    "disable_parallel_tool_use", "display", "effort", "enabled", "encrypted_content", "enum", "exclude", "extra_body",
    "file", "file_data", "file_id", "file_url", "filename", "format", "frequency_penalty", "function", "function_call",
    "functions", "generate_summary", "group_by", "id", "image", "image_url", "include", "include_usage", "index", "input",
    "input_audio", "input_schema", "instructions", "is_error", "items", "json_schema", "limit", "logit_bias", "logprobs",
    "max_completion_tokens", "max_output_tokens", "max_tokens", "mcp_servers", "media_type", "messages", "metadata",
    "modalities", "mode", "model", "models", "n", "name", "namespace", "operation", "output", "output_config",
    "output_format", "parallel_tool_calls", "parameters", "phase", "plugins", "prediction", "presence_penalty",
    "previous_response_id", "prompt", "prompt_cache_key", "properties", "provider", "reasoning", "reasoning_content",
    "reasoning_details", "reasoning_effort", "redacted_thinking", "refusal", "required", "response_format", "role", "route",
    "safety_identifier", "schema", "seed", "service_tier", "signature", "source", "status", "stop", "stop_sequences",
    "store", "stream", "stream_options", "strict", "summary", "system", "tag", "temperature", "text", "thinking", "title",
    "tool_call_id", "tool_calls", "tool_choice", "tool_use_id", "tools", "top_k", "top_logprobs", "top_p", "transforms",
    "truncation", "ttl", "type", "url", "usage", "user", "verbosity", "x-gateway-tag",
];

/// Maximum digits of an entry's number.
const DIGITS: usize = 4;

/// A path for the log.
pub(super) fn logged(path: &str) -> String {
    let steps: Vec<String> = path.split('.').map(step).collect();
    steps.join(".")
}

/// A name with its numbers: `messages[1]`.
fn step(text: &str) -> String {
    let mut parts = text.split('[');
    let name = parts.next().unwrap_or_default();
    let mut step = NAMES.iter().find(|known| **known == name).copied().unwrap_or("*").to_owned();
    for number in parts {
        let number = number.strip_suffix(']').filter(|digits| digits.len() <= DIGITS);
        let number = number.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
        step.extend(["[", number.unwrap_or("*"), "]"]);
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_apis_and_places_in_lists_stay_and_others_become_stars() {
        for (path, shown) in [
            ("messages[1].content[0].type", "messages[1].content[0].type"),
            ("tools[12].function.parameters.properties.my secret", "tools[12].function.parameters.properties.*"),
            ("bk_0123", "*"),
            ("messages[4111111111111111]", "messages[*]"),
            ("x[a[1]", "*[*][1]"),
            ("", "*"),
        ] {
            assert_eq!(logged(path), shown, "{path}");
        }
    }
}
