//! JSON strings: ends, escapes and decoding.

use std::borrow::Cow;

use super::blocks::{self, BLOCK, Stop};

/// Number of bytes at the start of `bytes` that are neither a quote, a backslash nor a control character. Reads eight at a
/// time, because long strings are most of a body.
#[inline]
pub fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The high bit of each zero byte of `word`. Bits before the first zero byte are never set.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let (words, _) = bytes.as_chunks::<8>();
    let mut run = 0_usize;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quote = zeros(word ^ (ONES * u64::from(b'"')));
        let backslash = zeros(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let found = (quote | backslash | control) & HIGH;
        if found != 0 {
            return run.saturating_add((found.trailing_zeros() / 8) as usize);
        }
        run = run.saturating_add(8);
    }
    let rest = bytes.get(run..).unwrap_or_default();
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    run.saturating_add(rest.iter().position(ends).unwrap_or(rest.len()))
}

/// What each byte encodes after a backslash; 0 if it is no escape of one letter.
#[expect(clippy::indexing_slicing, reason = "the compiler reads it")]
const ESCAPED: [u8; 256] = {
    let mut escaped = [0; 256];
    let known =
        [(b'"', b'"'), (b'\\', b'\\'), (b'/', b'/'), (b'b', 8), (b'f', 12), (b'n', b'\n'), (b'r', b'\r'), (b't', b'\t')];
    let mut at = 0;
    while at < known.len() {
        let (letter, byte) = known[at];
        escaped[letter as usize] = byte;
        at += 1;
    }
    escaped
};

/// The byte that the two bytes at an offset encode, if they are an escape of one letter.
fn simple_escape(bytes: &[u8], at: usize) -> Option<u8> {
    let [b'\\', letter] = bytes.get(at..at.saturating_add(2))? else { return None };
    ESCAPED.get(usize::from(*letter)).copied().filter(|byte| *byte != 0)
}

/// Bytes of a string that are read without blocks, because most strings are short.
const NEAR: usize = 96;

/// The offset of the first byte from `at` on that is neither plain nor part of an escape of one letter.
pub(super) fn skip_simple(bytes: &[u8], at: usize) -> usize {
    let near = bytes.get(..at.saturating_add(NEAR)).unwrap_or(bytes);
    let at = skip_by_words(near, at);
    // A backslash at the end may begin an escape, whose letter is further on.
    if at.saturating_add(1) < near.len() || near.len() == bytes.len() {
        return at;
    }
    skip_by_blocks(bytes, at)
}

/// The same, eight bytes at a time up to the next escape.
fn skip_by_words(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = at.saturating_add(plain_run(bytes.get(at..).unwrap_or_default()));
        if simple_escape(bytes, at).is_none() {
            return at;
        }
        at = at.saturating_add(2);
    }
}

/// The same, 64 bytes at a time. The last bytes are read by words.
fn skip_by_blocks(bytes: &[u8], mut at: usize) -> usize {
    let mut follows = false;
    for block in bytes.get(at..).unwrap_or_default().as_chunks::<BLOCK>().0 {
        match blocks::read(block, &mut follows) {
            Some(Stop::At(place)) => return at.saturating_add(place),
            Some(Stop::Before) => return at.saturating_sub(1),
            None => at = at.saturating_add(BLOCK),
        }
    }
    skip_by_words(bytes, at.saturating_sub(usize::from(follows)))
}

/// The end of the checked string at `start`, including its closing quote. Reads at most `limit` bytes.
pub(super) fn end(bytes: &[u8], start: usize, limit: usize) -> Option<usize> {
    let most = start.saturating_add(limit).min(bytes.len());
    let mut at = start;
    while at < most {
        at = skip_simple(bytes.get(..most)?, at);
        match bytes.get(at)? {
            b'"' if at < most => return Some(at.saturating_add(1)),
            b'\\' => at = at.saturating_add(2),
            // The limit is reached.
            _ => return None,
        }
    }
    None
}

