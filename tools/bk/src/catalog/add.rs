//! `bk catalog add`: prints a catalogue entry from OpenRouter's list.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use gateway::catalog::listed::List;
use gateway::catalog::{Catalog, Model, profiles};
use gateway::ids::RequestId;
use gateway::ledger;
use serde::Serialize;

use super::Source;
use super::check::find;
use super::entry;
use super::list::Listed;
use crate::print;

#[derive(Args)]
pub(crate) struct Add {
    /// The model's name in the list: `vendor/name`.
    #[arg(value_name = "VENDOR/NAME")]
    name: String,
    #[command(flatten)]
    list: Listed,
    #[command(flatten)]
    source: Source,
}

#[derive(Serialize)]
struct Entry<'a> {
    toml: &'a str,
}

pub(crate) async fn run(add: Add, json: bool) -> Result<()> {
    let Add { name, list, source } = add;
    let text = source.text()?;
    let known = Catalog::parse(&text)?;
    let list = list.read().await?;
    let Some(listed) = find(&list, &name) else { bail!("the list has no model {name}{}", near(&list, &name)) };
    let has_route = |model: &Model| model.routes.iter().any(|route| route.upstream.as_str() == listed.id);
    if let Some(model) = known.models().find(|model| has_route(model)) {
        bail!("the catalogue has it already, as {}; `bk catalog check` compares the two", model.id);
    }
    let model = listed.model(ledger::day_of(RequestId::generate()));
    let model = model.map_err(|refusal| anyhow::anyhow!("{} cannot be served: {refusal}", listed.id))?;
    let entry = entry::of(&model, &known, &profiles(&text)?)?;
    Catalog::parse(&format!("{text}\n{entry}")).context("the entry does not fit into the catalogue")?;
    if json {
        return print(&Entry { toml: &entry });
    }
    out!("{entry}");
    eprintln!(
        "add what the list does not contain: the family's `media`, the vendor's rules, whether the price moves, other routes"
    );
    Ok(())
}

/// Names on the list that contain the requested name.
fn near(list: &List, name: &str) -> String {
    const MOST: usize = 5;
    let bare = name.rsplit('/').next().unwrap_or(name);
    let near: Vec<&str> =
        list.models.iter().map(|model| model.id.as_str()).filter(|id| id.contains(bare)).take(MOST).collect();
    if near.is_empty() { String::new() } else { format!("; similar names: {}", near.join(", ")) }
}
