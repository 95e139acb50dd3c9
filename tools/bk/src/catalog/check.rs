//! `bk catalog check`: compares the catalogue with OpenRouter's list.

use anyhow::{Result, bail};
use clap::Args;
use gateway::catalog::Catalog;
use gateway::catalog::listed::{List, ListedModel};
use gateway::ids::{ProviderId, RequestId};
use gateway::ledger;
use jiff::civil::Date;

use super::Source;
use super::compare::{Difference, differences};
use super::list::Listed;
use crate::{print, table};

#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    list: Listed,
    #[command(flatten)]
    source: Source,
}

pub(crate) async fn run(check: Check, json: bool) -> Result<()> {
    let catalog = check.source.read()?;
    let list = check.list.read().await?;
    let found = compared(&catalog, &list, ledger::day_of(RequestId::generate()));
    if json {
        print(&found)?;
    } else {
        let rows: Vec<[String; 5]> = found.iter().map(row).collect();
        table::print(["MODEL", "FIELD", "CATALOGUE", "LIST", "COSTS MONEY"], &rows);
    }
    let costly = found.iter().filter(|difference| difference.costs).count();
    eprintln!("differences: {}, of which cost money: {costly}", found.len());
    if costly > 0 {
        bail!("the catalogue's prices are not what you will pay; `bk catalog add` prints an entry from the list");
    }
    Ok(())
}

/// The differences of all models that have a route to OpenRouter.
fn compared(catalog: &Catalog, list: &List, day: Date) -> Vec<Difference> {
    let served = catalog.models().filter(|model| !model.is_gone());
    let routes = served.flat_map(|model| model.routes.iter().map(move |route| (model, route)));
    let listed = routes.filter(|(_, route)| route.provider == ProviderId::OpenRouter);
    let found = listed.flat_map(|(model, route)| {
        let name = route.upstream.as_str();
        differences(model, name, find(list, name), day)
    });
    found.collect()
}

/// Finds a model in the list by its name, or by the version that another name points to. Variants (`:free`) share the
/// version of their model but have other prices.
pub(super) fn find<'a>(list: &'a List, name: &str) -> Option<&'a ListedModel> {
    let by = |matches: &dyn Fn(&ListedModel) -> bool| list.models.iter().find(|model| matches(model));
    let is_version = |model: &ListedModel| model.canonical_slug.as_deref() == Some(name) && !model.id.contains(':');
    by(&|model| model.id == name).or_else(|| by(&is_version))
}

fn row(difference: &Difference) -> [String; 5] {
    let Difference { model, field, catalogue, list, costs } = difference;
    let costs = if *costs { "yes" } else { "no" };
    [model.clone(), field.clone(), catalogue.clone(), list.clone(), costs.to_owned()]
}
