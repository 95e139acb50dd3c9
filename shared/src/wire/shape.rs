//! What a client's body must look like before anything is spent on it. A fault is a 400 that names the JSON path.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, SeqAccess, Visitor};

use crate::chat::request::{CacheMark, JsonText};
use crate::error::{ErrorKind, GatewayError};

/// Deepest nesting of arrays and objects that is accepted. Raw values are passed on unparsed, so nothing else would notice.
const MAX_DEPTH: usize = 64;
/// Longest list of messages.
pub const MAX_MESSAGES: usize = 2_000;
/// Longest list of tools.
pub const MAX_TOOLS: usize = 512;
/// Longest list of parts in one message.
const MAX_PARTS: usize = 4_000;
/// Longest list of stop sequences.
pub const MAX_STOPS: usize = 16;

/// Refuses bodies that nest deeper than any real request.
pub fn check_depth(body: &str) -> Result<(), GatewayError> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in body.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            let message = format!("The body nests deeper than {MAX_DEPTH} levels.");
            return Err(GatewayError::new(ErrorKind::InvalidRequest, message));
        }
    }
    Ok(())
}

/// Reads a body as `T`. The slow search for the path runs only when something is wrong.
pub fn parse<T: DeserializeOwned>(body: &str) -> Result<T, GatewayError> {
    parse_at(body, "")
}

/// Reads a part of a body that stands at that path.
pub fn parse_at<T: DeserializeOwned>(text: &str, place: &str) -> Result<T, GatewayError> {
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => wrong_shape::<T>(text, place),
        serde_json::error::Category::Syntax | serde_json::error::Category::Eof | serde_json::error::Category::Io => {
            let message = format!("The body is not valid JSON: {error}.");
            GatewayError::new(ErrorKind::InvalidRequest, message).with_code("invalid_json")
        }
    })
}

fn wrong_shape<T: DeserializeOwned>(text: &str, place: &str) -> GatewayError {
    let mut reader = serde_json::Deserializer::from_str(text);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut reader) else {
        return GatewayError::internal("a body failed to parse once and then did parse");
    };
    let path = error.path().to_string();
    let reason = error.inner().to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default();
    // The reason quotes the wrong value, which can be long.
    let reason: String = reason.chars().take(160).collect();
    let missing = reason.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let param = match (path.as_str(), missing) {
        (".", Some(field)) => field.to_owned(),
        (".", None) => String::new(),
        (path, Some(field)) => format!("{path}.{field}"),
        (path, None) => path.to_owned(),
    };
    let separator = if place.is_empty() || param.is_empty() || param.starts_with('[') { "" } else { "." };
    let param = format!("{place}{separator}{param}");
    match (param.as_str(), missing) {
        ("", _) => GatewayError::new(ErrorKind::InvalidRequest, format!("The body must be a JSON object: {reason}.")),
        (_, Some(_)) => GatewayError::invalid(param.clone(), format!("{param}: this field is required.")),
        (_, None) => GatewayError::invalid(param.clone(), format!("{param}: {reason}.")),
    }
}

/// Refuses lists beyond a limit.
pub fn check_length(length: usize, limit: usize, path: &str) -> Result<(), GatewayError> {
    if length > limit {
        return Err(GatewayError::invalid(path, format!("{path}: at most {limit} entries are accepted, got {length}.")));
    }
    Ok(())
}

/// Tool arguments as one JSON object. Histories hold empty text, `null` and broken JSON: the first two mean no arguments, the
/// last is kept as text under `_raw` rather than failing the whole conversation.
pub fn arguments_object(text: String) -> JsonText {
    let trimmed = text.trim();
    if matches!(trimmed, "" | "null") {
        return JsonText("{}".to_owned());
    }
    if trimmed.starts_with('{') && serde_json::from_str::<IgnoredAny>(trimmed).is_ok() {
        return JsonText(text);
    }
    let raw = serde_json::to_string(&text).unwrap_or_default();
    JsonText(format!("{{\"_raw\":{raw}}}"))
}

/// The content of a message: text, or a list of parts that each say their type.
#[derive(Debug)]
pub struct Content;

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;

        impl<'de> Visitor<'de> for Shape {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list of content parts")
            }

            fn visit_str<E>(self, _: &str) -> Result<Content, E> {
                Ok(Content)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Content, A::Error> {
                let mut count = 0_usize;
                while parts.next_element::<Part>()?.is_some() {
                    count = count.saturating_add(1);
                    if count > MAX_PARTS {
                        return Err(serde::de::Error::custom(format!("at most {MAX_PARTS} parts are accepted")));
                    }
                }
                Ok(Content)
            }
        }

        deserializer.deserialize_any(Shape)
    }
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type")]
    _kind: Tag,
}

