//! Compares the model with the embedded DynamoDB emulator, through the store. Both get the same random writes, and must give
//! the same answers and have the same items at the end. So what the simulation proves for the model is also true for the
//! DynamoDB expressions.
//!
//! A seed that differs is printed; `TWIN_SEED=<seed>` runs it alone.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use futures_util::stream::{self, TryStreamExt as _};
use gateway::chat::Usage;
use gateway::ids::{KeyDigest, KeyId, RequestId, Tag};
use gateway::ledger::Timestamp;
use gateway::money::PicoUsd;
use gateway::store::items::{
    AdmitWrite, Eviction, Expired, HeldModel, Hold, KeyStatus, Limits, OFF, Place, PreviousSecret, Record, ReleaseWrite,
    StoredKey, TokenSource, iso_day,
};
use gateway::store::{Conditional, Store, Stored};
use gateway_dev::database::Emulator;
use gateway_dev::stack::TABLE;

use crate::model::{Entry, Table, signed};
use crate::random::Random;
use crate::simulator::{DIGEST, key, key_id, request_id};
use crate::world::EPOCH;

/// Key items, and sequences of writes on each of them.
const KEYS: u64 = 500;
const SEQUENCES: u64 = 20;
/// Seconds since the epoch at which everything happens, give or take some minutes.
const NOW: u64 = EPOCH / 1_000;
const OLD_DIGEST: KeyDigest = KeyDigest::new([6; 32]);

/// A key item in the model and in the emulator, and the random numbers that choose its writes.
struct Twin<'a> {
    store: &'a Store,
    table: Table,
    id: KeyId,
    requests: Vec<RequestId>,
    random: Random,
}

/// A model in the form of its request: some are of an earlier version, which runs while a new one is deployed.
fn held_model(request: RequestId, random: &mut Random) -> HeldModel {
    let id = random.pick(&["one", "two"]);
    if request.shard(3) == 0 { HeldModel::Name(id.to_owned()) } else { HeldModel::of(id) }
}

fn random_key(random: &mut Random) -> StoredKey {
    let limits = Limits {
        rpm: random.pick(&[0, 3, OFF]),
        tpm: random.pick(&[100, 300, OFF]),
        max_concurrent: random.pick(&[1, 2, 4]),
        models: random.pick(&[["*", "two"], ["one", "three"]]).map(str::to_owned).to_vec(),
        expires: random.pick(&[OFF, OFF, u128::from(NOW) + 60]),
        ..Limits::none()
    };
    let mut key = key(limits, random.chance(800));
    key.previous = Some(PreviousSecret { digest: OLD_DIGEST, until: NOW + 60 });
    key.balance = if key.prepaid { i128::from(random.between(0, 2_000)) } else { key.balance };
    key
}

impl<'a> Twin<'a> {
    async fn new(store: &'a Store, seed: u64) -> Result<Self> {
        let (mut random, id) = (Random::new(seed), key_id(usize::try_from(seed)?));
        let mut table = Table::default();
        let key = random_key(&mut random);
        store.create_key(&id, &key, None).await?;
        table.keys.insert(id.clone(), key);
        let start = |number| EPOCH + number * 40_000_000;
        let requests = (0..6).map(|number| request_id(start(number), seed * 8 + number)).collect();
        Ok(Self { store, table, id, requests, random })
    }

    fn key(&self) -> &StoredKey {
        &self.table.keys[&self.id]
    }

    fn request(&mut self) -> RequestId {
        self.random.pick(&self.requests.clone())
    }

    fn hold(&mut self, request: RequestId) -> Hold {
        let random = &mut self.random;
        Hold {
            expires: NOW + random.between(0, 120),
            window: NOW + 60 * random.between(0, 2),
            amount: PicoUsd::new(u128::from(random.between(0, 700))),
            tokens: random.between(0, 120),
            model: held_model(request, random),
        }
    }

    async fn write(&mut self) -> Result<()> {
        match self.random.between(0, 9) {
            0..=4 => self.admit().await,
            5 | 6 => self.release().await,
            7 => self.put_record().await,
            8 => self.forget_mark().await,
            _ => self.read_charge().await,
        }
    }

