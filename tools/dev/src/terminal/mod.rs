//! What `make dev` shows while it runs: one line for each request, and one for each warning or error of a function. The
//! functions' own lines go to a file.
//!
//! The front knows a request's method, path, status and duration. The rest is in the function's log. The process writes the
//! log before its answer ends, but `make dev` reads it from another pipe. So the line of a request waits for the log.

mod table;
mod told;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result};
use tokio::sync::{mpsc, watch};

use crate::lambda::{Piece, Reply};
use table::{Row, Table};
use told::{Level, Record, Refusal, Told};

/// How long a line waits for the log of its function after the end of the answer. The log comes at once, unless the machine
/// is very busy, or `RUST_LOG` leaves lines out.
const WAIT: Duration = Duration::from_secs(5);
/// Number of requests whose facts are kept. Requests that do not come through the front leave theirs behind.
const KEPT: usize = 256;
/// Headers of the functions' answers.
const REQUEST_ID: &str = "x-request-id";
const PROVIDER: &str = "x-gateway-provider";

/// The terminal, and the file for the functions' own lines.
#[derive(Clone)]
pub struct Terminal {
    screen: Arc<Mutex<Screen>>,
    known: watch::Sender<Known>,
}

/// Where lines go.
struct Screen {
    output: Box<dyn Write + Send>,
    table: Table,
    /// The functions' own lines, as written.
    file: File,
    /// Whether they are printed, too.
    prints_logs: bool,
}

/// What the logs told lately, oldest first.
#[derive(Debug, Default)]
struct Known {
    records: VecDeque<Record>,
    refusals: VecDeque<Refusal>,
}

/// Which facts a request's line waits for.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    record: bool,
    refusal: bool,
}

/// Which stream of a process a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output: the log.
    Output,
    /// Standard error: what a process says that cannot log.
    Error,
}

/// A request as the front received it.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    at: Instant,
    method: String,
    path: String,
}

impl Arrived {
    /// A request of this method and path, now.
    pub(crate) fn now(method: &str, path: &str) -> Self {
        Self { at: Instant::now(), method: method.to_owned(), path: told::plain(path) }
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Terminal").finish_non_exhaustive()
    }
}

