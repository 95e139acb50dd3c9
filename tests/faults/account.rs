//! A key whose money a test can count exactly, on a gateway whose table calls can be made to fail.

use std::time::Duration;

use anyhow::{Context as _, Result};
use gateway::admission::{Terms, issue, issue_key};
use gateway::ids::KeyId;
use gateway::ledger::{Days, ModelUsage, Summary, Timestamp};
use gateway::money::PicoUsd;
use gateway::store::items::{Expired, Limits, StoredKey};
use gateway::wire::ClientFormat;
use gateway_dev::proxy::{FaultProxy, Rule};
use gateway_dev::simulator::Entry;
use gateway_dev::stack::{Options, TABLE};
use gateway_tests::whole_request::Process;
use gateway_tests::{Answer, Harness, eventually, options, read};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

pub const CHAT: &str = "/v1/chat/completions";
/// A model with one route, whose tokens cost whole pico-dollars that are easy to read.
pub const MODEL: &str = "gpt-5-nano";
/// Pico-dollars per token of [`MODEL`]: 0.05 and 0.40 dollars per million.
const INPUT_PRICE: u64 = 50_000;
const OUTPUT_PRICE: u64 = 400_000;
/// 0.0001 dollars: more than one of these requests holds, and less than ten of them.
pub const GRANT: i128 = 100_000_000_000;

/// Texts that identify a write by its body: each write of an admission, the one that begins a new minute, and the release.
pub const ADMISSION: &str = ":hold";
pub const NEW_MINUTE: &str = "rpm - :one";
pub const RELEASE: &str = ":refund";

/// How long one attempt at the table may take on a breakable gateway: twice as long as by default.
pub const ATTEMPT: Duration = Duration::from_millis(600);
/// A longer delay than that, but shorter than the time limit of a ledger write.
pub const LATE: Duration = Duration::from_millis(800);

/// Test options with the proxy before the table.
pub fn breakable() -> Result<Options> {
    let mut options = Options { fault_proxy: true, ..options()? };
    options.variables.push(("TABLE_TIMEOUT_MS".to_owned(), ATTEMPT.as_millis().to_string()));
    Ok(options)
}

/// A chat request, streamed or not, with a script for the simulator.
pub fn chat(script: &str, stream: bool) -> Value {
    json!({"model": MODEL, "max_tokens": 64, "stream": stream, "messages": [{"role": "user", "content": script}]})
}

/// A key of a gateway.
pub struct Account {
    pub id: KeyId,
    text: SecretString,
    granted: Option<i128>,
}

/// The parts of a stored record that the tests compare.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    pub charged: u128,
    pub status: u64,
    pub input: u64,
    pub output: u64,
    pub source: String,
}

/// The proxy of a gateway that was started with one.
pub fn proxy(gateway: &Harness) -> &FaultProxy {
    gateway.stack.support.proxy.as_ref().expect("these options have a proxy")
}

/// A gateway with a fault proxy whose first process is already started. So no fault and no measured time includes a cold
/// start.
pub async fn started() -> Result<Harness> {
    let gateway = Harness::start_with(breakable()?).await?;
    gateway.post(CHAT, &chat("start", false)).await?;
    rested(&gateway).await?;
    proxy(&gateway).forget_calls();
    Ok(gateway)
}

/// Waits until a gateway's only process is ready for the next request.
pub async fn rested(gateway: &Harness) -> Result<()> {
    let lambda = &gateway.stack.lambda;
    assert_eq!(lambda.pids("chat-completions").len(), 1, "what a process remembers is tested on one process");
    eventually("the freeze", async || Ok(lambda.idle("chat-completions") == 1)).await
}

/// Adds a rule to the fault proxy.
pub fn inject(gateway: &Harness, rule: Rule) {
    proxy(gateway).add(rule);
}

/// Calls DynamoDB directly, without the proxy.
pub async fn database(gateway: &Harness, operation: &str, request: &Value) -> Result<Value> {
    let call = gateway.client.post(&gateway.stack.support.database.endpoint);
    let call = call.header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
    let authorization =
        "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
    let call = call.header("authorization", authorization).header("x-amz-date", "20260101T000000Z");
    let answer = read(call.header("content-type", "application/x-amz-json-1.0").body(request.to_string())).await?;
    anyhow::ensure!(answer.status == 200, "{operation}: {}", answer.body);
    Ok(answer.json())
}

/// What a provider's answers cost by the journal, at the list price of [`MODEL`].
pub fn price(entries: &[Entry]) -> u128 {
    let usages = entries.iter().filter_map(|entry| entry.usage);
    usages.map(|usage| u128::from(usage.input_tokens * INPUT_PRICE + usage.output_tokens * OUTPUT_PRICE)).sum()
}

impl Account {
    /// A key without limits that is not prepaid.
    pub async fn open(gateway: &Harness) -> Result<Self> {
        let (text, id) = issue_key(&gateway.stack.support.store, "account", Limits::none(), false).await?;
        Ok(Self { id, text, granted: None })
    }

