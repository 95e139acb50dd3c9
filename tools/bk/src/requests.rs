//! `bk requests`: the record of a single request.

use anyhow::{Context as _, Result};
use clap::Subcommand;
use gateway::chat::Usage;
use gateway::ids::{KeyId, RequestId, Tag};
use gateway::money::PicoUsd;
use gateway::store::items::{Attempt, Record, iso_millis};
use serde::Serialize;

use crate::{Bench, WrongUsage, print};

#[derive(Subcommand)]
pub(crate) enum Requests {
    /// Show a request's record: which provider served it, its tokens and its cost.
    Show {
        /// The id from the response's `x-request-id`.
        id: String,
        /// Id or name of the key that sent the request. Without it, all keys are searched one after the other.
        #[arg(long)]
        key: Option<String>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: String,
    key: &'a str,
    start: String,
    format: &'a str,
    model: &'a str,
    served_model: &'a str,
    upstream_model: &'a str,
    provider: &'a str,
    attempts: u32,
    /// Each of them, as `x-gateway-attempts` has it; empty where only their number is known.
    attempt_log: String,
    /// The client's own label.
    tag: Option<&'a str>,
    status: u16,
    finish: &'a str,
    upstream_id: &'a str,
    tokens: Tokens,
    /// `upstream` if the provider counted the tokens, else `estimated`.
    source: &'a str,
    price_version: &'a str,
    provider_cost_usd: PicoUsd,
    charged_usd: PicoUsd,
    first_event_ms: Option<u64>,
    duration_ms: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    input: u64,
    cache_read: u64,
    cache_write_5m: u64,
    cache_write_1h: u64,
    audio: u64,
    audio_cache_read: u64,
    output: u64,
    reasoning: u64,
}

pub(crate) async fn run(bench: &Bench, command: Requests) -> Result<()> {
    let Requests::Show { id, key } = command;
    let request = RequestId::parse(&id);
    let request = request.ok_or_else(|| WrongUsage("a request's id is req_ and 32 hex digits".to_owned()))?;
    let keys = match key {
        Some(key) => vec![bench.find(&key).await?],
        None => bench.store.list_keys().await.context("list the keys")?.into_iter().map(|key| key.id).collect(),
    };
    let record = find(bench, &keys, request).await?.with_context(|| {
        format!("there is no record of {request}: it is still running, reached no provider, or is older than 100 days")
    })?;
    let shown = shown(&record);
    if bench.json {
        return print(&shown);
    }
    show(&shown);
    Ok(())
}

async fn find(bench: &Bench, keys: &[KeyId], request: RequestId) -> Result<Option<Record>> {
    for key in keys {
        if let Some(record) = bench.store.record(key, request).await.context("read the record")? {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

fn shown(record: &Record) -> Shown<'_> {
    let Usage { input, cache_read, cache_write_5m, cache_write_1h, audio, audio_cache_read, output, reasoning, .. } =
        record.usage;
    Shown {
        id: record.request.to_string(),
        key: record.key.as_str(),
        start: iso_millis(record.started()),
        format: &record.format,
        model: &record.model,
        served_model: &record.served_model,
        upstream_model: &record.upstream_model,
        provider: &record.provider,
        attempts: record.attempts,
        attempt_log: Attempt::list_to_text(&record.attempt_log),
        tag: record.tag.as_ref().map(Tag::as_str),
        status: record.status,
        finish: &record.finish,
        upstream_id: &record.upstream_id,
        tokens: Tokens { input, cache_read, cache_write_5m, cache_write_1h, audio, audio_cache_read, output, reasoning },
        source: record.source.as_str(),
        price_version: &record.price_version,
        provider_cost_usd: record.provider_cost,
        charged_usd: record.charged,
        first_event_ms: record.first_event_ms,
        duration_ms: record.duration_ms,
    }
}

fn show(shown: &Shown<'_>) {
    let Tokens { input, cache_read, cache_write_5m, cache_write_1h, audio, audio_cache_read, output, reasoning } =
        shown.tokens;
    let first = shown.first_event_ms.map_or_else(|| "none".to_owned(), |ms| format!("after {ms} ms"));
    outln!("request   {}", shown.id);
    outln!("key       {}", shown.key);
    outln!("start     {}", shown.start);
    outln!("format    {}", shown.format);
    outln!("model     {}, served by {} ({})", shown.model, shown.served_model, shown.upstream_model);
    let noun = if shown.attempts == 1 { "attempt" } else { "attempts" };
    outln!("provider  {}, {} {noun}, its id {}", shown.provider, shown.attempts, shown.upstream_id);
    if !shown.attempt_log.is_empty() {
        outln!("attempts  {}", shown.attempt_log);
    }
    if let Some(tag) = shown.tag {
        outln!("tag       {tag}");
    }
    outln!("outcome   {} {}", shown.status, shown.finish);
    outln!(
        "input     {input}, read from cache {cache_read}, written to it {cache_write_5m} for 5 m and {cache_write_1h} for 1 h"
    );
    if audio + audio_cache_read > 0 {
        outln!("audio     {audio} of the input, {audio_cache_read} of the input read from cache");
    }
    outln!("output    {output}, of which reasoning {reasoning}");
    outln!("counted   {}", shown.source);
    outln!("charged   {} USD at the prices of {}", shown.charged_usd, shown.price_version);
    outln!("cost      {} USD at the provider", shown.provider_cost_usd);
    outln!("time      {} ms, first event {first}", shown.duration_ms);
}
