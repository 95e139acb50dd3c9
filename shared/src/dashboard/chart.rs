//! Charts as inline SVG: columns for days, bars for models. Labels are HTML around the drawing, so that they keep their size
//! on every screen. A table under each chart has the same figures for screen readers.

use super::format::push;
use crate::page::escaped;

/// Height of a column chart, and width of a bar, in the chart's units.
const EXTENT: u128 = 1_000;
/// Width of a column and of its slot, in the same units.
const COLUMN: usize = 72;
const PLACE: usize = 100;
/// Minimum number of slots of a chart. Otherwise a single day would fill it.
const FEWEST_PLACES: usize = 7;

/// What a chart shows of each day or model.
pub(super) struct Chart<'a> {
    /// The heading of the chart.
    pub title: &'a str,
    /// Formats a value with its unit, such as dollars or tokens.
    pub unit: fn(u128) -> String,
    /// The parts of each value, starting at the axis: name and CSS class.
    pub parts: &'a [Part],
}

/// A part of a value.
pub(super) struct Part {
    /// The part's name in the legend and the table, such as `cached input`.
    pub name: &'static str,
    /// The CSS class that gives the part its colour.
    pub class: &'static str,
}

/// One day or model.
pub(super) struct Row {
    /// The day or the model's id, not yet escaped for HTML.
    pub label: String,
    /// Its parts, in the order of the chart's parts.
    pub values: Vec<u128>,
}

impl Row {
    fn total(&self) -> u128 {
        self.values.iter().fold(0, |sum, value| sum.saturating_add(*value))
    }
}

/// The smallest of 2, 4, 6, 8 and 10 times a power of ten that is not below a value, so that the end of an axis and its half
/// are readable.
fn axis_end(largest: u128) -> u128 {
    let mut power: u128 = 1;
    while power.saturating_mul(10) < largest {
        power = power.saturating_mul(10);
    }
    let ends = [2, 4, 6, 8, 10].map(|steps| power.saturating_mul(steps));
    ends.into_iter().find(|end| *end >= largest).unwrap_or(u128::MAX)
}

/// A value in the chart's units.
fn scaled(value: u128, end: u128) -> u128 {
    value.saturating_mul(EXTENT).checked_div(end).unwrap_or(0)
}

