//! The ends of long values, so that a reader can skip them. Short values are read through, which is cheaper than storing
//! their ends.

use super::MAX_SENT_DEPTH;

/// Minimum length in bytes of a value whose end is stored, while memory allows it.
const SHORTEST: usize = 32;
/// Length from which ends are always stored. With eight bytes per span and at most 64 levels, spans of values this long
/// never take more memory than the text. In a deeper body of the gateway's own they may take twice as much.
const LONGEST: usize = 512;
/// The ends of values, ordered by their starts. Takes at most as many bytes as a client's text.
#[derive(Debug)]
pub(super) struct Index {
    spans: Vec<Span>,
    /// Numbers of the spans that are still open.
    open: Vec<usize>,
    /// Minimum length of stored values.
    long: usize,
    /// Maximum number of spans for the text's size.
    most: usize,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    /// Zero while it is open.
    end: u32,
}

impl Index {
    /// An index for a text of this size.
    pub(super) fn of(bytes: usize) -> Self {
        Self { spans: Vec::new(), open: Vec::with_capacity(8), long: SHORTEST, most: bytes / size_of::<Span>() }
    }

    /// Minimum length of stored values.
    pub(super) fn long(&self) -> usize {
        self.long
    }

    /// Records the start of a container.
    pub(super) fn open(&mut self, start: usize) {
        // In this order: making room renumbers the open spans.
        self.push(Span { start: small(start), end: 0 });
        self.open.push(self.spans.len().saturating_sub(1));
    }

    /// Records the end of the last open container. A short container contains no long one, so its record is the last and is
    /// removed.
    pub(super) fn close(&mut self, end: usize) {
        let Some(number) = self.open.pop() else { return };
        let Some(span) = self.spans.get_mut(number) else { return };
        span.end = small(end);
        if span.end.saturating_sub(span.start) < small(self.long) {
            self.spans.truncate(number);
        }
    }

    /// Records a string, which may be a name.
    pub(super) fn string(&mut self, start: usize, end: usize) {
        if end.saturating_sub(start) >= self.long {
            self.push(Span { start: small(start), end: small(end) });
        }
    }

    /// The end of the long value that begins here. `place` is where the search begins, and is updated for the next search:
    /// neighbouring values are close to each other.
    pub(super) fn end_of(&self, start: usize, place: &mut usize) -> Option<usize> {
        let start = small(start);
        let rest = self.spans.get(*place..)?;
        let mut reach = 1_usize;
        while rest.get(reach.saturating_sub(1)).is_some_and(|span| span.start < start) {
            reach = reach.saturating_mul(2);
        }
        let near = rest.get(reach / 2..reach.min(rest.len()))?;
        let found = near.binary_search_by_key(&start, |span| span.start).ok()?;
        *place = place.saturating_add(reach / 2).saturating_add(found).saturating_add(1);
        near.get(found).map(|span| span.end as usize)
    }

    /// Releases unused memory.
    pub(super) fn shrink(&mut self) {
        self.spans.shrink_to_fit();
    }

    /// Its memory in bytes.
    pub(super) fn memory(&self) -> usize {
        self.spans.capacity().saturating_mul(size_of::<Span>())
    }

    fn push(&mut self, span: Span) {
        if self.spans.len() >= self.most && self.long < LONGEST {
            self.forget_short();
        }
        if self.spans.len() == self.spans.capacity() {
            // Doubles the capacity, up to the maximum.
            let room = self.most.saturating_add(MAX_SENT_DEPTH).saturating_sub(self.spans.len());
            self.spans.reserve_exact(self.spans.len().max(16).min(room).max(1));
        }
        self.spans.push(span);
    }

    /// Makes room by doubling the minimum length. Happens only a few times.
    fn forget_short(&mut self) {
        while self.spans.len() > self.most / 2 && self.long < LONGEST {
            self.long = self.long.saturating_mul(2);
            let least = small(self.long);
            self.spans.retain(|span| span.end == 0 || span.end.saturating_sub(span.start) >= least);
        }
        let open = self.spans.iter().enumerate().filter(|(_, span)| span.end == 0);
        self.open = open.map(|(number, _)| number).collect();
    }
}

/// Bodies have at most 25 MB.
fn small(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
