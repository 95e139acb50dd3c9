//! Schemas for Kimi, by Moonshot's rules (MoonshotAI/walle, validation principles, level `lite`).

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::wire::schema_draft;
use crate::wire::schema_ref::{
    self, Schema, SchemaError, children, children_mut, cut, is_of_type, name_of, named_children, references, resolve, types,
};

/// Maximum number of bytes that may be copied to replace references of other forms.
const COPIES: usize = 64 * 1024;
/// Most values of an `enum`.
const VALUES: usize = 1_000;
/// Most branches of an `anyOf`.
const BRANCHES: usize = 500;
/// Most levels of properties inside properties.
const LEVELS: usize = 30;
/// Most properties of all objects together.
const PROPERTIES: usize = 3_000;
/// Most bytes of a schema.
const BYTES: usize = 120_000;
/// Most rounds of the search for recursion without an end. A longer chain of references is left as it is.
const ROUNDS: usize = 64;
/// How many required properties are looked at alone to end a recursion. After that, all that never end become optional.
const CAREFUL: usize = 32;

/// A schema as Kimi accepts it. A schema that already conforms is returned byte for byte.
pub(super) fn schema(own: Box<RawValue>) -> Result<Box<RawValue>, SchemaError> {
    let mut document = schema_ref::parse(&own)?;
    let is_repaired = schema_draft::repair(&mut document);
    let Value::Object(root) = &mut document else { return Ok(own) };
    if fit(root)? | is_repaired { schema_ref::write(root) } else { Ok(own) }
}

/// Makes a schema follow the rules: a nested schema is an object and never a boolean, an `enum` has values of its type,
/// references point to the root or to a definition there, recursion can end, and lists are short. Returns whether it changed
/// anything, or the limit that the schema exceeds.
fn fit(root: &mut Schema) -> Result<bool, SchemaError> {
    let changed = tidy(root);
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
    check_size(root)?;
    let ended = end_recursion(root);
    Ok(changed | moved | dropped | ended)
}

/// Fails if the schema is larger than Kimi accepts.
fn check_size(root: &Schema) -> Result<(), SchemaError> {
    let (mut levels, mut properties, mut open) = (0, 0_usize, vec![(root, 0_usize)]);
    while let Some((schema, level)) = open.pop() {
        levels = level.max(levels);
        properties = properties.saturating_add(schema.get("properties").and_then(Value::as_object).map_or(0, Schema::len));
        for (keyword, child) in named_children(schema) {
            let level = level.saturating_add(usize::from(keyword == "properties"));
            open.extend(child.as_object().map(|child| (child, level)));
        }
    }
    let bytes = serde_json::to_string(root).map_err(SchemaError::Json)?.len();
    let sizes = [("levels of properties", LEVELS, levels), ("properties", PROPERTIES, properties), ("bytes", BYTES, bytes)];
    let exceeded = sizes.into_iter().find(|(_, most, found)| found > most);
    exceeded.map_or(Ok(()), |(what, most, found)| Err(SchemaError::Size { what, most, found }))
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

/// Replaces the schemas `true` and `false` with an empty schema, except in `additionalProperties`, removes the values that an
/// `enum` cannot have, and divides long lists.
fn tidy(schema: &mut Schema) -> bool {
    let mut changed = fit_values(schema) | divide(schema, "anyOf", BRANCHES) | divide(schema, "enum", VALUES);
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
        changed |= tidy(child);
    }
    changed
}

/// Removes the values that the type of an `enum` excludes (`enum value (<nil>) does not match any type in [string]`:
/// tailcallhq/forgecode#3767 through OpenRouter), and an `enum` without values.
fn fit_values(schema: &mut Schema) -> bool {
    let kinds: Vec<String> = types(schema).into_iter().map(str::to_owned).collect();
    let Some(Value::Array(values)) = schema.get_mut("enum") else { return false };
    let number = values.len();
    values.retain(|value| kinds.is_empty() || kinds.iter().any(|kind| is_of_type(value, kind)));
    let is_changed = values.len() < number || values.is_empty();
    if values.is_empty() {
        schema.retain(|keyword, _| keyword != "enum");
    }
    is_changed
}

