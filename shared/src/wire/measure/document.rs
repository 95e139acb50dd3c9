//! How many pages a PDF has at most, by what it says of itself anywhere: its page objects, the lists of its page tree, its counts.
//! Readers differ in which of them they follow, so the largest counts.

use std::io::Read as _;

use flate2::read::ZlibDecoder;

/// How much of the compressed objects of one document is read.
const MOST_INFLATED: u64 = 16 * 1024 * 1024;

/// The pages of a PDF (ISO 32000-1, 7.7.3); `None` for one that is encrypted or whose objects cannot be read.
pub(super) fn pages(bytes: &[u8]) -> Option<u64> {
    let mut found = Found::default();
    let mut left = MOST_INFLATED;
    found.read(bytes);
    for start in &std::mem::take(&mut found.object_streams) {
        let inflated = inflate(bytes.get(*start..)?, left)?;
        left = left.saturating_sub(inflated.len() as u64);
        found.read(&inflated);
    }
    let most = found.pages.max(found.children).max(found.count);
    (!found.is_encrypted && most > 0).then_some(most)
}

/// The text of an object stream; `None` when it has more than is left, or another filter.
fn inflate(object: &[u8], left: u64) -> Option<Vec<u8>> {
    let data = memchr::memmem::find(object, b"stream")?.saturating_add(6);
    let data = object.get(data..)?;
    let data = data.strip_prefix(b"\r\n").or_else(|| data.strip_prefix(b"\n"))?;
    let mut inflated = Vec::new();
    ZlibDecoder::new(data).take(left.saturating_add(1)).read_to_end(&mut inflated).ok()?;
    (inflated.len() as u64 <= left).then_some(inflated)
}

/// What a text of PDF objects says.
#[derive(Debug, Default)]
struct Found {
    /// Objects of type `Page`, and those whose type stands elsewhere.
    pages: u64,
    /// References in lists of children.
    children: u64,
    /// The largest count.
    count: u64,
    is_encrypted: bool,
    /// Where objects begin that hold others.
    object_streams: Vec<usize>,
}

impl Found {
    fn read(&mut self, bytes: &[u8]) {
        for slash in memchr::memchr_iter(b'/', bytes) {
            let Some(rest) = bytes.get(slash.saturating_add(1)..) else { return };
            let (name, length) = name(rest);
            let rest = blanks_skipped(rest.get(length..).unwrap_or_default());
            match name.as_slice() {
                b"Type" => match rest.strip_prefix(b"/").map(self::name) {
                    Some((kind, _)) if kind == b"Page" => self.pages = self.pages.saturating_add(1),
                    Some((kind, _)) if kind == b"ObjStm" => self.object_streams.push(slash),
                    Some(_) => {}
                    None => self.pages = self.pages.saturating_add(1),
                },
                b"Kids" => self.children = self.children.saturating_add(references(rest)),
                b"Count" => self.count = self.count.max(number(rest)),
                b"Encrypt" => self.is_encrypted = true,
                _ => {}
            }
        }
    }
}

/// A name without its slash, `#xx` read as the byte that it stands for, and how long it is written; longer ones than asked for
/// are cut.
fn name(text: &[u8]) -> (Vec<u8>, usize) {
    const LONGEST: usize = 8;
    let (mut name, mut at) = (Vec::with_capacity(LONGEST), 0_usize);
    while let Some(byte) = text.get(at).filter(|byte| is_regular(**byte) && name.len() < LONGEST) {
        let hex = text.get(at.saturating_add(1)..at.saturating_add(3)).filter(|_| *byte == b'#');
        let escaped = hex.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        name.push(escaped.unwrap_or(*byte));
        at = at.saturating_add(if escaped.is_some() { 3 } else { 1 });
    }
    (name, at)
}

fn is_regular(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && byte != 0 && !b"()<>[]{}/%".contains(&byte)
}

/// The text after blanks and comments.
fn blanks_skipped(mut text: &[u8]) -> &[u8] {
    loop {
        let blanks = text.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0).count();
        text = text.get(blanks..).unwrap_or_default();
        if text.first() != Some(&b'%') {
            return text;
        }
        let comment = text.iter().take_while(|byte| !matches!(byte, b'\r' | b'\n')).count();
        text = text.get(comment..).unwrap_or_default();
    }
}

/// References in a list; one for a list that stands elsewhere.
fn references(text: &[u8]) -> u64 {
    let Some(list) = text.strip_prefix(b"[") else { return 1 };
    let end = memchr::memchr(b']', list).unwrap_or(list.len());
    let list = list.get(..end).unwrap_or_default();
    memchr::memchr_iter(b'R', list).count() as u64
}

fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).take(9);
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn stream_of_objects(objects: &str) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(objects.as_bytes()).unwrap();
        let head = b"%PDF-1.5\n5 0 obj << /Type /ObjStm /Filter /FlateDecode >> stream\r\n".to_vec();
        [head, encoder.finish().unwrap(), b"\nendstream".to_vec()].concat()
    }

    #[test]
    fn pages_are_found_however_they_are_written() {
        for (text, pages) in [
            ("%PDF-1.4 << /Type /Page >> << /Type/Page/X 1 >> << /Type /Pages /Count 2 >>", Some(2)),
            ("%PDF-1.4 << /T#79pe % so\n /P#61ge >> << /Type /Page>>", Some(2)),
            ("%PDF-1.4 << /Type /Pages /Kids [ 3 0 R 3 0 R 3 0 R ] /Count 1 >> << /Type /Page >>", Some(3)),
            ("%PDF-1.4 << /Type /Pages /Count 70 >> << /Type /Page >>", Some(70)),
            ("%PDF-1.4 << /Type /Page >> trailer << /Encrypt 7 0 R >>", None),
            ("%PDF-1.4 nothing", None),
        ] {
            assert_eq!(super::pages(text.as_bytes()), pages, "{text}");
        }
    }

    #[test]
    fn compressed_objects_are_read_and_bombs_are_not() {
        let two = stream_of_objects("<< /Type /Page >> << /Type /Page >>");
        assert_eq!(pages(&two), Some(2));
        let broken = stream_of_objects("").iter().map(|byte| if *byte == 0x9c { 0 } else { *byte }).collect::<Vec<u8>>();
        assert_eq!(pages(&broken), None);
        let bomb = stream_of_objects(&" ".repeat(17 * 1024 * 1024));
        assert_eq!(pages(&bomb), None);
    }
}