/// A text whose value does not matter here.
#[derive(Debug)]
pub struct Tag;

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;

        impl Visitor<'_> for Shape {
            type Value = Tag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, _: &str) -> Result<Tag, E> {
                Ok(Tag)
            }
        }

        deserializer.deserialize_str(Shape)
    }
}

/// A cache mark, spelled the same in both client formats.
#[derive(Debug, Deserialize)]
pub struct CacheControl {
    ttl: Option<String>,
}

impl CacheControl {
    /// What it stands for: five minutes unless an hour is asked for.
    pub fn mark(&self) -> CacheMark {
        if self.ttl.as_deref() == Some("1h") { CacheMark::OneHour } else { CacheMark::FiveMinutes }
    }
}

/// The refusal of a part that no route of the model takes, by its path.
pub fn unsupported_part(path: &str, what: &str) -> GatewayError {
    GatewayError::new(ErrorKind::Unsupported, format!("{path}: this model's route cannot carry {what}."))
        .with_code("unsupported")
        .with_param(path)
}

/// One text or a list of texts, as OpenAI's `stop` is.
#[derive(Debug)]
pub struct OneOrMany {
    /// How many texts there are.
    pub count: usize,
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;

        impl<'de> Visitor<'de> for Shape {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, _: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany { count: 1 })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<OneOrMany, A::Error> {
                let mut count = 0_usize;
                while texts.next_element::<Tag>()?.is_some() {
                    count = count.saturating_add(1);
                }
                Ok(OneOrMany { count })
            }
        }

        deserializer.deserialize_any(Shape)
    }
}

/// A text borrowed from its input unless it holds escapes. (`Option<Cow<str>>` alone always copies: serde borrows only a bare
/// `Cow` field.)
#[derive(Debug, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// One text, or a list of items: how both client formats write content.
#[derive(Debug)]
pub enum TextOrList<T> {
    /// A text.
    Text(String),
    /// A list.
    List(Vec<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOrList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = TextOrList<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOrList::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(TextOrList::Text(text))
            }

            // Straight from the input: serde's untagged enums would buffer it and lose raw values.
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(TextOrList::List(list))
            }
        }

        deserializer.deserialize_any(Shape(std::marker::PhantomData))
    }
}

/// The first element of a list, without a list to hold the others: replies have one choice, and one candidate.
#[derive(Debug)]
pub struct First<T>(pub Option<T>);

// Not derived: that would ask for `T: Default`.
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

/// A JSON object whose fields do not matter here.
#[derive(Debug)]
pub struct AnyObject;

impl<'de> Deserialize<'de> for AnyObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;

        impl<'de> Visitor<'de> for Shape {
            type Value = AnyObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<AnyObject, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(AnyObject)
            }
        }

        deserializer.deserialize_map(Shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[serde(rename = "messages")]
        _messages: Vec<Message>,
    }

    #[derive(Debug, Deserialize)]
    struct Message {
        #[serde(rename = "content")]
        _content: Content,
    }

    #[test]
    fn a_fault_is_named_by_its_path() {
        for (body, param, message) in [
            (r#"{"messages":"hi"}"#, Some("messages"), "messages: invalid type: string \"hi\", expected a sequence."),
            ("{}", Some("messages"), "messages: this field is required."),
            (r#"{"messages":[{}]}"#, Some("messages[0].content"), "messages[0].content: this field is required."),
            (
                r#"{"messages":[{"content":5}]}"#,
                Some("messages[0].content"),
                "messages[0].content: invalid type: integer `5`, expected text or a list of content parts.",
            ),
            (
                r#"{"messages":[{"content":[{"text":"a"}]}]}"#,
                Some("messages[0].content[0].type"),
                "messages[0].content[0].type: this field is required.",
            ),
            ("[]", None, "The body must be a JSON object: invalid length 0, expected struct Body with 1 element."),
        ] {
            let error = parse::<Body>(body).unwrap_err();
            assert_eq!((error.param(), error.message()), (param, message), "{body}");
        }
    }

    #[test]
    fn broken_json_says_where() {
        let error = parse::<Body>(r#"{"messages":["#).unwrap_err();
        assert_eq!(error.code(), Some("invalid_json"));
        assert!(error.message().contains("line 1 column 13"), "{}", error.message());
    }

    #[test]
    fn depth_is_limited_outside_strings_only() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(check_depth(&nested(64)).is_ok());
        assert!(check_depth(&nested(65)).is_err());
        assert!(check_depth(&nested(100_000)).is_err());
        assert!(check_depth(&format!("\"\\\"{}\"", "[".repeat(100))).is_ok());
    }
}
