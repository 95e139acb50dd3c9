//! The requests that the simulator received, and the progress of each answer. Tests read here which request the gateway
//! sent, and which usage it received.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// Only the newest rows are kept, so that a simulator that runs for a long time does not grow without limit.
const KEPT: usize = 10_000;

/// The record of all requests. Clones share the same rows.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    rows: Arc<Mutex<Rows>>,
}

#[derive(Debug, Default)]
struct Rows {
    kept: VecDeque<Entry>,
    dropped: usize,
}

/// One request and its answer.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Entry {
    /// The `label` of the request's script.
    pub label: Option<String>,
    /// The scenario's name. Other endpoints are `token`, `sts`, `impersonate`, `get-parameter` and `models` (the list).
    /// `refused` if the request was invalid.
    pub scenario: String,
    /// `openrouter`, `claude`, `gemini`, `token`, `ssm`, or `unknown` for an unknown path.
    pub provider: String,
    /// The path as received.
    pub path: String,
    /// The query string. Empty if there was none.
    pub query: String,
    /// By lower-case name. Repeated headers are joined by a comma. Unknown `authorization` values are `<redacted>`.
    pub headers: BTreeMap<String, String>,
    /// The exact bytes received.
    pub body: String,
    /// Whether a stream was requested.
    pub streaming: bool,
    /// The provider's name of the model. Empty if the request has none.
    pub model: String,
    /// The status of the answer, known from the start. 0 if the connection breaks instead.
    pub status: u16,
    /// The last usage that was sent; `None` if none was sent yet.
    pub usage: Option<SimulatedUsage>,
    /// True after the last byte of the answer was sent.
    pub finished: bool,
    /// When the request was read completely, in milliseconds since 1970.
    pub received_at_ms: u64,
}

/// Pico-dollars in a millionth of a dollar.
pub(super) const PICO_PER_MICRO: u64 = 1_000_000;

/// The usage of an answer. `dearest` counts differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SimulatedUsage {
    /// One per four bytes of message and system text, rounded up, at least one.
    pub input_tokens: u64,
    /// One per word, including reasoning and tool calls.
    pub output_tokens: u64,
    /// The part of `input_tokens` that was read from a cache.
    pub cached_tokens: u64,
    /// The part of `input_tokens` that was written to a cache for minutes.
    pub written_tokens: u64,
    /// The part of `input_tokens` that was written to a cache for an hour.
    pub written_1h_tokens: u64,
    /// The part of `output_tokens` that is reasoning.
    pub reasoning_tokens: u64,
    /// The cost that the wire reports, in pico-dollars. Only `OpenRouter` reports it.
    pub cost_pico_usd: Option<u64>,
}

impl Journal {
    /// The rows of one label, oldest first. All rows if the label is empty.
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
        // The lock is poisoned only if a test panicked; the rows are still complete.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row that is still being written.
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