/// Decodes the checked text between two quotes.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    let Some(mut run) = memchr::memchr(b'\\', text.as_bytes()) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while run < rest.len() {
        let (plain, escape) = rest.split_at(run);
        out.push_str(plain);
        let (character, length) = escaped(escape);
        out.push(character);
        rest = escape.get(length..).unwrap_or_default();
        run = plain_run(rest.as_bytes());
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character of a checked escape, and its length in bytes.
fn escaped(text: &str) -> (char, usize) {
    let bytes = text.as_bytes();
    match simple_escape(bytes, 0) {
        Some(byte) => (char::from(byte), 2),
        None if bytes.len() > 1 => unicode(bytes),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

fn unicode(escape: &[u8]) -> (char, usize) {
    let first = hex(escape, 2).unwrap_or_default();
    if let (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) = (first, low_half(escape, 6)) {
        let code = 0x1_0000 + ((u32::from(first) - 0xd800) << 10) + (u32::from(second) - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

/// The code of the `\u` escape at an offset.
fn low_half(bytes: &[u8], at: usize) -> Option<u16> {
    let is_escape = bytes.get(at..at.saturating_add(2)) == Some(b"\\u");
    is_escape.then(|| hex(bytes, at.saturating_add(2))).flatten()
}

/// Four hexadecimal digits at an offset.
fn hex(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at.saturating_add(4))?;
    digits.iter().try_fold(0_u16, |code, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some((code << 4) | u16::try_from(digit).ok()?)
    })
}

/// Kinds of escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// A character, written in this many bytes.
    Character(usize),
    /// A lone surrogate, in six bytes.
    LoneSurrogate,
    /// Invalid.
    Wrong,
}

/// Checks the escape at an offset, which holds a backslash.
pub(super) fn check_escape(bytes: &[u8], at: usize) -> Escape {
    match bytes.get(at.saturating_add(1)) {
        Some(_) if simple_escape(bytes, at).is_some() => Escape::Character(2),
        Some(b'u') => match hex(bytes, at.saturating_add(2)) {
            Some(0xd800..0xdc00) => match low_half(bytes, at.saturating_add(6)) {
                Some(0xdc00..0xe000) => Escape::Character(12),
                Some(_) | None => Escape::LoneSurrogate,
            },
            Some(0xdc00..0xe000) => Escape::LoneSurrogate,
            Some(_) => Escape::Character(6),
            None => Escape::Wrong,
        },
        Some(_) | None => Escape::Wrong,
    }
}

/// Replaces the escapes at these offsets by U+FFFD, which has the same length.
pub(super) fn with_replacements(text: String, escapes: &[usize]) -> String {
    if escapes.is_empty() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut copied = 0_usize;
    for escape in escapes {
        out.push_str(text.get(copied..*escape).unwrap_or_default());
        out.push_str("\\ufffd");
        copied = escape.saturating_add(6);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Backslashes are frequent, so that runs of them cross the blocks.
        #[test]
        fn blocks_end_where_words_do(
            text in prop::collection::vec(prop::sample::select(br"aaaaaaaa\\\\\\nnnntubf/".to_vec()), 0..400),
            end in prop::sample::select(b"\"\n\x1fx\\\xe9".to_vec()),
            at in 0..80_usize,
        ) {
            let text = [&text[..], &[end], &text[..text.len() / 2]].concat();
            prop_assert_eq!(skip_simple(&text, at), skip_by_words(&text, at));
        }
    }

    #[test]
    fn escapes_are_followed_across_blocks() {
        for head in [NEAR, NEAR + BLOCK - 2, NEAR + BLOCK - 1, NEAR + BLOCK] {
            for escapes in [r"\n", r"\\", "\\\"", r"\\\n"] {
                let text = format!("{}{escapes}\"{}", "a".repeat(head), "a".repeat(BLOCK));
                assert_eq!(skip_simple(text.as_bytes(), 0), head + escapes.len(), "{text}");
            }
            let wrong = format!(r"{}\x{}", "a".repeat(head), "a".repeat(BLOCK));
            assert_eq!(skip_simple(wrong.as_bytes(), 0), head, "{wrong}");
        }
    }
}
