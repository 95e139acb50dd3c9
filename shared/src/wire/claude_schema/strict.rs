//! How much Claude compiles for one request: its strict tools and its response schema.

use std::collections::HashSet;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{UNIONS, allows_strict, grammar};
use crate::wire::schema_ref::{self, Schema, children};

/// Limits of a request: strict tools, and the optional properties and the properties with several types in the schemas of these
/// tools and of the answer together (platform.claude.com, structured outputs: limits of schemas; elizaOS/eliza#16499,
/// mozilla/bugbug#6129, elie222/inbox-zero#2323).
const MOST: StrictTools = StrictTools { tools: 20, optional: 24, unions: 16 };

/// What a request has so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StrictTools {
    tools: usize,
    optional: usize,
    unions: usize,
}

impl StrictTools {
    /// None yet, next to a response schema as it is sent.
    pub fn beside(answer: Option<&RawValue>) -> Self {
        let mut strict = Self::default();
        if let Some(document) = answer.and_then(|answer| schema_ref::parse(answer).ok()) {
            strict.count(&document);
        }
        strict
    }

    /// Whether Claude compiles a response schema.
    pub(super) fn admits_answer(sent: &RawValue) -> bool {
        let is_expressed = schema_ref::parse(sent).is_ok_and(|document| grammar::expresses(&document));
        is_expressed && Self::beside(Some(sent)).fits()
    }

    fn fits(self) -> bool {
        self.tools <= MOST.tools && self.optional <= MOST.optional && self.unions <= MOST.unions
    }

    /// Whether one more tool may be strict: its schema follows the rules ([`allows_strict`]), and fits within the limits
    /// after the earlier ones. If so, it is counted.
    pub fn admits(&mut self, schema: &RawValue) -> bool {
        let Ok(document) = schema_ref::parse(schema) else { return false };
        let mut sum = Self { tools: self.tools.saturating_add(1), ..*self };
        sum.count(&document);
        let is_admitted = sum.fits() && allows_strict(schema);
        if is_admitted {
            *self = sum;
        }
        is_admitted
    }

    fn count(&mut self, schema: &Value) {
        let Value::Object(schema) = schema else { return };
        self.optional = self.optional.saturating_add(optional(schema));
        self.unions = self.unions.saturating_add(usize::from(is_union(schema)));
        for child in children(schema) {
            self.count(child);
        }
    }
}

/// Number of optional properties of an object.
fn optional(schema: &Schema) -> usize {
    let required: HashSet<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.map_or(0, |properties| properties.keys().filter(|name| !required.contains(name.as_str())).count())
}

/// Whether a schema allows several types.
fn is_union(schema: &Schema) -> bool {
    let has_types = schema.get("type").and_then(Value::as_array).is_some_and(|kinds| kinds.len() > 1);
    has_types || UNIONS.iter().any(|union| *union != "allOf" && schema.contains_key(*union))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: String) -> Box<RawValue> {
        RawValue::from_string(json).unwrap()
    }

    /// A closed object of properties with these schemas, the first of which are optional.
    fn object(properties: &[&str], optional: usize) -> String {
        let entries: Vec<String> =
            properties.iter().enumerate().map(|(number, schema)| format!(r#""p{number}":{schema}"#)).collect();
        let required: Vec<String> = (optional..properties.len()).map(|number| format!(r#""p{number}""#)).collect();
        let (entries, required) = (entries.join(","), required.join(","));
        format!(r#"{{"type":"object","properties":{{{entries}}},"required":[{required}],"additionalProperties":false}}"#)
    }

    /// A tool with this many optional strings and this many nullable ones.
    fn schema(optional: usize, nullable: usize) -> Box<RawValue> {
        const TEXT: &str = r#"{"type":"string"}"#;
        const EITHER: &str = r#"{"type":["string","null"]}"#;
        raw(object(&[vec![TEXT; optional], vec![EITHER; nullable]].concat(), optional))
    }

    /// Which of these tools may be strict.
    fn admitted(schemas: &[Box<RawValue>]) -> Vec<bool> {
        let mut strict = StrictTools::default();
        schemas.iter().map(|schema| strict.admits(schema)).collect()
    }

    #[test]
    fn twenty_tools_are_strict() {
        let schemas: Vec<_> = (0..21).map(|_| schema(1, 0)).collect();
        assert_eq!(admitted(&schemas).iter().filter(|strict| **strict).count(), 20);
    }

    #[test]
    fn a_tool_that_does_not_fit_with_the_others_leaves_its_room_to_the_next() {
        assert_eq!(admitted(&[schema(20, 0), schema(5, 0), schema(4, 0)]), [true, false, true]);
        assert_eq!(admitted(&[schema(0, 16), schema(0, 1), schema(9, 0)]), [true, false, true]);
    }

    #[test]
    fn the_answer_takes_room_from_the_tools() {
        let mut strict = StrictTools::beside(Some(&schema(14, 0)));
        assert_eq!([schema(11, 0), schema(10, 0)].map(|tool| strict.admits(&tool)), [false, true]);
    }

    #[test]
    fn what_is_optional_or_a_union_inside_of_others_counts_too() {
        let inner = schema(25, 0);
        let listed = format!(r#"{{"type":"array","items":{inner}}}"#);
        let either = r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#;
        for outer in [object(&[inner.get()], 0), object(&[&listed], 0), object(&[either; 17], 0)] {
            assert_eq!(admitted(&[raw(outer)]), [false]);
        }
    }
}
