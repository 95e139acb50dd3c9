//! Tool schemas for the models behind OpenRouter. It passes them on, and the vendors reject the whole request for one
//! invalid schema.

use serde_json::Value;
use serde_json::value::RawValue;

use super::patterns::say_patterns;
use crate::wire::claude_schema::{output, tool_input};
use crate::wire::schema_ref::{self, Schema, SchemaError, children, children_mut, cut, name_of, resolve};

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
        Some(rule) => ruled(tool_input(own)?, rule),
        None if must_have_one => tool_input(own),
        None => Ok(own.to_owned()),
    };
    own.map(fit).transpose()
}

/// A change of a schema whose root is an object. Returns whether it changed anything.
type Rule = fn(&mut Schema) -> bool;

/// What a vendor requires of a tool's schema in addition to an object as its root.
fn rule_of(upstream: &str) -> Option<Rule> {
    if super::is_openai(upstream) {
        Some(openais)
    } else if super::is_kimi(upstream) {
        Some(kimis)
    } else if super::is_deepseek(upstream) {
        Some(say_patterns)
    } else {
        None
    }
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

/// A response schema in Claude's subset, with patterns that OpenAI accepts, or by Kimi's rules (murtaza-nasir/maestro#34).
/// Other models accept it as it is.
pub(super) fn answer_schema(upstream: &str, own: &RawValue) -> Result<Box<RawValue>, SchemaError> {
    if super::is_claude(upstream) {
        output(own)
    } else if super::is_openai(upstream) {
        ruled(own.to_owned(), say_patterns)
    } else if super::is_kimi(upstream) {
        ruled(own.to_owned(), kimis)
    } else {
        Ok(own.to_owned())
    }
}

/// Every array has `items` (SolaceLabs/solace-agent-mesh#1051; tuples too, AnswerDotAI/fastcore#798): the union of its
/// positions, or strings.
fn list_items(schema: &mut Schema) -> bool {
    let is_list = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "array"),
        Some(kind) => kind == "array",
        None => false,
    };
    let mut changed = is_list && !schema.contains_key("items");
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

/// Maximum number of bytes that may be copied to replace references of other forms.
const COPIES: usize = 64 * 1024;

/// Kimi's rules (MoonshotAI/walle, validation principles, level `lite`): a nested schema is an object and never a boolean,
/// an `enum` has values, and references point to the root or to a definition there. Returns whether it changed anything.
fn kimis(root: &mut Schema) -> bool {
    let changed = open_flags(root);
    let document = Value::Object(root.clone());
    let mut definitions = Definitions { document: &document, added: Schema::new(), left: COPIES };
    let moved = definitions.refer(root);
    let Definitions { added, .. } = definitions;
    let dropped = drop_divided_names(root);
    if !added.is_empty()
        && let Value::Object(known) = root.entry("$defs").or_insert_with(|| Value::Object(Schema::new()))
    {
        known.extend(added);
    }
    changed | moved | dropped
}

/// Removes the definitions whose names contain `/`, which Kimi rejects. References to them point to copies by now.
fn drop_divided_names(root: &mut Schema) -> bool {
    let mut changed = false;
    for keyword in ["$defs", "definitions"] {
        let Some(Value::Object(known)) = root.get_mut(keyword) else { continue };
        let number = known.len();
        known.retain(|name, _| !name.contains('/'));
        changed |= known.len() < number;
    }
    changed
}

/// Replaces the schemas `true` and `false` with an empty schema, except in `additionalProperties`, and removes an empty
/// `enum`.
fn open_flags(schema: &mut Schema) -> bool {
    let number = schema.len();
    schema.retain(|keyword, value| keyword != "enum" || value.as_array().is_none_or(|values| !values.is_empty()));
    let mut changed = schema.len() < number;
    for (keyword, value) in schema.iter_mut() {
        let flags: Vec<&mut Value> = match (keyword.as_str(), value) {
            ("items" | "contains" | "not" | "if" | "then" | "else", value) => vec![value],
            ("anyOf" | "allOf" | "oneOf" | "prefixItems", Value::Array(list)) => list.iter_mut().collect(),
            ("properties" | "$defs" | "definitions" | "patternProperties", Value::Object(named)) => {
                named.values_mut().collect()
            }
            _ => Vec::new(),
        };
        for flag in flags.into_iter().filter(|value| value.is_boolean()) {
            *flag = Value::Object(Schema::new());
            changed = true;
        }
    }
    for child in children_mut(schema) {
        changed |= open_flags(child);
    }
    changed
}

/// Definitions to which references of other forms point.
struct Definitions<'d> {
    document: &'d Value,
    added: Schema,
    left: usize,
}

impl Definitions<'_> {
    /// Makes all references point to definitions at the root.
    fn refer(&mut self, schema: &mut Schema) -> bool {
        let mut changed = false;
        if let Some(Value::String(reference)) = schema.get("$ref") {
            match self.place(&reference.clone()) {
                Some(place) if place == *reference => {}
                Some(place) => {
                    schema.insert("$ref".to_owned(), Value::from(place));
                    changed = true;
                }
                None => {
                    let name = name_of(reference);
                    schema.retain(|keyword, _| keyword != "$ref");
                    for (keyword, value) in cut(format!("Unknown structure: {name}.")) {
                        schema.entry(keyword).or_insert(value);
                    }
                    changed = true;
                }
            }
        }
        for child in children_mut(schema) {
            changed |= self.refer(child);
        }
        changed
    }

    /// A reference to the same schema as a definition at the root. `None` if it points to no schema, or the size limit is
    /// reached.
    fn place(&mut self, reference: &str) -> Option<String> {
        let Value::Object(target) = resolve(self.document, reference)? else { return None };
        if !is_schema(self.document, target) {
            return None;
        }
        let own = reference.strip_prefix("#/$defs/");
        if reference == "#" || own.is_some_and(|name| !name.is_empty() && !name.contains(['/', '%', '~'])) {
            return Some(reference.to_owned());
        }
        let letters = reference.trim_start_matches(['#', '/']).chars();
        let name: String = letters.map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect();
        let name = format!("{name}_");
        if !self.added.contains_key(&name) {
            let text = Value::Object(target.clone()).to_string();
            self.left = self.left.checked_sub(text.len())?;
            self.added.insert(name.clone(), Value::Null);
            let mut target = target.clone();
            self.refer(&mut target);
            self.added.insert(name.clone(), Value::Object(target));
        }
        Some(format!("#/$defs/{name}"))
    }
}

/// Whether this object is a schema of the document, and not the value of another keyword.
fn is_schema(document: &Value, target: &Schema) -> bool {
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        let Value::Object(schema) = value else { continue };
        if std::ptr::eq(schema, target) {
            return true;
        }
        open.extend(children(schema));
    }
    false
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
        assert_eq!(sent("qwen/qwen3-coder", r#"{"type": "array"}"#), r#"{"type": "array"}"#);
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
        ] {
            assert_eq!(sent("moonshotai/kimi-k2.5", schema), expected, "{schema}");
        }
    }

    #[test]
    fn fitting_twice_is_fitting_once() {
        use crate::wire::schema_ref::tests::any_schema;
        use proptest::prelude::*;
        proptest!(|(schema in any_schema())| {
            for upstream in ["openai/gpt-5.2", "moonshotai/kimi-k2.5"] {
                let once = sent(upstream, &schema.to_string());
                prop_assert_eq!(&sent(upstream, &once), &once);
            }
        });
    }
}
