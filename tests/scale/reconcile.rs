//! `reconcile` with many keys, of which few are used. It must find every dead hold, end each run in time, and cost less than a
//! dollar a month.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use gateway::catalog::Catalog;
use gateway::ids::{KeyDigest, KeyId, RequestId};
use gateway::ledger::{Reconciled, Timestamp, WALK, reconcile_next};
use gateway::money::PicoUsd;
use gateway::store::items::{
    AdmitWrite, HeldModel, Hold, Item, Limits, ListState, ListedItem, NewKey, StoredKey, number, partition, primary_key,
};
use gateway::store::{Conditional, Store};
use gateway_dev::database::Emulator;
use gateway_dev::proxy::{Action, FaultProxy, Rule};
use gateway_dev::stack::TABLE;
use gateway_tests::project;

use gateway_tests::rows::put_all;

use crate::{READS, WRITES};

const DIGEST: KeyDigest = KeyDigest::new([7; 32]);
const DAY: u64 = 86_400;
/// Runs of a month by the schedule of the template, `rate(15 minutes)`.
const RUNS: f64 = 2_880.0;
/// The deployment in the calculation has this many times the keys of the test, both used and unused ones.
const SCALE: f64 = 20.0;
const KEYS: usize = 5_000;
const ACTIVE: usize = 50;

struct Bench {
    _emulator: Emulator,
    proxy: FaultProxy,
    store: Store,
    catalog: Catalog,
    now: Timestamp,
}

fn id(number: usize) -> KeyId {
    // The ids are spread over the whole range, like hashes.
    KeyId::parse(&format!("{:016x}", (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))).unwrap()
}

fn key(number: usize) -> StoredKey {
    let new = NewKey {
        digest: DIGEST,
        last4: "last".to_owned(),
        name: format!("key number {number}"),
        created: Timestamp::UNIX_EPOCH,
        limits: Limits::standard(),
        prepaid: false,
    };
    new.stored()
}

impl Bench {
    /// A table with this number of keys.
    async fn new(keys: usize) -> Result<Self> {
        let emulator = Emulator::start(None, TABLE).await?;
        let items: Vec<Item> =
            (0..keys).flat_map(|number| [key(number).item(&id(number)), key(number).directory_entry(&id(number))]).collect();
        put_all(&emulator.endpoint, &items).await?;
        let proxy = FaultProxy::start(&emulator.endpoint).await?;
        let store = Store::local(TABLE, &proxy.endpoint);
        Ok(Self { proxy, store, _emulator: emulator, catalog: Catalog::embedded()?, now: Timestamp::now() })
    }

    fn seconds(&self) -> u64 {
        u64::try_from(self.now.as_second()).unwrap_or_default()
    }

    /// Admits a request this many seconds ago. If that is more than twenty minutes, its hold is dead now.
    async fn admit(&self, number: usize, ago: u64, model: &str) -> Result<RequestId> {
        let (request, now) = (RequestId::generate(), self.seconds() - ago);
        let write = AdmitWrite {
            key: id(number),
            digest: DIGEST,
            request,
            model: model.to_owned(),
            hold: Hold { expires: now + 1_200, window: 0, amount: PicoUsd::new(77), tokens: 5, model: HeldModel::of(model) },
            now,
            reset: false,
            eviction: None,
        };
        ensure!(matches!(self.store.admit(&write).await?, Conditional::Written(_)), "not admitted");
        Ok(request)
    }

    async fn run(&self, time: Duration) -> Result<Reconciled> {
        Ok(reconcile_next(&self.store, &self.catalog, self.now, time).await?)
    }

    async fn holds(&self, numbers: &[usize]) -> Result<usize> {
        let mut holds = 0;
        for number in numbers {
            holds += self.store.current_key(&id(*number)).await?.context("the key")?.holds.len();
        }
        Ok(holds)
    }
}

