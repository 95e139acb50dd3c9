//! `bk ledger verify` while requests run. It must not report differences that only exist during a request, and must find real
//! ones.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use futures_util::future::try_join_all;
use gateway::catalog::Catalog;
use gateway::ledger::{Verified, verify};
use gateway::store::items::{Item, KEY, number, partition, primary_key, text};
use gateway_dev::stack::TABLE;

use crate::units::Bench;
use gateway_tests::rows::client;

/// Runs requests one after the other, each in flight for a moment, until `is_over`.
async fn traffic(bench: &Bench, is_over: &AtomicBool, pause: Duration) -> Result<u64> {
    let mut requests = 0;
    while !is_over.load(Ordering::Relaxed) {
        let taken = bench.admit().await?;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..20))).await;
        bench.settle(&taken).await?;
        tokio::time::sleep(pause).await;
        requests += 1;
    }
    Ok(requests)
}

/// Verifies the ledger `times` times while eight series of requests run in parallel, with this pause between two requests of a
/// series.
async fn verified(bench: &Bench, times: usize, pause: Duration) -> Result<Vec<Verified>> {
    let (is_over, catalog) = (AtomicBool::new(false), Catalog::embedded()?);
    let looks = async {
        let mut looks = Vec::new();
        for _ in 0..times {
            looks.push(verify(&bench.store, &catalog, |_| {}).await?);
        }
        is_over.store(true, Ordering::Relaxed);
        Ok(looks)
    };
    let running = try_join_all((0..8).map(|_| traffic(bench, &is_over, pause)));
    let (looks, requests) = tokio::try_join!(looks, running)?;
    assert!(requests.iter().all(|requests| *requests > 0), "{requests:?}");
    Ok(looks)
}

/// Adds one to an attribute directly in the table, as an error in the ledger.
async fn corrupt(bench: &Bench, keys: Item, attribute: &str) -> Result<()> {
    let update = client(&bench.proxy.endpoint).update_item().table_name(TABLE).set_key(Some(keys));
    let update = update.update_expression("ADD #a :one").expression_attribute_names("#a", attribute);
    update.expression_attribute_values(":one", number(1)).send().await?;
    Ok(())
}

fn laws(verified: &Verified) -> Vec<&'static str> {
    verified.violations.iter().map(|violation| violation.law).collect()
}

#[tokio::test]
async fn running_requests_are_no_contradiction() -> Result<()> {
    let bench = Bench::new().await?;
    // Without a pause, a busy machine would spend its time on requests, and the table would not answer in time.
    for verified in verified(&bench, 5, Duration::from_millis(50)).await? {
        assert_eq!(verified.violations, []);
    }
    Ok(())
}

#[tokio::test]
async fn a_balance_that_somebody_changed_is_found_while_requests_run() -> Result<()> {
    let bench = Bench::new().await?;
    corrupt(&bench, primary_key(&partition(bench.key.id()), KEY), "balance").await?;
    // There are moments at which nothing is written.
    let looks = verified(&bench, 1, Duration::from_millis(600)).await?;
    assert_eq!(laws(&looks[0]), ["L8"]);
    assert!(looks[0].violations[0].how.contains("twice in the same way"));
    Ok(())
}

#[tokio::test]
async fn a_rollup_that_somebody_changed_is_found_in_its_sums_and_in_the_money() -> Result<()> {
    let bench = Bench::new().await?;
    bench.settle(&bench.admit().await?).await?;
    let catalog = Catalog::embedded()?;
    let query = client(&bench.proxy.endpoint).query().table_name(TABLE).key_condition_expression("pk = :pk AND sk > :d");
    let query = query.expression_attribute_values(":pk", text(partition(bench.key.id())));
    let items = query.expression_attribute_values(":d", text("D#")).limit(1).send().await?.items.unwrap_or_default();
    let keys = items[0].iter().filter(|(name, _)| ["pk", "sk"].contains(&name.as_str()));
    let keys: Item = keys.map(|(name, value)| (name.clone(), value.clone())).collect();
    assert_eq!(laws(&verify(&bench.store, &catalog, |_| {}).await?), Vec::<&str>::new());
    corrupt(&bench, keys, "c").await?;
    assert_eq!(laws(&verify(&bench.store, &catalog, |_| {}).await?), ["L3", "L8"]);
    Ok(())
}
