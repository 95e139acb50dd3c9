//! `make demo`: a prepaid key with thirty days of invented usage for the dashboard. The records are written like those of
//! settlements and priced by the catalogue, so `bk ledger verify` finds no errors.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use fastrand::Rng;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway::admission::issue_key;
use gateway::auth::ApiKey;
use gateway::catalog::{Candidate, Catalog, Model};
use gateway::chat::Usage;
use gateway::ids::{GrantId, KeyId, RequestId, Tag};
use gateway::ledger::{Timestamp, cost, day_of};
use gateway::money::PicoUsd;
use gateway::store::Store;
use gateway::store::items::{Attempt, CreditGrant, Limits, Record, TokenSource};
use secrecy::{ExposeSecret as _, SecretString};

const DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;
/// Range of requests per day.
const REQUESTS_PER_DAY: std::ops::Range<i64> = 22..56;
/// The remaining balance of the key.
const BALANCE: PicoUsd = PicoUsd::new(42_500_000_000_000);
/// Number of records that are written at a time.
const AT_ONCE: usize = 8;
/// Each run invents the same usage, for other days.
const SEED: u64 = 20;
/// Models and their share of a hundred requests.
const MODELS: [(&str, u64); 7] = [
    ("claude-opus-4.6", 18),
    ("claude-sonnet-4.5", 26),
    ("gpt-5.2", 20),
    ("gemini-3-flash", 18),
    ("gpt-5-nano", 10),
    ("kimi-k2.5", 5),
    ("qwen3-coder", 3),
];
const TAGS: [Option<&str>; 5] = [Some("web-app"), Some("web-app"), Some("support-bot"), Some("batch/nightly"), None];
/// Statuses of requests that fail.
const FAILURES: [u16; 4] = [429, 502, 504, 400];

/// The key of an earlier run, or a new one of this name with its usage.
pub async fn key(store: &Store, name: &str, folder: &Path) -> Result<SecretString> {
    let file = folder.join("demo-key");
    let kept = std::fs::read_to_string(&file).ok().and_then(|text| Some((ApiKey::parse(text.trim()).ok()?, text)));
    if let Some((key, text)) = kept
        && store.key(key.id()).await?.is_some()
    {
        return Ok(text.trim().into());
    }
    let limits = Limits { rpm: 120, tpm: 400_000, max_concurrent: 16, ..Limits::standard() };
    let (text, id) = issue_key(store, name, limits, false).await?;
    fill(store, &id).await?;
    std::fs::write(&file, text.expose_secret()).with_context(|| format!("write {}", file.display()))?;
    Ok(text)
}

/// Writes thirty days of usage, then makes the key prepaid. As for any such key, its charges so far become its first grant.
pub async fn fill(store: &Store, key: &KeyId) -> Result<()> {
    let catalog = Catalog::embedded()?;
    let records = records(&catalog, key, Timestamp::now())?;
    eprintln!("writing {} made-up requests of {DAYS} days ...", records.len());
    let writes = records.iter().map(|record| store.put_record(record));
    stream::iter(writes).buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await.context("write a record")?;
    let grant = |amount: PicoUsd, note: &str| CreditGrant {
        key: key.clone(),
        id: GrantId::generate(),
        amount: amount.into(),
        note: note.to_owned(),
    };
    let stored = store.current_key(key).await?.context("the key is gone")?;
    let charged = store.charged(key).await?;
    store.make_prepaid(&stored, &grant(charged, "charged before it was prepaid")).await?;
    store.grant(&grant(BALANCE, "made up")).await?;
    Ok(())
}