/// Divides a list that is too long among the branches of an `anyOf`, which allow the same values together. If the schema has
/// another `anyOf` already, the list is removed.
fn divide(schema: &mut Schema, keyword: &str, most: usize) -> bool {
    let Some(Value::Array(list)) =
        schema.get(keyword).filter(|value| value.as_array().is_some_and(|list| list.len() > most))
    else {
        return false;
    };
    let part = |values: &[Value]| Value::Object(Schema::from_iter([(keyword.to_owned(), Value::from(values.to_vec()))]));
    let parts: Vec<Value> = list.chunks(most).map(part).collect();
    schema.retain(|known, _| known != keyword);
    schema.entry("anyOf").or_insert(Value::Array(parts));
    true
}

/// Makes required properties optional, and lists allowed to be empty, where no value could ever satisfy the schema
/// (`detected infinite recursion without termination condition`). Returns whether it changed anything.
fn end_recursion(root: &mut Schema) -> bool {
    let mut changed = false;
    for turn in 0..=CAREFUL {
        let document = Value::Object(root.clone());
        let endings = Endings::of(&document);
        if document.as_object().is_none_or(|root| endings.all(root)) {
            return changed;
        }
        let loosened = endings.loosen(root, turn < CAREFUL);
        changed |= loosened;
        if !loosened {
            return changed;
        }
    }
    changed
}

/// The references of a document whose targets some finite value satisfies.
struct Endings(BTreeSet<String>);

impl Endings {
    fn of(document: &Value) -> Self {
        let references = references(document);
        let mut endings = Self(BTreeSet::new());
        for _ in 0..ROUNDS {
            let known = endings.0.len();
            for reference in &references {
                if !endings.0.contains(*reference) && resolve(document, reference).is_none_or(|target| endings.has(target)) {
                    endings.0.insert((*reference).to_owned());
                }
            }
            if endings.0.len() == known {
                return endings;
            }
        }
        Self(references.into_iter().map(str::to_owned).collect())
    }

    /// Whether some finite value satisfies a schema.
    fn has(&self, schema: &Value) -> bool {
        let Value::Object(schema) = schema else { return true };
        let refers = schema.get("$ref").and_then(Value::as_str);
        let branches = schema.get("anyOf").and_then(Value::as_array);
        refers.is_none_or(|reference| self.0.contains(reference))
            && branches.is_none_or(|branches| branches.is_empty() || branches.iter().any(|branch| self.has(branch)))
            && required(schema).all(|(_, property)| self.has(property))
            && filled(schema).is_none_or(|items| self.has(items))
    }

    /// Whether every schema inside has a finite value.
    fn all(&self, schema: &Schema) -> bool {
        required(schema).all(|(_, property)| self.has(property))
            && filled(schema).is_none_or(|items| self.has(items))
            && children(schema).into_iter().filter_map(Value::as_object).all(|child| self.all(child))
    }

    /// Removes the first requirement that never ends, or all. Definitions come first, because the root's own requirements end
    /// when theirs do. Returns whether it removed any.
    fn loosen(&self, schema: &mut Schema, only_first: bool) -> bool {
        let mut changed = false;
        if let Some(Value::Object(known)) = schema.get_mut("$defs") {
            for definition in known.values_mut().filter_map(Value::as_object_mut) {
                changed |= self.loosen(definition, only_first);
                if changed && only_first {
                    return true;
                }
            }
        }
        let endless: Vec<String> =
            required(schema).filter(|(_, property)| !self.has(property)).map(|(name, _)| name.to_owned()).collect();
        if let (Some(first), Some(Value::Array(names))) = (endless.first(), schema.get_mut("required")) {
            names.retain(|name| if only_first { name != first } else { !endless.iter().any(|endless| name == endless) });
            changed = true;
        }
        if !changed && filled(schema).is_some_and(|items| !self.has(items)) {
            schema.retain(|keyword, _| keyword != "minItems");
            changed = true;
        }
        for child in children_mut(schema) {
            if changed && only_first {
                return true;
            }
            changed |= self.loosen(child, only_first);
        }
        changed
    }
}

/// The required properties of an object, with their schemas.
fn required(schema: &Schema) -> impl Iterator<Item = (&str, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    names.filter_map(move |name| properties?.get(name).map(|property| (name, property)))
}

/// The schema of the items of a list that cannot be empty.
fn filled(schema: &Schema) -> Option<&Value> {
    schema.get("minItems").and_then(Value::as_f64).filter(|least| *least >= 1.0).and(schema.get("items"))
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
