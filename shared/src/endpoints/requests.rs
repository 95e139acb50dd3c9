//! `GET /v1/requests` and `GET /v1/requests/{id}`: the requests of the calling key, from their records.

use std::sync::Arc;

use http::Response;
use serde::Serialize;

use super::parameters::{Parameters, within};
use super::{Call, unanswered};
use crate::error::{ErrorKind, GatewayError};
use crate::gateway::Gateway;
use crate::ids::{KeyId, RequestId, Tag};
use crate::money::PicoUsd;
use crate::respond::{self, Body};
use crate::store::items::{Attempt, Record, TokenSource, iso_millis};
use crate::store::{OutcomeFilter, RecordPage, RecordsWanted};

/// Default and maximum number of requests of a page.
const DEFAULT_LIMIT: usize = 20;
const MOST: usize = 100;
/// Longest model id of a filter, in bytes.
const LONGEST_MODEL: usize = 200;

/// A page, in the format of OpenAI's lists.
#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Entry<'a>>,
    first_id: Option<String>,
    last_id: Option<String>,
    has_more: bool,
    /// The `before` of the next page. With a filter it may differ from `last_id`, and a short page may not be the last one.
    next_before: Option<String>,
}

/// A request in a list.
#[derive(Serialize)]
struct Entry<'a> {
    id: String,
    object: &'static str,
    /// Seconds since the epoch.
    created: i64,
    created_at: String,
    /// The client format of the request.
    format: &'a str,
    /// The requested public id, the id of the model that answered, and its name at the provider.
    model: &'a str,
    served_model: Option<&'a str>,
    upstream_model: Option<&'a str>,
    provider: Option<&'a str>,
    attempt_count: u32,
    status: u16,
    finish_reason: Option<&'a str>,
    tag: Option<&'a str>,
    usage: Counted,
    cost_usd: PicoUsd,
    /// Milliseconds.
    first_token_ms: Option<u64>,
    duration_ms: u64,
}

/// A request with all details.
#[derive(Serialize)]
struct Detail<'a> {
    #[serde(flatten)]
    entry: Entry<'a>,
    /// The version of the prices.
    price_version: Option<&'a str>,
    /// Every upstream call, oldest first. `None` for records with only their number.
    attempts: Option<Vec<AttemptEntry>>,
}

#[derive(Serialize)]
struct AttemptEntry {
    provider: &'static str,
    status: u16,
    duration_ms: u128,
}

#[derive(Serialize)]
struct Counted {
    /// All input, cached or not.
    input_tokens: u64,
    output_tokens: u64,
    cached_input_tokens: u64,
    cache_write_tokens: u64,
    reasoning_tokens: u64,
    /// True if the counts are estimated because the provider reported none.
    estimated: bool,
}

pub(super) async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Response<Body>, GatewayError> {
    let key = call.reader(gateway)?;
    let wanted = wanted(&Parameters::of(call))?;
    let known = gateway.admission.authenticate(&key, call.address()).await?;
    let page = gateway.store.record_page(&known.id, &wanted).await.map_err(|error| unanswered(&error))?;
    respond::json(&rendered(&page))
}

pub(super) async fn one(gateway: &Arc<Gateway>, call: &Call, id: &str) -> Result<Response<Body>, GatewayError> {
    let key = call.reader(gateway)?;
    let known = gateway.admission.authenticate(&key, call.address()).await?;
    let record = record(gateway, &known.id, id).await?;
    respond::json(&detail(&record))
}

/// The record of a request of this key.
async fn record(gateway: &Gateway, key: &KeyId, id: &str) -> Result<Record, GatewayError> {
    let request = RequestId::of_reply(id).ok_or_else(|| not_found(id))?;
    let record = gateway.store.record(key, request).await.map_err(|error| unanswered(&error))?;
    record.ok_or_else(|| not_found(id))
}

fn wanted(parameters: &Parameters) -> Result<RecordsWanted, GatewayError> {
    let limit = parameters.read("limit", "must be a whole number from 1 to 100", |text| within(text, 1, MOST))?;
    let rule = "must be the id of a request, such as the next_before of the page before";
    let before = parameters.read("before", rule, RequestId::of_reply)?;
    let is_name = |text: &str| !text.is_empty() && text.len() <= LONGEST_MODEL;
    let rule = "must be the id of a model as GET /v1/models lists it";
    let model = parameters.read("model", rule, |text| is_name(text).then(|| text.to_owned()))?;
    let rule = "must be ok, error, or an HTTP status such as 429";
    let outcome = parameters.read("status", rule, outcome)?.unwrap_or(OutcomeFilter::Any);
    Ok(RecordsWanted { limit: limit.unwrap_or(DEFAULT_LIMIT), before, model, outcome })
}

fn outcome(text: &str) -> Option<OutcomeFilter> {
    match text {
        "ok" => Some(OutcomeFilter::Succeeded),
        "error" => Some(OutcomeFilter::Failed),
        _ => within(text, 100, 599).map(OutcomeFilter::Status),
    }
}

fn rendered(page: &RecordPage) -> List<'_> {
    let data: Vec<Entry<'_>> = page.records.iter().map(entry).collect();
    List {
        object: "list",
        first_id: data.first().map(|entry| entry.id.clone()),
        last_id: data.last().map(|entry| entry.id.clone()),
        has_more: page.next.is_some(),
        next_before: page.next.map(|request| request.to_string()),
        data,
    }
}

fn entry(record: &Record) -> Entry<'_> {
    let started = record.started();
    let usage = &record.usage;
    Entry {
        id: record.request.to_string(),
        object: "request",
        created: started.as_second(),
        created_at: iso_millis(started),
        format: &record.format,
        model: &record.model,
        served_model: known(&record.served_model),
        upstream_model: known(&record.upstream_model),
        provider: known(&record.provider),
        attempt_count: record.attempts,
        status: record.status,
        finish_reason: known(&record.finish),
        tag: record.tag.as_ref().map(Tag::as_str),
        usage: Counted {
            input_tokens: usage.total_input(),
            output_tokens: usage.output,
            cached_input_tokens: usage.cache_read,
            cache_write_tokens: usage.cache_write_5m.saturating_add(usage.cache_write_1h),
            reasoning_tokens: usage.reasoning,
            estimated: record.source == TokenSource::Estimated,
        },
        cost_usd: record.charged,
        first_token_ms: record.first_event_ms,
        duration_ms: record.duration_ms,
    }
}

fn detail(record: &Record) -> Detail<'_> {
    let attempt = |Attempt { provider, status, ms }: &Attempt| AttemptEntry {
        provider: provider.as_str(),
        status: *status,
        duration_ms: *ms,
    };
    let attempts = (!record.attempt_log.is_empty()).then(|| record.attempt_log.iter().map(attempt).collect());
    Detail { entry: entry(record), price_version: known(&record.price_version), attempts }
}

/// The text, or `None` if it is empty, which means unknown.
fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn not_found(id: &str) -> GatewayError {
    let id: String = id.chars().take(80).collect();
    GatewayError::new(ErrorKind::NotFound, format!("This key has no request {id}."))
        .with_code("request_not_found")
        .with_param("id")
        .with_hint(
            "Send the x-request-id of an answer, or the id of a reply. A request is listed after it has ended, for 100 days. \
             Rejected requests and token counts are not listed.",
        )
}
