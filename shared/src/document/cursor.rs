//! Steps from value to value of checked text.

use super::value::Value;
use super::{Document, string};

/// Reads checked text.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'d> {
    document: &'d Document,
    pub(super) at: usize,
    /// The closing bracket.
    end: usize,
    /// Position in the index where the next search begins.
    place: usize,
}

impl<'d> Cursor<'d> {
    /// A cursor over the text between these offsets, with the index from this position on.
    pub(super) fn new(document: &'d Document, at: usize, end: usize, place: usize) -> Self {
        Self { document, at, end, place }
    }

    /// Skips white space, commas and colons. Returns false at the end.
    #[inline]
    pub(super) fn find(&mut self) -> bool {
        let between = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | b':');
        let rest = self.document.text.as_bytes().get(self.at..self.end).unwrap_or_default();
        let skipped = rest.iter().position(|byte| !between(byte));
        self.at = self.at.saturating_add(skipped.unwrap_or(rest.len()));
        skipped.is_some()
    }

    /// The next value.
    #[inline]
    pub(super) fn value(&mut self) -> Option<Value<'d>> {
        self.find().then(|| {
            let start = self.at;
            self.at = self.end_of(start);
            Value::at_place(self.document, start, self.at, self.place)
        })
    }

    /// The next field: its name as written, and its value.
    #[inline]
    pub(super) fn member(&mut self) -> Option<(&'d str, Value<'d>)> {
        let name = self.value()?;
        Some((name.between_quotes(), self.value()?))
    }

    fn end_of(&mut self, start: usize) -> usize {
        let (bytes, index) = (self.document.text.as_bytes(), &self.document.index);
        let long = index.long();
        let end = match bytes.get(start) {
            // Most strings are short, most containers are long.
            Some(b'"') => string::end(bytes, start.saturating_add(1), long).or_else(|| index.end_of(start, &mut self.place)),
            Some(b'{' | b'[') => index.end_of(start, &mut self.place).or_else(|| end_of_container(bytes, start, long)),
            Some(_) | None => {
                let ends = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | b'}' | b']');
                let rest = bytes.get(start..).unwrap_or_default();
                Some(start.saturating_add(rest.iter().position(ends).unwrap_or(rest.len())))
            }
        };
        end.unwrap_or(self.end)
    }
}

/// The end of an array or object shorter than `long` bytes.
fn end_of_container(bytes: &[u8], start: usize, long: usize) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, start);
    while at.saturating_sub(start) < long {
        match bytes.get(at)? {
            b'"' => {
                at = string::end(bytes, at.saturating_add(1), long)?;
                continue;
            }
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at = at.saturating_add(1);
        if depth == 0 {
            return Some(at);
        }
    }
    None
}
