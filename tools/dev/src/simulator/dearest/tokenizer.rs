//! Tokens of text at the worst ratio of a real tokenizer.
//!
//! Vocabularies differ by vendor, and those of Anthropic and Google are not public. This counts the worst case for each kind
//! of text: three letters of a word per token (names in code, other Latin languages, and Claude since 4.7, whose tokens are
//! a third smaller than before); one token per digit (Gemini and Qwen split numbers), per punctuation mark and per line end;
//! one token per byte of any other letter, because scripts and symbols outside a vocabulary are encoded byte by byte. One
//! space belongs to the next word; further spaces count as letters.

const LETTERS: u64 = 3;

/// The tokens of this text.
pub(super) fn tokens(text: &str) -> u64 {
    let mut counted = Counted::default();
    for letter in text.chars() {
        counted.add(letter);
    }
    counted.end_word();
    counted.end_spaces(false);
    counted.tokens
}

#[derive(Default)]
struct Counted {
    tokens: u64,
    /// Letters of the current word.
    word: u64,
    /// Consecutive spaces.
    spaces: u64,
}

impl Counted {
    fn add(&mut self, letter: char) {
        if letter != ' ' {
            self.end_spaces(letter.is_ascii_alphabetic());
        }
        if letter.is_ascii_alphabetic() {
            self.word += 1;
            return;
        }
        self.end_word();
        match letter {
            ' ' => self.spaces += 1,
            other if other.is_ascii() => self.tokens += 1,
            other => self.tokens += u64::try_from(other.len_utf8()).unwrap_or(4),
        }
    }

    fn end_word(&mut self) {
        self.tokens += std::mem::take(&mut self.word).div_ceil(LETTERS);
    }

    fn end_spaces(&mut self, before_word: bool) {
        let spaces = std::mem::take(&mut self.spaces);
        self.tokens += spaces.saturating_sub(u64::from(before_word)).div_ceil(LETTERS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_text_has_its_ratio() {
        for (text, expected) in [
            ("", 0),
            ("a", 1),
            ("hello world", 4),
            ("a b c", 3),
            ("x    y", 3),
            ("2026", 4),
            ("{\"a\":1}", 7),
            ("one\ntwo", 3),
            ("é", 2),
            ("日本", 6),
            ("😀", 4),
        ] {
            assert_eq!(tokens(text), expected, "{text:?}");
        }
    }
}
