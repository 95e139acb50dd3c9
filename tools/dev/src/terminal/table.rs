//! The columns of the lines of requests.

use anstyle::{AnsiColor, Style};

/// A cell that is not known.
const UNKNOWN: &str = "-";
/// A column becomes as wide as its widest cell so far, up to this width. A longer cell moves only its own line.
const WIDEST: usize = 32;
const GAP: &str = "  ";

/// The number of columns.
const COLUMNS: usize = 10;
/// The headings, the widths at the start, and whether cells are numbers, which end at the right.
const HEADINGS: [(&str, usize, bool); COLUMNS] = [
    ("UTC", 8, false),
    ("METHOD", 6, false),
    ("PATH", 20, false),
    ("MODEL", 16, false),
    ("PROVIDER", 13, false),
    ("STATUS", 6, false),
    ("IN", 6, true),
    ("OUT", 6, true),
    ("USD", 9, false),
    ("MS", 6, true),
];

/// What is known about a request at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) time: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) model: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) status: u16,
    /// Tokens in and out, and the cost in dollars.
    pub(super) used: Option<(u64, u64, String)>,
    pub(super) ms: u128,
    /// Why it failed, after the columns.
    pub(super) note: Option<String>,
}

impl Row {
    fn cells(&self) -> [String; COLUMNS] {
        let known = |cell: Option<&String>| cell.map_or(UNKNOWN, String::as_str).to_owned();
        let (tokens_in, tokens_out, cost) = match &self.used {
            Some((tokens_in, tokens_out, cost)) => (tokens_in.to_string(), tokens_out.to_string(), cost.clone()),
            None => (UNKNOWN.to_owned(), UNKNOWN.to_owned(), UNKNOWN.to_owned()),
        };
        [
            self.time.clone(),
            self.method.clone(),
            self.path.clone(),
            known(self.model.as_ref()),
            known(self.provider.as_ref()),
            self.status.to_string(),
            tokens_in,
            tokens_out,
            cost,
            self.ms.to_string(),
        ]
    }
}

/// The widths of the columns so far.
#[derive(Clone, Debug)]
pub(super) struct Table {
    widths: [usize; COLUMNS],
    colours: bool,
}

impl Table {
    pub(super) fn new(colours: bool) -> Self {
        Self { widths: HEADINGS.map(|(_, width, _)| width), colours }
    }

    /// The line of headings.
    pub(super) fn headings(&mut self) -> String {
        let line = self.line(&HEADINGS.map(|(heading, _, _)| heading.to_owned()), None);
        self.painted(Style::new().bold(), line.trim_end())
    }

    /// The line of a request.
    pub(super) fn row(&mut self, row: &Row) -> String {
        let line = self.line(&row.cells(), Some(style(row.status)));
        match &row.note {
            Some(note) => format!("{line}{GAP}{note}"),
            None => line,
        }
    }

    /// A text in a style, if there are colours.
    pub(super) fn painted(&self, style: Style, text: &str) -> String {
        if self.colours { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Cells in their columns. The status has a style of its own.
    fn line(&mut self, cells: &[String; COLUMNS], status: Option<Style>) -> String {
        let mut parts = Vec::with_capacity(COLUMNS);
        for ((cell, (heading, _, is_number)), width) in cells.iter().zip(HEADINGS).zip(&mut self.widths) {
            *width = (*width).max(cell.chars().count().min(WIDEST));
            let padded = if is_number { format!("{cell:>width$}") } else { format!("{cell:width$}") };
            parts.push((padded, status.filter(|_| heading == "STATUS")));
        }
        let paint = |(text, style): (String, Option<Style>)| style.map_or(text.clone(), |style| self.painted(style, &text));
        parts.into_iter().map(paint).collect::<Vec<_>>().join(GAP)
    }
}

/// Green for success, yellow for an error of the client, red for any other.
fn style(status: u16) -> Style {
    let colour = match status {
        ..400 => AnsiColor::Green,
        400..500 => AnsiColor::Yellow,
        500.. => AnsiColor::Red,
    };
    colour.on_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str, status: u16) -> Row {
        let (time, method) = ("19:44:20".to_owned(), "POST".to_owned());
        Row { time, method, path: path.to_owned(), status, ms: 7, ..Row::default() }
    }

    #[test]
    fn cells_are_below_their_headings_and_unknown_ones_are_a_dash() {
        let mut table = Table::new(false);
        let known = Row {
            model: Some("claude-opus-4.6".to_owned()),
            provider: Some("openrouter".to_owned()),
            used: Some((11, 1_600, "0.000455".to_owned())),
            note: Some("began with 200".to_owned()),
            ..row("/v1/messages", 502)
        };
        let lines = [table.headings(), table.row(&known), table.row(&row("/health", 200))];
        assert_eq!(
            lines,
            [
                "UTC       METHOD  PATH                  MODEL             PROVIDER       STATUS      IN     OUT  USD            MS",
                "19:44:20  POST    /v1/messages          claude-opus-4.6   openrouter     502         11    1600  0.000455        7  began with 200",
                "19:44:20  POST    /health               -                 -              200          -       -  -               7",
            ]
        );
    }

    #[test]
    fn a_long_cell_widens_its_column_for_the_lines_after_it_up_to_a_limit() {
        let mut table = Table::new(false);
        let widths = |table: &mut Table, path: &str| table.row(&row(path, 200)).find("  -").unwrap();
        let short = widths(&mut table, "/v1/models");
        assert_eq!(widths(&mut table, "/v1/messages/count_tokens"), short + 5);
        assert_eq!(widths(&mut table, &"/x".repeat(50)), short + 80);
        assert_eq!(widths(&mut table, "/v1/models"), short + 12);
    }

    #[test]
    fn a_status_has_a_colour_only_if_there_are_colours() {
        for (status, colour) in [(200, "\u{1b}[32m"), (404, "\u{1b}[33m"), (502, "\u{1b}[31m")] {
            let line = Table::new(true).row(&row("/", status));
            assert!(line.contains(&format!("{colour}{status}   \u{1b}[0m")), "{line:?}");
        }
        assert!(!Table::new(false).row(&row("/", 502)).contains('\u{1b}'));
    }
}
