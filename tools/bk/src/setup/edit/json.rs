//! Edits JSON in place.

use anyhow::{Context as _, Result, bail};
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::{Map, Value};

pub(super) fn merge(text: &str, settings: &str) -> Result<String> {
    let wanted: Map<String, Value> = serde_json::from_str(settings).context("read the settings")?;
    if text.trim().is_empty() {
        return Ok(settings.to_owned());
    }
    let root = CstRootNode::parse(text, &ParseOptions::default())?;
    let Some(object) = root.object_value() else { bail!("it does not contain a JSON object") };
    set_all(&object, wanted, "")?;
    Ok(root.to_string())
}

fn set_all(object: &CstObject, wanted: Map<String, Value>, path: &str) -> Result<()> {
    for (name, value) in wanted {
        let place = format!("{path}{name}");
        match (object.get(&name), value) {
            (None, value) => {
                object.append(&name, input(value));
            }
            (Some(property), Value::Object(inner)) => {
                let Some(found) = property.object_value() else { bail!("`{place}` is not an object in it") };
                set_all(&found, inner, &format!("{place}."))?;
            }
            (Some(property), value) => property.set_value(input(value)),
        }
    }
    Ok(())
}

fn input(value: Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(value),
        Value::Number(value) => CstInputValue::Number(value.to_string()),
        Value::String(value) => CstInputValue::String(value),
        Value::Array(values) => CstInputValue::Array(values.into_iter().map(input).collect()),
        Value::Object(values) => {
            CstInputValue::Object(values.into_iter().map(|(name, value)| (name, input(value))).collect())
        }
    }
}
