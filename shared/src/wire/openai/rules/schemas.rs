//! Tool schemas for the models behind OpenRouter. It passes them on, and the vendors reject the whole request for one
//! invalid schema.

use serde_json::Value;
use serde_json::value::RawValue;

use super::patterns::say_patterns;
use super::strict::strict_form;
use super::{gemini, kimi};
use crate::wire::claude_schema::references::{cut_dangling, unknown};
use crate::wire::claude_schema::{output, tool_input};
use crate::wire::schema_draft;
use crate::wire::schema_ref::{self, Schema, SchemaError, children_mut, say_limits, types};

/// Whether a model rejects a tool whose schema is missing or whose root is no object (xAI: dirac-run/dirac#58,
/// lidge-jun/opencodex#122; `MiniMax`: QwenLM/qwen-code#11834; DeepSeek: farion1231/cc-switch#5490,
/// end-4/dots-hyprland#3640; Mistral's API reference).
fn needs_object(upstream: &str) -> bool {
    ["x-ai/", "minimax/", "mistralai/", "deepseek/"].iter().any(|vendor| upstream.starts_with(vendor))
}

/// A tool's schema as a model accepts it. `None` if the client gives none and the model needs none.
pub(in crate::wire::openai) fn tool_schema(
    upstream: &str,
    own: Option<&RawValue>,
) -> Result<Option<Box<RawValue>>, SchemaError> {
    let must_have_one = super::is_claude(upstream) || needs_object(upstream);
    let own = own.or(must_have_one.then_some(RawValue::NULL));
    let fit = |own: &RawValue| match rule_of(upstream) {
        Some(rule) if super::is_openai(upstream) => Ok(strict_form(ruled(tool_input(own)?, rule)?)),
        Some(rule) if super::is_gemini(upstream) => ruled(with_object_root(&in_the_draft(own)?)?, rule),
        Some(rule) => ruled(tool_input(own)?, rule),
        None if super::is_kimi(upstream) => kimi::schema(tool_input(own)?),
        None if must_have_one => tool_input(own),
        None => with_object_root(&in_the_draft(own)?),
    };
    own.map(fit).transpose()
}

/// Whether the root of a tool's schema is a list, a text, a union or a reference. The API references of all vendors allow an
/// object only, since the arguments of a call are an object.
fn is_no_object(schema: &RawValue) -> bool {
    let Ok(Value::Object(root)) = schema_ref::parse(schema) else { return false };
    root.get("type").is_some_and(|kind| kind != "object")
        || ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|keyword| root.contains_key(*keyword))
}

/// A schema whose root is an object; unchanged if it is one already.
fn with_object_root(own: &RawValue) -> Result<Box<RawValue>, SchemaError> {
    if is_no_object(own) { tool_input(own) } else { Ok(own.to_owned()) }
}

/// A change of a schema whose root is an object. Returns whether it changed anything.
type Rule = fn(&mut Schema) -> bool;

/// What a vendor requires of a tool's schema in addition to an object as its root.
fn rule_of(upstream: &str) -> Option<Rule> {
    if super::is_openai(upstream) {
        Some(openais)
    } else if super::is_deepseek(upstream) {
        Some(say_patterns)
    } else if super::is_gemini(upstream) {
        Some(geminis)
    } else if super::is_grok(upstream) {
        Some(say_counts)
    } else {
        None
    }
}

/// Moves what xAI rejects in a list, at any depth, into its description (docs.x.ai, structured outputs: unsupported keywords).
/// Returns whether it changed anything.
fn say_counts(schema: &mut Schema) -> bool {
    let mut limits = Vec::new();
    for keyword in ["minContains", "maxContains"] {
        limits.extend(schema.get(keyword).map(|number| format!("{keyword} {number}")));
        schema.retain(|key, _| key != keyword);
    }
    say_limits(schema, &limits);
    let mut changed = !limits.is_empty();
    for child in children_mut(schema) {
        changed |= say_counts(child);
    }
    changed
}

