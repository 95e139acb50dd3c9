//! The label by which clients group their usage.

use std::fmt;

/// Longest tag, in characters. It is part of a sort key and of a record, whose sizes cost money.
const LONGEST: usize = 64;

/// A client's label for a request, such as a team or a feature: 1 to 64 letters, digits and `-_.:/`. None of these
/// characters is a separator in the table's keys, and none needs escaping in logs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// What [`Self::parse`] accepts, for messages.
    pub const RULE: &'static str = "use 1 to 64 of the characters A-Z, a-z, 0-9 and -_.:/";

    /// Parses a tag; `None` if a character or the length is invalid.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
        ((1..=LONGEST).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// The tag for further usage after a key has used all its tags of a day.
    pub fn other() -> Self {
        Self("other".to_owned())
    }

    /// The tag as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_short_and_has_no_character_that_separates_keys() {
        let longest = "x".repeat(64);
        for tag in ["a", "team-a", "search/v2:beta_1.0", "other", &longest] {
            assert_eq!(Tag::parse(tag).as_ref().map(Tag::as_str), Some(tag));
        }
        for text in ["", " ", "a b", "a#b", "a;b", "a@b", "é", "a\n", &"x".repeat(65)] {
            assert_eq!(Tag::parse(text), None, "{text}");
        }
    }
}
