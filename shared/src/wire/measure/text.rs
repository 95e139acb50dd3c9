//! Counts characters of text, to bound its number of tokens.

use super::cuts::{START, Step, TOKEN};
use super::normal_forms::{growth, growth_of};

/// Sizes of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TextSize {
    /// Maximum number of tokens, in fifths.
    fifths: u64,
    /// Length in bytes of UTF-8.
    length: u64,
    /// Values and names. Each takes a token besides its text.
    pub(super) values: u64,
}

impl TextSize {
    /// Adds a text as written in JSON, without its quotes. An escape counts as the character that it encodes.
    pub(super) fn add(&mut self, spelling: &str) {
        let mut rest = spelling.as_bytes();
        while let Some(at) = memchr::memchr(b'\\', rest) {
            let (plain, escape) = rest.split_at(at);
            self.add_plain(plain);
            rest = self.add_escape(escape);
        }
        self.add_plain(rest);
    }

    /// Adds text without escapes.
    pub(super) fn add_plain(&mut self, text: &[u8]) {
        let (mut fifths, mut state) = (0_u64, START);
        for byte in text {
            let step = Step::of(state, *byte);
            // At most seven fifths for each byte of a text in memory.
            fifths = fifths.wrapping_add(u64::from(step.fifths));
            state = step.state;
        }
        self.fifths = self.fifths.saturating_add(fifths);
        self.fifths = self.fifths.saturating_add(growth(text).saturating_mul(u64::from(TOKEN)));
        self.length = self.length.saturating_add(text.len() as u64);
    }

    /// Adds the escape at the beginning of a text, and returns the rest.
    fn add_escape<'t>(&mut self, text: &'t [u8]) -> &'t [u8] {
        let digits = text.get(1..).filter(|rest| rest.first() == Some(&b'u')).and_then(|_| text.get(2..6));
        let code =
            digits.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        // Half of a surrogate pair counts two bytes, because its character has four.
        let (bytes, length) = match code {
            Some(0..=0x7f) => (1, 6),
            Some(0x80..=0x7ff | 0xd800..=0xdfff) => (2, 6),
            Some(_) => (3, 6),
            None => (1, 2),
        };
        let grown = code.map_or(0, growth_of).saturating_add(bytes);
        self.fifths = self.fifths.saturating_add(grown.saturating_mul(u64::from(TOKEN)));
        self.length = self.length.saturating_add(bytes);
        text.get(length..).unwrap_or_default()
    }

    /// Maximum number of tokens.
    pub(super) fn worst(self) -> u64 {
        self.fifths.div_ceil(u64::from(TOKEN)).saturating_add(self.values)
    }

    /// Bytes of the text, plus one for each quote around it.
    pub(super) fn bytes(self) -> u64 {
        self.length.saturating_add(self.values.saturating_mul(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each is what a public tokeniser makes of it: o200k, DeepSeek, or Anthropic's first.
    #[test]
    fn letters_without_sense_count_as_dear_as_a_tokeniser_makes_them() {
        for (unit, times, tokens) in [
            ("Ewqv", 25_000, 100_000),
            ("wqg  ", 25_000, 100_001),
            ("hxqoI", 25_000, 125_000),
            ("qo", 25_000, 50_000),
            ("Zq ", 25_000, 50_001),
        ] {
            let mut size = TextSize::default();
            size.add(&unit.repeat(times));
            assert_eq!(size.worst(), tokens, "{unit}");
        }
    }

    #[test]
    fn words_digits_and_marks_count_as_the_least_favourable_tokeniser_cuts_them() {
        for (spelling, tokens) in [
            ("", 0),
            ("a", 1),
            ("word", 3),
            ("two words", 7),
            ("the", 2),
            ("there", 3),
            ("The  end", 6),
            ("a   b", 4),
            ("  1", 3),
            ("ABCD", 4),
            ("zjyqgjzqwq", 10),
            ("1234567890", 10),
            ("a1a1a1a1", 8),
            ("1 1 1", 5),
            ("aBaBaB", 6),
            ("{}[]", 4),
            ("\u{5b57}", 3),
            (r"\u5b57", 3),
            (r"\ud83d\ude00", 4),
            (r"\u00e9", 2),
            (r"a\nb\\", 4),
            ("\u{1f600}", 4),
            ("\u{fdfa}", 33),
            (r"\ufdfa", 33),
            ("\u{1d160}", 12),
        ] {
            let mut size = TextSize::default();
            size.add(spelling);
            assert_eq!(size.worst(), tokens, "{spelling}");
        }
    }
}
