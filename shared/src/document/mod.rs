//! A request's body as one document that every reader asks: shape checks, sizes, the vault, the rules of a target, forwarding and
//! decoding.
//!
//! The text is checked once, in one linear pass that applies the limits, and is private from then on: readers get values by their
//! decoded names, never text to search. So a name that is spelled with escapes is the same name to every reader. A value that
//! nobody asks for stays text. What nobody edits goes out byte for byte.
//!
//! Beside the text the document keeps the ends of its longer values, so that a reader can step over them. They never take more
//! memory than a client's text itself.

mod edit;
mod fault;
mod index;
mod path;
mod scan;
mod string;
mod value;

use crate::chat::request::Place;
use crate::error::GatewayError;

pub use edit::{Edits, Entry, append_members};
pub use path::Pattern;
pub use value::{Elements, Kind, Members, Value};

use index::Index;

/// Deepest nesting of arrays and objects that is accepted (S11).
pub const MAX_DEPTH: usize = 64;
/// Deepest nesting of a body that goes upstream: what a client may send stands in it a few levels deeper, and references that are
/// written out deepen schemas. Google reads no body of more than about a hundred levels.
pub const MAX_SENT_DEPTH: usize = 128;
/// Most fields of one object, outside the values whose names are the client's own.
pub const MAX_FIELDS: usize = 1_000;
/// Most entries of one array, outside the same values: the longest list that a format allows (S11, content parts).
pub const MAX_ENTRIES: usize = 4_000;

/// A JSON object that was checked, with its text.
#[derive(Debug)]
pub struct Document {
    text: String,
    index: Index,
}

impl Document {
    /// Checks a body and takes it over. `own_names` are the places of values whose names are the client's own, such as schemas and
    /// tool arguments: there an object may have any number of fields, and the same one twice.
    ///
    /// A surrogate without its other half becomes U+FFFD: no strict provider takes it, and clients that cut texts produce it.
    /// Fails with a 400 for what is not JSON, not an object, or beyond a limit.
    pub fn parse(text: String, own_names: &[Pattern]) -> Result<Self, GatewayError> {
        Self::parse_within(text, own_names, MAX_DEPTH)
    }

    /// Reads a body of the gateway's own, all of whose names may be the client's. It may be deeper than what a client sends.
    pub fn parse_sent(text: String) -> Result<Self, GatewayError> {
        Self::parse_within(text, &[&[]], MAX_SENT_DEPTH)
    }

    fn parse_within(text: String, own_names: &[Pattern], depth: usize) -> Result<Self, GatewayError> {
        let scanned = scan::scan(&text, own_names, depth)?;
        let text = string::with_replacements(text, &scanned.lone_surrogates);
        Ok(Self { text, index: scanned.index })
    }

    /// The object itself.
    pub fn root(&self) -> Value<'_> {
        let start = self.text.len().saturating_sub(self.text.trim_ascii_start().len());
        Value::whole(self, start, self.text.trim_ascii_end().len())
    }

    /// Bytes of the body.
    pub fn bytes(&self) -> u64 {
        self.text.len() as u64
    }

    /// Bytes that the document takes, its text included.
    pub fn memory(&self) -> usize {
        self.text.capacity().saturating_add(self.index.memory())
    }

    /// The document with these edits, serialised: what is not edited is copied.
    pub fn edited(&self, edits: &Edits) -> Vec<u8> {
        edits.apply(self.root())
    }

    /// Its text.
    pub fn into_text(self) -> String {
        self.text
    }

    /// The path of what stands at a place, as clients read it; `None` for what the client did not write.
    pub fn path_of(&self, place: Place) -> Option<String> {
        place.offset().map(|offset| path::to(self.root(), offset))
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
