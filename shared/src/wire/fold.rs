//! Merges the pieces of a provider's stream into the whole reply that the provider would have sent.
//!
//! Strings are joined, lists of numbered objects are merged by number, and of all other values the last one is kept.
//! Exceptions: the strings in [`LABELS`] are replaced, `null` removes nothing, and objects with the same number but
//! different types or ids stay separate.

mod reader;

use serde::Serialize;
use serde::ser::{Error as _, SerializeMap as _, Serializer};
use serde_json::value::RawValue;

/// Strings that name a kind or state. Each piece repeats them, or the last one corrects them.
pub const LABELS: [&str; 22] = [
    "id",
    "object",
    "model",
    "role",
    "type",
    "name",
    "format",
    "signature",
    "finish_reason",
    "native_finish_reason",
    "stop_reason",
    "stop_sequence",
    "category",
    "explanation",
    "provider",
    "service_tier",
    "system_fingerprint",
    "tool_use_id",
    "url",
    "title",
    "media_type",
    "expires_at",
];

/// A JSON value that grows piece by piece.
#[derive(Clone, Debug)]
pub enum Tree {
    /// A number, a boolean or `null`, or a value that nests too deep, as raw text.
    Scalar(Box<str>),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// An object; its fields keep their order.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// Parses a JSON value. A value that nests too deep stays raw text.
    pub fn read(json: &str) -> Result<Self, serde_json::Error> {
        reader::read(json)
    }

    /// An empty object.
    pub const fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// Merges the next piece.
    pub fn merge(&mut self, piece: Self) {
        match (self, piece) {
            (Self::Object(fields), Self::Object(pieces)) => {
                for (name, piece) in pieces {
                    match fields.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, value)) => value.merge_field(&name, piece),
                        None => fields.push((name, piece)),
                    }
                }
            }
            (Self::List(items), Self::List(pieces)) => pieces.into_iter().for_each(|piece| merge_item(items, piece)),
            (Self::Text(text), Self::Text(piece)) => text.push_str(&piece),
            (_, Self::Scalar(piece)) if &*piece == "null" => {}
            (value, piece) => *value = piece,
        }
    }

    fn merge_field(&mut self, name: &str, piece: Self) {
        match (self, piece) {
            (Self::Text(text), Self::Text(piece)) if LABELS.contains(&name) => {
                if !piece.is_empty() {
                    *text = piece;
                }
            }
            (value, piece) => value.merge(piece),
        }
    }

    /// Replaces a field by its latest value. `null` removes nothing.
    pub fn replace(&mut self, name: &str, value: Self) {
        if value.is_null() && self.get(name).is_some() {
            return;
        }
        self.set(name, value);
    }

    /// Sets a field in place, or appends it. Does nothing if this is not an object.
    pub fn set(&mut self, name: &str, value: Self) {
        match self.get_mut(name) {
            Some(old) => *old = value,
            None => self.add(name.to_owned(), value),
        }
    }

    /// Appends a field.
    fn add(&mut self, name: String, value: Self) {
        if let Self::Object(fields) = self {
            fields.push((name, value));
        }
    }

    /// Returns a field of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Returns a field of an object, mutably.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Removes a field from an object and returns it.
    pub fn take(&mut self, name: &str) -> Option<Self> {
        let Self::Object(fields) = self else { return None };
        let position = fields.iter().position(|(known, _)| known == name)?;
        Some(fields.remove(position).1)
    }

    /// Returns the fields of an object; empty for other values.
    pub fn into_fields(self) -> Vec<(String, Self)> {
        if let Self::Object(fields) = self { fields } else { Vec::new() }
    }

    /// Returns the items of a list; empty for other values.
    pub fn items_mut(&mut self) -> &mut [Self] {
        if let Self::List(items) = self { items } else { &mut [] }
    }

    /// Returns the text of a string.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Appends to a string. Returns false if this is not a string.
    pub fn append(&mut self, piece: &str) -> bool {
        let Self::Text(text) = self else { return false };
        text.push_str(piece);
        true
    }

    /// How many of its values would grow if it was merged once more: texts, and lists of any kind.
    pub fn growing(&self) -> usize {
        match self {
            Self::Scalar(_) => 0,
            Self::Text(text) => usize::from(!text.is_empty()),
            Self::List(items) => items.len().saturating_mul(2),
            Self::Object(fields) => {
                let is_label = |name: &str, value: &Self| value.text().is_some() && LABELS.contains(&name);
                fields.iter().filter(|(name, value)| !is_label(name, value)).map(|(_, value)| value.growing()).sum()
            }
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(value) if &**value == "null")
    }

    /// Whether a piece with this number continues this object. Types and ids separate two objects. So does data that only
    /// the provider can read, because it comes in one piece.
    fn is_continued_by(&self, index: usize, piece: &Self) -> bool {
        let both = |name| self.field_text(name).zip(piece.field_text(name));
        let is_other = |name| both(name).is_some_and(|(known, new)| known != new);
        self.index() == Some(index) && !is_other("type") && !is_other("id") && both("data").is_none()
    }

    /// A field's text, if it is not empty.
    fn field_text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Self::text).filter(|text| !text.is_empty())
    }

    /// The number of a numbered object.
    pub fn index(&self) -> Option<usize> {
        if let Some(Self::Scalar(index)) = self.get("index") { index.parse().ok() } else { None }
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::object()
    }
}

