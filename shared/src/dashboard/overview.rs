//! A key's usage over some days: figures, charts by day and by model, and tables.

use std::cmp::Reverse;
use std::iter::successors;

use super::chart::{Chart, Part, Row, bars, columns};
use super::format::{count_data, duration, escaped, grouped, percent, push, short, usd, usd_data};
use crate::ids::Tag;
use crate::ledger::{ModelUsage, Summary};
use crate::store::items::iso_day;

/// Number of models in a chart. The others are combined in one row.
const SHOWN_MODELS: usize = 8;
const HOURS_PER_DAY: i64 = 24;

/// A chart and the values that it takes of each day or model.
struct Figure {
    chart: Chart<'static>,
    values: fn(&ModelUsage) -> Vec<u128>,
}

const FIGURES: [Figure; 4] = [
    Figure {
        chart: Chart { title: "Spend", unit: usd, parts: &[Part { name: "Spend", class: "c1" }] },
        values: |usage| vec![usage.charged.pico()],
    },
    Figure {
        chart: Chart {
            title: "Requests",
            unit: short,
            parts: &[Part { name: "Succeeded", class: "c2" }, Part { name: "Failed", class: "c4" }],
        },
        values: |usage| vec![u128::from(usage.requests.saturating_sub(usage.errors)), u128::from(usage.errors)],
    },
    Figure {
        chart: Chart {
            title: "Tokens",
            unit: short,
            parts: &[
                Part { name: "Input", class: "c1" },
                Part { name: "Input from cache", class: "c3" },
                Part { name: "Output", class: "c5" },
            ],
        },
        values: |usage| {
            let input = usage.usage.total_input().saturating_sub(usage.usage.cache_read);
            vec![u128::from(input), u128::from(usage.usage.cache_read), u128::from(usage.usage.output)]
        },
    },
    Figure {
        chart: Chart {
            title: "Average response time",
            unit: duration,
            parts: &[Part { name: "To the first token", class: "c5" }, Part { name: "From there to the end", class: "c2" }],
        },
        values: |usage| {
            let [whole, first] = average(usage);
            vec![u128::from(first), u128::from(whole.saturating_sub(first))]
        },
    },
];

/// Average time to the end and to the first token of replies, in milliseconds. Zero if no reply was timed.
fn average(usage: &ModelUsage) -> [u64; 2] {
    let timing = usage.timing;
    [timing.duration_ms, timing.first_event_ms].map(|sum| sum.checked_div(timing.requests).unwrap_or(0))
}

