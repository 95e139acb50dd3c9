//! Reads a JSON text into a tree, each byte once. `serde_json` reads strings with escapes, numbers, and what nests too deep.

use serde::de::Error as _;
use serde_json::value::RawValue;

use super::Tree;

/// Levels of a value that can grow.
const DEEPEST: usize = 64;

/// A place in a JSON text.
struct Reader<'a> {
    json: &'a str,
    at: usize,
}

/// Reads a JSON value.
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

    /// The next byte that is no white space.
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

    /// Steps over the next byte if it is that one.
    fn takes(&mut self, byte: u8) -> bool {
        let takes = self.next() == Some(byte);
        if takes {
            self.step();
        }
        takes
    }

    /// Steps over a comma, or over the end of a value; whether it was the end.
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

    /// A name that comes twice keeps its first place and its last value, as most parsers read it.
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

    /// The string that begins here.
    fn text(&mut self) -> Result<String, serde_json::Error> {
        let rest = self.rest();
        let inside = rest.as_bytes().get(1..).unwrap_or_default();
        // Most strings have no escapes. A control character is wrong in any.
        let plain = inside.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).ok_or_else(wrong)?;
        if inside.get(plain) == Some(&b'"') {
            let end = plain.saturating_add(1);
            self.at = self.at.saturating_add(end).saturating_add(1);
            return Ok(rest.get(1..end).unwrap_or_default().to_owned());
        }
        self.by_serde()
    }

    /// A number, a truth value or `null`.
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

    /// What nests too deep to be read piece by piece.
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
