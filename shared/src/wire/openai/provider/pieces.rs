//! Pieces of a delta whose form differs between providers: content as text or as a list of parts, arguments as text or as an
//! object, reasoning details with missing members.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::value::RawValue;

use super::super::reasoning::{self, Detail};

/// The text of content: the answer, and reasoning that is in parts of its own.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::wire::openai) struct Words {
    /// The answer's text.
    pub(in crate::wire::openai) text: String,
    /// The reasoning's text.
    pub(in crate::wire::openai) reasoning: String,
}

#[derive(Deserialize)]
struct PartShape<'a> {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
}

/// Maximum nesting of parts. Providers nest at most three levels.
const DEEPEST: usize = 8;

impl Words {
    /// Both as one text, for fields that contain nothing else.
    pub(in crate::wire::openai) fn all(self) -> String {
        let Self { text, reasoning } = self;
        if text.is_empty() { reasoning } else { text + &reasoning }
    }

    /// Adds the text of a value: a string, a part, or a list of parts.
    fn read(&mut self, value: &RawValue, depth: usize) -> Result<(), serde_json::Error> {
        let text = value.get();
        let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
        match text.bytes().next() {
            // The usual case, without a copy.
            Some(b'"') if self.text.is_empty() => self.text = serde_json::from_str(text)?,
            Some(b'"') => self.text.push_str(&serde_json::from_str::<String>(text)?),
            Some(b'[') => {
                for part in serde_json::from_str::<Vec<&RawValue>>(text)? {
                    self.read(part, depth)?;
                }
            }
            Some(b'{') => self.part(&serde_json::from_str(text)?, depth)?,
            // `null`, and values that cannot be text.
            _ => {}
        }
        Ok(())
    }

    fn part(&mut self, part: &PartShape<'_>, depth: usize) -> Result<(), serde_json::Error> {
        let mut inner = Self::default();
        for value in [part.thinking, part.text].into_iter().flatten() {
            inner.read(value, depth)?;
        }
        let Self { text, reasoning } = inner;
        self.reasoning.push_str(&reasoning);
        let is_thought = matches!(part.kind.as_str(), "thinking" | "reasoning");
        if is_thought {
            self.reasoning.push_str(&text);
        } else {
            self.text.push_str(&text);
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = <&RawValue>::deserialize(deserializer)?;
        let mut words = Self::default();
        words.read(value, DEEPEST).map_err(D::Error::custom)?;
        Ok(words)
    }
}

/// A string or a number. Some providers send the other one.
#[derive(Debug, Default, Deserialize)]
pub(in crate::wire::openai) struct Loose<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl Loose<'_> {
    /// The text, or the number as text; `None` for other values.
    pub(in crate::wire::openai) fn text(&self) -> Option<String> {
        let text = self.0?.get();
        match text.bytes().next()? {
            b'"' => serde_json::from_str(text).ok(),
            b'0'..=b'9' => Some(text.to_owned()),
            _ => None,
        }
    }
}

/// The arguments of a call.
#[derive(Debug, Default, Deserialize)]
pub(in crate::wire::openai) struct Arguments<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl<'a> Arguments<'a> {
    /// The given arguments.
    pub(in crate::wire::openai) const fn of(value: &'a RawValue) -> Self {
        Self(Some(value))
    }

    /// The arguments as text: the string itself, or the JSON of a value that should have been one.
    pub(in crate::wire::openai) fn text(&self) -> String {
        let Some(value) = self.0 else { return String::new() };
        serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned())
    }
}

/// Reasoning details, read one by one, so that an unreadable one does not affect the others.
#[derive(Debug, Default, Deserialize)]
pub(in crate::wire::openai) struct Details<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl Details<'_> {
    /// The readable details.
    pub(in crate::wire::openai) fn read(&self) -> impl Iterator<Item = Detail> {
        // A single detail may come without a list.
        let list = self.0.map(|value| serde_json::from_str(value.get()).unwrap_or_else(|_| vec![value])).unwrap_or_default();
        list.into_iter().filter_map(|detail| serde_json::from_str(detail.get()).ok())
    }
}

/// The reasoning of a stream, under the names that providers use.
#[derive(Debug, Default)]
pub(in crate::wire::openai) struct Thoughts {
    /// Whether it comes as plain text. Then the details only repeat it.
    are_plain: bool,
}

impl Thoughts {
    /// Plain text. It has two names, and some providers send both.
    pub(in crate::wire::openai) fn plain(&mut self, reasoning: Words, reasoning_content: Words) -> String {
        let words = [reasoning.all(), reasoning_content.all()].into_iter().find(|text| !text.is_empty());
        self.are_plain |= words.is_some();
        words.unwrap_or_default()
    }

    /// The text of a detail, unless it comes as plain text.
    pub(in crate::wire::openai) fn of<'d>(&self, detail: &'d Detail) -> &'d str {
        if self.are_plain { "" } else { reasoning::words(detail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_read_in_every_shape() {
        for (content, text, reasoning) in [
            (r#""a\n""#, "a\n", ""),
            ("null", "", ""),
            ("7", "", ""),
            (r#"[{"type":"text","text":"a"},{"type":"output_text","text":"b"},"c"]"#, "abc", ""),
            (r#"{"type":"text","text":"a"}"#, "a", ""),
            (r#"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"}]"#, "a", "hm"),
            (r#"[{"type":"reasoning","text":"hm"},{"type":"image_url"}]"#, "", "hm"),
        ] {
            let expected = Words { text: text.to_owned(), reasoning: reasoning.to_owned() };
            assert_eq!(serde_json::from_str::<Words>(content).unwrap(), expected, "{content}");
        }
    }

    #[test]
    fn ids_are_text_whether_they_are_sent_as_text_or_as_numbers() {
        for (id, text) in [(r#""c""#, Some("c")), ("7", Some("7")), ("null", None), ("{}", None), (r#""""#, Some(""))] {
            assert_eq!(serde_json::from_str::<Loose<'_>>(id).unwrap().text().as_deref(), text, "{id}");
        }
    }

    #[test]
    fn arguments_are_text_whatever_they_are_sent_as() {
        for (arguments, text) in
            [(r#""{\"a\":1}""#, r#"{"a":1}"#), (r#"{"a": 1}"#, r#"{"a": 1}"#), ("null", ""), (r#""""#, "")]
        {
            let read: Arguments<'_> = serde_json::from_str(arguments).unwrap();
            assert_eq!(read.text(), text, "{arguments}");
        }
    }
}