    /// A prepaid key without limits, with a balance in pico-dollars.
    pub async fn prepaid(gateway: &Harness, granted: i128) -> Result<Self> {
        let balance = PicoUsd::new(granted.unsigned_abs());
        let terms = Terms { name: "account".to_owned(), limits: Limits::none(), prepaid: true, balance };
        let (text, id) = issue(&gateway.stack.support.store, terms).await?;
        Ok(Self { id, text, granted: Some(granted) })
    }

    /// Starts the key's current minute, as an earlier request would. The next admission is then one write. Waits if the minute
    /// is about to end.
    pub async fn begin_window(&self, gateway: &Harness) -> Result<()> {
        let second = || Timestamp::now().as_second();
        if second() % 60 >= 58 {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let now = second();
        self.set(gateway, "window", &json!({"N": (now - now % 60).to_string()})).await
    }

    /// Overwrites an attribute of the key's item.
    pub async fn set(&self, gateway: &Harness, attribute: &str, value: &Value) -> Result<()> {
        let update = json!({
            "TableName": TABLE,
            "Key": {"pk": {"S": format!("K#{}", self.id)}, "sk": {"S": "KEY"}},
            "UpdateExpression": "SET #a = :a",
            "ExpressionAttributeNames": {"#a": attribute},
            "ExpressionAttributeValues": {":a": value},
        });
        database(gateway, "UpdateItem", &update).await.map(drop)
    }

    /// The request as the key's owner sends it.
    pub fn request(&self, gateway: &Harness, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let request = gateway.client.post(format!("{}{path}", gateway.stack.url)).header("content-type", "application/json");
        self.sign(request).body(body.to_string())
    }

    /// Adds the key to a request.
    pub fn sign(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.header("x-api-key", self.text.expose_secret())
    }

    /// Sends a request and reads the answer to its end.
    pub async fn ask(&self, gateway: &Harness, body: &Value) -> Result<Answer> {
        read(self.request(gateway, CHAT, body)).await
    }

    /// What a request holds, by the gateway's own rule.
    pub fn hold_of(body: &Value) -> Result<i128> {
        let demand = Process::start()?.demand(ClientFormat::ChatCompletions, body.to_string())?;
        Ok(i128::try_from(demand.price.amount(demand.input_tokens, demand.output_tokens).pico())?)
    }

    /// The key's item.
    pub async fn stored(&self, gateway: &Harness) -> Result<StoredKey> {
        gateway.stack.support.store.key(&self.id).await?.context("the key has no item")
    }

    /// The key's records, oldest first.
    pub async fn records(&self, gateway: &Harness) -> Result<Vec<StoredRecord>> {
        let query = json!({
            "TableName": TABLE,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :records)",
            "ExpressionAttributeValues": {":pk": {"S": format!("K#{}", self.id)}, ":records": {"S": "E#"}},
        });
        let answer = database(gateway, "Query", &query).await?;
        anyhow::ensure!(answer.get("LastEvaluatedKey").is_none(), "more records than a page");
        let items = answer["Items"].as_array().context("no items")?;
        items.iter().map(StoredRecord::read).collect()
    }

    /// The key's rollups, summed up.
    pub async fn rollups(&self, gateway: &Harness) -> Result<ModelUsage> {
        let days = Days::parse(Some("2")).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        Ok(Summary::read(&gateway.stack.support.store, &self.id, days, Timestamp::now()).await?.total)
    }

    /// Checks that the key has so many records, that the rollups are their sum, that no hold is left, and that the balance is
    /// what was granted less what was charged. Returns the records.
    pub async fn balanced(&self, gateway: &Harness, requests: usize) -> Result<Vec<StoredRecord>> {
        assert_eq!(self.conserved(gateway).await?, 0, "holds are left");
        let records = self.records(gateway).await?;
        assert_eq!(records.len(), requests, "records: {records:?}");
        Ok(records)
    }

    /// Checks that the rollups are the sum of the records, and that what was granted is what is left, held or charged. Returns
    /// how many holds there are.
    pub async fn conserved(&self, gateway: &Harness) -> Result<usize> {
        let (records, rollups) = (self.records(gateway).await?, self.rollups(gateway).await?);
        let charged: u128 = records.iter().map(|record| record.charged).sum();
        assert_eq!((rollups.requests, rollups.charged.pico()), (records.len() as u64, charged), "records and rollups");
        let stored = self.stored(gateway).await?;
        let dead = stored.expired.values().filter(|entry| matches!(entry, Expired::Dead(_))).count();
        assert_eq!(dead, 0, "nothing has expired yet");
        if let Some(granted) = self.granted {
            let held: u128 = stored.holds.values().map(|hold| hold.amount.pico()).sum();
            let spent = i128::try_from(held + charged)?;
            assert_eq!(stored.balance + spent, granted, "{} left, {held} held, {charged} charged", stored.balance);
        }
        Ok(stored.holds.len())
    }
}

impl StoredRecord {
    fn read(item: &Value) -> Result<Self> {
        let number = |name: &str| item[name]["N"].as_str().with_context(|| format!("{name} in {item}"));
        Ok(Self {
            charged: number("charged")?.parse()?,
            status: number("status")?.parse()?,
            input: number("input")?.parse()?,
            output: number("output")?.parse()?,
            source: item["source"]["S"].as_str().context("source")?.to_owned(),
        })
    }
}