/// A schema that follows the rule. A schema that already conforms is returned byte for byte.
fn ruled(own: Box<RawValue>, rule: Rule) -> Result<Box<RawValue>, SchemaError> {
    let mut document = schema_ref::parse(&own)?;
    let Value::Object(root) = &mut document else { return Ok(own) };
    if rule(root) { schema_ref::write(root) } else { Ok(own) }
}

/// OpenAI's rules in addition to the draft: the root lists its properties (tailcallhq/forgecode#1359,
/// caozhiyuan/copilot-api#131) and has no `enum`, `not` or unions (cecli-dev/cecli#281, nspady/google-calendar-mcp#39), and
/// the patterns are portable. Returns whether it changed anything.
fn openais(root: &mut Schema) -> bool {
    let number = root.len();
    root.retain(|keyword, _| !matches!(keyword.as_str(), "enum" | "not"));
    let mut changed = root.len() < number;
    if !root.contains_key("properties") {
        root.insert("properties".to_owned(), Value::Object(Schema::new()));
        changed = true;
    }
    list_items(root) | say_patterns(root) | changed
}

/// OpenAI's rules for a response schema. Returns whether it changed anything.
fn answers(root: &mut Schema) -> bool {
    list_items(root) | say_patterns(root)
}

/// Gemini's rules: every array has `items` (NousResearch/hermes-agent#77617 through OpenRouter), every reference leads
/// somewhere (`reference to undefined schema`: Rahularya01/pi-antigravity#33), and those of its own file. Returns whether it
/// changed anything.
fn geminis(root: &mut Schema) -> bool {
    cut_dangling(root, unknown) | list_items(root) | gemini::fit(root)
}

/// A response schema in Claude's subset, by the rules of OpenAI or Gemini, or by Kimi's (murtaza-nasir/maestro#34). Other
/// models accept the draft.
pub(super) fn answer_schema(upstream: &str, own: &RawValue) -> Result<Box<RawValue>, SchemaError> {
    if super::is_claude(upstream) {
        return output(own);
    }
    let own = in_the_draft(own)?;
    if super::is_openai(upstream) {
        Ok(strict_form(ruled(own, answers)?))
    } else if super::is_gemini(upstream) {
        ruled(own, geminis)
    } else if super::is_kimi(upstream) {
        kimi::schema(own)
    } else if super::is_grok(upstream) {
        ruled(own, say_counts)
    } else {
        Ok(own)
    }
}

/// A schema without what the draft does not have, such as a list in `items`, which xAI and OpenAI reject (docs.x.ai, structured
/// outputs), and with a root that is no reference: pydantic writes one for a recursive model, and a root needs a type. A schema
/// that conforms is returned byte for byte.
fn in_the_draft(own: &RawValue) -> Result<Box<RawValue>, SchemaError> {
    // A number that is too large, for example, is the vendor's to judge.
    let Ok(mut document) = schema_ref::parse(own) else { return Ok(own.to_owned()) };
    let is_repaired = schema_draft::repair(&mut document);
    let is_written_out = schema_ref::write_out_root(&mut document);
    match document {
        Value::Object(root) if is_repaired || is_written_out => schema_ref::write(&root),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Ok(own.to_owned())
        }
    }
}

