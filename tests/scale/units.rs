//! The write units of a request, and therefore the number of requests that one key can send. The tables in
//! `tools/deploy/README.md` have the same numbers.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use gateway::admission::{Admission, Terms, issue, rotate};
use gateway::auth::ApiKey;
use gateway::chat::Usage;
use gateway::ids::{ProviderId, RequestId, Tag};
use gateway::ledger::{Reservation, store_record};
use gateway::money::PicoUsd;
use gateway::protocol::{Demand, HoldPrice, Settled};
use gateway::store::Store;
use gateway::store::items::{Attempt, Limits, MOST_CONCURRENT, Record, TokenSource};
use gateway_dev::database::Emulator;
use gateway_dev::proxy::FaultProxy;
use gateway_dev::stack::TABLE;
use gateway_tests::project;
use secrecy::ExposeSecret as _;

/// Write units that one partition of DynamoDB takes in a second. Everything of a key has the same partition key.
const PARTITION: f64 = 1_000.0;
/// Requests in flight that the tables name, and what a request may cost then.
const PROMISED: [(usize, f64); 4] = [(14, 6.0), (32, 8.0), (64, 12.0), (200, 24.0)];
const MODEL: &str = "claude-opus-4.6";

/// A key, and its table behind a proxy that counts the units.
pub(crate) struct Bench {
    _emulator: Emulator,
    /// The proxy that counts the units.
    pub(crate) proxy: FaultProxy,
    /// The table.
    pub(crate) store: Store,
    admission: Admission,
    /// The key.
    pub(crate) key: ApiKey,
}

impl Bench {
    /// A prepaid key whose item is as long as usual items get: it has a name, lists of models and networks, and two digests,
    /// because its secret is being rotated.
    pub(crate) async fn new() -> Result<Self> {
        let emulator = Emulator::start(None, TABLE).await?;
        let proxy = FaultProxy::start(&emulator.endpoint).await?;
        let store = Store::local(TABLE, &proxy.endpoint);
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let limits = Limits {
            max_concurrent: MOST_CONCURRENT,
            rpm: 6_000,
            tpm: 400_000_000,
            models: list(&[MODEL, "claude-haiku-4.5", "gpt-5.2"]),
            cidrs: list(&["203.0.113.0/24", "2001:db8::/32"]),
            ..Limits::standard()
        };
        let balance = PicoUsd::new(12_345_678_912_345_678);
        // With this balance the item is 415 bytes without holds. A number is stored with one byte less for each two zeros at
        // its end, which can happen by chance here. Four bytes less do not change the counts.
        let terms = Terms { name: "backend-production-1".to_owned(), limits, prepaid: true, balance };
        let (old, _) = issue(&store, terms).await?;
        let rotated = rotate(&store, &old, Duration::from_hours(1)).await?.context("not rotated")?;
        let key = ApiKey::parse(rotated.text.expose_secret()).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        Ok(Self { admission: Admission::new(store.clone(), 0), _emulator: emulator, proxy, store, key })
    }

    /// Admits a request with a hold of about half a dollar.
    pub(crate) async fn admit(&self) -> Result<(RequestId, Reservation)> {
        let request = RequestId::generate();
        let demand = Demand {
            key: self.key.id().clone(),
            digest: self.key.digest(),
            request,
            model: MODEL.to_owned(),
            input_tokens: 23_456,
            output_tokens: 16_384,
            paid_output: 16_384,
            least_output: 1_024,
            price: HoldPrice { input: 6_250_000, output: 25_000_000, markup_permille: 0 },
            lease: 960,
        };
        let permit = self.admission.admit(&self.key, demand, Some([203, 0, 113, 7].into())).await;
        let permit = permit.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        Ok((request, permit.reservation))
    }

    /// Ends it with its record.
    pub(crate) async fn settle(&self, taken: &(RequestId, Reservation)) -> Result<()> {
        self.settle_tagged(taken, None).await
    }

    async fn settle_tagged(&self, (request, reservation): &(RequestId, Reservation), tag: Option<&str>) -> Result<()> {
        let record = Record { tag: tag.and_then(Tag::parse), ..record(&self.key, *request) };
        let settled = store_record(&self.store, &record, reservation).await;
        ensure!(settled == Settled::Done, "{settled:?}");
        Ok(())
    }

    /// The units of one more request, from its admission to its end.
    async fn write_units_of_one_more(&self, tag: Option<&str>) -> Result<f64> {
        self.proxy.take_units();
        let taken = self.admit().await?;
        self.settle_tagged(&taken, tag).await?;
        Ok(self.proxy.take_units().writes)
    }
}

