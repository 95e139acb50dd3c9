//! `bk ledger invoice`: compares what was recorded with what a provider billed, by day and model.

mod bill;

use std::collections::{BTreeMap, HashMap};
use std::io::IsTerminal as _;

use anyhow::{Context as _, Result, bail};
use gateway::catalog::Catalog;
use gateway::ids::ProviderId;
use gateway::ledger::day_of;
use gateway::store::Store;
use gateway::store::items::Record;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::table;
use bill::{Biller, Line};

/// Largest accepted difference of a month's sums, in thousandths.
const GOAL_PERMILLE: u128 = 5;

/// A month and the provider that billed it.
#[derive(clap::Args)]
pub(crate) struct Invoice {
    /// The provider that sent the bill.
    #[arg(long)]
    provider: Biller,
    /// The month (UTC), such as 2026-11. Records are kept for 100 days.
    #[arg(long, value_parser = month)]
    month: Date,
}

/// The first day of a month.
fn month(text: &str) -> Result<Date, String> {
    let first = format!("{text}-01").parse::<Date>().ok().filter(|day| day.to_string() == format!("{text}-01"));
    first.ok_or_else(|| "a month is a year and a month, such as 2026-11".to_owned())
}

/// The cost of one model on one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sums {
    requests: u64,
    /// Pico-dollars in the records.
    recorded: i128,
    /// Pico-dollars on the bill.
    billed: i128,
}

/// By day and by the provider's name of the model.
type Uses = BTreeMap<(Date, String), Sums>;

impl Invoice {
    /// Compares and prints.
    pub(crate) async fn run(self, store: &Store, json: bool) -> Result<()> {
        if std::io::stdin().is_terminal() {
            bail!("standard input is empty: pipe the provider's bill in as CSV");
        }
        let lines = bill::read(self.provider, std::io::stdin().lock())?;
        let records = self.records(store).await?;
        let uses = compare(self.provider, self.month, &records, lines, &Catalog::embedded()?);
        let total = uses.values().fold(Sums::default(), |total, sums| Sums {
            requests: total.requests.saturating_add(sums.requests),
            recorded: total.recorded.saturating_add(sums.recorded),
            billed: total.billed.saturating_add(sums.billed),
        });
        if json {
            print_json(&uses, &total)?;
        } else {
            print_table(&uses, &total);
        }
        if is_off(&total) {
            bail!("the sums differ by more than 0.5 %: {}", difference(&total));
        }
        Ok(())
    }

    /// The month's records for the provider.
    async fn records(&self, store: &Store) -> Result<Vec<Record>> {
        let since = self.month.to_zoned(TimeZone::UTC).context("the month is out of range")?.timestamp();
        let mut records = Vec::new();
        for key in store.list_keys().await.context("list the keys")? {
            records.extend(store.records(&key.id, since).await.context("read the records")?);
        }
        let providers: &[ProviderId] = match self.provider {
            Biller::Openrouter => &[ProviderId::OpenRouter],
            Biller::Vertex => &[ProviderId::VertexClaude, ProviderId::VertexGemini],
        };
        records.retain(|record| {
            providers.iter().any(|provider| record.provider == provider.as_str())
                && is_in(day_of(record.request), self.month)
        });
        Ok(records)
    }
}

/// Whether a day is in the month that begins on that day.
fn is_in(day: Date, month: Date) -> bool {
    day >= month && month.checked_add(1.month()).is_ok_and(|next| day < next)
}

/// Sums records and bill lines by day and model.
fn compare(biller: Biller, month: Date, records: &[Record], lines: Vec<Line>, catalog: &Catalog) -> Uses {
    let mut uses = Uses::new();
    let mut known: HashMap<&str, (Date, &str)> = HashMap::new();
    for record in records {
        let day = day_of(record.request);
        let sums = uses.entry((day, record.upstream_model.clone())).or_default();
        sums.requests = sums.requests.saturating_add(1);
        sums.recorded = sums.recorded.saturating_add_unsigned(record.provider_cost.pico());
        known.insert(&record.upstream_id, (day, &record.upstream_model));
    }
    for line in lines {
        let (day, model) = match line.request.as_deref().and_then(|id| known.get(id)) {
            Some((day, model)) => (*day, (*model).to_owned()),
            None => (line.day, upstream_name(biller, &line.model, catalog)),
        };
        if is_in(day, month) {
            let sums = uses.entry((day, model)).or_default();
            sums.billed = sums.billed.saturating_add(line.cost);
        }
    }
    uses
}

