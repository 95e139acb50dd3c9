//! The usage of a key that uses much: three months of twenty models in eight shards.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use gateway::catalog::Catalog;
use gateway::chat::Usage;
use gateway::ids::{KeyId, RequestId};
use gateway::ledger::{Days, Summary, Timestamp};
use gateway::money::PicoUsd;
use gateway::store::Store;
use gateway::store::items::{Item, Record, Rollup, TokenSource, number};
use gateway_dev::database::Emulator;
use gateway_dev::proxy::FaultProxy;
use gateway_dev::stack::TABLE;

use crate::put_all;

const DAYS: i64 = 90;
const MODELS: usize = 20;
const SHARDS: u8 = 8;

/// A record of a day, model and shard with tokens of every class, and a cost of eleven dollars.
fn record(key: &KeyId, model: &str, days_ago: i64, shard: u8) -> Result<Record> {
    let started = Timestamp::now().as_millisecond() - days_ago * 86_400_000;
    let cost = PicoUsd::new(11_000_000_007 * 1_000 + u128::from(shard));
    Ok(Record {
        key: key.clone(),
        request: RequestId::parse(&format!("req_{started:012x}7000800000000000000{shard:x}")).context("an id")?,
        format: "messages".into(),
        model: model.to_owned(),
        served_model: model.to_owned(),
        upstream_model: model.to_owned(),
        provider: "openrouter".into(),
        attempts: 1,
        status: 502,
        finish: "stop".into(),
        upstream_id: String::new(),
        usage: Usage {
            input: 12_345_678,
            cache_read: 98_765_432,
            cache_write_5m: 1_234_567,
            cache_write_1h: 7_654_321,
            output: 5_432_123,
            reasoning: 1_234_567,
            ..Usage::default()
        },
        source: TokenSource::Upstream,
        price_version: "v".to_owned(),
        markup_permille: 0,
        provider_cost: cost,
        charged: cost,
        first_event_ms: None,
        duration_ms: 1,
    })
}

/// The rollup that a record alone makes.
fn rollup_of(record: &Record) -> Item {
    let mut item = record.rollup_key();
    item.extend(record.rollup_additions().into_iter().map(|(name, value)| (name.to_owned(), value)));
    item.extend([("v".to_owned(), number(1)), ("ttl".to_owned(), number(record.rollup_ttl()))]);
    item
}

#[tokio::test]
async fn three_months_of_every_model_are_two_pages_and_quick() -> Result<()> {
    let emulator = Emulator::start(None, TABLE).await?;
    let key = KeyId::parse("0123456789abcdef").context("an id")?;
    // The longest names of the catalogue, and one as long as OpenRouter's list has them.
    let catalog = Catalog::embedded()?;
    let mut names: Vec<String> = catalog.models().map(|model| model.id.to_string()).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.insert(0, "nousresearch/deephermes-3-mistral-24b-preview".to_owned());
    let (mut items, mut charged) = (Vec::new(), 0);
    for day in 0..DAYS {
        for name in names.iter().take(MODELS) {
            for shard in 0..SHARDS {
                let record = record(&key, name, day, shard)?;
                charged += record.charged.pico();
                items.push(rollup_of(&record));
            }
        }
    }
    assert_eq!(items.len(), 14_400);
    put_all(&emulator.endpoint, &items).await?;
    let proxy = FaultProxy::start(&emulator.endpoint).await?;
    // Its limits are those of a function: three seconds for a page.
    let store = Store::local(TABLE, &proxy.endpoint);
    let days = Days::parse(Some("90")).ok().context("days")?;
    let before = Instant::now();
    let summary = Summary::read(&store, &key, days, Timestamp::now()).await?;
    let took = before.elapsed();
    assert_eq!((summary.total.requests, summary.total.errors, summary.total.charged.pico()), (14_400, 14_400, charged));
    assert_eq!((summary.by_model.len(), summary.by_day.len()), (20, 90));
    assert_eq!(proxy.count("Query"), 2, "pages");
    println!("{took:?}");
    // A debug build with a whole processor is about as quick as a release build with the fourteenth part of one that 128 MB come with.
    assert!(took < gateway_tests::generous(Duration::from_secs(6)), "{took:?}");
    Ok(())
}

async fn rollup(store: &Store, key: &KeyId) -> Result<Rollup> {
    let mut rollups = store.rollups(key, "0000-00-00", "9999-99-99").await?;
    assert_eq!(rollups.len(), 1);
    rollups.pop().context("a rollup")
}

#[tokio::test]
async fn what_is_zero_takes_no_room_in_a_rollup_and_is_zero_when_it_is_read() -> Result<()> {
    let emulator = Emulator::start(None, TABLE).await?;
    let store = Store::local(TABLE, &emulator.endpoint);
    let key = KeyId::parse("0123456789abcdef").context("an id")?;
    let usage = Usage { input: 5, output: 7, ..Usage::default() };
    let record = Record { status: 200, usage, ..record(&key, "gpt-5.2", 0, 0)? };
    let names: Vec<&str> = record.rollup_additions().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["n", "i", "o", "p", "c"]);
    store.put_record(&record).await?;
    let rollup = rollup(&store, &key).await?;
    assert_eq!((rollup.requests, rollup.errors, rollup.charged), (1, 0, record.charged));
    assert_eq!(Usage { provider_cost: None, ..rollup.usage }, usage);
    Ok(())
}

#[tokio::test]
async fn a_rollup_with_the_long_names_of_earlier_versions_counts_with_what_was_added_since() -> Result<()> {
    let emulator = Emulator::start(None, TABLE).await?;
    let store = Store::local(TABLE, &emulator.endpoint);
    let key = KeyId::parse("0123456789abcdef").context("an id")?;
    let record = record(&key, "gpt-5.2", 0, 0)?;
    let mut old = record.rollup_key();
    let names = [
        "n",
        "errors",
        "input",
        "cache_read",
        "cache_write_5m",
        "cache_write_1h",
        "output",
        "reasoning",
        "provider_cost",
        "charged",
    ];
    old.extend(names.into_iter().zip(10_u128..).map(|(name, value)| (name.to_owned(), number(value))));
    put_all(&emulator.endpoint, &[old]).await?;
    store.put_record(&record).await?;
    let rollup = rollup(&store, &key).await?;
    assert_eq!((rollup.requests, rollup.errors, rollup.charged), (11, 12, record.charged + PicoUsd::new(19)));
    let of_old = Usage {
        input: 12,
        cache_read: 13,
        cache_write_5m: 14,
        cache_write_1h: 15,
        output: 16,
        reasoning: 17,
        ..Usage::default()
    };
    let sum = |class: fn(&Usage) -> u64| (class(&rollup.usage), class(&record.usage) + class(&of_old));
    for (found, expected) in [
        sum(|usage| usage.input),
        sum(|usage| usage.cache_read),
        sum(|usage| usage.cache_write_5m),
        sum(|usage| usage.cache_write_1h),
        sum(|usage| usage.output),
        sum(|usage| usage.reasoning),
    ] {
        assert_eq!(found, expected);
    }
    assert_eq!(rollup.usage.provider_cost, Some(record.provider_cost + PicoUsd::new(18)));
    Ok(())
}
