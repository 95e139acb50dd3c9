//! Checks a body in one linear pass: JSON's grammar (RFC 8259) and the limits.

use std::borrow::Cow;

use super::index::Index;
use super::path::{ANY, Pattern};
use super::string::{self, Escape};
use super::{MAX_ENTRIES, MAX_FIELDS, fault};
use crate::error::GatewayError;

/// The result of the pass.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) index: Index,
    /// Positions of lone surrogate escapes.
    pub(super) lone_surrogates: Vec<usize>,
}

/// Checks a body with this maximum nesting.
pub(super) fn scan(text: &str, own_names: &[Pattern], depth: usize) -> Result<Scanned, GatewayError> {
    let mut scan = Scan {
        text,
        depth,
        at: 0,
        own_names,
        index: Index::of(text.len()),
        open: Vec::with_capacity(16),
        names: Vec::with_capacity(32),
        lone_surrogates: Vec::new(),
    };
    scan.space();
    if scan.next() != Some(b'{') {
        return Err(scan.not_an_object());
    }
    let own = own_names.iter().any(|pattern| pattern.is_empty());
    scan.value(Places { possible: all(own_names), own })?;
    while !scan.open.is_empty() {
        scan.step()?;
    }
    scan.space();
    if scan.at < text.len() {
        return Err(scan.syntax());
    }
    scan.index.shrink();
    Ok(Scanned { index: scan.index, lone_surrogates: scan.lone_surrogates })
}

/// A mask in which one bit is set for each pattern.
fn all(own_names: &[Pattern]) -> u32 {
    1_u32.checked_shl(u32::try_from(own_names.len()).unwrap_or(u32::MAX)).map_or(u32::MAX, |bit| bit.saturating_sub(1))
}

/// What is known about a position: the patterns that it may still match (`possible`, one bit each), and whether it is inside
/// a value whose field names the client chose (`own`).
#[derive(Clone, Copy, Debug)]
struct Places {
    possible: u32,
    own: bool,
}

/// An array or object that is still open.
#[derive(Debug)]
struct Open {
    is_object: bool,
    start: usize,
    entries: usize,
    /// Index of its first name in the list of names.
    names_from: usize,
    places: Places,
}

struct Scan<'a> {
    text: &'a str,
    depth: usize,
    at: usize,
    own_names: &'a [Pattern],
    index: Index,
    open: Vec<Open>,
    /// The decoded names of all open objects, except those whose names are the client's own.
    names: Vec<Cow<'a, str>>,
    lone_surrogates: Vec<usize>,
}

