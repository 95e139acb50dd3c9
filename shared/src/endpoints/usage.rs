//! `GET /v1/usage?days=30&until=2026-11-27&group_by=model`: the usage of the calling key, from the rollups.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Response;
use serde::Serialize;

use super::parameters::Parameters;
use super::{Call, unanswered};
use crate::auth::ApiKey;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::ledger::{self, Days, ModelUsage, Summary, Timestamp, dearest_first};
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
    #[serde(flatten)]
    lines: Lines,
}

/// The criterion of the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GroupBy {
    Model,
    Day,
    Tag,
    Status,
}

impl GroupBy {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "model" => Some(Self::Model),
            "day" => Some(Self::Day),
            "tag" => Some(Self::Tag),
            "status" => Some(Self::Status),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Day => "day",
            Self::Tag => "tag",
            Self::Status => "status",
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Lines {
    /// Without `group_by`.
    #[serde(rename_all = "camelCase")]
    Both { by_model: Vec<ByModel>, by_day: Vec<ByDay> },
    #[serde(rename_all = "camelCase")]
    Grouped { group_by: &'static str, data: Vec<Group> },
}

/// The usage of a group.
#[derive(Serialize)]
struct Group {
    #[serde(flatten)]
    name: GroupName,
    #[serde(flatten)]
    usage: Line,
    #[serde(flatten)]
    timing: Averages,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum GroupName {
    Model(String),
    Day(String),
    /// `None` for requests without a tag.
    Tag(Option<String>),
    /// `None` for failures that earlier versions recorded without a status.
    Status(Option<u16>),
}

/// Average durations of successful requests, in milliseconds; `None` if none was timed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Averages {
    average_duration_ms: Option<u64>,
    average_first_token_ms: Option<u64>,
}

impl From<&ModelUsage> for Averages {
    fn from(usage: &ModelUsage) -> Self {
        let [average_duration_ms, average_first_token_ms] = usage.timing.averages();
        Self { average_duration_ms, average_first_token_ms }
    }
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
    let parameters = Parameters::of(call);
    let days = Days::parse(parameters.get("days"))?;
    let group_by = parameters.read("group_by", "must be model, day, tag or status", GroupBy::parse)?;
    let until = parameters.read("until", "must be a day as YYYY-MM-DD", ledger::day)?;
    let summary = summary(gateway, call, &key, days, until.unwrap_or_else(Timestamp::now)).await?;
    respond::json(&render(days, &summary, group_by))
}

/// The usage of a key over some days up to the day of `last`, if the table knows the key.
pub(super) async fn summary(
    gateway: &Gateway,
    call: &Call,
    key: &ApiKey,
    days: Days,
    last: Timestamp,
) -> Result<Summary, GatewayError> {
    let known = gateway.admission.authenticate(key, call.address()).await?;
    let summary = Summary::read(&gateway.store, &known.id, days, last).await;
    summary.map_err(|error| unanswered(&error))
}

fn render(days: Days, summary: &Summary, group_by: Option<GroupBy>) -> UsageSummary {
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
        lines: match group_by {
            Some(group_by) => Lines::Grouped { group_by: group_by.as_str(), data: groups(summary, group_by) },
            None => Lines::Both { by_model: models_of(&summary.by_model), by_day: days_of(&summary.by_day) },
        },
    }
}

fn models_of(by_model: &BTreeMap<String, ModelUsage>) -> Vec<ByModel> {
    let by_model = dearest_first(by_model).into_iter();
    by_model.map(|(model, usage)| ByModel { model: model.clone(), usage: usage.into() }).collect()
}

fn days_of(by_day: &BTreeMap<String, ModelUsage>) -> Vec<ByDay> {
    by_day.iter().map(|(day, usage)| ByDay { day: day.clone(), usage: usage.into() }).collect()
}

/// The groups of a summary: days in order of time, others with the most expensive first.
fn groups(summary: &Summary, group_by: GroupBy) -> Vec<Group> {
    match group_by {
        GroupBy::Model => named(dearest_first(&summary.by_model), |model| GroupName::Model(model.clone())),
        GroupBy::Day => named(summary.by_day.iter(), |day| GroupName::Day(day.clone())),
        GroupBy::Tag => {
            named(dearest_first(&summary.by_tag), |tag| GroupName::Tag(tag.as_ref().map(|tag| tag.as_str().to_owned())))
        }
        GroupBy::Status => named(dearest_first(&summary.by_status), |status| GroupName::Status(*status)),
    }
}

fn named<'a, K: 'a>(
    groups: impl IntoIterator<Item = (&'a K, &'a ModelUsage)>,
    name: impl Fn(&K) -> GroupName,
) -> Vec<Group> {
    let group = |(key, usage)| Group { name: name(key), usage: Line::from(usage), timing: Averages::from(usage) };
    groups.into_iter().map(group).collect()
}
