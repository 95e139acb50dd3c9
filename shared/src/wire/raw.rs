//! A JSON object whose values stay raw text. A field can be read or replaced; the rest is kept byte for byte.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// Top-level fields in order. A repeated name keeps its first position and its last value, as in most parsers.
#[derive(Clone, Debug, Default)]
pub struct RawObject<'a> {
    fields: Vec<(Cow<'a, str>, Cow<'a, RawValue>)>,
}

impl<'a> RawObject<'a> {
    /// Reads a JSON object.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Reads a JSON object from bytes.
    pub fn from_slice(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// The raw text of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.get())
    }

    /// The field names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_ref())
    }

    /// Replaces a field in place, or appends it.
    pub fn set<T: Serialize + ?Sized>(&mut self, name: &'a str, value: &T) -> Result<(), serde_json::Error> {
        self.put(Cow::Borrowed(name), Cow::Owned(to_raw_value(value)?));
        Ok(())
    }

    /// Replaces a field in place by raw JSON, or appends it.
    pub fn set_raw(&mut self, name: &'a str, value: &'a RawValue) {
        self.put(Cow::Borrowed(name), Cow::Borrowed(value));
    }

    /// Removes a field. Returns true if it existed.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.fields.len();
        self.fields.retain(|(field, _)| field != name);
        self.fields.len() < before
    }

    /// Removes every field that is not listed.
    pub fn keep_only(&mut self, names: &[&str]) {
        self.fields.retain(|(field, _)| names.contains(&field.as_ref()));
    }

    /// The object as JSON text.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    fn put(&mut self, name: Cow<'a, str>, value: Cow<'a, RawValue>) {
        match self.fields.iter_mut().find(|(field, _)| *field == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name, value)),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawObject<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = RawObject<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut object = RawObject { fields: Vec::with_capacity(16) };
                while let Some(Name(name)) = map.next_key()? {
                    let value: &'de RawValue = map.next_value()?;
                    object.put(name, Cow::Borrowed(value));
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A field name, borrowed unless it contains escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Serialize for RawObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value.as_ref())?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untouched_fields_keep_order_spelling_and_big_numbers() {
        let text = r#"{"b":{"z":1,"a":[1e400, 9007199254740993]},"a":"\u00e9"}"#;
        let mut object = RawObject::parse(text).unwrap();
        assert_eq!(object.to_json().unwrap(), text.as_bytes());
        object.set("b", "new").unwrap();
        object.set("c", &true).unwrap();
        assert!(object.remove("a") && !object.remove("a"));
        assert_eq!(object.to_json().unwrap(), br#"{"b":"new","c":true}"#);
    }

    #[test]
    fn a_doubled_name_has_one_value_the_last() {
        let object = RawObject::parse(r#"{"model":"a","x":1,"model":"b"}"#).unwrap();
        assert_eq!(object.to_json().unwrap(), br#"{"model":"b","x":1}"#);
    }

    #[test]
    fn what_is_not_an_object_is_an_error() {
        for text in ["[]", "1", "", "{", "null"] {
            assert!(RawObject::parse(text).is_err(), "{text}");
        }
    }
}