    async fn admit(&mut self) -> Result<()> {
        let request = self.request();
        let hold = self.hold(request);
        let (stored, random) = (self.table.keys[&self.id].clone(), &mut self.random);
        let now = NOW + random.between(0, 120);
        let dead = stored.holds.iter().filter(|_| random.chance(300)).map(|(request, hold)| (*request, hold.clone()));
        let mut dead: Vec<(RequestId, Hold)> = dead.filter(|(dead, _)| *dead != request).collect();
        if random.chance(100)
            && let Some((_, hold)) = dead.first_mut()
        {
            hold.tokens += 1;
        }
        let slots = stored.max_concurrent + if random.chance(500) { dead.len() as u128 } else { 0 };
        let eviction = (!dead.is_empty()).then_some(Eviction { dead, slots });
        let digest = random.pick(&[DIGEST, DIGEST, DIGEST, OLD_DIGEST, KeyDigest::new([5; 32])]);
        let reset = if random.chance(900) { stored.window < hold.window } else { random.chance(500) };
        let key = if random.chance(990) { self.id.clone() } else { key_id(usize::MAX) };
        let model = random.pick(&["one", "two"]).to_owned();
        let write = AdmitWrite { key, digest, request, model, hold, now, reset, eviction };
        let (model, real) = (self.table.admit(&write), self.store.admit(&write).await?);
        same(&model, &real, &write)
    }

    async fn release(&mut self) -> Result<()> {
        let request = self.request();
        let other = self.hold(request);
        let (stored, random) = (self.table.keys[&self.id].clone(), &mut self.random);
        let (place, hold) = match (stored.holds.get(&request), stored.expired.get(&request)) {
            (Some(hold), _) => (Place::Holds, hold.clone()),
            (None, Some(Expired::Dead(hold))) => (Place::Expired, hold.clone()),
            (None, _) => (random.pick(&[Place::Holds, Place::Expired]), other.clone()),
        };
        let place = if random.chance(900) { place } else { Place::Expired };
        let hold = if random.chance(950) { hold } else { other };
        let window = if random.chance(800) { stored.window } else { hold.window };
        let write = ReleaseWrite {
            key: self.id.clone(),
            request,
            place,
            refund: signed(hold.amount) - i128::from(random.between(0, 900)),
            tokens: random.chance(500).then_some((window, hold.tokens)),
            mark: random.chance(400).then_some(NOW + 60),
            hold,
        };
        let (model, real) = (self.table.release(&write), self.store.release(&write).await?);
        same(&model, &real, &write)
    }

    async fn put_record(&mut self) -> Result<()> {
        let request = self.request();
        let record = record(&self.id, request, &mut self.random);
        let model = self.table.put_record(&self.id, record.request, &Entry::of(&record));
        let real = self.store.put_record(&record).await?;
        ensure!(model == real, "put {}: the model {model:?}, the table {real:?}", record.request);
        Ok(())
    }

    async fn forget_mark(&mut self) -> Result<()> {
        let Some((request, entry)) = self.key().expired.last_key_value() else { return Ok(()) };
        let until = if let Expired::Released(until) = entry { *until } else { NOW + 60 };
        let (request, until) = (*request, if self.random.chance(800) { until } else { NOW + 61 });
        let model = self.table.forget_mark(&self.id, request, until);
        let real = self.store.forget_mark(&self.id, request, until).await?;
        same(&model, &real, &until)
    }

    async fn read_charge(&mut self) -> Result<()> {
        let request = self.request();
        let (model, real) = (self.table.charge(&self.id, request), self.store.charge(&self.id, request).await?);
        ensure!(model == real, "the charge of {request}: the model {model:?}, the table {real:?}");
        Ok(())
    }