/// Merges a numbered object into the last one that it continues, or appends it.
fn merge_item(items: &mut Vec<Tree>, piece: Tree) {
    let known = piece.index().and_then(|index| items.iter_mut().rfind(|item| item.is_continued_by(index, &piece)));
    match known {
        Some(item) => item.merge(piece),
        None => items.push(piece),
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(value) => serde_json::from_str::<&RawValue>(value).map_err(S::Error::custom)?.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => items.serialize(serializer),
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(pieces: &[&str]) -> String {
        let mut tree = Tree::object();
        for piece in pieces {
            tree.merge(Tree::read(piece).unwrap());
        }
        serde_json::to_string(&tree).unwrap()
    }

    #[test]
    fn texts_concatenate_and_other_values_are_the_last_ones() {
        assert_eq!(
            folded(&[r#"{"a":"x","n":1.50,"o":{"b":"1"},"m":1}"#, r#"{"a":"y","n":2e3,"o":{"b":"2"},"m":{"x":[]}}"#]),
            r#"{"a":"xy","n":2e3,"o":{"b":"12"},"m":{"x":[]}}"#
        );
    }

    #[test]
    fn numbered_objects_merge_and_others_follow_each_other() {
        assert_eq!(
            folded(&[
                r#"{"l":[{"index":0,"t":"a"},{"u":1}]}"#,
                r#"{"l":[{"index":1,"t":"c"},{"index":0,"t":"b"},{"u":1}]}"#
            ]),
            r#"{"l":[{"index":0,"t":"ab"},{"u":1},{"index":1,"t":"c"},{"u":1}]}"#
        );
    }

    #[test]
    fn a_label_is_the_last_one_that_says_something() {
        for label in LABELS {
            let piece = |value: &str| format!(r#"{{"{label}":"{value}"}}"#);
            assert_eq!(folded(&[&piece("a"), &piece("b"), &piece("")]), piece("b"));
        }
    }

    #[test]
    fn what_nests_too_deep_stays_as_it_was_written() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(serde_json::to_string(&Tree::read(&deep).unwrap()).unwrap(), deep);
    }

    #[test]
    fn null_takes_nothing_away() {
        assert_eq!(folded(&[r#"{"a":"x","b":null}"#, r#"{"a":null,"b":"y"}"#]), r#"{"a":"x","b":"y"}"#);
    }

    #[test]
    fn objects_of_one_number_and_two_types_are_two() {
        assert_eq!(
            folded(&[r#"{"l":[{"index":0,"type":"a","text":"x"}]}"#, r#"{"l":[{"index":0,"type":"b","data":"y"}]}"#]),
            r#"{"l":[{"index":0,"type":"a","text":"x"},{"index":0,"type":"b","data":"y"}]}"#
        );
    }

    #[test]
    fn objects_of_one_number_and_two_ids_are_two() {
        assert_eq!(
            folded(&[
                r#"{"l":[{"index":0,"id":"a","text":"x"}]}"#,
                r#"{"l":[{"index":0,"id":"b","text":"y"}]}"#,
                r#"{"l":[{"index":0,"id":"","text":"z"}]}"#,
            ]),
            r#"{"l":[{"index":0,"id":"a","text":"x"},{"index":0,"id":"b","text":"yz"}]}"#
        );
    }

    #[test]
    fn data_of_one_number_does_not_concatenate() {
        let entry = |data: &str| format!(r#"{{"index":0,"type":"reasoning.encrypted","data":"{data}"}}"#);
        let list = |entries: &str| format!(r#"{{"l":[{entries}]}}"#);
        let pieces = [list(&entry("AAAA")), list(&entry("BBBB"))];
        assert_eq!(folded(&[pieces[0].as_str(), pieces[1].as_str()]), list(&format!("{},{}", entry("AAAA"), entry("BBBB"))));
    }
}