/// The overview of a summary, as HTML.
pub fn overview(summary: &Summary) -> String {
    let mut out = cards(summary);
    if summary.total.requests == 0 {
        out.push_str(r#"<section class="panel empty"><h2>No requests in this period</h2><p>What this key sends appears here when it has been answered.</p></section>"#);
        return out;
    }
    let days = days(summary);
    section(&mut out, "By day", &FIGURES.map(|figure| columns(&figure.chart, &rows(&days, figure.values))).concat());
    section(&mut out, "By model", &FIGURES.map(|figure| bars(&figure.chart, &largest(summary, &figure))).concat());
    out.push_str(r#"<section class="tables">"#);
    let models = dearest(summary.by_model.iter().map(|(model, usage)| (model.clone(), usage)));
    out.push_str(&table("Models", "Model", &models));
    let statuses = summary.by_status.iter();
    let statuses =
        statuses.map(|(status, usage)| (status.map_or("not known".to_owned(), |status| status.to_string()), usage));
    out.push_str(&table("Outcomes", "HTTP status", &dearest(statuses)));
    if summary.by_tag.keys().any(Option::is_some) {
        let name = |tag: &Option<Tag>| tag.as_ref().map_or("no tag".to_owned(), Tag::to_string);
        out.push_str(&table("Tags", "Tag", &dearest(summary.by_tag.iter().map(|(tag, usage)| (name(tag), usage)))));
    }
    out.push_str("</section>");
    out
}

/// A section of charts.
fn section(out: &mut String, title: &str, charts: &str) {
    push(out, format_args!(r#"<section><h2>{title}</h2><div class="charts">{charts}</div></section>"#));
}

/// The totals.
fn cards(summary: &Summary) -> String {
    let Summary { total, by_model, .. } = summary;
    let [whole, first] = average(total);
    let timed = total.timing.requests > 0;
    let tokens = total.usage.total_input().saturating_add(total.usage.output);
    let per_request = total.charged.pico().checked_div(u128::from(total.requests)).unwrap_or(0);
    let [input, output, cached] = [total.usage.total_input(), total.usage.output, total.usage.cache_read].map(count_data);
    let mut out = String::from(r#"<section class="cards" aria-label="Totals">"#);
    card(&mut out, "Spend", &usd_data(total.charged), &format!("{} a request", usd(per_request)));
    card(&mut out, "Requests", &count_data(total.requests), &format!("{} models", by_model.len()));
    card(&mut out, "Tokens", &count_data(tokens), &format!("{input} in ({cached} from cache), {output} out"));
    card(
        &mut out,
        "Failed",
        &count_data(total.errors),
        &format!("{} of all requests", percent(total.errors, total.requests)),
    );
    let time = |ms: u64| {
        if timed { format!(r#"<data value="{ms}">{}</data>"#, duration(u128::from(ms))) } else { "–".to_owned() }
    };
    card(&mut out, "Response time", &time(whole), &format!("{} to the first token, on average", time(first)));
    out.push_str("</section>");
    out
}

/// A figure with its explanation. Both are HTML.
fn card(out: &mut String, name: &str, figure: &str, note: &str) {
    push(
        out,
        format_args!(r#"<div class="card"><h2>{name}</h2><p class="figure">{figure}</p><p class="note">{note}</p></div>"#),
    );
}

/// Every day of the period, including days without requests.
fn days(summary: &Summary) -> Vec<(String, ModelUsage)> {
    let next = |day: &jiff::Timestamp| day.checked_add(jiff::SignedDuration::from_hours(HOURS_PER_DAY)).ok();
    let days = successors(Some(summary.start), next).take_while(|day| *day < summary.end).map(iso_day);
    days.map(|day| {
        let usage = summary.by_day.get(&day).copied().unwrap_or_default();
        (day, usage)
    })
    .collect()
}

fn rows(named: &[(String, ModelUsage)], values: fn(&ModelUsage) -> Vec<u128>) -> Vec<Row> {
    named.iter().map(|(label, usage)| Row { label: label.clone(), values: values(usage) }).collect()
}

/// The models with the largest values of a figure. The others are combined if a sum makes sense.
fn largest(summary: &Summary, figure: &Figure) -> Vec<Row> {
    let models: Vec<(String, ModelUsage)> = summary.by_model.iter().map(|(model, usage)| (model.clone(), *usage)).collect();
    let mut rows = rows(&models, figure.values);
    rows.sort_by_key(|row| Reverse(row.values.iter().sum::<u128>()));
    rows.retain(|row| row.values.iter().any(|value| *value > 0));
    let others = rows.split_off(rows.len().min(SHOWN_MODELS));
    if !others.is_empty() {
        let parts = figure.chart.parts.len();
        let sum = |part: usize| others.iter().filter_map(|row| row.values.get(part)).sum::<u128>();
        let is_average = figure.chart.title.starts_with("Average");
        let count = if is_average { u128::try_from(others.len()).unwrap_or(1) } else { 1 };
        let values = (0..parts).map(|part| sum(part) / count.max(1)).collect();
        rows.push(Row { label: format!("{} more", others.len()), values });
    }
    rows
}

/// Named usage, the most expensive first.
fn dearest<'a>(named: impl Iterator<Item = (String, &'a ModelUsage)>) -> Vec<(String, &'a ModelUsage)> {
    let mut named: Vec<_> = named.collect();
    named.sort_by_key(|(_, usage)| (Reverse(usage.charged), Reverse(usage.requests)));
    named
}

/// A table of groups.
fn table(title: &str, first: &str, groups: &[(String, &ModelUsage)]) -> String {
    let mut out = format!(
        r#"<div class="panel"><h2>{title}</h2><div class="scroll" tabindex="0" role="region" aria-label="{title}"><table><thead><tr><th scope="col">{first}</th>"#
    );
    for name in ["Spend", "Requests", "Failed", "Input", "Output", "Time", "First token"] {
        push(&mut out, format_args!(r#"<th scope="col" class="number">{name}</th>"#));
    }
    out.push_str("</tr></thead><tbody>");
    for (name, usage) in groups {
        let times =
            average(usage).map(|ms| if usage.timing.requests > 0 { duration(u128::from(ms)) } else { "–".to_owned() });
        push(&mut out, format_args!(r#"<tr><th scope="row">{}</th>"#, escaped(name)));
        let [time, first] = times;
        let cells = [
            usd_data(usage.charged),
            grouped(u128::from(usage.requests)),
            grouped(u128::from(usage.errors)),
            count_data(usage.usage.total_input()),
            count_data(usage.usage.output),
            time,
            first,
        ];
        for cell in cells {
            push(&mut out, format_args!(r#"<td class="number">{cell}</td>"#));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div></div>");
    out
}