    /// The key item attribute for attribute, the records, and the rollups with their shards added up.
    async fn compare(&self) -> Result<()> {
        let real = self.store.key(&self.id).await?.context("the key is gone")?.item(&self.id);
        let model = self.key().item(&self.id);
        ensure!(model == real, "the model's item {model:?}\nthe table's {real:?}");
        let records = self.store.records(&self.id, Timestamp::UNIX_EPOCH).await?;
        let real: BTreeMap<_, _> = records.iter().map(|record| (record.request, Entry::of(record))).collect();
        let model = self.table.records.iter().map(|((_, request), entry)| (*request, entry.clone())).collect();
        ensure!(real == model, "the model's records {model:?}\nthe table's {real:?}");
        let mut real: BTreeMap<_, (u64, PicoUsd)> = BTreeMap::new();
        for rollup in self.store.rollups(&self.id, "2000-01-01", "2100-01-01").await? {
            let sum = real.entry((rollup.day, rollup.model)).or_default();
            *sum = (sum.0 + rollup.requests, sum.1 + rollup.charged);
        }
        let named = |day: u64| iso_day(Timestamp::from_second(i64::try_from(day * 86_400).unwrap()).unwrap());
        let sums = self.table.rollups.iter();
        let model: BTreeMap<_, _> = sums.map(|((_, day, model), sum)| ((named(*day), model.clone()), *sum)).collect();
        ensure!(real == model, "the model's rollups {model:?}\nthe table's {real:?}");
        Ok(())
    }
}

fn same(model: &Conditional, real: &Conditional, write: &impl std::fmt::Debug) -> Result<()> {
    ensure!(model == real, "{write:?}\nthe model: {model:?}\nthe table: {real:?}");
    Ok(())
}

fn record(key: &KeyId, request: RequestId, random: &mut Random) -> Record {
    let cost = PicoUsd::new(u128::from(random.between(0, 900)));
    Record {
        key: key.clone(),
        request,
        format: "messages".into(),
        model: random.pick(&["one", "two"]).to_owned(),
        served_model: "one".to_owned(),
        upstream_model: "x/one".to_owned(),
        provider: "openrouter".into(),
        attempts: 1,
        attempt_log: Vec::new(),
        tag: random.pick(&[None, Some("a"), Some("b")]).and_then(Tag::parse),
        status: random.pick(&[200, 502]),
        finish: "stop".into(),
        upstream_id: String::new(),
        usage: Usage { input: random.between(0, 9), output: random.between(0, 9), ..Usage::default() },
        source: TokenSource::Upstream,
        price_version: "1".to_owned(),
        markup_permille: 0,
        provider_cost: cost,
        charged: cost,
        first_event_ms: None,
        duration_ms: 1,
    }
}

/// All sequences on one key item.
async fn run(store: &Store, seed: u64) -> Result<()> {
    let mut twin = Twin::new(store, seed).await?;
    for sequence in 0..SEQUENCES {
        for _ in 0..twin.random.between(1, 2) {
            twin.write().await.with_context(|| format!("TWIN_SEED={seed}, sequence {sequence}"))?;
        }
        if twin.random.chance(20) {
            store.disable_key(&twin.id).await?;
            twin.table.keys.get_mut(&twin.id).context("the key")?.status = KeyStatus::Disabled;
        }
    }
    twin.compare().await.with_context(|| format!("TWIN_SEED={seed}, at the end"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_does_what_the_table_does() -> Result<()> {
    let emulator = Emulator::start(None, TABLE).await?;
    let store = Store::local(TABLE, &emulator.endpoint);
    let only = std::env::var("TWIN_SEED").ok().map(|seed| seed.parse::<u64>()).transpose()?;
    let seeds = only.map_or(0..KEYS, |seed| seed..seed + 1);
    stream::iter(seeds.map(Ok)).try_for_each_concurrent(4, |seed| run(&store, seed)).await
}

/// A record that is made from a dead hold or a log line can differ from the one that the request's own process wrote, perhaps
/// seconds earlier.
#[tokio::test]
async fn a_second_and_different_record_of_a_request_is_there_already() -> Result<()> {
    let emulator = Emulator::start(None, TABLE).await?;
    let store = Store::local(TABLE, &emulator.endpoint);
    let first = record(&key_id(0), request_id(EPOCH, 0), &mut Random::new(0));
    let second = Record { status: 500, charged: PicoUsd::ZERO, finish: "interrupted".into(), ..first.clone() };
    assert_eq!((store.put_record(&first).await?, store.put_record(&second).await?), (Stored::New, Stored::Already));
    assert_eq!(store.charge(&first.key, first.request).await?, Some(first.charged));
    Ok(())
}
