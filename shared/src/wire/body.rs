//! Writes bodies for providers. Most of a body is text, and in code every tenth byte of a text must be escaped. A processor
//! cannot predict which, so bytes around an escape are written without a branch for each.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::ser::{Formatter, Serializer as JsonSerializer};

use crate::document::plain_run;

/// Writes a body.
pub(super) fn write(body: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::new();
    body.serialize(&mut JsonSerializer::with_formatter(&mut out, TextFormatter))?;
    Ok(out)
}

/// Serialises a text as the bytes that [`write`] escapes.
pub(super) fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(text.as_bytes())
}

/// The same for a text that may be missing.
#[expect(clippy::ref_option, reason = "serde passes references")]
pub(super) fn some_text<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => serializer.serialize_bytes(text.as_bytes()),
        None => serializer.serialize_none(),
    }
}

/// Compact JSON in which byte arrays are texts.
struct TextFormatter;

impl Formatter for TextFormatter {
    fn write_byte_array<W: Write + ?Sized>(&mut self, writer: &mut W, text: &[u8]) -> io::Result<()> {
        writer.write_all(b"\"")?;
        let mut piece = [0; PIECE * LONGEST + WORD];
        for bytes in text.chunks(PIECE) {
            let length = escape(bytes, &mut piece);
            writer.write_all(piece.get(..length).unwrap_or_default())?;
        }
        writer.write_all(b"\"")
    }
}

/// Bytes that are escaped at a time.
const PIECE: usize = 512;
/// The longest escape: `\u001f`.
const LONGEST: usize = 6;
/// Bytes that are copied at a time.
const WORD: usize = 8;

/// Writes bytes of a JSON string into a piece. Returns how many it wrote.
fn escape(bytes: &[u8], piece: &mut [u8]) -> usize {
    let mut length = 0;
    let (words, rest) = bytes.as_chunks::<WORD>();
    for word in words {
        if plain_run(word) == WORD {
            put(piece, length, *word);
            length += WORD;
        } else {
            length = escape_each(word, piece, length);
        }
    }
    escape_each(rest, piece, length)
}

fn escape_each(bytes: &[u8], piece: &mut [u8], mut length: usize) -> usize {
    for byte in bytes {
        let (written, size) = WRITTEN.get(usize::from(*byte)).copied().unwrap_or(([0; WORD], 0));
        put(piece, length, written);
        length += usize::from(size);
    }
    length
}

/// Copies a word. The next word overwrites the bytes that do not count.
fn put(piece: &mut [u8], at: usize, word: [u8; WORD]) {
    if let Some(place) = piece.get_mut(at..at + WORD) {
        place.copy_from_slice(&word);
    }
}

/// How each byte is written in a JSON string, and in how many bytes.
#[expect(clippy::indexing_slicing, reason = "the compiler evaluates it")]
static WRITTEN: [([u8; WORD], u8); 256] = {
    let mut table = [([0; WORD], 0); 256];
    let mut byte = u8::MIN;
    loop {
        table[byte as usize] = written(byte);
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

const fn written(byte: u8) -> ([u8; WORD], u8) {
    let letter = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        0..0x20 => {
            let (high, low) = (b'0' + (byte >> 4), byte & 15);
            let low = if low < 10 { b'0' + low } else { b'a' + low - 10 };
            return ([b'\\', b'u', b'0', b'0', high, low, 0, 0], 6);
        }
        _ => return ([byte, 0, 0, 0, 0, 0, 0, 0], 1),
    };
    ([b'\\', letter, 0, 0, 0, 0, 0, 0], 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Said<'a>(#[serde(serialize_with = "text")] &'a str);

    fn assert_is_written(text: &str) {
        let ours = String::from_utf8(write(&Said(text)).unwrap()).unwrap();
        assert_eq!(ours, serde_json::to_string(text).unwrap());
    }

    #[test]
    fn texts_are_written_as_serde_json_writes_them() {
        let every: String = (0..0x300).filter_map(char::from_u32).collect();
        for start in 0..16 {
            assert_is_written(&"abcdefghijklmnop\u{1}\"\\\n😀"[start..]);
        }
        assert_is_written("");
        assert_is_written(&every);
        assert_is_written(&every.repeat(9));
        assert_is_written(&"\u{1f}".repeat(2 * PIECE + 1));
        assert_is_written(&"\"é".repeat(PIECE));
    }
}