/// A record of a typical request.
fn record(key: &ApiKey, request: RequestId) -> Record {
    let cost = PicoUsd::new(87_654_321_000);
    Record {
        key: key.id().clone(),
        request,
        format: "messages".into(),
        model: MODEL.to_owned(),
        served_model: MODEL.to_owned(),
        upstream_model: "anthropic/claude-opus-4.6".to_owned(),
        provider: "vertex-claude".into(),
        attempts: 1,
        attempt_log: vec![Attempt { provider: ProviderId::VertexClaude, status: 200, ms: 1_234 }],
        tag: None,
        status: 200,
        finish: "stop".into(),
        upstream_id: "msg_vrtx_01AbCdEfGhIjKlMnOpQrStUv".to_owned(),
        usage: Usage { input: 1_234, cache_read: 21_098, cache_write_5m: 765, output: 1_432, ..Usage::default() },
        source: TokenSource::Upstream,
        price_version: "2026-11-26 from 2026-11-26".to_owned(),
        markup_permille: 0,
        provider_cost: cost,
        charged: cost,
        first_event_ms: Some(1_234),
        duration_ms: 12_345,
    }
}

/// The write units of a request by the number of requests in flight of its key, starting with one.
async fn counted() -> Result<Vec<f64>> {
    let bench = Bench::new().await?;
    // The first request of a minute or a day costs more, so it is not counted.
    bench.settle(&bench.admit().await?).await?;
    let (mut units, most) = (Vec::new(), usize::try_from(MOST_CONCURRENT)?);
    for _ in 0..most {
        units.push(bench.write_units_of_one_more(None).await?);
        if units.len() < most {
            bench.admit().await?;
        }
    }
    Ok(units)
}

/// The maximum requests a second of a key whose requests take this many seconds each, and how many are then in flight.
fn ceiling(units: &[f64], seconds: usize) -> (usize, usize) {
    let is_possible = |rate: &usize| {
        let units = units.get(rate * seconds - 1);
        units.is_some_and(|units| *units * f64::from(u32::try_from(*rate).unwrap_or(u32::MAX)) <= PARTITION)
    };
    let rate = (1..=units.len()).take_while(is_possible).last().unwrap_or_default();
    (rate, rate * seconds)
}

#[tokio::test]
async fn a_request_costs_as_many_write_units_as_promised_and_the_pages_say_how_many_requests_that_allows() -> Result<()> {
    let units = counted().await?;
    for (in_flight, promised) in PROMISED {
        assert!(units[in_flight - 1] <= promised, "{} units with {in_flight} in flight", units[in_flight - 1]);
    }
    let steps: Vec<String> = (1..=units.len())
        .filter(|in_flight| units.get(*in_flight).is_none_or(|next| *next > units[in_flight - 1]))
        .map(|in_flight| format!("| {in_flight} | {} |", units[in_flight - 1]))
        .collect();
    let ceilings: Vec<String> = [1, 10]
        .map(|seconds| {
            let (rate, in_flight) = ceiling(&units, seconds);
            let consumed = units[in_flight - 1] * f64::from(u32::try_from(rate).unwrap_or(u32::MAX));
            format!("| {seconds} s | {rate} | {in_flight} | {consumed} |")
        })
        .to_vec();
    let sizes: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(project().join("tools/deploy/cost.json"))?)?;
    for (in_flight, units) in sizes["a_request"]["write_units"].as_object().context("no units")? {
        let step = format!("| {in_flight} | {units} |");
        assert!(steps.contains(&step), "costs are computed from {step}");
    }
    let page = std::fs::read_to_string(project().join("tools/deploy/README.md"))?;
    for table in [steps.join("\n"), ceilings.join("\n")] {
        assert!(page.contains(&table), "the page must say:\n{table}");
    }
    Ok(())
}

#[tokio::test]
async fn a_tag_costs_one_write_when_a_process_first_meets_it_and_none_after_that() -> Result<()> {
    let bench = Bench::new().await?;
    bench.settle(&bench.admit().await?).await?;
    let untagged = bench.write_units_of_one_more(None).await?;
    let mut tagged = Vec::new();
    for tag in ["a", "a", "b", "b", "a"] {
        tagged.push(bench.write_units_of_one_more(Some(tag)).await? - untagged);
    }
    assert_eq!(tagged, [1.0, 0.0, 1.0, 0.0, 0.0]);
    // After its first write a process knows what another process wrote.
    let other = Bench { store: Store::local(TABLE, &bench.proxy.endpoint), ..bench };
    let mut tagged = Vec::new();
    for tag in ["a", "b"] {
        tagged.push(other.write_units_of_one_more(Some(tag)).await? - untagged);
    }
    assert_eq!(tagged, [1.0, 0.0]);
    Ok(())
}
