//! A value of a document: its position in the text, and the accessors for readers.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::{Document, fault, path, string};
use crate::chat::request::{JsonText, Place};
use crate::error::GatewayError;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag,
    /// A number.
    Number,
    /// A string.
    Text,
    /// An array.
    List,
    /// An object.
    Object,
}

/// A value of a document. Each access reads the text again; nothing is cached.
#[derive(Clone, Copy, Debug)]
pub struct Value<'d> {
    document: &'d Document,
    start: usize,
    end: usize,
    /// Position in the index at or before the long values inside it.
    place: usize,
}

/// A value's position without its document's lifetime.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    start: usize,
    end: usize,
    place: usize,
}

impl<'d> Value<'d> {
    /// The value of a whole document.
    pub(super) fn whole(document: &'d Document, start: usize, end: usize) -> Self {
        Self { document, start, end, place: 0 }
    }

    /// The value between two offsets, with the index from this position on.
    pub(super) fn at_place(document: &'d Document, start: usize, end: usize, place: usize) -> Self {
        Self { document, start, end, place }
    }

    /// Its kind.
    #[inline]
    pub fn kind(self) -> Kind {
        match self.first_byte() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::List,
            Some(b'"') => Kind::Text,
            Some(b't' | b'f') => Kind::Flag,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    /// Whether it is `null` or has nothing in it. Clients write such values for nothing, so leaving one out loses nothing.
    pub fn is_empty(self) -> bool {
        match self.kind() {
            Kind::Null => true,
            Kind::Text => self.is(""),
            Kind::List => self.elements().next().is_none(),
            Kind::Object => self.members().next().is_none(),
            Kind::Flag | Kind::Number => false,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The fields of an object, in order; empty for other values.
    pub fn members(self) -> Members<'d> {
        Members { cursor: self.inside(Kind::Object) }
    }

    /// The entries of a list, in order; empty for other values.
    pub fn elements(self) -> Elements<'d> {
        Elements { cursor: self.inside(Kind::List) }
    }

    /// The entries of a list. Fails with a 400 that names the path for other values.
    pub fn list(self) -> Result<Elements<'d>, GatewayError> {
        if self.kind() == Kind::List { Ok(self.elements()) } else { Err(self.expected("a list")) }
    }

    /// The field with this name, unless it is missing or null.
    pub fn get(self, name: &str) -> Option<Self> {
        let mut cursor = self.members().cursor;
        while let Some((known, value)) = cursor.member() {
            if says(known, name) {
                return Some(value).filter(|value| !value.is_null());
            }
        }
        None
    }

    /// The value at a path of names. `None` if a value on the path is missing or null.
    pub fn at(self, names: &[&str]) -> Option<Self> {
        names.iter().try_fold(self, |value, name| value.get(name))
    }

    /// Several fields of an object in one pass, each `None` if it is missing or null. Fails with a 400 if it is not an
    /// object.
    pub fn fields<const N: usize>(self, names: [&str; N]) -> Result<[Option<Self>; N], GatewayError> {
        if self.kind() != Kind::Object {
            return Err(self.expected("an object"));
        }
        let (mut found, mut missing) = ([None; N], N);
        let mut cursor = self.members().cursor;
        while missing > 0
            && let Some((known, value)) = cursor.member()
        {
            let wanted = names.iter().zip(&mut found).find(|(wanted, _)| says(known, wanted));
            if let Some((_, place)) = wanted {
                *place = Some(value).filter(|value| !value.is_null());
                missing = missing.saturating_sub(1);
            }
        }
        Ok(found)
    }

    /// The field with this name. Fails with a 400 if it is missing or null.
    pub fn required(self, name: &str) -> Result<Self, GatewayError> {
        self.get(name).ok_or_else(|| self.missing(name))
    }