/// Requests of the days until now.
fn records(catalog: &Catalog, key: &KeyId, now: Timestamp) -> Result<Vec<Record>> {
    let mut random = Rng::with_seed(SEED);
    let now = now.as_millisecond();
    let today = now - now.rem_euclid(DAY_MS);
    let mut records = Vec::new();
    for day in 0..DAYS {
        let start = today - (DAYS - 1 - day) * DAY_MS;
        // More with every day, fewer at weekends. 1 January 1970 was a Thursday.
        let is_weekend = matches!((start / DAY_MS + 4).rem_euclid(7), 0 | 6);
        let usual = random.i64(REQUESTS_PER_DAY) + day;
        for _ in 0..if is_weekend { usual / 3 } else { usual } {
            // Between seven and twenty-one o'clock, mostly around noon.
            let minute = 420 + (random.i64(0..420) + random.i64(0..420));
            let started = start + minute * 60_000 + random.i64(0..60_000);
            if started < now {
                records.push(record(catalog, key, started, &mut random)?);
            }
        }
    }
    Ok(records)
}

fn record(catalog: &Catalog, key: &KeyId, started: i64, random: &mut Rng) -> Result<Record> {
    let (a, b) = (random.u16(0..4_096), random.u64(0..1 << 60));
    let request = RequestId::parse(&format!("req_{started:012x}7{a:03x}8{b:015x}")).context("an id")?;
    let model = picked(catalog, random)?;
    let fails = random.u8(0..100) < 3;
    let fails_over = !fails && random.u8(0..100) < 7 && model.routes.len() > 1;
    let route = model.routes.get(usize::from(fails_over)).context("a model without routes")?;
    let candidate = Candidate::new(&model, route, day_of(request), false);
    let status = if fails { *random.choice(&FAILURES).unwrap_or(&502) } else { 200 };
    let usage = if fails { Usage::default() } else { usage(random) };
    let first_event_ms = random.u64(250..1_800);
    let duration_ms = first_event_ms + usage.output * random.u64(6..22);
    let charged = cost(&usage, &candidate.tariff);
    let first = model.routes.first().context("a model without routes")?.provider;
    let mut attempt_log = vec![Attempt { provider: route.provider, status, ms: u128::from(first_event_ms) }];
    if fails_over {
        attempt_log.insert(0, Attempt { provider: first, status: 529, ms: u128::from(random.u64(40..400)) });
    }
    Ok(Record {
        key: key.clone(),
        request,
        format: if random.bool() { "chat_completions".into() } else { "messages".into() },
        model: model.id.to_string(),
        served_model: model.id.to_string(),
        upstream_model: route.upstream.as_str().to_owned(),
        provider: route.provider.as_str().into(),
        attempts: u32::try_from(attempt_log.len())?,
        attempt_log,
        tag: random.choice(TAGS).flatten().and_then(Tag::parse),
        status,
        finish: if fails { "".into() } else { "stop".into() },
        upstream_id: String::new(),
        usage,
        source: TokenSource::Upstream,
        price_version: candidate.tariff.label(catalog.version()).to_string(),
        markup_permille: 0,
        provider_cost: charged,
        charged,
        first_event_ms: (!fails).then_some(first_event_ms),
        duration_ms,
    })
}

/// A model by its share of the requests.
fn picked(catalog: &Catalog, random: &mut Rng) -> Result<Arc<Model>> {
    let mut place = random.u64(0..MODELS.iter().map(|(_, share)| share).sum());
    let model = MODELS.iter().find(|(_, share)| {
        let is_it = place < *share;
        place = place.saturating_sub(*share);
        is_it
    });
    let (name, _) = model.context("shares")?;
    catalog.resolve(name).map_err(|error| anyhow!("{name}: {error:?}"))
}

/// Tokens of a typical request. Most of a long prompt comes from the cache.
fn usage(random: &mut Rng) -> Usage {
    let prompt = random.u64(300..2_600) * random.u64(1..8);
    let cache_read = if random.u8(0..3) > 0 { prompt * random.u64(40..90) / 100 } else { 0 };
    let output = random.u64(40..1_400);
    let reasoning = if random.u8(0..3) == 0 { output * 2 / 5 } else { 0 };
    Usage { input: prompt - cache_read, cache_read, output, reasoning, ..Usage::default() }
}