/// Every array has `items` (SolaceLabs/solace-agent-mesh#1051; tuples too, AnswerDotAI/fastcore#798): the union of its
/// positions, or strings.
fn list_items(schema: &mut Schema) -> bool {
    let mut changed = types(schema).contains(&"array") && !schema.contains_key("items");
    if changed {
        let places = schema.get("prefixItems").and_then(Value::as_array);
        let items = places.map_or_else(|| ("type", Value::from("string")), |places| ("anyOf", Value::from(places.clone())));
        schema.insert("items".to_owned(), Value::Object(Schema::from_iter([(items.0.to_owned(), items.1)])));
    }
    for child in children_mut(schema) {
        changed |= list_items(child);
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(upstream: &str, schema: &str) -> String {
        let own = RawValue::from_string(schema.to_owned()).unwrap();
        tool_schema(upstream, Some(&own)).unwrap().unwrap().get().to_owned()
    }

    #[test]
    fn what_a_vendor_takes_is_sent_byte_for_byte() {
        let fine = r##"{"type": "object", "properties": {"a": {"type": "array", "items": {}}, "b": {"$ref": "#/$defs/b"}}, "$defs": {"b": {}}}"##;
        for upstream in ["openai/gpt-5.2", "moonshotai/kimi-k2.5", "anthropic/claude-opus-4.6", "qwen/qwen3-coder"] {
            assert_eq!(sent(upstream, fine), fine, "{upstream}");
        }
        assert_eq!(sent("qwen/qwen3-coder", r#"{"properties": {}}"#), r#"{"properties": {}}"#);
        assert!(tool_schema("openai/gpt-5.2", None).unwrap().is_none());
    }

    #[test]
    fn the_root_of_openais_is_one_object_that_lists_its_properties() {
        let empty = r#"{"type":"object","properties":{}}"#;
        for (schema, expected) in [
            ("true", empty),
            ("null", empty),
            (r#"{"type":"object"}"#, empty),
            (r#"{"type":"object","properties":{},"not":{"required":["a"]},"enum":[{}]}"#, empty),
            (
                r#"{"anyOf":[{"type":"object","properties":{"a":{"type":"string"}}}]}"#,
                r#"{"type":"object","properties":{"a":{"type":"string"}}}"#,
            ),
            (r#"{"type":"string"}"#, r#"{"type":"object","properties":{"value":{"type":"string"}},"required":["value"]}"#),
        ] {
            assert_eq!(sent("openai/gpt-5.2", schema), expected, "{schema}");
        }
    }

    #[test]
    fn the_schema_of_an_answer_is_one_of_the_draft() {
        let answer = |schema: &str| {
            let own = RawValue::from_string(schema.to_owned()).unwrap();
            answer_schema("x-ai/grok-4.7", &own).unwrap().get().to_owned()
        };
        let fine = r#"{"type": "object", "properties": {"a": {"type": "array", "prefixItems": [{}]}}}"#;
        assert_eq!(answer(fine), fine);
        let counted = r#"{"type":"array","items":{},"contains":{},"minContains":2}"#;
        assert_eq!(answer(counted), r#"{"type":"array","items":{},"contains":{},"description":"Limits: minContains 2"}"#);
        let tuple = r#"{"type":"array","items":[{"type":"string"}]}"#;
        assert_eq!(answer(tuple), r#"{"type":"array","prefixItems":[{"type":"string"}]}"#);
    }

    #[test]
    fn a_root_that_is_no_object_becomes_one_for_every_vendor() {
        for upstream in ["google/gemini-2.5-pro", "qwen/qwen3-coder", "z-ai/glm-5.3", "moonshotai/kimi-k2.5"] {
            for (schema, expected) in [
                (
                    r#"{"type":"string"}"#,
                    r#"{"type":"object","properties":{"value":{"type":"string"}},"required":["value"]}"#,
                ),
                (
                    r#"{"oneOf":[{"type":"object","properties":{"a":{}}},{"type":"object","properties":{"b":{}}}]}"#,
                    r#"{"type":"object","properties":{"a":{},"b":{}}}"#,
                ),
            ] {
                assert_eq!(sent(upstream, schema), expected, "{upstream} {schema}");
            }
        }
    }

    #[test]
    fn openais_lists_say_what_is_in_them() {
        for (list, expected) in [
            (r#"{"type":"array"}"#, r#"{"type":"array","items":{"type":"string"}}"#),
            (r#"{"type":["array","null"]}"#, r#"{"type":["array","null"],"items":{"type":"string"}}"#),
            (
                r#"{"type":"array","items":[{"type":"integer"}]}"#,
                r#"{"type":"array","prefixItems":[{"type":"integer"}],"items":{"anyOf":[{"type":"integer"}]}}"#,
            ),
        ] {
            let inside = |list: &str| format!(r#"{{"type":"object","properties":{{"a":{{"anyOf":[{list}]}}}}}}"#);
            assert_eq!(sent("openai/gpt-5.2", &inside(list)), inside(expected), "{list}");
        }
    }

    #[test]
    fn patterns_of_other_engines_become_words_for_openai_and_deepseek() {
        let own = r#"{"type":"object","properties":{"a":{"type":"string","pattern":"^\\p{L}$","description":"A letter."},"pattern":{"type":"string","pattern":"^b$"}},"patternProperties":{"^(?!x)":{"type":"string"}},"additionalProperties":false}"#;
        let expected = r#"{"type":"object","properties":{"a":{"type":"string","description":"A letter.\nLimits: pattern ^\\p{L}$"},"pattern":{"type":"string","pattern":"^b$"}},"description":"Limits: names of properties match ^(?!x)"}"#;
        for upstream in ["openai/gpt-5.2", "deepseek/deepseek-v4-pro"] {
            assert_eq!(sent(upstream, own), expected, "{upstream}");
        }
        assert_eq!(sent("qwen/qwen3-coder", own), own);
    }

    #[test]
    fn kimis_schemas_are_objects_and_refer_to_definitions_of_the_root() {
        for (schema, expected) in [
            (
                r#"{"type":"object","properties":{"a":true,"b":{"type":"array","items":false},"c":{"enum":[]}},"additionalProperties":false}"#,
                r#"{"type":"object","properties":{"a":{},"b":{"type":"array","items":{}},"c":{}},"additionalProperties":false}"#,
            ),
            (
                r##"{"type":"object","properties":{"a":{"$ref":"#/definitions/A"}},"definitions":{"A":{"items":{"$ref":"#/definitions/A"}}}}"##,
                r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/definitions_A_"}},"definitions":{"A":{"items":{"$ref":"#/$defs/definitions_A_"}}},"$defs":{"definitions_A_":{"items":{"$ref":"#/$defs/definitions_A_"}}}}"##,
            ),
            (
                r#"{"type":"object","properties":{"a":{"$ref":"https://a.example/b","description":"x"}}}"#,
                r#"{"type":"object","properties":{"a":{"description":"x","type":"object"}}}"#,
            ),
            (
                r#"{"anyOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]}"#,
                r#"{"type":"object","properties":{"a":{},"b":{}}}"#,
            ),
            (
                r#"{"type":"object","properties":{"a":{"type":"string","enum":["x",null]},"b":{"type":"null","enum":["x"]}}}"#,
                r#"{"type":"object","properties":{"a":{"type":"string","enum":["x"]},"b":{"type":"null"}}}"#,
            ),
        ] {
            assert_eq!(sent("moonshotai/kimi-k2.5", schema), expected, "{schema}");
        }
    }

    #[test]
    fn geminis_lists_have_items_and_its_objects_require_what_they_have() {
        let inside = |inside: &str| format!(r#"{{"type":"object","properties":{{"a":{inside}}}}}"#);
        for (schema, expected) in [
            (inside(r#"{"type":"array"}"#), inside(r#"{"type":"array","items":{"type":"string"}}"#)),
            (inside(r#"{"type":"string","enum":["x",""]}"#), inside(r#"{"type":"string","enum":["x"]}"#)),
            (inside(r#"{"enum":[""]}"#), inside("{}")),
            (inside(r#"{"type":"string","const":"x"}"#), inside(r#"{"type":"string","enum":["x"]}"#)),
            (
                r#"{"type":"object","properties":{"a":{}},"required":["a","b"]}"#.to_owned(),
                r#"{"type":"object","properties":{"a":{}},"required":["a"]}"#.to_owned(),
            ),
            (
                r##"{"type":"object","properties":{"n":{"anyOf":[{"$ref":"#"},{"type":"null"}]},"l":{"type":"array","items":{"$ref":"#"}}},"required":["n","l"]}"##.to_owned(),
                r##"{"type":"object","properties":{"n":{"anyOf":[{"$ref":"#"},{"type":"null"}]},"l":{"type":"array","items":{"$ref":"#"}}},"required":["l"]}"##.to_owned(),
            ),
            (
                r##"{"type":"object","properties":{"l":{"type":"array","items":{"$ref":"#"},"minItems":1}},"required":["l"]}"##.to_owned(),
                r##"{"type":"object","properties":{"l":{"type":"array","items":{"$ref":"#"}}},"required":[]}"##.to_owned(),
            ),
        ] {
            assert_eq!(sent("google/gemini-2.5-pro", &schema), expected, "{schema}");
        }
        let fine = r##"{"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a"], "$defs": {"A": {"type": "string"}}}"##;
        assert_eq!(sent("google/gemini-2.5-pro", fine), fine);
    }

    #[test]
    fn recursion_ends_in_kimis_schemas() {
        for (schema, expected) in [
            (
                r##"{"type":"object","properties":{"next":{"$ref":"#"},"name":{}},"required":["name","next"]}"##,
                r##"{"type":"object","properties":{"next":{"$ref":"#"},"name":{}},"required":["name"]}"##,
            ),
            (
                r##"{"type":"object","properties":{"a":{"type":"array","items":{"$ref":"#"},"minItems":1}},"required":["a"]}"##,
                r##"{"type":"object","properties":{"a":{"type":"array","items":{"$ref":"#"},"minItems":1}},"required":[]}"##,
            ),
            (
                r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"],"$defs":{"a":{"properties":{"b":{"$ref":"#/$defs/b"}},"required":["b"]},"b":{"properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"]}}}"##,
                r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"],"$defs":{"a":{"properties":{"b":{"$ref":"#/$defs/b"}},"required":[]},"b":{"properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"]}}}"##,
            ),
        ] {
            assert_eq!(sent("moonshotai/kimi-k2.5", schema), expected, "{schema}");
        }
        let finite = r##"{"type":"object","properties":{"a":{"type":"array","items":{"$ref":"#"}},"b":{"anyOf":[{"$ref":"#"},{}]}},"required":["a","b"]}"##;
        assert_eq!(sent("moonshotai/kimi-k2.5", finite), finite);
    }

    #[test]
    fn long_lists_of_kimis_schemas_are_divided() {
        let list = |values: std::ops::Range<usize>| {
            let values: Vec<String> = values.map(|value| value.to_string()).collect();
            format!(r#"{{"enum":[{}]}}"#, values.join(","))
        };
        let object = |inside: &str| format!(r#"{{"type":"object","properties":{{"a":{inside}}}}}"#);
        let divided = format!(r#"{{"anyOf":[{},{}]}}"#, list(0..1_000), list(1_000..1_001));
        assert_eq!(sent("moonshotai/kimi-k2.5", &object(&list(0..1_001))), object(&divided));
    }

    #[test]
    fn a_schema_that_kimi_finds_too_large_is_refused_with_its_size() {
        let mut deep = "{}".to_owned();
        for _ in 0..31 {
            deep = format!(r#"{{"type":"object","properties":{{"a":{deep}}}}}"#);
        }
        let wide: Vec<String> = (0..3_001).map(|number| format!(r#""p{number}":{{}}"#)).collect();
        for (schema, words) in [
            (deep, "31 levels of properties, and the model accepts at most 30"),
            (format!(r#"{{"type":"object","properties":{{{}}}}}"#, wide.join(",")), "3001 properties"),
            (format!(r#"{{"type":"object","description":"{}"}}"#, "x".repeat(120_000)), "120034 bytes"),
        ] {
            let own = RawValue::from_string(schema).unwrap();
            let error = tool_schema("moonshotai/kimi-k2.5", Some(&own)).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert!(answer_schema("moonshotai/kimi-k2.5", &own).is_err());
        }
    }

    #[test]
    fn fitting_twice_is_fitting_once() {
        use crate::wire::schema_ref::tests::any_schema;
        use proptest::prelude::*;
        proptest!(|(schema in any_schema())| {
            for upstream in ["openai/gpt-5.2", "moonshotai/kimi-k2.5", "google/gemini-2.5-pro"] {
                let once = sent(upstream, &schema.to_string());
                prop_assert_eq!(&sent(upstream, &once), &once);
            }
        });
    }
}
