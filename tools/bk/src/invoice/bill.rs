//! Reads a provider's bill as CSV: day, model, amount.

use std::io::Read;

use anyhow::{Context as _, Result, bail};
use gateway::money::PicoUsd;
use jiff::civil::Date;

/// The provider that sends the bill. It decides the names of the columns: where several names are known, the first that the
/// bill has is used. Sources: openrouter.ai, activity export and `GET /activity`; cloud.google.com, standard usage cost data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Biller {
    /// The CSV export of OpenRouter's activity page, by request or by day.
    Openrouter,
    /// Google's billing export for Vertex AI (standard usage cost), from BigQuery or the console.
    Vertex,
}

/// The header names under which a bill can have each column, in the order in which they are tried.
struct Columns {
    day: &'static [&'static str],
    model: &'static [&'static str],
    /// Columns whose values are added up.
    cost: &'static [&'static [&'static str]],
    request: &'static [&'static str],
}

impl Biller {
    const fn columns(self) -> Columns {
        match self {
            Self::Openrouter => Columns {
                day: &["created_at", "date"],
                model: &["model_permaslug", "model"],
                // With your own key at the vendor, the vendor's price is added.
                cost: &[&["cost_total", "usage", "cost"], &["byok_usage_inference"]],
                request: &["generation_id", "id"],
            },
            Self::Vertex => Columns {
                day: &["usage_start_time", "usage start date", "usage_start_date", "date"],
                model: &["sku.description", "sku_description", "sku description"],
                cost: &[&["cost", "cost ($)"]],
                request: &[],
            },
        }
    }
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The day on which the tokens were used, as the provider counts days.
    pub(super) day: Date,
    /// The provider's name for what was used.
    pub(super) model: String,
    /// Pico-dollars; negative for refunds.
    pub(super) cost: i128,
    /// The provider's request id, if the line has one.
    pub(super) request: Option<String>,
}

/// Reads a bill.
pub(super) fn read(biller: Biller, source: impl Read) -> Result<Vec<Line>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(source);
    let names: Vec<String> = reader.headers().context("read the first line")?.iter().map(str::to_lowercase).collect();
    let columns = biller.columns();
    let place = |known: &[&str]| known.iter().find_map(|name| names.iter().position(|found| found == name));
    let needed = |what: &str, known: &[&str]| {
        place(known).with_context(|| format!("no column for the {what}: one of {} is needed", known.join(", ")))
    };
    let (day, model) = (needed("day", columns.day)?, needed("model", columns.model)?);
    let (first, more) = columns.cost.split_first().context("the cost column has no name")?;
    let costs: Vec<usize> =
        std::iter::once(needed("cost", first)?).chain(more.iter().filter_map(|names| place(names))).collect();
    let (request, currency) = (place(columns.request), place(&["currency"]));
    let mut lines = Vec::new();
    for (number, row) in (2..).zip(reader.records()) {
        let row = row.with_context(|| format!("line {number}"))?;
        let field = |place: usize| row.get(place).unwrap_or_default();
        if let Some(other) = currency.map(field).filter(|currency| !matches!(*currency, "" | "USD")) {
            bail!("line {number} is in {other}; the ledger is in USD");
        }
        // Sum lines at the end of an export have no day.
        let Some(day) = field(day).get(..10).and_then(|day| day.parse().ok()) else { continue };
        let cost = costs.iter().map(|place| pico(field(*place))).sum::<Option<i128>>();
        let cost = cost.with_context(|| format!("line {number}: the cost is not a number"))?;
        let request = request.map(field).filter(|id| !id.is_empty()).map(str::to_owned);
        lines.push(Line { day, model: field(model).to_owned(), cost, request });
    }
    Ok(lines)
}

/// Parses dollars as pico-dollars. An empty text is zero.
fn pico(text: &str) -> Option<i128> {
    let digits: String = text.chars().filter(|letter| !matches!(letter, '$' | ',' | ' ')).collect();
    let (sign, digits) = digits.strip_prefix('-').map_or((1, digits.as_str()), |digits| (-1, digits));
    if digits.is_empty() {
        return Some(0);
    }
    let amount = PicoUsd::parse_usd(digits)?;
    i128::try_from(amount.pico()).ok()?.checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(day: &str, model: &str, cost: i128, request: Option<&str>) -> Line {
        Line { day: day.parse().unwrap(), model: model.to_owned(), cost, request: request.map(str::to_owned) }
    }

    #[test]
    fn bills_of_both_providers_are_read_in_their_forms() {
        for (biller, text, expected) in [
            (
                Biller::Openrouter,
                "generation_id,created_at,cost_total,model_permaslug,byok_usage_inference\n\
                 gen-1,2026-11-03 10:00:00.5,0.0015,openai/gpt-5.2-20251211,0.001\n",
                line("2026-11-03", "openai/gpt-5.2-20251211", 2_500_000_000, Some("gen-1")),
            ),
            (
                Biller::Openrouter,
                "date,model,usage,requests\n2026-11-03 00:00:00,openai/gpt-5.2,1.4e-4,7\n",
                line("2026-11-03", "openai/gpt-5.2", 140_000_000, None),
            ),
            (
                Biller::Vertex,
                "SKU description,Usage start date,Cost ($),Currency\n\
                 \"Claude Opus 4.6, Input Tokens\",2026-11-03,\"-1,200.50\",USD\nTotal,,7,\n",
                line("2026-11-03", "Claude Opus 4.6, Input Tokens", -1_200_500_000_000_000, None),
            ),
        ] {
            assert_eq!(read(biller, text.as_bytes()).unwrap(), [expected], "{text}");
        }
    }

    #[test]
    fn a_bill_that_cannot_be_compared_is_refused() {
        for (text, reason) in [
            ("date,usage\n2026-11-03,1\n", "no column for the model: one of model_permaslug, model is needed"),
            ("date,model,usage,currency\n2026-11-03,m,1,EUR\n", "line 2 is in EUR; the ledger is in USD"),
            ("date,model,usage\n2026-11-03,m,much\n", "line 2: the cost is not a number"),
        ] {
            let error = read(Biller::Openrouter, text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), reason);
        }
    }
}
