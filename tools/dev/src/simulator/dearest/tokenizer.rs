//! Tokens of text at the worst ratio of a real tokenizer.
//!
//! Vocabularies differ by vendor, and those of Anthropic and Google are not public. This counts the worst case for each kind
//! of text: three letters of a word per token (names in code, other Latin languages, and Claude since 4.7, whose tokens are
//! a third smaller than before); one token per digit (Gemini and Qwen split numbers), per punctuation mark and per line end;
//! one token per byte of any other letter, because scripts and symbols outside a vocabulary are encoded byte by byte. One
//! space belongs to the next word; further spaces count as letters.
//!
//! A word without sense is split further, as public tokenizers do (o200k, DeepSeek, Anthropic's first): where upper case
//! follows lower case, and around rare letters. `q` without `u` is a token by itself, and so is a rare letter before
//! another, unless a vowel is before it. Letters without a vowel are two tokens in three letters.

const LETTERS: usize = 3;
/// Letters that do not follow each other in words.
const RARE: &[u8] = b"jqvwxz";
/// So many letters without a vowel are no word.
const NO_WORD: usize = 4;

/// The tokens of this text.
pub(super) fn tokens(text: &str) -> u64 {
    let mut counted = Counted::default();
    for letter in text.chars() {
        counted.add(letter);
    }
    counted.end_word();
    counted.end_spaces(false);
    u64::try_from(counted.tokens).unwrap_or(u64::MAX)
}

/// The tokens of a word.
fn word(letters: &[u8]) -> usize {
    let (mut tokens, mut piece) = (0, Vec::new());
    let mut before = None;
    for (at, letter) in letters.iter().enumerate() {
        let after = letters.get(at + 1);
        if is_alone(before, *letter, after) {
            tokens += 1 + of_piece(&std::mem::take(&mut piece));
        } else {
            if letter.is_ascii_uppercase() && before.is_some_and(u8::is_ascii_lowercase) {
                tokens += of_piece(&std::mem::take(&mut piece));
            }
            piece.push(*letter);
        }
        before = Some(letter);
    }
    tokens + of_piece(&piece)
}

/// Whether a letter of a word is a token by itself.
fn is_alone(before: Option<&u8>, letter: u8, after: Option<&u8>) -> bool {
    let is_rare = |letter: &u8| RARE.contains(&letter.to_ascii_lowercase());
    match (letter, after) {
        (b'q' | b'Q', Some(b'u' | b'U')) => false,
        (b'q' | b'Q', _) => true,
        (_, Some(after)) => is_rare(&letter) && is_rare(after) && !before.copied().is_some_and(is_vowel),
        (_, None) => false,
    }
}

/// A lower-case vowel.
const fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u')
}

fn of_piece(letters: &[u8]) -> usize {
    match letters.len() {
        length @ NO_WORD.. if !letters.iter().any(|letter| is_vowel(letter.to_ascii_lowercase())) => length * 2 / 3,
        length => length.div_ceil(LETTERS),
    }
}

#[derive(Default)]
struct Counted {
    tokens: usize,
    /// Letters of the current word.
    word: Vec<u8>,
    /// Consecutive spaces.
    spaces: usize,
}

impl Counted {
    fn add(&mut self, letter: char) {
        if letter != ' ' {
            self.end_spaces(letter.is_ascii_alphabetic());
        }
        if letter.is_ascii_alphabetic() {
            self.word.extend(u8::try_from(letter));
            return;
        }
        self.end_word();
        match letter {
            ' ' => self.spaces += 1,
            other if other.is_ascii() => self.tokens += 1,
            other => self.tokens += other.len_utf8(),
        }
    }

    fn end_word(&mut self) {
        self.tokens += word(&std::mem::take(&mut self.word));
    }

    fn end_spaces(&mut self, before_word: bool) {
        let spaces = std::mem::take(&mut self.spaces);
        self.tokens += spaces.saturating_sub(usize::from(before_word)).div_ceil(LETTERS);
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
            ("getName", 3),
            ("queue seq", 4),
            ("EwqvEwqvEwqv", 12),
            ("wqg  wqg  ", 8),
            ("hxqoIhxqoI", 9),
            ("qoqo", 4),
            ("Zq Zq ", 5),
            ("exz bcdfgh", 5),
        ] {
            assert_eq!(tokens(text), expected, "{text:?}");
        }
    }
}
