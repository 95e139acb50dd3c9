//! The columns of the lines of requests.

use anstyle::{AnsiColor, Style};

/// A cell that is not known.
const UNKNOWN: &str = "-";
/// Longest path, and longest part of one, in characters. The last part of a longer path is an id.
const LONGEST_PATH: usize = 32;
const LONGEST_PART: usize = 24;
/// The part of a longer text that is shown: enough to recognise a request.
const SHOWN_OF_PART: usize = 8;
const GAP: &str = "  ";

/// The number of columns.
const COLUMNS: usize = 10;
/// The headings, the widths, and whether cells are numbers, which end at the right.
const HEADINGS: [(&str, usize, bool); COLUMNS] = [
    ("UTC", 8, false),
    ("METHOD", 6, false),
    ("PATH", 25, false),
    ("MODEL", 17, false),
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
            short(&self.path),
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

/// How lines are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    colours: bool,
}

impl Table {
    pub(super) fn new(colours: bool) -> Self {
        Self { colours }
    }

    /// The line of headings.
    pub(super) fn headings(self) -> String {
        let line = self.line(&HEADINGS.map(|(heading, _, _)| heading.to_owned()), None);
        self.painted(Style::new().bold(), line.trim_end())
    }

    /// The line of a request.
    pub(super) fn row(self, row: &Row) -> String {
        let line = self.line(&row.cells(), Some(style(row.status)));
        match &row.note {
            Some(note) => format!("{line}{GAP}{note}"),
            None => line,
        }
    }

    /// A text in a style, if there are colours.
    pub(super) fn painted(self, style: Style, text: &str) -> String {
        if self.colours { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Cells in their columns. A cell that is too long takes room from the next ones, so that the line gets back to its
    /// columns. The status has a style of its own.
    fn line(self, cells: &[String; COLUMNS], status: Option<Style>) -> String {
        let (mut parts, mut excess) = (Vec::with_capacity(COLUMNS), 0_usize);
        for (cell, (heading, width, is_number)) in cells.iter().zip(HEADINGS) {
            let width = width.saturating_sub(excess);
            excess = cell.chars().count().saturating_sub(width);
            let padded = if is_number { format!("{cell:>width$}") } else { format!("{cell:width$}") };
            parts.push((padded, status.filter(|_| heading == "STATUS")));
        }
        let paint = |(text, style): (String, Option<Style>)| style.map_or(text.clone(), |style| self.painted(style, &text));
        parts.into_iter().map(paint).collect::<Vec<_>>().join(GAP)
    }
}

/// A path without the ends of its ids.
fn short(path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(|part| cut(part, LONGEST_PART, SHOWN_OF_PART)).collect();
    cut(&parts.join("/"), LONGEST_PATH, LONGEST_PATH - 1)
}

/// A text of at most `longest` characters, or the `shown` first ones of it.
fn cut(text: &str, longest: usize, shown: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(shown).chain(['…']).collect()
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
        let table = Table::new(false);
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
                "UTC       METHOD  PATH                       MODEL              PROVIDER       STATUS      IN     OUT  USD            MS",
                "19:44:20  POST    /v1/messages               claude-opus-4.6    openrouter     502         11    1600  0.000455        7  began with 200",
                "19:44:20  POST    /health                    -                  -              200          -       -  -               7",
            ]
        );
    }

    #[test]
    fn a_long_cell_moves_only_what_comes_next() {
        let long = Row {
            model: Some("gemini-3.5-flash-lite".to_owned()),
            provider: Some("openrouter".to_owned()),
            ..row("/v1/responses/input_tokens", 200)
        };
        let table = Table::new(false);
        assert_eq!(
            [table.row(&long), table.row(&row("/v1/models", 200))],
            [
                "19:44:20  POST    /v1/responses/input_tokens  gemini-3.5-flash-lite  openrouter  200        -       -  -               7",
                "19:44:20  POST    /v1/models                 -                  -              200          -       -  -               7",
            ]
        );
    }

    #[test]
    fn a_path_is_shown_without_the_ends_of_its_ids() {
        for (path, shown) in [
            ("/v1/messages/count_tokens", "/v1/messages/count_tokens"),
            ("/v1/models/claude-sonnet-4.5", "/v1/models/claude-sonnet-4.5"),
            ("/v1/requests/req_01a2b3c4d5e6f708192a3b4c5d6e7f80", "/v1/requests/req_01a2…"),
            ("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/…"),
        ] {
            assert_eq!(short(path), shown);
        }
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
