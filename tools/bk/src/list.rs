//! `bk keys list`: every key with its balance, its spend of this month, its last use, and its limits.

use anyhow::{Context as _, Result, anyhow};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway::ids::KeyId;
use gateway::ledger::{Days, Summary, Timestamp};
use gateway::money::PicoUsd;
use gateway::store::items::StoredKey;
use gateway::store::{OutcomeFilter, RecordsWanted};
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::details::{Details, joined, moment};
use crate::{Bench, print, table};

/// Number of keys whose usage is read in parallel.
const AT_ONCE: usize = 8;

/// A line of the list: the key, its charges of this month, and its last use.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(flatten)]
    details: Details<'a>,
    /// What the key was charged in this month (UTC).
    month_usd: PicoUsd,
    /// The minute of the key's last admitted request, in seconds since the epoch; null if there is none.
    last_used: Option<u64>,
}

/// Prints all keys, ordered by name, then id.
pub(crate) async fn run(bench: &Bench) -> Result<()> {
    let listed = bench.store.list_keys().await.context("list the keys")?;
    let ids: Vec<KeyId> = listed.into_iter().map(|key| key.id).collect();
    let read = bench.store.keys_of(&ids).await.context("read the keys")?;
    let mut keys: Vec<(KeyId, StoredKey)> = read
        .into_iter()
        .map(|(id, key)| key.with_context(|| format!("read key {id}")).map(|key| (id, key)))
        .collect::<Result<_>>()?;
    keys.sort_by(|(id, key), (other_id, other)| (&key.name, id.as_str()).cmp(&(&other.name, other_id.as_str())));
    let now = Timestamp::now();
    let rows = keys.iter().map(|(id, key)| row(bench, id, key, now));
    let rows: Vec<Row<'_>> = stream::iter(rows).buffered(AT_ONCE).try_collect().await?;
    if bench.json {
        return print(&rows);
    }
    if rows.is_empty() {
        eprintln!("no keys yet; `bk keys create --name NAME` makes one");
        return Ok(());
    }
    let headline = [
        "ID",
        "NAME",
        "STATUS",
        "BALANCE USD",
        "MONTH USD",
        "LAST USED",
        "RPM",
        "TPM",
        "CONCURRENT",
        "EXPIRES",
        "MODELS",
        "NETWORKS",
    ];
    table::print_with_headline(headline, &rows.iter().map(cells).collect::<Vec<_>>());
    Ok(())
}

async fn row<'a>(bench: &Bench, id: &'a KeyId, key: &'a StoredKey, now: Timestamp) -> Result<Row<'a>> {
    let days = now.to_zoned(TimeZone::UTC).day().to_string();
    let month = Days::parse(Some(&days)).map_err(|error| anyhow!("{}", error.message()))?;
    let used = Summary::read(&bench.store, id, month, now).await.with_context(|| format!("read the usage of key {id}"))?;
    let last_used = last_used(bench, id, key).await.with_context(|| format!("read the last request of key {id}"))?;
    Ok(Row { details: Details::of(id, key), month_usd: used.total.charged, last_used })
}

/// The minute of the last admission, from the key. After a change of its limits the key does not contain it; then the start
/// of the newest record is used.
async fn last_used(bench: &Bench, id: &KeyId, key: &StoredKey) -> Result<Option<u64>> {
    if key.window > 0 {
        return Ok(Some(key.window));
    }
    let newest = RecordsWanted { limit: 1, before: None, model: None, outcome: OutcomeFilter::Any };
    let page = bench.store.record_page(id, &newest).await?;
    let second = page.records.first().map(|record| record.started().as_second());
    Ok(second.and_then(|second| u64::try_from(second - second.rem_euclid(60)).ok()))
}

fn cells(row: &Row<'_>) -> [String; 12] {
    let Row { details, month_usd, last_used } = row;
    let rate = |limit: Option<u128>| limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    [
        details.id.to_owned(),
        details.name.to_owned(),
        details.status.to_owned(),
        details.balance_usd.map_or_else(|| "-".to_owned(), |balance| balance.to_string()),
        month_usd.to_string(),
        last_used.map_or_else(|| "never".to_owned(), moment),
        rate(details.rpm),
        rate(details.tpm),
        details.max_concurrent.to_string(),
        details.expires.map_or_else(|| "never".to_owned(), moment),
        joined(details.models),
        joined(details.cidrs),
    ]
}
