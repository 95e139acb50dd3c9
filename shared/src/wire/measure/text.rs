//! Characters of text, as far as they decide how many tokens they are at most.

/// Sizes of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TextSize {
    /// Tokens at most, in fifths.
    fifths: u64,
    /// Bytes, as UTF-8.
    length: u64,
    /// Values and names, each of which takes a token beside its text.
    pub(super) values: u64,
}

/// What a byte is to a tokeniser: those of all vendors cut text between these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Blank,
    /// A mark, or a byte of a character beyond ASCII.
    Other,
}

/// A token in fifths.
const TOKEN: u64 = 5;
/// What a letter or a blank among others is: letters without a sense are five tokens for eight or nine of them.
const LETTER: u64 = 3;
/// What begins a word, or a blank alone, beside that: the shortest of either is a token.
const BEGINNING: u64 = TOKEN - LETTER;

impl Class {
    const fn of(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' => Self::Lower,
            b'A'..=b'Z' => Self::Upper,
            b'0'..=b'9' => Self::Digit,
            b' ' => Self::Blank,
            _ => Self::Other,
        }
    }

    /// What a byte of this class adds behind one of that.
    const fn behind(self, before: Self) -> u64 {
        match (before, self) {
            // Some vendors cut numbers into digits.
            // Few words are written in capitals: they are cut into pieces of one or two.
            (Self::Lower | Self::Upper | Self::Digit | Self::Other, Self::Digit | Self::Other)
            | (Self::Upper, Self::Upper) => TOKEN,
            (Self::Blank, Self::Digit | Self::Other) => TOKEN + BEGINNING,
            (Self::Digit | Self::Other, Self::Lower | Self::Upper) | (Self::Lower, Self::Upper) => LETTER + BEGINNING,
            // A blank before a word is a part of it.
            (Self::Lower | Self::Blank, Self::Lower | Self::Upper) | (Self::Upper, Self::Lower) | (_, Self::Blank) => LETTER,
        }
    }
}

/// Consonants in a row that words have; more of them make no sense to any tokeniser, which takes them one by one.
const CLUSTER: u32 = 3;

const fn is_consonant(byte: u8) -> bool {
    byte.is_ascii_alphabetic() && !matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u')
}

impl TextSize {
    /// Adds a text as it is spelled in JSON, without its quotes: an escape counts as the character that it stands for.
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
        let (mut fifths, mut before, mut consonants) = (0_u64, Class::Other, 0_u32);
        for byte in text {
            let class = Class::of(*byte);
            consonants = if is_consonant(*byte) { consonants.saturating_add(1) } else { 0 };
            // Seven fifths at most for each byte of a text in memory.
            let own = if consonants > CLUSTER { TOKEN } else { class.behind(before) };
            fifths = fifths.wrapping_add(own);
            before = class;
        }
        self.fifths = self.fifths.saturating_add(fifths);
        self.length = self.length.saturating_add(text.len() as u64);
    }

    /// Adds the escape that a text begins with, and returns what follows it.
    fn add_escape<'t>(&mut self, text: &'t [u8]) -> &'t [u8] {
        let digits = text.get(1..).filter(|rest| rest.first() == Some(&b'u')).and_then(|_| text.get(2..6));
        let code =
            digits.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        // Half of a surrogate pair counts two, because its character takes four bytes.
        let (bytes, length) = match code {
            Some(0..=0x7f) => (1, 6),
            Some(0x80..=0x7ff | 0xd800..=0xdfff) => (2, 6),
            Some(_) => (3, 6),
            None => (1, 2),
        };
        self.fifths = self.fifths.saturating_add(bytes * TOKEN);
        self.length = self.length.saturating_add(bytes);
        text.get(length..).unwrap_or_default()
    }

    /// Tokens at most.
    pub(super) fn worst(self) -> u64 {
        self.fifths.div_ceil(TOKEN).saturating_add(self.values)
    }

    /// Bytes of the text, with one for each quote around it.
    pub(super) fn bytes(self) -> u64 {
        self.length.saturating_add(self.values.saturating_mul(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_digits_and_marks_count_as_the_least_favourable_tokeniser_cuts_them() {
        for (spelling, tokens) in [
            ("", 0),
            ("a", 1),
            ("word", 3),
            ("two words", 6),
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
        ] {
            let mut size = TextSize::default();
            size.add(spelling);
            assert_eq!(size.worst(), tokens, "{spelling}");
        }
    }
}
