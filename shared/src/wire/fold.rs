//! JSON that grows piece by piece: how a provider's stream becomes the whole reply that it would have given.
//!
//! Texts concatenate, lists of numbered objects merge by number, everything else takes the last value. The exceptions are
//! [`LABELS`], which are texts but no pieces of one, `null`, which takes nothing away, and objects of one number but of two types
//! or ids, which are two.

mod reader;

use serde::Serialize;
use serde::ser::{Error as _, SerializeMap as _, Serializer};
use serde_json::value::RawValue;

/// Texts that say what something is: each piece repeats them, or the last one corrects them.
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

/// A JSON value that can grow.
#[derive(Clone, Debug)]
pub enum Tree {
    /// A number, a truth value or `null`, and whatever nests too deep, as it was written.
    Scalar(Box<str>),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// An object, with its fields in order.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// Reads a JSON value. What nests too deep to be read piece by piece stays as it was written.
    pub fn read(json: &str) -> Result<Self, serde_json::Error> {
        reader::read(json)
    }

    /// An object without fields.
    pub const fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// Takes the next piece in.
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

    /// Replaces a field by what came last; `null` takes nothing away.
    pub fn replace(&mut self, name: &str, value: Self) {
        if value.is_null() && self.get(name).is_some() {
            return;
        }
        self.set(name, value);
    }

    /// Sets a field where it stands, or adds it at the end. What is no object stays as it is.
    pub fn set(&mut self, name: &str, value: Self) {
        match self.get_mut(name) {
            Some(old) => *old = value,
            None => self.add(name.to_owned(), value),
        }
    }

    /// Adds a field at the end.
    fn add(&mut self, name: String, value: Self) {
        if let Self::Object(fields) = self {
            fields.push((name, value));
        }
    }

    /// A field of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A field of an object, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Takes a field out of an object.
    pub fn take(&mut self, name: &str) -> Option<Self> {
        let Self::Object(fields) = self else { return None };
        let position = fields.iter().position(|(known, _)| known == name)?;
        Some(fields.remove(position).1)
    }

    /// The fields of an object, taken out; none of anything else.
    pub fn into_fields(self) -> Vec<(String, Self)> {
        if let Self::Object(fields) = self { fields } else { Vec::new() }
    }

    /// The items of a list; none of anything else.
    pub fn items_mut(&mut self) -> &mut [Self] {
        if let Self::List(items) = self { items } else { &mut [] }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Appends to a text that is there; whether one is.
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

    /// Whether a piece of that number belongs to this object. Types and ids tell two objects apart, and so does data that only
    /// its provider can read: it comes whole.
    fn is_continued_by(&self, index: usize, piece: &Self) -> bool {
        let both = |name| self.field_text(name).zip(piece.field_text(name));
        let is_other = |name| both(name).is_some_and(|(known, new)| known != new);
        self.index() == Some(index) && !is_other("type") && !is_other("id") && both("data").is_none()
    }

    /// A field's text, if it says anything.
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

/// Merges a numbered object into the last one that it continues.
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