/// Translates a bill's model name to the name in the records: `OpenRouter`'s without date and variant, Google's by the model
/// name that the price description contains.
fn upstream_name(biller: Biller, name: &str, catalog: &Catalog) -> String {
    match biller {
        Biller::Openrouter => {
            let plain = name.split(':').next().unwrap_or(name);
            match plain.rsplit_once('-') {
                Some((slug, date)) if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) => slug.to_owned(),
                _ => plain.to_owned(),
            }
        }
        Biller::Vertex => {
            let words = name.to_lowercase();
            let on_vertex = |provider: ProviderId| match provider {
                ProviderId::VertexGemini | ProviderId::VertexClaude => true,
                ProviderId::OpenRouter => false,
            };
            let named = catalog.models().filter(|model| words.contains(&model.name.to_lowercase()));
            let longest = named.max_by_key(|model| model.name.len());
            let route = longest.and_then(|model| model.routes.iter().find(|route| on_vertex(route.provider)));
            route.map_or_else(|| name.to_owned(), |route| route.upstream.as_str().to_owned())
        }
    }
}

/// Whether a month's sums differ by more than [`GOAL_PERMILLE`].
fn is_off(total: &Sums) -> bool {
    let apart = total.recorded.abs_diff(total.billed).saturating_mul(1_000);
    apart > total.recorded.unsigned_abs().max(total.billed.unsigned_abs()).saturating_mul(GOAL_PERMILLE)
}

/// Billed minus recorded, in per cent of the billed amount.
fn difference(sums: &Sums) -> String {
    let apart = sums.billed.saturating_sub(sums.recorded);
    match apart.saturating_mul(10_000).checked_div(sums.billed) {
        Some(hundredths) => {
            let sign = if hundredths < 0 { "-" } else { "+" };
            format!("{sign}{}.{:02} %", hundredths.abs() / 100, hundredths.abs() % 100)
        }
        None if apart == 0 => "+0.00 %".to_owned(),
        None => "not billed".to_owned(),
    }
}

/// Formats pico-dollars as dollars, with micro-dollar precision.
fn dollars(pico: i128) -> String {
    let micros = pico / 1_000_000;
    let sign = if micros < 0 { "-" } else { "" };
    format!("{sign}{}.{:06}", micros.abs() / 1_000_000, micros.abs() % 1_000_000)
}

fn print_table(uses: &Uses, total: &Sums) {
    let row = |day: String, model: String, sums: &Sums| {
        [day, model, sums.requests.to_string(), dollars(sums.recorded), dollars(sums.billed), difference(sums)]
    };
    let mut rows: Vec<_> = uses.iter().map(|((day, model), sums)| row(day.to_string(), model.clone(), sums)).collect();
    rows.push(row("total".to_owned(), String::new(), total));
    table::print(["DAY", "MODEL", "REQUESTS", "RECORDED USD", "BILLED USD", "DIFFERENCE"], &rows);
}

/// Amounts are strings of dollars, because JSON has no exact decimals.
fn print_json(uses: &Uses, total: &Sums) -> Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Row<'a> {
        day: Option<String>,
        model: Option<&'a str>,
        requests: u64,
        recorded_usd: String,
        billed_usd: String,
        difference: String,
    }
    #[derive(Serialize)]
    struct Report<'a> {
        days: Vec<Row<'a>>,
        total: Row<'a>,
    }
    let row = |day, model, sums: &Sums| Row {
        day,
        model,
        requests: sums.requests,
        recorded_usd: dollars(sums.recorded),
        billed_usd: dollars(sums.billed),
        difference: difference(sums),
    };
    let rows: Vec<_> =
        uses.iter().map(|((day, model), sums)| row(Some(day.to_string()), Some(model.as_str()), sums)).collect();
    super::print(&Report { days: rows, total: row(None, None, total) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(recorded: i128, billed: i128) -> Sums {
        Sums { requests: 1, recorded, billed }
    }

    #[test]
    fn a_month_is_a_year_and_a_month() {
        assert_eq!(month("2026-11"), Ok("2026-11-01".parse().unwrap()));
        for wrong in ["2026-13", "2026-1", "november", "2026-11-02"] {
            assert!(month(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_difference_is_off_beyond_half_a_per_cent() {
        for (recorded, billed, off, shown) in [
            (1_000, 1_000, false, "+0.00 %"),
            (995, 1_000, false, "+0.50 %"),
            (994, 1_000, true, "+0.60 %"),
            (1_010, 1_000, true, "-1.00 %"),
            (0, 0, false, "+0.00 %"),
            (7, 0, true, "not billed"),
        ] {
            let sums = sums(recorded, billed);
            assert_eq!((is_off(&sums), difference(&sums).as_str()), (off, shown), "{recorded} {billed}");
        }
    }

    #[test]
    fn a_bills_name_is_that_of_the_records() {
        let catalog = Catalog::embedded().unwrap();
        for (biller, billed, name) in [
            (Biller::Openrouter, "openai/gpt-5.2-20251211", "openai/gpt-5.2"),
            (Biller::Openrouter, "openai/gpt-5.2:nitro", "openai/gpt-5.2"),
            (Biller::Openrouter, "qwen/qwen3-coder", "qwen/qwen3-coder"),
            (Biller::Vertex, "Claude Opus 4.6 - Input Tokens", "claude-opus-4-6"),
            (Biller::Vertex, "Agents and storage", "Agents and storage"),
        ] {
            assert_eq!(upstream_name(biller, billed, &catalog), name);
        }
    }
}
