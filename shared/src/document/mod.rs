//! A request's body as one document that every reader uses: shape checks, measurement, the vault, target rules, forwarding
//! and decoding.
//!
//! The text is checked once, in one linear pass that applies the limits. After that it is private: readers get values by
//! their decoded names, never text to search. So a name that is written with escapes is the same name for every reader. A
//! value that no reader asks for stays text, and what is not edited is sent byte for byte.
//!
//! The document also stores the ends of its longer values, so that readers can skip them. These never take more memory than
//! a client's text.

mod blocks;
mod cursor;
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
pub use string::plain_run;
pub use value::{Elements, Kind, Members, Value};

use index::Index;

/// Maximum nesting of arrays and objects.
pub const MAX_DEPTH: usize = 64;
/// Maximum nesting of an upstream body: the client's content is a few levels deeper in it, and expanded references deepen
/// schemas. Google accepts no body with more than about a hundred levels.
pub const MAX_SENT_DEPTH: usize = 128;
/// Maximum number of fields of an object, except in values whose names are the client's own.
pub const MAX_FIELDS: usize = 1_000;
/// Maximum number of entries of an array, with the same exceptions. It is also the maximum number of content parts of a
/// message.
pub const MAX_ENTRIES: usize = 4_000;

/// A checked JSON object with its text.
#[derive(Debug)]
pub struct Document {
    text: String,
    index: Index,
}

impl Document {
    /// Checks a body. `own_names` are the positions of values whose names are the client's own, such as schemas and tool
    /// arguments. There an object may have any number of fields, and repeated ones.
    ///
    /// A lone surrogate becomes U+FFFD: strict providers reject it, and clients that cut text produce it. Fails with a 400
    /// if the text is not JSON, is not an object, or exceeds a limit.
    pub fn parse(text: String, own_names: &[Pattern]) -> Result<Self, GatewayError> {
        Self::parse_within(text, own_names, MAX_DEPTH)
    }

    /// Parses a body that the gateway wrote. All names in it may be the client's, and it may be deeper than a client's body.
    pub fn parse_sent(text: String) -> Result<Self, GatewayError> {
        Self::parse_within(text, &[&[]], MAX_SENT_DEPTH)
    }

    fn parse_within(text: String, own_names: &[Pattern], depth: usize) -> Result<Self, GatewayError> {
        let scanned = scan::scan(&text, own_names, depth)?;
        let text = string::with_replacements(text, &scanned.lone_surrogates);
        Ok(Self { text, index: scanned.index })
    }

    /// The object.
    pub fn root(&self) -> Value<'_> {
        let start = self.text.len().saturating_sub(self.text.trim_ascii_start().len());
        Value::whole(self, start, self.text.trim_ascii_end().len())
    }

    /// Size of the body in bytes.
    pub fn bytes(&self) -> u64 {
        self.text.len() as u64
    }

    /// Memory of the document in bytes, including its text.
    pub fn memory(&self) -> usize {
        self.text.capacity().saturating_add(self.index.memory())
    }

    /// Serialises the document with these edits. Unedited text is copied.
    pub fn edited(&self, edits: &Edits) -> Vec<u8> {
        edits.apply(self.root())
    }

    /// The text of the body, without a copy.
    pub fn into_text(self) -> String {
        self.text
    }

    /// The path of a position, as clients read it; `None` for what the client did not write.
    pub fn path_of(&self, place: Place) -> Option<String> {
        place.offset().map(|offset| path::to(self.root(), offset))
    }

    /// The paths of many positions, ordered by position, without those that the client did not write.
    pub fn paths_of(&self, places: impl IntoIterator<Item = Place>) -> Vec<String> {
        path::to_all(self.root(), places.into_iter().filter_map(Place::offset).collect())
    }

    #[inline]
    fn slice(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
