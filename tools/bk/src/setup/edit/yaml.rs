//! Edits YAML line by line, because no library keeps comments. The result is parsed again, and refused if it is not what was
//! wanted. So a file in an unknown style is not changed.

use anyhow::{Context as _, Result, bail};
use serde_yaml_ng::{Mapping, Value};

pub(super) fn merge(text: &str, settings: &str) -> Result<String> {
    let wanted: Value = serde_yaml_ng::from_str(settings).context("read the settings")?;
    let before: Value = serde_yaml_ng::from_str(text)?;
    let expected = merged(before, wanted)?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let entries = blocks(settings);
    if expected.is_sequence() {
        lines.extend(settings.lines().map(str::to_owned));
    } else {
        for entry in entries {
            set(&mut lines, entry);
        }
    }
    let after = format!("{}\n", lines.join("\n"));
    match serde_yaml_ng::from_str::<Value>(&after) {
        Ok(value) if value == expected => Ok(after),
        Ok(_) | Err(_) => bail!("it is written in a way that cannot be edited safely"),
    }
}

/// The wanted content of the file.
fn merged(before: Value, wanted: Value) -> Result<Value> {
    match (before, wanted) {
        (Value::Null, wanted) => Ok(wanted),
        (Value::Sequence(mut before), Value::Sequence(wanted)) => {
            if before.iter().any(|item| wanted.iter().any(|wanted| same(item, wanted))) {
                bail!("a list in it already has an entry of this name: remove that entry first");
            }
            before.extend(wanted);
            Ok(Value::Sequence(before))
        }
        (Value::Mapping(mut before), Value::Mapping(wanted)) => {
            for (name, value) in wanted {
                let value = match (before.get(&name).cloned(), value) {
                    (Some(found @ Value::Sequence(_)), value @ Value::Sequence(_)) => merged(found, value)?,
                    (_, value) => value,
                };
                before.insert(name, value);
            }
            Ok(Value::Mapping(before))
        }
        (_, Value::Sequence(_)) => bail!("it does not contain a list"),
        (_, _) => bail!("it does not contain a mapping"),
    }
}

/// True if both items of a list have the same name.
fn same(item: &Value, wanted: &Value) -> bool {
    let name = |value: &Value| -> Option<Value> {
        let mapping: &Mapping = value.as_mapping()?;
        mapping.get("name").or_else(|| mapping.get("model_id")).cloned()
    };
    name(item).is_some() && name(item) == name(wanted)
}

/// The settings, one block per top-level name.
fn blocks(settings: &str) -> Vec<Vec<String>> {
    let mut blocks: Vec<Vec<String>> = Vec::new();
    for line in settings.lines() {
        match blocks.last_mut() {
            Some(block) if !starts_entry(line) => block.push(line.to_owned()),
            Some(_) | None => blocks.push(vec![line.to_owned()]),
        }
    }
    blocks
}

/// Replaces the block with the same name. A list's items are added to the list with the same name. Otherwise the block is
/// added at the end.
fn set(lines: &mut Vec<String>, block: Vec<String>) {
    let name = block.first().map(|line| line.split(':').next().unwrap_or_default().to_owned()).unwrap_or_default();
    let Some(start) = lines.iter().position(|line| line.split_once(':').is_some_and(|(found, _)| found == name)) else {
        lines.extend(block);
        return;
    };
    let rest = lines.get(start + 1..).unwrap_or_default();
    let length = rest.iter().position(|line| starts_entry(line)).unwrap_or(rest.len());
    // Blank lines and comments before the next entry belong to that entry.
    let own = rest.iter().take(length).rposition(|line| line.starts_with([' ', '-'])).map_or(0, |last| last + 1);
    let end = start + 1 + own;
    let Some(indent) =
        rest.iter().take(own).find_map(|line| line.find("- ").filter(|at| line.trim_start().len() + at == line.len()))
    else {
        lines.splice(start..end, block);
        return;
    };
    let items = block.iter().skip(1);
    let ours = items.clone().next().map_or(0, |line| line.len() - line.trim_start().len());
    let items: Vec<String> =
        items.map(|line| format!("{}{}", " ".repeat(indent), line.get(ours..).unwrap_or_default())).collect();
    lines.splice(end..end, items);
}

/// True if a top-level name begins on this line.
fn starts_entry(line: &str) -> bool {
    !line.is_empty() && !line.starts_with([' ', '\t', '#', '-'])
}
