//! `GET /v1/usage?days=30`: the calling key's own usage, from the rollups.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use http::Response;
use lambda_http::RequestExt as _;
use serde::Serialize;

use super::Call;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::ledger::{Days, ModelUsage, Summary};
use crate::money::PicoUsd;
use crate::respond::{self, Body};
use crate::store::items::iso_millis;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageSummary {
    object: &'static str,
    days: u16,
    start_date: String,
    end_date: String,
    total_requests: u64,
    total_input_tokens: u64,
    total_output_tokens: u64,
    total_cost: PicoUsd,
    total_cached_input_tokens: u64,
    total_reasoning_tokens: u64,
    total_errors: u64,
    by_model: Vec<ByModel>,
    by_day: Vec<ByDay>,
}

#[derive(Serialize)]
struct ByModel {
    model: String,
    #[serde(flatten)]
    usage: Line,
}

#[derive(Serialize)]
struct ByDay {
    day: String,
    #[serde(flatten)]
    usage: Line,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    requests: u64,
    input_tokens: u64,
    output_tokens: u64,
    total_cost: PicoUsd,
    cached_input_tokens: u64,
    reasoning_tokens: u64,
    errors: u64,
}

impl From<&ModelUsage> for Line {
    fn from(usage: &ModelUsage) -> Self {
        Self {
            requests: usage.requests,
            input_tokens: usage.usage.total_input(),
            output_tokens: usage.usage.output,
            total_cost: usage.charged,
            cached_input_tokens: usage.usage.cache_read,
            reasoning_tokens: usage.usage.reasoning,
            errors: usage.errors,
        }
    }
}

pub(super) async fn handle(gateway: &Arc<Gateway>, call: &Call) -> Result<Response<Body>, GatewayError> {
    let key = call.reader(gateway)?;
    let days = Days::parse(call.request.query_string_parameters().first("days"))?;
    let permit = gateway.admission.authenticate(&key, call.address()).await?;
    let summary = Summary::read(&gateway.store, &permit.key, days, jiff::Timestamp::now()).await;
    let summary = summary.map_err(|error| GatewayError::unavailable(error.reason().clone()))?;
    respond::json(&render(days, &summary))
}

fn render(days: Days, summary: &Summary) -> UsageSummary {
    let mut by_model: Vec<(&String, &ModelUsage)> = summary.by_model.iter().collect();
    by_model.sort_by_key(|(_, usage)| (Reverse(usage.charged), Reverse(usage.requests)));
    let total = Line::from(&summary.total);
    UsageSummary {
        object: "usage_summary",
        days: days.get(),
        start_date: iso_millis(summary.start),
        end_date: iso_millis(summary.end),
        total_requests: total.requests,
        total_input_tokens: total.input_tokens,
        total_output_tokens: total.output_tokens,
        total_cost: total.total_cost,
        total_cached_input_tokens: total.cached_input_tokens,
        total_reasoning_tokens: total.reasoning_tokens,
        total_errors: total.errors,
        by_model: by_model.into_iter().map(|(model, usage)| ByModel { model: model.clone(), usage: usage.into() }).collect(),
        by_day: days_of(&summary.by_day),
    }
}

fn days_of(by_day: &BTreeMap<String, ModelUsage>) -> Vec<ByDay> {
    by_day.iter().map(|(day, usage)| ByDay { day: day.clone(), usage: usage.into() }).collect()
}
