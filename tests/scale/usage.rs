//! The size of a rollup, and rollups of earlier versions.

use anyhow::{Context as _, Result};
use gateway::chat::Usage;
use gateway::ids::{KeyId, RequestId};
use gateway::ledger::Timestamp;
use gateway::money::PicoUsd;
use gateway::store::Store;
use gateway::store::items::{Record, Rollup, number};
use gateway_dev::database::Emulator;
use gateway_dev::stack::TABLE;

use gateway_tests::rows::{busy_record, put_all};

/// A record of now with tokens of every class, and a cost of eleven dollars.
fn record(key: &KeyId) -> Result<Record> {
    let (started, model) = (Timestamp::now().as_millisecond(), "gpt-5.2");
    let cost = PicoUsd::new(11_000_000_007_000);
    let request = RequestId::parse(&format!("req_{started:012x}70008000000000000000")).context("an id")?;
    Ok(Record { status: 502, ..busy_record(key, request, model, cost) })
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
    let record = Record { status: 200, usage, ..record(&key)? };
    let names: Vec<&str> = record.rollup_additions().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["n", "i", "o", "p", "c", "m", "d", "f"]);
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
    let record = record(&key)?;
    let mut old = record.rollup_key(None);
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