/// A figure with a column for each row.
pub(super) fn columns(chart: &Chart<'_>, rows: &[Row]) -> String {
    let end = axis_end(rows.iter().map(Row::total).max().unwrap_or(0));
    let mut out = head(chart);
    let unit = chart.unit;
    push(
        &mut out,
        format_args!(
            r#"<div class="plot"><div class="scale" aria-hidden="true"><span>{}</span><span>{}</span><span>{}</span></div>"#,
            unit(end),
            unit(end / 2),
            unit(0)
        ),
    );
    let places = rows.len().max(FEWEST_PLACES);
    push(
        &mut out,
        format_args!(
            r#"<svg class="columns" viewBox="0 0 {} {EXTENT}" preserveAspectRatio="none" role="img" aria-label="{}, by day">"#,
            places * PLACE,
            escaped(chart.title)
        ),
    );
    for line in [0, EXTENT / 2, EXTENT] {
        push(&mut out, format_args!(r#"<line class="grid" x1="0" x2="{}" y1="{line}" y2="{line}"/>"#, places * PLACE));
    }
    let left = (places - rows.len()) * PLACE / 2;
    for (position, row) in rows.iter().enumerate() {
        column(&mut out, chart, row, left + position * PLACE, end);
    }
    out.push_str("</svg>");
    push(&mut out, format_args!(r#"<div class="days" aria-hidden="true">{}</div></div>"#, ends_of(rows)));
    out.push_str(&legend(chart));
    out.push_str(&table(chart, rows, "Day"));
    out.push_str("</figure>");
    out
}

/// One column. Its figures appear under the mouse.
fn column(out: &mut String, chart: &Chart<'_>, row: &Row, left: usize, end: u128) {
    push(out, format_args!("<g><title>{}</title>", escaped(&tip(chart, row))));
    push(out, format_args!(r#"<rect class="place" x="{left}" y="0" width="{PLACE}" height="{EXTENT}"/>"#));
    let (mut below, x) = (0_u128, left + (PLACE - COLUMN) / 2);
    for (part, value) in chart.parts.iter().zip(&row.values) {
        let (foot, top) = (scaled(below, end), scaled(below.saturating_add(*value), end));
        below = below.saturating_add(*value);
        if top > foot {
            let (y, height, class) = (EXTENT.saturating_sub(top), top - foot, part.class);
            push(out, format_args!(r#"<rect class="{class}" x="{x}" y="{y}" width="{COLUMN}" height="{height}"/>"#));
        }
    }
    out.push_str("</g>");
}

/// The first, the middle and the last label.
fn ends_of(rows: &[Row]) -> String {
    let label = |row: &Row| format!("<span>{}</span>", escaped(&row.label));
    match rows {
        [] => String::new(),
        [only] => label(only),
        [first, .., last] => {
            let middle = rows.get(rows.len() / 2).filter(|_| rows.len() > 2).map(label).unwrap_or_default();
            format!("{}{middle}{}", label(first), label(last))
        }
    }
}

/// A figure with a bar for each row.
pub(super) fn bars(chart: &Chart<'_>, rows: &[Row]) -> String {
    let largest = rows.iter().map(Row::total).max().unwrap_or(0);
    let mut out = head(chart);
    out.push_str(r#"<ol class="bars">"#);
    for row in rows {
        let unit = chart.unit;
        push(
            &mut out,
            format_args!(
                r#"<li title="{}"><span class="name">{}</span><span class="value">{}</span><svg viewBox="0 0 {EXTENT} 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="{EXTENT}" height="8"/>"#,
                escaped(&tip(chart, row)),
                escaped(&row.label),
                unit(row.total())
            ),
        );
        let mut before = 0_u128;
        for (part, value) in chart.parts.iter().zip(&row.values) {
            let (from, to) = (scaled(before, largest), scaled(before.saturating_add(*value), largest));
            before = before.saturating_add(*value);
            if to > from {
                push(
                    &mut out,
                    format_args!(r#"<rect class="{}" x="{from}" width="{}" height="8"/>"#, part.class, to - from),
                );
            }
        }
        out.push_str("</svg></li>");
    }
    out.push_str("</ol>");
    out.push_str(&legend(chart));
    out.push_str("</figure>");
    out
}

fn head(chart: &Chart<'_>) -> String {
    format!(r#"<figure class="panel"><figcaption>{}</figcaption>"#, escaped(chart.title))
}

/// All figures of a row in one line.
fn tip(chart: &Chart<'_>, row: &Row) -> String {
    let unit = chart.unit;
    match (chart.parts, row.values.as_slice()) {
        ([_], [value]) => format!("{}: {}", row.label, unit(*value)),
        (parts, values) => {
            let parts = parts.iter().zip(values).map(|(part, value)| format!("{} {}", part.name, unit(*value)));
            format!("{}: {}", row.label, parts.collect::<Vec<_>>().join(", "))
        }
    }
}

/// The names of the parts with their colours, if there is more than one part.
fn legend(chart: &Chart<'_>) -> String {
    if chart.parts.len() < 2 {
        return String::new();
    }
    let entry = |part: &Part| {
        let dot = format!(
            r#"<svg class="dot" viewBox="0 0 10 10" aria-hidden="true"><rect class="{}" width="10" height="10" rx="3"/></svg>"#,
            part.class
        );
        format!("<li>{dot}{}</li>", escaped(part.name))
    };
    format!(r#"<ul class="legend">{}</ul>"#, chart.parts.iter().map(entry).collect::<String>())
}

/// The figures of a chart as a table that opens on request.
fn table(chart: &Chart<'_>, rows: &[Row], first: &str) -> String {
    let mut out = String::from(r#"<details><summary>Show the numbers</summary><div class="scroll"><table><thead><tr>"#);
    push(&mut out, format_args!(r#"<th scope="col">{first}</th>"#));
    for part in chart.parts {
        push(&mut out, format_args!(r#"<th scope="col" class="number">{}</th>"#, escaped(part.name)));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows.iter().rev() {
        push(&mut out, format_args!(r#"<tr><th scope="row">{}</th>"#, escaped(&row.label)));
        for value in &row.values {
            push(&mut out, format_args!(r#"<td class="number">{}</td>"#, (chart.unit)(*value)));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div></details>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::format::short;

    const CHART: Chart<'_> = Chart {
        title: "Requests",
        unit: short,
        parts: &[Part { name: "Succeeded", class: "a" }, Part { name: "Failed", class: "b" }],
    };

    fn row(label: &str, values: &[u128]) -> Row {
        Row { label: label.to_owned(), values: values.to_vec() }
    }

    #[test]
    fn an_axis_ends_at_a_readable_number_that_is_not_below_any_value() {
        for (largest, end) in
            [(0, 2), (1, 2), (2, 2), (3, 4), (7, 8), (10, 10), (11, 20), (21, 40), (99, 100), (101, 200), (260, 400)]
        {
            assert_eq!(axis_end(largest), end, "{largest}");
        }
    }

    #[test]
    fn columns_stack_their_parts_from_the_axis_on() {
        let rows: Vec<Row> = (0..10).map(|day| row(&format!("d{day}"), &[day, u128::from(day == 9)])).collect();
        let svg = columns(&CHART, &rows);
        // Of ten: nine parts, and one on top of them.
        assert!(svg.contains(r#"<rect class="a" x="914" y="100" width="72" height="900"/>"#), "{svg}");
        assert!(svg.contains(r#"<rect class="b" x="914" y="0" width="72" height="100"/>"#), "{svg}");
        assert!(svg.contains("<title>d9: Succeeded 9, Failed 1</title>"), "{svg}");
        assert!(!svg.contains(r#"height="0"/>"#), "{svg}");
    }

    #[test]
    fn names_of_models_are_text_wherever_they_stand() {
        let name = "<script>alert(1)</script>\"onload=";
        for html in [columns(&CHART, &[row(name, &[1, 2])]), bars(&CHART, &[row(name, &[1, 2])])] {
            assert!(!html.contains("<script") && !html.contains("\"onload"), "{html}");
        }
    }

    #[test]
    fn nothing_to_show_is_a_chart_without_columns() {
        let svg = columns(&CHART, &[row("today", &[0, 0])]);
        assert!(!svg.contains("class=\"a\" x"), "{svg}");
        assert!(bars(&CHART, &[]).contains(r#"<ol class="bars"></ol>"#));
    }
}
