//! A key's usage over some days: figures, charts by day and by model, and tables.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::iter::successors;

use super::chart::{Chart, Part, Row, bars, columns};
use super::format::{count_data, duration, grouped, percent, push, short, usd, usd_data};
use crate::ids::Tag;
use crate::ledger::{ModelUsage, Summary, dearest_first};
use crate::page::escaped;
use crate::store::items::iso_day;

/// Number of models in a chart. The others are combined in one row.
const SHOWN_MODELS: usize = 8;
const HOURS_PER_DAY: i64 = 24;
/// Shown for an average of nothing.
const UNKNOWN: &str = "–";

/// A chart and the values that it takes of each day or model.
struct Figure {
    chart: Chart<'static>,
    values: fn(&ModelUsage) -> Vec<u128>,
    combined: Combined,
}

/// How the values of several models are combined in one row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Combined {
    Sum,
    Mean,
}

const FIGURES: [Figure; 4] = [
    Figure {
        chart: Chart { title: "Spend", unit: usd, parts: &[Part { name: "Spend", class: "c1" }] },
        values: |usage| vec![usage.charged.pico()],
        combined: Combined::Sum,
    },
    Figure {
        chart: Chart {
            title: "Requests",
            unit: short,
            parts: &[Part { name: "Succeeded", class: "c2" }, Part { name: "Failed", class: "c4" }],
        },
        values: |usage| vec![u128::from(usage.requests.saturating_sub(usage.errors)), u128::from(usage.errors)],
        combined: Combined::Sum,
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
        combined: Combined::Sum,
    },
    Figure {
        chart: Chart {
            title: "Average response time",
            unit: duration,
            parts: &[Part { name: "To the first token", class: "c5" }, Part { name: "From there to the end", class: "c2" }],
        },
        values: |usage| {
            let [whole, first] = usage.timing.averages().map(Option::unwrap_or_default);
            vec![u128::from(first), u128::from(whole.saturating_sub(first))]
        },
        combined: Combined::Mean,
    },
];

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
    out.push_str(&table(["Models", "Model"], &summary.by_model, String::clone));
    let status = |status: &Option<u16>| status.map_or("not known".to_owned(), |status| status.to_string());
    out.push_str(&table(["Outcomes", "HTTP status"], &summary.by_status, status));
    if summary.by_tag.keys().any(Option::is_some) {
        let tag = |tag: &Option<Tag>| tag.as_ref().map_or("no tag".to_owned(), Tag::to_string);
        out.push_str(&table(["Tags", "Tag"], &summary.by_tag, tag));
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
    let [whole, first] = total.timing.averages();
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
    let time = |ms: Option<u64>| {
        ms.map_or(UNKNOWN.to_owned(), |ms| format!(r#"<data value="{ms}">{}</data>"#, duration(u128::from(ms))))
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

/// The models with the largest values of a figure. The others are combined in one row.
fn largest(summary: &Summary, figure: &Figure) -> Vec<Row> {
    let models: Vec<(String, ModelUsage)> = summary.by_model.iter().map(|(model, usage)| (model.clone(), *usage)).collect();
    let mut rows = rows(&models, figure.values);
    rows.sort_by_key(|row| Reverse(row.values.iter().sum::<u128>()));
    rows.retain(|row| row.values.iter().any(|value| *value > 0));
    let others = rows.split_off(rows.len().min(SHOWN_MODELS));
    if !others.is_empty() {
        let parts = figure.chart.parts.len();
        let sum = |part: usize| others.iter().filter_map(|row| row.values.get(part)).sum::<u128>();
        let count = match figure.combined {
            Combined::Sum => 1,
            Combined::Mean => others.len() as u128,
        };
        let values = (0..parts).map(|part| sum(part) / count).collect();
        rows.push(Row { label: format!("{} more", others.len()), values });
    }
    rows
}

/// A table of groups, the most expensive first, with its title and that of its first column.
fn table<K>([title, first]: [&str; 2], groups: &BTreeMap<K, ModelUsage>, name: impl Fn(&K) -> String) -> String {
    let mut out = format!(
        r#"<div class="panel"><h2>{title}</h2><div class="scroll" tabindex="0" role="region" aria-label="{title}"><table><thead><tr><th scope="col">{first}</th>"#
    );
    for name in ["Spend", "Requests", "Failed", "Input", "Output", "Time", "First token"] {
        push(&mut out, format_args!(r#"<th scope="col" class="number">{name}</th>"#));
    }
    out.push_str("</tr></thead><tbody>");
    for (key, usage) in dearest_first(groups) {
        push(&mut out, format_args!(r#"<tr><th scope="row">{}</th>"#, escaped(&name(key))));
        let [time, first] = usage.timing.averages().map(|ms| ms.map_or(UNKNOWN.to_owned(), |ms| duration(u128::from(ms))));
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