#[tokio::test]
async fn a_hundred_thousand_keys_of_which_a_thousand_are_used_cost_less_than_a_dollar_a_month() -> Result<()> {
    let bench = Bench::new(KEYS).await?;
    for number in 0..ACTIVE {
        bench.admit(number, 10, "gpt-5.2").await?;
    }
    let dead = [0, 7, 49];
    for number in dead {
        bench.admit(number, 3_600, "gpt-5.2").await?;
    }
    // These keys were not used for days. Only the walk over all keys can find them.
    let hidden = [100, 2_500, 4_999];
    for number in hidden {
        bench.admit(number, 3 * DAY, "gpt-5.2").await?;
    }
    let first = bench.run(Duration::from_secs(45)).await?;
    assert!(first.resolved >= 3, "{first:?}");
    assert_eq!((bench.holds(&dead).await?, first.left), (3, 0), "those that run are left alone");
    let mut resolved = first.resolved;
    for _ in 0..KEYS / WALK {
        resolved += bench.run(Duration::from_secs(45)).await?.resolved;
    }
    assert_eq!((bench.holds(&hidden).await?, resolved), (0, 6), "a walk has found all");
    assert_eq!(bench.store.cursor().await?.walk, None, "the walk begins anew");

    bench.proxy.take_units();
    let page = bench.store.listed_after(None, WALK).await?;
    bench.store.keys_of(&page).await?;
    let walk = bench.proxy.take_units();
    bench.proxy.forget_calls();
    assert_eq!(bench.run(Duration::from_secs(45)).await?.resolved, 0);
    let (run, calls) = (bench.proxy.take_units(), bench.proxy.calls().len());
    let reads = (run.reads - walk.reads) * SCALE + walk.reads;
    // Each used key is written to the index once a day.
    let moves = f64::from(u32::try_from(ACTIVE)?) * SCALE * 2.0 * 30.0;
    let dollars = (RUNS * (reads * READS + run.writes * WRITES) + moves * WRITES) / 1_000_000.0;
    assert!(dollars <= 1.0, "{dollars} dollars a month for {reads} reads a run");
    // Each call may take 300 ms in the table's region.
    let more = (f64::from(u32::try_from(ACTIVE)?) * SCALE / 100.0).ceil();
    let seconds = (f64::from(u32::try_from(calls)?) + more) * 0.3;
    assert!(seconds <= 60.0, "{seconds} s for {calls} calls");
    let words = format!("{dollars:.2} dollars a month");
    let deploying = std::fs::read_to_string(project().join("tools/deploy/README.md"))?;
    // The page may break its lines anywhere.
    let deploying = deploying.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(deploying.contains(&words), "the page must say: {words}");
    Ok(())
}

#[tokio::test]
async fn a_run_without_time_looks_at_one_key_and_the_next_goes_on_after_it() -> Result<()> {
    let bench = Bench::new(4).await?;
    for number in 0..4 {
        bench.admit(number, 3_600, "gpt-5.2").await?;
    }
    let mut left = vec![bench.holds(&[0, 1, 2, 3]).await?];
    for _ in 0..3 {
        bench.run(Duration::ZERO).await?;
        left.push(bench.holds(&[0, 1, 2, 3]).await?);
    }
    assert_eq!(left, [4, 3, 2, 1]);
    bench.run(Duration::ZERO).await?;
    assert_eq!(bench.holds(&[0, 1, 2, 3]).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_key_that_cannot_be_read_delays_no_client() -> Result<()> {
    let bench = Bench::new(3).await?;
    bench.admit(2, 3 * DAY, "gpt-5.2").await?;
    let mut broken = primary_key(&partition(&id(0)), "KEY");
    broken.insert("v".to_owned(), number(1));
    put_all(&bench.proxy.endpoint, &[broken]).await?;
    let done = bench.run(Duration::from_secs(45)).await?;
    assert_eq!(done, Reconciled { keys: 3, resolved: 1, forgotten: 0, left: 1 });
    Ok(())
}

#[tokio::test]
async fn without_the_index_the_walk_finds_everything() -> Result<()> {
    let bench = Bench::new(2).await?;
    bench.admit(1, 3_600, "gpt-5.2").await?;
    bench.proxy.add(Rule::on("Query", Action::InternalError).containing("IndexName"));
    assert_eq!(bench.run(Duration::from_secs(45)).await?, Reconciled { keys: 2, resolved: 1, ..Reconciled::default() });
    Ok(())
}

#[tokio::test]
async fn a_record_names_the_model_of_a_dead_request_or_says_that_it_is_unknown() -> Result<()> {
    let bench = Bench::new(3).await?;
    let listed = ListedItem { id: "acme/large-1".to_owned(), read: bench.seconds(), facts: None };
    bench.store.put_list(&[listed], ListState { tried: 1, read: 1, models: 1 }).await?;
    let models = [("gpt-5.2", "gpt-5.2"), ("acme/large-1", "acme/large-1"), ("gone", "unknown-model-283bb9de")];
    let mut requests = Vec::new();
    for (number, (model, _)) in models.iter().enumerate() {
        requests.push(bench.admit(number, 3_600, model).await?);
    }
    assert_eq!(bench.run(Duration::from_secs(45)).await?.resolved, 3);
    for (number, (_, expected)) in models.iter().enumerate() {
        let record = bench.store.record(&id(number), requests[number]).await?.context("a record")?;
        assert_eq!((record.model.as_str(), &*record.finish), (*expected, "interrupted"));
    }
    Ok(())
}

/// The index is written when a key is used first, and when it is used first on another day.
#[tokio::test]
async fn being_listed_costs_a_request_nothing_but_the_first_of_a_day() -> Result<()> {
    let bench = Bench::new(1).await?;
    let mut units = Vec::new();
    bench.proxy.take_units();
    for ago in [DAY, DAY, 0, 0] {
        bench.admit(0, ago, "gpt-5.2").await?;
        units.push(bench.proxy.take_units().writes);
    }
    assert_eq!(units, [2.0, 1.0, 3.0, 1.0]);
    Ok(())
}
