//! Where long values end, so that a reader steps over them at once. Short ones are read through, which costs less than to keep
//! their ends.

/// From how many bytes on a value's end is kept. With 64 levels at most, eight bytes a value and 512 bytes a value, the index is
/// never larger than the text.
pub(super) const LONG: usize = 512;

/// The ends of long values, in the order of their starts.
#[derive(Debug, Default)]
pub(super) struct Index {
    spans: Vec<Span>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

impl Index {
    /// Notes that a container begins; the number is for [`Index::close`].
    pub(super) fn open(&mut self, start: usize) -> usize {
        self.spans.push(Span { start: small(start), end: 0 });
        self.spans.len().saturating_sub(1)
    }

    /// Notes its end. A short one holds no long ones, so its note is the last.
    pub(super) fn close(&mut self, number: usize, end: usize) {
        let Some(span) = self.spans.get_mut(number) else { return };
        span.end = small(end);
        if span.end.saturating_sub(span.start) < small(LONG) {
            self.spans.truncate(number);
        }
    }

    /// Notes a string.
    pub(super) fn string(&mut self, start: usize, end: usize) {
        if end.saturating_sub(start) >= LONG {
            self.spans.push(Span { start: small(start), end: small(end) });
        }
    }

    /// The end of the long value that begins there.
    pub(super) fn end_of(&self, start: usize) -> Option<usize> {
        let start = small(start);
        let found = self.spans.binary_search_by_key(&start, |span| span.start).ok()?;
        self.spans.get(found).map(|span| span.end as usize)
    }

    /// Gives back what growing took too much.
    pub(super) fn shrink(&mut self) {
        self.spans.shrink_to_fit();
    }

    /// Bytes that it takes.
    pub(super) fn memory(&self) -> usize {
        self.spans.capacity().saturating_mul(size_of::<Span>())
    }
}

/// Bodies have at most 25 MB.
fn small(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
