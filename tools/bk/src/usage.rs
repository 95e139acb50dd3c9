//! `bk usage`: what a key used, from the rollups.

use anyhow::{Context as _, Result, anyhow};
use clap::{Args, ValueEnum, value_parser};
use gateway::ledger::{self, Days, ModelUsage, Summary, Timestamp};
use gateway::money::PicoUsd;
use gateway::store::items::iso_millis;
use jiff::SignedDuration;
use serde::Serialize;

use crate::{Bench, print};

#[derive(Args)]
pub(crate) struct Usage {
    /// The key's id or name, as `bk keys list` prints it.
    key: String,
    /// Number of days up to the last one, which counts too: 1 to 90.
    #[arg(long, default_value_t = 30, value_parser = value_parser!(u16).range(1..=90))]
    days: u16,
    /// The last day in UTC: `today`, `yesterday` or YYYY-MM-DD.
    #[arg(long, value_name = "DAY", default_value = "today", value_parser = last_day)]
    until: Timestamp,
    /// Print a sum for each model or for each day.
    #[arg(long, value_enum, default_value_t = By::Model)]
    by: By,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// A line for each model.
    Model,
    /// A line for each day (UTC).
    Day,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    key: &'a str,
    days: u16,
    start_date: String,
    end_date: String,
    total: Line<'a>,
    lines: Vec<Line<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    /// The id of the model, or the day as YYYY-MM-DD.
    name: &'a str,
    requests: u64,
    errors: u64,
    /// Input tokens, cached tokens included.
    input_tokens: u64,
    cached_input_tokens: u64,
    output_tokens: u64,
    reasoning_tokens: u64,
    charged_usd: PicoUsd,
    provider_cost_usd: PicoUsd,
}

/// Reads `--until`.
fn last_day(text: &str) -> Result<Timestamp, String> {
    let now = Timestamp::now();
    match text {
        "today" => Ok(now),
        "yesterday" => Ok(now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now)),
        _ => ledger::day(text).ok_or_else(|| "write a day as YYYY-MM-DD, `today` or `yesterday`".to_owned()),
    }
}

pub(crate) async fn run(bench: &Bench, usage: Usage) -> Result<()> {
    let Usage { key, days, until, by } = usage;
    let id = bench.find(&key).await?;
    let period = Days::parse(Some(&days.to_string())).map_err(|error| anyhow!("{}", error.message()))?;
    let summary = Summary::read(&bench.store, &id, period, until).await.context("read the usage")?;
    let lines = match by {
        By::Model => &summary.by_model,
        By::Day => &summary.by_day,
    };
    let report = Report {
        key: id.as_str(),
        days,
        start_date: iso_millis(summary.start),
        end_date: iso_millis(summary.end),
        total: line("total", &summary.total),
        lines: lines.iter().map(|(name, usage)| line(name, usage)).collect(),
    };
    if bench.json {
        return print(&report);
    }
    outln!("{:24} {:>9} {:>7} {:>12} {:>12}  CHARGED USD", "", "REQUESTS", "ERRORS", "INPUT", "OUTPUT");
    for line in report.lines.iter().chain([&report.total]) {
        let Line { name, requests, errors, input_tokens, output_tokens, charged_usd, .. } = line;
        outln!("{name:24} {requests:>9} {errors:>7} {input_tokens:>12} {output_tokens:>12}  {charged_usd}");
    }
    Ok(())
}

fn line<'a>(name: &'a str, usage: &ModelUsage) -> Line<'a> {
    Line {
        name,
        requests: usage.requests,
        errors: usage.errors,
        input_tokens: usage.usage.total_input(),
        cached_input_tokens: usage.usage.cache_read,
        output_tokens: usage.usage.output,
        reasoning_tokens: usage.usage.reasoning,
        charged_usd: usage.charged,
        provider_cost_usd: usage.usage.provider_cost.unwrap_or_default(),
    }
}
