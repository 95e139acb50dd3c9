//! Counts characters of text, to bound its number of tokens.

use super::cuts::{ESCAPE, START, Spelling, Step, TOKEN, restarts};
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
        while let Some(at) = code_escape(rest) {
            let (before, escape) = rest.split_at(at);
            self.add_bytes(before, Spelling::Json);
            rest = self.add_escape(escape);
        }
        self.add_bytes(rest, Spelling::Json);
    }

    /// Adds text without escapes.
    pub(super) fn add_plain(&mut self, text: &[u8]) {
        self.add_bytes(text, Spelling::Plain);
    }

    /// Adds text whose escapes, if they are spelled, are of one letter.
    fn add_bytes(&mut self, text: &[u8], spelling: Spelling) {
        let Tokens { fifths, escapes } = Tokens::of(text, spelling);
        self.fifths = self.fifths.saturating_add(fifths);
        self.fifths = self.fifths.saturating_add(growth(text).saturating_mul(u64::from(TOKEN)));
        self.length = self.length.saturating_add((text.len() as u64).saturating_sub(escapes));
    }

    /// Adds the `\u` escape at the beginning of a text, and returns the rest.
    fn add_escape<'t>(&mut self, text: &'t [u8]) -> &'t [u8] {
        const LENGTH: usize = 6;
        let digits = text.get(2..LENGTH).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or_default();
        // Half of a surrogate pair counts two bytes, because its character has four.
        let bytes = match code {
            0..=0x7f => 1,
            0x80..=0x7ff | 0xd800..=0xdfff => 2,
            _ => 3,
        };
        let grown = growth_of(code).saturating_add(bytes);
        self.fifths = self.fifths.saturating_add(grown.saturating_mul(u64::from(TOKEN)));
        self.length = self.length.saturating_add(bytes);
        text.get(LENGTH..).unwrap_or_default()
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

/// Where the first `\u` escape of a text begins. A backslash that is itself escaped begins no escape.
fn code_escape(text: &[u8]) -> Option<usize> {
    // Most texts have no escapes, and preparing the search for two bytes takes longer than reading a short one.
    memchr::memchr(b'\\', text)?;
    let backslashes = |at: usize| {
        let before = text.get(..at).unwrap_or_default();
        before.iter().rev().take_while(|byte| **byte == b'\\').count()
    };
    memchr::memmem::find_iter(text, br"\u").find(|at| backslashes(*at).is_multiple_of(2))
}

/// The maximum number of tokens of a text, and its escapes.
#[derive(Clone, Copy, Default)]
struct Tokens {
    fifths: u64,
    escapes: u64,
}

/// The number of pieces of a text that are read in turn. A step waits only for the previous step in the same piece.
const LANES: usize = 4;
/// Texts below this length are one piece.
const LONG: usize = 256;
/// How far after its place a piece may begin.
const REACH: usize = 64;

impl Tokens {
    fn of(text: &[u8], spelling: Spelling) -> Self {
        let mut tokens = Self::default();
        if text.len() < LONG {
            tokens.read_all(START, text, spelling);
            return tokens;
        }
        let lanes = lanes(text);
        let together = lanes.iter().map(|lane| lane.len()).min().unwrap_or_default();
        let [one, two, three, four] = lanes.map(|lane| lane.split_at_checked(together).unwrap_or((lane, &[])));
        // Four variables stay in registers. An array of them does not, in a build for size.
        let (mut first, mut second, mut third, mut fourth) = (START, START, START, START);
        for (((one, two), three), four) in one.0.iter().zip(two.0).zip(three.0).zip(four.0) {
            first = tokens.read(first, *one, spelling);
            second = tokens.read(second, *two, spelling);
            third = tokens.read(third, *three, spelling);
            fourth = tokens.read(fourth, *four, spelling);
        }
        for (state, lane) in [(first, one.1), (second, two.1), (third, three.1), (fourth, four.1)] {
            tokens.read_all(state, lane, spelling);
        }
        tokens
    }

    fn read_all(&mut self, mut state: u8, text: &[u8], spelling: Spelling) {
        for byte in text {
            state = self.read(state, *byte, spelling);
        }
    }

    /// Reads a byte after a state, and returns the next state.
    #[expect(clippy::inline_always, reason = "it runs for each byte, and a build for size would call it")]
    #[inline(always)]
    fn read(&mut self, state: u8, byte: u8, spelling: Spelling) -> u8 {
        let step = Step::of(state, byte, spelling);
        // At most seven fifths for each byte of a text in memory.
        self.fifths = self.fifths.wrapping_add(u64::from(step.fifths));
        self.escapes = self.escapes.wrapping_add(u64::from(step.state == ESCAPE));
        step.state
    }
}

/// Splits a text where the state is [`START`], whatever precedes it.
fn lanes(text: &[u8]) -> [&[u8]; LANES] {
    let (mut lanes, mut rest): ([&[u8]; LANES], _) = ([&[]; LANES], text);
    for (left, lane) in (1..=LANES).rev().zip(&mut lanes) {
        let end = if left > 1 { restart(rest, rest.len() / left) } else { None };
        (*lane, rest) = rest.split_at(end.unwrap_or(rest.len()));
    }
    lanes
}

/// The first place near this one after which the state is [`START`].
fn restart(text: &[u8], place: usize) -> Option<usize> {
    let near = text.get(place..place.saturating_add(REACH).min(text.len()))?;
    let found = near.windows(2).position(|pair| matches!(pair, [before, last] if *before != b'\\' && restarts(*last)))?;
    Some(place.saturating_add(found).saturating_add(2))
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

    /// A text is read in pieces, which must not change the result.
    #[test]
    fn a_long_text_counts_as_the_sum_of_its_lines() {
        for line in ["let value = read();\n", r#"a\tlet value = read(\"a\\n\");\n"#, r"   \\x.", "caf\u{e9} \u{1f600}!"] {
            let (mut one, mut all) = (TextSize::default(), TextSize::default());
            one.add(line);
            all.add(&line.repeat(1_000));
            assert_eq!((all.fifths, all.length), (one.fifths * 1_000, one.length * 1_000), "{line}");
        }
    }

    #[test]
    fn words_digits_and_marks_count_as_the_least_favourable_tokeniser_cuts_them() {
        for (spelling, tokens) in [
            ("", 0),
            ("a", 1),
            (r"a   \n", 5),
            (r"\\u00e9", 6),
            (r"\u00e9\\u00e9\\\u00e9", 11),
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