    /// The text of a string. Fails with a 400 for other values.
    pub fn text(self) -> Result<Cow<'d, str>, GatewayError> {
        self.as_text().ok_or_else(|| self.expected("a string"))
    }

    /// The text of a string; `None` for other values.
    pub fn as_text(self) -> Option<Cow<'d, str>> {
        (self.kind() == Kind::Text).then(|| string::decoded(self.between_quotes()))
    }

    /// Whether it is a string of white space only.
    pub fn is_blank(self) -> bool {
        // Most texts do not begin with white space, and then the rest need not be read.
        let begins =
            self.kind() == Kind::Text && self.between_quotes().starts_with(|c: char| c != '\\' && !c.is_whitespace());
        !begins && self.as_text().is_some_and(|text| text.trim().is_empty())
    }

    /// Whether it is this string.
    pub fn is(self, text: &str) -> bool {
        self.as_text().is_some_and(|said| said == text)
    }

    /// A whole number of 0 or more. Fails with a 400 for other values.
    pub fn whole_number(self) -> Result<u64, GatewayError> {
        self.as_whole_number().ok_or_else(|| match self.kind() {
            Kind::Number => fault::at(self, format_args!("expected a whole number of 0 or more")),
            Kind::Null | Kind::Flag | Kind::Text | Kind::List | Kind::Object => self.expected("a whole number"),
        })
    }

    /// A whole number of 0 or more: `1024`, and also `1024.0`, as some clients write it.
    pub fn as_whole_number(self) -> Option<u64> {
        let text = self.number_text()?;
        let whole = match text.split_once('.') {
            Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
            Some(_) | None => text,
        };
        whole.parse().ok()
    }

    /// A whole number, possibly negative; `None` for other values.
    pub fn as_integer(self) -> Option<i64> {
        let text = self.number_text()?;
        let whole = text.split_once('.').filter(|(_, fraction)| fraction.bytes().all(|digit| digit == b'0'));
        whole.map_or(text, |(whole, _)| whole).parse().ok()
    }

    /// A number. Fails with a 400 for other values.
    pub fn number(self) -> Result<f64, GatewayError> {
        let number = self.number_text().and_then(|text| text.parse().ok());
        number.filter(|number: &f64| number.is_finite()).ok_or_else(|| self.expected("a number"))
    }

    /// A boolean. Fails with a 400 for other values.
    pub fn flag(self) -> Result<bool, GatewayError> {
        match self.kind() {
            Kind::Flag => Ok(self.first_byte() == Some(b't')),
            Kind::Null | Kind::Number | Kind::Text | Kind::List | Kind::Object => Err(self.expected("true or false")),
        }
    }

    /// Its raw text, for schemas and arguments.
    pub fn json(self) -> JsonText {
        JsonText(self.document.slice(self.start, self.end).to_owned())
    }

    /// Its raw text in an upstream body.
    pub(super) fn raw(self) -> &'d str {
        self.document.slice(self.start, self.end)
    }

    /// Its value, independent of spelling and member order; `None` for numbers that cannot be represented.
    pub fn meaning(self) -> Option<serde_json::Value> {
        serde_json::from_str(self.raw()).ok()
    }

    /// A string without its quotes, with its escapes.
    pub fn spelling(self) -> &'d str {
        if self.kind() == Kind::Text { self.between_quotes() } else { self.raw() }
    }

    /// Length of its text in bytes.
    pub fn bytes(self) -> u64 {
        self.end.saturating_sub(self.start) as u64
    }

    /// Its position, for content made from it.
    pub fn place(self) -> Place {
        Place::at(self.start)
    }

    /// Its path as clients read it: `messages[1].content[0].type`; empty for the body.
    pub fn path(self) -> String {
        path::to(self.document.root(), self.start)
    }

    /// The path of one of its fields, whether it exists or not.
    pub fn path_of(self, name: &str) -> String {
        fault::field(self, name)
    }

    /// The 400 for a value of the wrong kind.
    pub fn expected(self, expected: &str) -> GatewayError {
        fault::unexpected(self, expected)
    }

    /// The 400 for a value that is wrong for this reason.
    pub fn wrong(self, reason: &str) -> GatewayError {
        fault::at(self, format_args!("{reason}"))
    }

    /// The 400 for a missing field.
    pub fn missing(self, name: &str) -> GatewayError {
        fault::missing(self, name)
    }

    pub(super) fn spot(self) -> Spot {
        Spot { start: self.start, end: self.end, place: self.place }
    }

    /// The value at another position of the same document.
    pub(super) fn elsewhere(self, spot: Spot) -> Self {
        let Spot { start, end, place } = spot;
        Self { document: self.document, start, end, place }
    }

    pub(super) fn start(self) -> usize {
        self.start
    }

    pub(super) fn end(self) -> usize {
        self.end
    }

    /// The text of its document between two offsets.
    pub(super) fn slice(self, start: usize, end: usize) -> &'d str {
        self.document.slice(start, end)
    }

    #[inline]
    fn first_byte(self) -> Option<u8> {
        self.document.text.as_bytes().get(self.start).copied().filter(|_| self.start < self.end)
    }

    #[inline]
    pub(super) fn between_quotes(self) -> &'d str {
        self.document.slice(self.start.saturating_add(1), self.end.saturating_sub(1))
    }

    fn number_text(self) -> Option<&'d str> {
        (self.kind() == Kind::Number).then(|| self.document.slice(self.start, self.end))
    }

    /// A cursor over the text between its brackets.
    fn inside(self, kind: Kind) -> Cursor<'d> {
        let start = if self.kind() == kind { self.start.saturating_add(1) } else { self.end };
        Cursor::new(self.document, start, self.end.saturating_sub(1), self.place)
    }
}

/// Whether a written name is the wanted one. Escapes only make a spelling longer.
#[inline]
fn says(spelled: &str, wanted: &str) -> bool {
    spelled == wanted || (spelled.len() > wanted.len() && spelled.contains('\\') && string::decoded(spelled) == wanted)
}

/// The fields of an object.
#[derive(Clone, Debug)]
pub struct Members<'d> {
    cursor: Cursor<'d>,
}

impl<'d> Iterator for Members<'d> {
    /// The decoded name, and the value.
    type Item = (Cow<'d, str>, Value<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        self.cursor.member().map(|(name, value)| (string::decoded(name), value))
    }
}

impl Members<'_> {
    /// The offset of the next field's name, which edits remove with its value.
    pub(super) fn next_start(&mut self) -> Option<usize> {
        self.cursor.find().then_some(self.cursor.at)
    }
}

/// The entries of a list.
#[derive(Clone, Debug)]
pub struct Elements<'d> {
    cursor: Cursor<'d>,
}

impl<'d> Iterator for Elements<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        self.cursor.value()
    }
}
