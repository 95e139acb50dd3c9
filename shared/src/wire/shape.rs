//! Types and functions with which the decoders of all provider formats read replies: text without copies, the first element
//! of a list, and tool arguments as one JSON object.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use crate::chat::request::JsonText;
use crate::document::Document;

/// Parses tool arguments as one JSON object. Histories contain empty text, `null` and broken JSON. The first two mean no
/// arguments. Broken JSON is kept as text under `_raw`, so that the conversation can go on.
pub fn arguments_object(text: &str) -> JsonText {
    if matches!(text.trim(), "" | "null") {
        return JsonText("{}".to_owned());
    }
    object_in(text.to_owned()).unwrap_or_else(|| {
        let raw = serde_json::to_string(text).unwrap_or_default();
        JsonText(format!("{{\"_raw\":{raw}}}"))
    })
}

/// The JSON object in a client's text, as every strict reader accepts it: without lone surrogates, and not deeper than a
/// body may be. Returns `None` for anything else.
pub fn object_in(text: String) -> Option<JsonText> {
    Document::parse(text, &[&[]]).ok().map(|document| document.root().json())
}

/// A string borrowed from its input unless it contains escapes. (`Option<Cow<str>>` always copies: serde borrows only a bare
/// `Cow` field.)
#[derive(Debug, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// The first element of a list. The others are not stored, because a reply has one choice or candidate.
#[derive(Debug)]
pub struct First<T>(pub Option<T>);

// Not derived: that would require `T: Default`.
impl<T> Default for First<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = First<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(First(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let first = items.next_element()?;
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }

        deserializer.deserialize_any(Shape(std::marker::PhantomData))
    }
}