impl<'a> Scan<'a> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.next(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at = self.at.saturating_add(1);
        }
    }

    /// Reads this byte, or fails.
    fn expect(&mut self, byte: u8) -> Result<(), GatewayError> {
        if self.next() != Some(byte) {
            return Err(self.syntax());
        }
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    /// Reads the next entry of the innermost open value, or its end.
    fn step(&mut self) -> Result<(), GatewayError> {
        self.space();
        let Some(open) = self.open.last() else { return Ok(()) };
        let (is_object, entries, places) = (open.is_object, open.entries, open.places);
        let end = if is_object { b'}' } else { b']' };
        if self.next() == Some(end) {
            return self.close();
        }
        if entries > 0 {
            self.expect(b',')?;
            self.space();
        }
        let depth = self.open.len().saturating_sub(1);
        let inner = if is_object {
            let name = self.name()?;
            let inner = places.within(self.own_names, depth, &name);
            if !places.own {
                self.names.push(name);
            }
            self.space();
            self.expect(b':')?;
            self.space();
            inner
        } else {
            places.within(self.own_names, depth, ANY)
        };
        self.count()?;
        self.value(inner)
    }

    /// Counts an entry of the innermost open value against its limit.
    fn count(&mut self) -> Result<(), GatewayError> {
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        open.entries = open.entries.saturating_add(1);
        let limit = if open.is_object { MAX_FIELDS } else { MAX_ENTRIES };
        if open.places.own || open.entries <= limit {
            return Ok(());
        }
        let (start, what) = (open.start, if open.is_object { "fields" } else { "entries" });
        Err(fault::beyond(self.text, start, format_args!("at most {limit} {what} are accepted")))
    }

    /// A name of a field, decoded.
    fn name(&mut self) -> Result<Cow<'a, str>, GatewayError> {
        let start = self.at.saturating_add(1);
        self.expect(b'"')?;
        self.string()?;
        self.index.string(start.saturating_sub(1), self.at);
        Ok(string::decoded(self.text.get(start..self.at.saturating_sub(1)).unwrap_or_default()))
    }

    /// Reads a value. Of an array or object, reads only the beginning.
    fn value(&mut self, places: Places) -> Result<(), GatewayError> {
        let start = self.at;
        match self.next() {
            Some(b'"') => {
                self.at = start.saturating_add(1);
                self.string()?;
                self.index.string(start, self.at);
                Ok(())
            }
            Some(byte @ (b'{' | b'[')) => {
                if self.open.len() >= self.depth {
                    return Err(fault::too_deep(self.depth));
                }
                self.at = start.saturating_add(1);
                self.index.open(start);
                let names_from = self.names.len();
                self.open.push(Open { is_object: byte == b'{', start, entries: 0, names_from, places });
                Ok(())
            }
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) | None => Err(self.syntax()),
        }
    }

    fn close(&mut self) -> Result<(), GatewayError> {
        self.at = self.at.saturating_add(1);
        let Some(open) = self.open.pop() else { return Ok(()) };
        self.index.close(self.at);
        let names = self.names.get_mut(open.names_from..).unwrap_or_default();
        if let Some(name) = doubled(names) {
            return Err(fault::doubled(self.text, open.start, name));
        }
        self.names.truncate(open.names_from);
        Ok(())
    }

    /// Reads a string up to its closing quote. The opening quote was read.
    fn string(&mut self) -> Result<(), GatewayError> {
        loop {
            self.at = string::skip_simple(self.text.as_bytes(), self.at);
            match self.next() {
                Some(b'"') => {
                    self.at = self.at.saturating_add(1);
                    return Ok(());
                }
                Some(b'\\') => match string::check_escape(self.text.as_bytes(), self.at) {
                    Escape::Character(length) => self.at = self.at.saturating_add(length),
                    Escape::LoneSurrogate => {
                        self.lone_surrogates.push(self.at);
                        self.at = self.at.saturating_add(6);
                    }
                    Escape::Wrong => return Err(self.syntax()),
                },
                Some(_) | None => return Err(self.syntax()),
            }
        }
    }

    fn word(&mut self, word: &str) -> Result<(), GatewayError> {
        let end = self.at.saturating_add(word.len());
        if self.text.as_bytes().get(self.at..end) != Some(word.as_bytes()) {
            return Err(self.syntax());
        }
        self.at = end;
        Ok(())
    }

    fn number(&mut self) -> Result<(), GatewayError> {
        if self.next() == Some(b'-') {
            self.at = self.at.saturating_add(1);
        }
        match self.next() {
            Some(b'0') => self.at = self.at.saturating_add(1),
            _ => self.digits()?,
        }
        if self.next() == Some(b'.') {
            self.at = self.at.saturating_add(1);
            self.digits()?;
        }
        if matches!(self.next(), Some(b'e' | b'E')) {
            self.at = self.at.saturating_add(1);
            if matches!(self.next(), Some(b'+' | b'-')) {
                self.at = self.at.saturating_add(1);
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Reads one or more digits.
    fn digits(&mut self) -> Result<(), GatewayError> {
        let start = self.at;
        while matches!(self.next(), Some(b'0'..=b'9')) {
            self.at = self.at.saturating_add(1);
        }
        if self.at == start { Err(self.syntax()) } else { Ok(()) }
    }

    fn syntax(&self) -> GatewayError {
        fault::syntax(self.text, self.at)
    }

    fn not_an_object(&self) -> GatewayError {
        match self.next() {
            Some(b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => fault::not_an_object(),
            Some(_) | None => self.syntax(),
        }
    }
}

impl Places {
    /// The patterns for an entry with this name, whose container is `depth` levels below the body.
    fn within(self, own_names: &[Pattern], depth: usize, name: &str) -> Self {
        if self.own || self.possible == 0 {
            return Self { possible: 0, ..self };
        }
        let (mut inner, mut bit) = (Self { possible: 0, own: false }, 1_u32);
        for pattern in own_names {
            if self.possible & bit != 0 && pattern.get(depth).is_some_and(|step| *step == name) {
                inner.possible |= bit;
                inner.own |= pattern.len() == depth.saturating_add(1);
            }
            bit = bit.wrapping_shl(1);
        }
        inner
    }
}

/// A name that occurs twice. Longer lists are sorted, because comparing pairs takes quadratic time.
fn doubled<'n>(names: &'n mut [Cow<'_, str>]) -> Option<&'n str> {
    const FEW: usize = 8;
    if names.len() > FEW {
        names.sort_unstable();
        return names.windows(2).find_map(|pair| match pair {
            [first, second] if first == second => Some(first.as_ref()),
            _ => None,
        });
    }
    let mut rest: &[Cow<'_, str>] = names;
    while let [first, others @ ..] = rest {
        if others.contains(first) {
            return Some(first);
        }
        rest = others;
    }
    None
}
