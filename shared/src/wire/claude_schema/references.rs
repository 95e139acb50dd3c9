//! References inside a schema: which are circular or dangling, and what replaces them.

use std::collections::{HashMap, HashSet};
use std::ptr;

use serde_json::Value;

use crate::wire::schema_ref::{Schema, children, children_mut, cut, name_of, resolve};

/// Depth of schemas and references below which a reference counts as recursive, so that the stack cannot overflow.
const DEPTH_LIMIT: usize = 128;

/// Adjusts the references of a schema that becomes the property `value` of the root.
pub(super) fn move_references(schema: &mut Schema) {
    if let Some(Value::String(reference)) = schema.get_mut("$ref")
        && let Some(pointer) = reference.strip_prefix('#')
        && (pointer.is_empty() || pointer.starts_with('/'))
    {
        *reference = format!("#/properties/value{pointer}");
    }
    children_mut(schema).into_iter().for_each(move_references);
}

/// Finds circular references.
pub(super) struct Recursion<'a> {
    root: &'a Value,
    /// Whether the walk is still inside a schema that it has visited.
    seen: HashMap<*const Schema, bool>,
    closing: HashSet<*const Schema>,
    depth: usize,
}

impl<'a> Recursion<'a> {
    /// The schemas whose `$ref` must be removed so that no circle is left.
    pub(super) fn of(root: &'a Value) -> HashSet<*const Schema> {
        let mut recursion = Self { root, seen: HashMap::new(), closing: HashSet::new(), depth: 0 };
        if let Value::Object(schema) = root {
            recursion.visit(schema);
        }
        recursion.closing
    }

    /// Whether the walk returned to a schema that it is inside. The last reference on the path closes the circle. It may
    /// point to a schema around that one.
    fn visit(&mut self, schema: &'a Schema) -> bool {
        if let Some(inside) = self.seen.get(&ptr::from_ref(schema)) {
            return *inside;
        }
        self.seen.insert(schema, true);
        self.depth = self.depth.saturating_add(1);
        let mut closes = false;
        for child in children(schema).into_iter().filter_map(Value::as_object) {
            closes |= self.visit(child);
        }
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|reference| resolve(self.root, reference));
        if let Some(Value::Object(target)) = target
            && (self.depth > DEPTH_LIMIT || self.visit(target))
        {
            self.closing.insert(schema);
        }
        self.depth = self.depth.saturating_sub(1);
        self.seen.insert(schema, false);
        closes
    }
}

/// Replaces circular references by an end.
pub(super) fn cut_recursive(schema: &mut Schema, recursive: &HashSet<*const Schema>) {
    if recursive.contains(&ptr::from_ref(schema)) {
        let name = schema.get("$ref").and_then(Value::as_str).map(name_of).unwrap_or_default();
        return end(schema, cut(format!("Recursive: the structure of {name} again.")));
    }
    for child in children_mut(schema) {
        cut_recursive(child, recursive);
    }
}

/// Replaces references that point to no schema by `instead`. The content of an unknown keyword is not a schema. Returns whether
/// there were any.
pub(crate) fn cut_dangling(schema: &mut Schema, instead: fn(&str) -> Schema) -> bool {
    let document = Value::Object(schema.clone());
    let mut schemas = HashSet::new();
    let mut open: Vec<&Value> = vec![&document];
    while let Some(value) = open.pop() {
        schemas.insert(ptr::from_ref(value));
        open.extend(value.as_object().map(children).unwrap_or_default());
    }
    let leads =
        |reference: &str| resolve(&document, reference).is_some_and(|target| schemas.contains(&ptr::from_ref(target)));
    cut_unless(&leads, schema, instead)
}

fn cut_unless(leads: &dyn Fn(&str) -> bool, schema: &mut Schema, instead: fn(&str) -> Schema) -> bool {
    if let Some(reference) = schema.get("$ref") {
        let reference = reference.as_str().unwrap_or_default();
        if !leads(reference) {
            let instead = instead(reference);
            end(schema, instead);
            return true;
        }
    }
    let mut has_cut = false;
    for child in children_mut(schema) {
        has_cut |= cut_unless(leads, child, instead);
    }
    has_cut
}

/// Whether a reference points to a definition at the root, which does not move.
pub(super) fn leads_to_definition(reference: &str) -> bool {
    let name = reference.strip_prefix("#/$defs/").or_else(|| reference.strip_prefix("#/definitions/"));
    name.is_some_and(|name| !name.contains('/'))
}

/// Ends a schema, and keeps its own description.
fn end(schema: &mut Schema, mut instead: Schema) {
    instead.extend(schema.get("description").cloned().map(|text| ("description".to_owned(), text)));
    *schema = instead;
}

/// A schema whose reference is not replaced.
pub(super) fn shortened(mut schema: Schema) -> Schema {
    let name = schema.get("$ref").and_then(Value::as_str).map(name_of).unwrap_or_default();
    end(&mut schema, cut(format!("Shortened: the structure of {name}.")));
    schema
}

/// A placeholder for an unknown structure.
pub(crate) fn unknown(reference: &str) -> Schema {
    cut(format!("Unknown structure: {}.", name_of(reference)))
}
