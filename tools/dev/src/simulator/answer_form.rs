//! The form of the answer that a body asks for.

use serde_json::{Value, json};

use super::json::string;
use super::sample::sample;
use super::wire::Wire;

/// The form of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum AnswerForm {
    /// Any text.
    #[default]
    Text,
    /// Any JSON object.
    Object,
    /// JSON by this schema.
    Schema(Value),
    /// A call of a tool.
    Call,
}

impl AnswerForm {
    /// The form that a body asks for.
    pub(super) fn of(wire: Wire, body: &Value) -> Self {
        match wire {
            _ if must_call(wire, body) => Self::Call,
            Wire::OpenRouter => Self::of_chat(body),
            Wire::Claude => Self::of_claude(body),
            Wire::Gemini => Self::of_gemini(body),
        }
    }

    fn of_chat(body: &Value) -> Self {
        let Some(format) = body.get("response_format") else { return Self::Text };
        match string(format, "type") {
            Some("json_schema") => Self::by(format.pointer("/json_schema/schema")),
            Some("json_object") => Self::Object,
            Some(_) | None => Self::Text,
        }
    }

    fn of_claude(body: &Value) -> Self {
        let format = body.pointer("/output_config/format").or_else(|| body.get("output_format"));
        format.map_or(Self::Text, |format| Self::by(format.get("schema")))
    }

    fn of_gemini(body: &Value) -> Self {
        let config = body.get("generationConfig").or_else(|| body.get("generation_config"));
        let field = |camel: &str, snake: &str| config.and_then(|config| config.get(camel).or_else(|| config.get(snake)));
        if field("responseMimeType", "response_mime_type").and_then(Value::as_str) != Some("application/json") {
            return Self::Text;
        }
        let schema = field("responseJsonSchema", "response_json_schema");
        Self::by(schema.or_else(|| field("responseSchema", "response_schema")))
    }

    fn by(schema: Option<&Value>) -> Self {
        schema.map_or(Self::Object, |schema| Self::Schema(schema.clone()))
    }

    /// The answer in this form, for an answer in words.
    pub(super) fn shaped(&self, words: String) -> String {
        match self {
            Self::Text | Self::Call => words,
            Self::Object => json!({ "answer": words }).to_string(),
            Self::Schema(schema) => sample(schema).to_string(),
        }
    }
}

/// Whether a body demands a call of a tool.
fn must_call(wire: Wire, body: &Value) -> bool {
    match wire {
        Wire::OpenRouter => {
            body.get("tool_choice").is_some_and(|choice| choice == "required" || choice.get("function").is_some())
        }
        Wire::Claude => matches!(body.pointer("/tool_choice/type").and_then(Value::as_str), Some("any" | "tool")),
        Wire::Gemini => {
            let place = ["/toolConfig/functionCallingConfig/mode", "/tool_config/function_calling_config/mode"];
            place.iter().any(|place| body.pointer(place).is_some_and(|mode| mode == "ANY"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_read_on_every_wire() {
        let schema = json!({ "type": "object", "required": ["a"], "properties": { "a": { "type": "integer" } } });
        let format = json!({ "type": "json_schema", "schema": schema });
        for (wire, body) in [
            (
                Wire::OpenRouter,
                json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": schema } } }),
            ),
            (Wire::Claude, json!({ "output_config": { "format": format } })),
            (Wire::Claude, json!({ "output_format": format })),
            (
                Wire::Gemini,
                json!({ "generationConfig": { "responseMimeType": "application/json", "responseJsonSchema": schema } }),
            ),
            (
                Wire::Gemini,
                json!({ "generation_config": { "response_mime_type": "application/json", "response_schema": schema } }),
            ),
        ] {
            assert_eq!(AnswerForm::of(wire, &body).shaped("words".to_owned()), r#"{"a":1}"#, "{body}");
        }
    }

    #[test]
    fn a_demanded_call_is_read_on_every_wire() {
        let named = json!({ "type": "function", "function": { "name": "f" } });
        for (wire, body) in [
            (Wire::OpenRouter, json!({ "tool_choice": "required" })),
            (Wire::OpenRouter, json!({ "tool_choice": named })),
            (Wire::Claude, json!({ "tool_choice": { "type": "any" } })),
            (Wire::Claude, json!({ "tool_choice": { "type": "tool", "name": "f" } })),
            (Wire::Gemini, json!({ "toolConfig": { "functionCallingConfig": { "mode": "ANY" } } })),
        ] {
            assert_eq!(AnswerForm::of(wire, &body), AnswerForm::Call, "{body}");
        }
        for (wire, body) in [
            (Wire::OpenRouter, json!({ "tool_choice": "auto" })),
            (Wire::Claude, json!({ "tool_choice": { "type": "auto" } })),
            (Wire::Gemini, json!({ "toolConfig": { "functionCallingConfig": { "mode": "AUTO" } } })),
        ] {
            assert_eq!(AnswerForm::of(wire, &body), AnswerForm::Text, "{body}");
        }
    }

    #[test]
    fn an_object_without_a_schema_contains_the_words() {
        let body = json!({ "response_format": { "type": "json_object" } });
        assert_eq!(AnswerForm::of(Wire::OpenRouter, &body).shaped("hi".to_owned()), r#"{"answer":"hi"}"#);
        let body = json!({ "response_format": { "type": "text" } });
        assert_eq!(AnswerForm::of(Wire::OpenRouter, &body).shaped("hi".to_owned()), "hi");
    }
}