impl Terminal {
    /// Prints to `output`, in colours if they are wanted. The functions' own lines go to a new file at `log`, and with
    /// `prints_logs` to the output, too. Fails if the file cannot be created.
    pub fn new(output: Box<dyn Write + Send>, colours: bool, log: &Path, prints_logs: bool) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("create {}", log.display()))?;
        let screen = Screen { output, table: Table::new(colours), file, prints_logs };
        Ok(Self { screen: Arc::new(Mutex::new(screen)), known: watch::Sender::default() })
    }

    /// Prints the headings of the columns.
    pub fn headings(&self) {
        self.print(Table::headings);
    }

    /// Takes a line of a function.
    pub(crate) fn log(&self, function: &str, stream: Stream, line: &str) {
        self.keep(function, line);
        if stream == Stream::Error && !line.trim().is_empty() {
            return self.fault(function, Level::Error, &told::plain(line));
        }
        for told in told::read(line) {
            match told {
                Told::Record(record) => self.known.send_modify(|known| push(&mut known.records, record)),
                Told::Refusal(refusal) => self.known.send_modify(|known| push(&mut known.refusals, refusal)),
                Told::Fault(level, words) => self.fault(function, level, &words),
                Told::Nothing => {}
            }
        }
    }

    /// The answer, whose request is printed when the function has ended it, even if the client has left before.
    pub(crate) fn follow(&self, arrived: Arrived, reply: Reply) -> Reply {
        let Reply { head, mut body } = reply;
        let (pieces, followed) = mpsc::channel::<Piece>(1);
        let (terminal, status) = (self.clone(), head.status_code);
        let header = |name: &str| head.headers.get(name).cloned();
        let (request, provider) = (header(REQUEST_ID), header(PROVIDER));
        tokio::spawn(async move {
            while let Some(piece) = body.recv().await {
                // A client that has left takes nothing more, but the function goes on.
                let _ = pieces.send(piece).await;
            }
            drop(pieces);
            let row = Row { provider, ..row(&arrived, status) };
            terminal.ended(row, request.as_deref()).await;
        });
        Reply { head, body: followed }
    }

    /// Prints a request that no function answered.
    pub(crate) fn unanswered(&self, arrived: &Arrived, status: u16, note: &str) {
        let row = Row { note: Some(note.to_owned()), ..row(arrived, status) };
        self.print(|table| table.row(&row));
    }

    /// Prints a request whose function has ended it, with what its log told.
    async fn ended(&self, mut row: Row, request: Option<&str>) {
        let status = row.status;
        let awaited = Awaited { record: row.provider.is_some(), refusal: status >= 400 };
        let (record, refusal) = match request {
            Some(request) => self.facts(request, awaited).await,
            None => (None, None),
        };
        row.note = refusal.as_ref().and_then(Refusal::why).map(|why| told::plain(&why));
        if let Some(record) = record {
            row.used = Some((record.input_tokens, record.output_tokens, record.charged().to_string()));
            (row.model, row.provider) = (Some(told::plain(&record.model)), Some(record.provider));
            if status < 400 && record.status != status {
                (row.status, row.note) = (record.status, Some(format!("began with {status}")));
            }
        }
        self.print(|table| table.row(&row));
    }

    /// What the log told about a request, as soon as it is complete.
    async fn facts(&self, request: &str, awaited: Awaited) -> (Option<Record>, Option<Refusal>) {
        let mut changes = self.known.subscribe();
        // After that time, the line shows what is known.
        let _ = tokio::time::timeout(WAIT, changes.wait_for(|known| known.has(request, awaited))).await;
        let mut found = (None, None);
        self.known.send_if_modified(|known| {
            found = (
                take(&mut known.records, |record| record.request == request),
                take(&mut known.refusals, |refusal| refusal.request == request),
            );
            false
        });
        found
    }

    fn fault(&self, function: &str, level: Level, words: &str) {
        let (name, colour) = match level {
            Level::Warn => ("WARN", AnsiColor::Yellow),
            Level::Error => ("ERROR", AnsiColor::Red),
        };
        let time = time(jiff::Timestamp::now());
        self.print(|table| {
            let level = table.painted(colour.on_default(), &format!("{name:6}"));
            format!("{time}  {level}  {function}: {words}")
        });
    }

    fn print(&self, line: impl FnOnce(Table) -> String) {
        let mut screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let line = line(screen.table);
        // Who reads the output may be gone.
        let _ = writeln!(screen.output, "{line}").and_then(|()| screen.output.flush());
    }

    fn keep(&self, function: &str, line: &str) {
        let mut screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(screen.file, "{function}: {line}");
        if screen.prints_logs {
            let dim = screen.table.painted(Style::new().dimmed(), &format!("{function}: {line}"));
            let _ = writeln!(screen.output, "{dim}").and_then(|()| screen.output.flush());
        }
    }
}

impl Known {
    fn has(&self, request: &str, awaited: Awaited) -> bool {
        (!awaited.record || self.records.iter().any(|record| record.request == request))
            && (!awaited.refusal || self.refusals.iter().any(|refusal| refusal.request == request))
    }
}

fn push<T>(kept: &mut VecDeque<T>, one: T) {
    if kept.len() >= KEPT {
        kept.pop_front();
    }
    kept.push_back(one);
}

fn take<T>(kept: &mut VecDeque<T>, is_it: impl Fn(&T) -> bool) -> Option<T> {
    kept.iter().position(is_it).and_then(|place| kept.remove(place))
}

/// What the front knows about a request that ends now.
fn row(arrived: &Arrived, status: u16) -> Row {
    let (method, path) = (arrived.method.clone(), arrived.path.clone());
    let ms = arrived.at.elapsed().as_millis();
    Row { time: time(jiff::Timestamp::now()), method, path, status, ms, ..Row::default() }
}

fn time(at: jiff::Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// Whether a terminal shows colours: not with `NO_COLOR` (no-color.org), and not in a file or pipe.
pub fn wants_colours(output: &impl io::IsTerminal) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    output.is_terminal() && !refused
}
