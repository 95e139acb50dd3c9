//! What the simulator was asked, and how far each answer got. Tests read it to see the request that the gateway really sent, and
//! the usage that it was really told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The newest rows are kept, so that a simulator left running does not grow without end.
const KEPT: usize = 10_000;

/// The record of everything the simulator was asked. Clones share the same rows.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    rows: Arc<Mutex<Rows>>,
}

#[derive(Debug, Default)]
struct Rows {
    kept: VecDeque<Entry>,
    dropped: usize,
}

/// One request and the fate of its answer.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Entry {
    /// The `label` of the request's script.
    pub label: Option<String>,
    /// The scenario's name; `token`, `sts`, `impersonate`, `get-parameter` or `models` (the list) beside the models; `refused` if the request was wrong.
    pub scenario: String,
    /// `openrouter`, `claude`, `gemini`, `token`, `ssm`, or `unknown` for a path that nobody serves.
    pub provider: String,
    /// The path as received.
    pub path: String,
    /// The query string, empty if there was none.
    pub query: String,
    /// By lower-case name; repeated headers are joined by a comma. Foreign `authorization` values are `<redacted>`.
    pub headers: BTreeMap<String, String>,
    /// The exact bytes received.
    pub body: String,
    /// True if the answer is asked for in pieces.
    pub streaming: bool,
    /// The model, in the provider's words; empty if the request has none.
    pub model: String,
    /// The status of the answer, known from the start; 0 if the connection breaks instead.
    pub status: u16,
    /// The last usage handed over so far; `None` if no byte with a usage has left.
    pub usage: Option<SimulatedUsage>,
    /// True once the answer's last byte was handed over.
    pub finished: bool,
    /// When the request had been read, in milliseconds since 1970.
    pub received_at_ms: u64,
}

/// The usage that an answer reports; what the dearest replies report is counted in another way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SimulatedUsage {
    /// One for each four bytes of message and system text, rounded up, at least one.
    pub input_tokens: u64,
    /// One for each word, reasoning and tool calls included.
    pub output_tokens: u64,
    /// The part of `input_tokens` that was read from a cache.
    pub cached_tokens: u64,
    /// The part of `input_tokens` that was written to a cache for minutes.
    pub written_tokens: u64,
    /// The part of `input_tokens` that was written to a cache for an hour.
    pub written_1h_tokens: u64,
    /// The part of `output_tokens` that is reasoning.
    pub reasoning_tokens: u64,
    /// What the wire says it costs, in millionths of a dollar; only `OpenRouter` says.
    pub cost_micro_usd: Option<u64>,
}

impl Journal {
    /// The rows of one label, oldest first; all rows for the empty label.
    pub fn entries(&self, label: &str) -> Vec<Entry> {
        let rows = self.rows();
        rows.kept.iter().filter(|entry| label.is_empty() || entry.label.as_deref() == Some(label)).cloned().collect()
    }

    pub(super) fn begin(&self, entry: Entry) -> Row {
        let mut rows = self.rows();
        rows.kept.push_back(entry);
        if rows.kept.len() > KEPT {
            rows.kept.pop_front();
            rows.dropped = rows.dropped.saturating_add(1);
        }
        let number = rows.dropped.saturating_add(rows.kept.len()).saturating_sub(1);
        Row { journal: self.clone(), number }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // A poisoned lock only means that some test panicked; the rows themselves are whole.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row still being written.
#[derive(Debug)]
pub(super) struct Row {
    journal: Journal,
    number: usize,
}

impl Row {
    pub(super) fn report(&self, usage: SimulatedUsage) {
        self.change(|entry| entry.usage = Some(usage));
    }

    pub(super) fn finish(&self) {
        self.change(|entry| entry.finished = true);
    }

    fn change(&self, edit: impl FnOnce(&mut Entry)) {
        let mut rows = self.journal.rows();
        let place = self.number.checked_sub(rows.dropped);
        if let Some(entry) = place.and_then(|place| rows.kept.get_mut(place)) {
            edit(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_rows_make_room_and_new_ones_stay_writable() {
        let journal = Journal::default();
        let first = journal.begin(Entry { label: Some("first".to_owned()), ..Entry::default() });
        for _ in 0..KEPT {
            journal.begin(Entry::default());
        }
        let last = journal.begin(Entry { label: Some("last".to_owned()), ..Entry::default() });
        first.finish();
        last.finish();
        assert!(journal.entries("first").is_empty());
        assert!(journal.entries("last")[0].finished);
        assert_eq!(journal.entries("").iter().filter(|entry| entry.finished).count(), 1);
    }
}
