//! Edits TOML in place.

use anyhow::{Context as _, Result, bail};
use toml_edit::{DocumentMut, Item, TableLike};

pub(super) fn merge(text: &str, settings: &str) -> Result<String> {
    let wanted: DocumentMut = settings.parse().context("read the settings")?;
    if text.trim().is_empty() {
        return Ok(settings.to_owned());
    }
    let mut document: DocumentMut = text.parse()?;
    set_all(document.as_table_mut(), wanted.as_table(), "")?;
    Ok(document.to_string())
}

fn set_all(table: &mut dyn TableLike, wanted: &dyn TableLike, path: &str) -> Result<()> {
    for (name, item) in wanted.iter() {
        let place = format!("{path}{name}");
        match (table.get_mut(name), item.as_table_like()) {
            (None, _) => {
                table.insert(name, placeless(item.clone()));
            }
            (Some(found), Some(inner)) => {
                let Some(found) = found.as_table_like_mut() else { bail!("`{place}` is not a table in it") };
                set_all(found, inner, &format!("{place}."))?;
            }
            (Some(found), None) => {
                let decor = found.as_value().map(|value| value.decor().clone());
                *found = item.clone();
                // The comment after the old value belongs to the user.
                if let (Some(value), Some(decor)) = (found.as_value_mut(), decor) {
                    *value.decor_mut() = decor;
                }
            }
        }
    }
    Ok(())
}

/// A table remembers its line in the settings, and would be placed between the user's tables.
fn placeless(mut item: Item) -> Item {
    if let Item::Table(table) = &mut item {
        table.set_position(None);
        for (_, inner) in table.iter_mut() {
            *inner = placeless(std::mem::take(inner));
        }
    }
    item
}
