//! Where values end, so that a reader steps over them at once. Short ones are read through, which costs less than to keep their
//! ends.

use super::MAX_SENT_DEPTH;

/// From how many bytes on a value's end is kept, while there is memory for it.
const SHORTEST: usize = 32;
/// From how many bytes on it is kept in any case. With eight bytes a span and 64 levels at most, spans of so long values never
/// take more memory than the text; in a deeper body of the gateway's own they may take twice as much.
const LONGEST: usize = 512;
/// The ends of values, in the order of their starts. Takes at most as many bytes as a client's text.
#[derive(Debug)]
pub(super) struct Index {
    spans: Vec<Span>,
    /// The numbers of the spans whose end has not come yet.
    open: Vec<usize>,
    /// From how many bytes on values are here.
    long: usize,
    /// How many spans the text's size allows.
    most: usize,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    /// Zero while it is open.
    end: u32,
}

impl Index {
    /// An index of a text of that many bytes.
    pub(super) fn of(bytes: usize) -> Self {
        Self { spans: Vec::new(), open: Vec::with_capacity(8), long: SHORTEST, most: bytes / size_of::<Span>() }
    }

    /// From how many bytes on a value is here.
    pub(super) fn long(&self) -> usize {
        self.long
    }

    /// Notes that a container begins.
    pub(super) fn open(&mut self, start: usize) {
        // In this order: making room numbers the open spans anew.
        self.push(Span { start: small(start), end: 0 });
        self.open.push(self.spans.len().saturating_sub(1));
    }

    /// Notes the end of the container that began last. A short one holds no long ones, so its note is the last.
    pub(super) fn close(&mut self, end: usize) {
        let Some(number) = self.open.pop() else { return };
        let Some(span) = self.spans.get_mut(number) else { return };
        span.end = small(end);
        if span.end.saturating_sub(span.start) < small(self.long) {
            self.spans.truncate(number);
        }
    }

    /// Notes a string, which may be a name.
    pub(super) fn string(&mut self, start: usize, end: usize) {
        if end.saturating_sub(start) >= self.long {
            self.push(Span { start: small(start), end: small(end) });
        }
    }

    /// The end of the long value that begins there. The place is where a search begins, and then where the next one should: a
    /// value's neighbour is seldom far away.
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

    /// Gives back what growing took too much.
    pub(super) fn shrink(&mut self) {
        self.spans.shrink_to_fit();
    }

    /// Bytes that it takes.
    pub(super) fn memory(&self) -> usize {
        self.spans.capacity().saturating_mul(size_of::<Span>())
    }

    fn push(&mut self, span: Span) {
        if self.spans.len() >= self.most && self.long < LONGEST {
            self.forget_short();
        }
        if self.spans.len() == self.spans.capacity() {
            // Twice as much, but never more than is allowed.
            let room = self.most.saturating_add(MAX_SENT_DEPTH).saturating_sub(self.spans.len());
            self.spans.reserve_exact(self.spans.len().max(16).min(room).max(1));
        }
        self.spans.push(span);
    }

    /// Makes room: values count as long from twice as many bytes on. Happens a few times at most.
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
