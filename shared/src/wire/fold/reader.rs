//! Parses JSON into a tree in one pass. `serde_json` parses strings with escapes, numbers, and deeply nested values.

use serde::de::Error as _;
use serde_json::value::RawValue;

use super::Tree;
use crate::document::plain_run;

/// Maximum depth of a value that can grow.
const DEEPEST: usize = 64;

/// A position in a JSON text.
struct Reader<'a> {
    json: &'a str,
    at: usize,
}

/// Parses a JSON value.
pub(super) fn read(json: &str) -> Result<Tree, serde_json::Error> {
    let mut reader = Reader { json, at: 0 };
    let tree = reader.value(DEEPEST)?;
    if reader.next().is_some() { Err(wrong()) } else { Ok(tree) }
}

fn wrong() -> serde_json::Error {
    serde_json::Error::custom("not a JSON value")
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.json.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is not white space.
    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = *self.json.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.step();
        }
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// Skips the next byte if it is this one.
    fn takes(&mut self, byte: u8) -> bool {
        let takes = self.next() == Some(byte);
        if takes {
            self.step();
        }
        takes
    }

    /// Skips a comma or the end of a value. Returns true at the end.
    fn ends(&mut self, end: u8) -> Result<bool, serde_json::Error> {
        let byte = self.next().filter(|byte| *byte == b',' || *byte == end).ok_or_else(wrong)?;
        self.step();
        Ok(byte == end)
    }

    fn value(&mut self, depth: usize) -> Result<Tree, serde_json::Error> {
        match (self.next(), depth.checked_sub(1)) {
            (Some(b'"'), Some(_)) => self.text().map(Tree::Text),
            (Some(b'['), Some(depth)) => self.list(depth),
            (Some(b'{'), Some(depth)) => self.object(depth),
            (Some(b'"' | b'[' | b'{'), None) => self.deep(),
            (Some(_), _) => self.scalar(),
            (None, _) => Err(wrong()),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Tree, serde_json::Error> {
        let mut items = Vec::new();
        self.step();
        if self.takes(b']') {
            return Ok(Tree::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.ends(b']')? {
                return Ok(Tree::List(items));
            }
        }
    }

    /// If a name occurs twice, its first position and its last value count, as in most parsers.
    fn object(&mut self, depth: usize) -> Result<Tree, serde_json::Error> {
        let mut object = Tree::Object(Vec::new());
        self.step();
        if self.takes(b'}') {
            return Ok(object);
        }
        loop {
            let name = if self.next() == Some(b'"') { self.text()? } else { return Err(wrong()) };
            if !self.takes(b':') {
                return Err(wrong());
            }
            let value = self.value(depth)?;
            match object.get_mut(&name) {
                Some(old) => *old = value,
                None => object.add(name, value),
            }
            if self.ends(b'}')? {
                return Ok(object);
            }
        }
    }

    /// The string that starts here.
    fn text(&mut self) -> Result<String, serde_json::Error> {
        let rest = self.rest();
        let inside = rest.as_bytes().get(1..).unwrap_or_default();
        // Most strings have no escapes. Control characters are invalid in all of them.
        let plain = plain_run(inside);
        if inside.get(plain) == Some(&b'"') {
            let end = plain.saturating_add(1);
            self.at = self.at.saturating_add(end).saturating_add(1);
            return Ok(rest.get(1..end).unwrap_or_default().to_owned());
        }
        self.by_serde()
    }

    /// A number, a boolean or `null`.
    fn scalar(&mut self) -> Result<Tree, serde_json::Error> {
        let rest = self.rest();
        let ends = |byte: u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
        let length = rest.bytes().position(ends).unwrap_or(rest.len());
        self.at = self.at.saturating_add(length);
        let text = rest.get(..length).unwrap_or_default();
        if text != "null" {
            serde_json::from_str::<&RawValue>(text)?;
        }
        Ok(Tree::Scalar(text.into()))
    }

    /// A value that is nested too deeply for this parser.
    fn deep(&mut self) -> Result<Tree, serde_json::Error> {
        self.by_serde::<&RawValue>().map(|value| Tree::Scalar(value.get().into()))
    }

    fn by_serde<T: serde::Deserialize<'a>>(&mut self) -> Result<T, serde_json::Error> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter();
        let value = values.next().unwrap_or_else(|| Err(wrong()))?;
        self.at = self.at.saturating_add(values.byte_offset());
        Ok(value)
    }
}
