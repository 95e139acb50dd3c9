//! Upper bounds for the pages and the text of a PDF, from everything that it says anywhere: page objects, child lists of the
//! page tree, counts, and strings of streams. Readers differ in which of these they follow, so the largest number counts.

mod letters;
mod steps;

use std::collections::{HashMap, HashSet};
use std::io::Read as _;

use flate2::read::ZlibDecoder;

use letters::{longest_glyph, longest_letter};
use steps::Steps;

/// Maximum size of decompressed data that is read from the documents of one request.
pub(super) const MOST_INFLATED: u64 = 16 * 1024 * 1024;
/// Maximum decompressed bytes per byte of a document. Text and objects shrink to a tenth or so; pixels are not decompressed.
const MOST_GROWTH: u64 = 64;
/// How far before its data a stream's dictionary is searched.
const DICTIONARY: usize = 4_096;
/// Maximum size of alternative text in bytes. A page may repeat it as often as it wants.
const MOST_OTHER_WORDS: u64 = 3_000;

/// The contents of a PDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Printed {
    /// Maximum number of pages.
    pub(super) pages: u64,
    /// Bytes of its strings: text that its streams draw, and other strings.
    pub(super) text: u64,
}

/// Reads a PDF (ISO 32000-1, 7.3.8 and 7.7.3). Returns `None` if it is encrypted, cannot be read to its end, takes more time
/// than its size explains, or contains something from which readers may extract more than is understood here. `inflatable`
/// is how many bytes the request may still decompress.
pub(super) fn read(bytes: &[u8], inflatable: &mut u64) -> Option<Printed> {
    let (mut found, mut text) = (Found::default(), Text::default());
    let steps = Steps::for_bytes(bytes.len());
    let (mut growth, mut streams) = (MOST_GROWTH.saturating_mul(bytes.len() as u64), 0_usize);
    // Numbers of the stream objects, and whether they contain text.
    let mut objects: HashMap<Vec<u8>, bool> = HashMap::new();
    // Numbers of objects that are not read.
    let (mut pixels, mut outlines) = (HashSet::new(), HashSet::new());
    found.read(bytes, &steps)?;
    let mut outside = 0_usize;
    for at in memchr::memmem::find_iter(bytes, b"stream") {
        let before = bytes.get(at.saturating_sub(DICTIONARY)..at).unwrap_or_default();
        let data = bytes.get(at.saturating_add(6)..).unwrap_or_default();
        let data = data.strip_prefix(b"\r\n").or_else(|| data.strip_prefix(b"\n"));
        if before.ends_with(b"end") {
            outside = at;
        }
        let (Some(data), true) = (data, before.trim_ascii_end().ends_with(b">>")) else { continue };
        text.say(bytes.get(outside..at).unwrap_or_default());
        outside = bytes.len();
        let Object { number, dictionary } = object(before, &steps)?;
        let says = |name: &[u8]| memchr::memmem::find(dictionary, name).is_some();
        let is_picture = says(b"/Image") && says(b"/Width");
        let is_font = says(b"/Length1") && says(b"/FlateDecode");
        // Pixels and glyph outlines, unless the stream contains other objects.
        let is_words = says(b"/First") || !is_picture && !is_font;
        streams = streams.saturating_add(1);
        // Readers differ in which of several objects with the same number they use.
        objects.entry(number.to_vec()).and_modify(|all| *all &= is_words).or_insert(is_words);
        if !is_words {
            let unread = if is_picture && is_image(dictionary, &steps) { &mut pixels } else { &mut outlines };
            unread.insert(self::number(number));
            continue;
        }
        if !says(b"/Filter") {
            let end = memchr::memmem::find(data, b"endstream").unwrap_or(data.len());
            steps.take(end)?;
            text.add(data.get(..end).unwrap_or_default(), says(b"/Form"), &steps)?;
            continue;
        }
        let inflated = inflate(data, growth.min(*inflatable), &steps)?;
        growth = growth.saturating_sub(inflated.len() as u64);
        *inflatable = inflatable.saturating_sub(inflated.len() as u64);
        found.read(&inflated, &steps)?;
        text.add(&inflated, says(b"/Form"), &steps)?;
    }
    text.say(bytes.get(outside..).unwrap_or_default());
    let is_content = |content: &Vec<Vec<u8>>| content.first().and_then(|number| objects.get(number)) == Some(&true);
    let is_understood = streams == memchr::memmem::find_iter(bytes, b"endstream").count()
        && found.contents.keys().all(is_content)
        && found.maps.is_disjoint(&pixels)
        && found.maps.is_disjoint(&outlines)
        && found.used.is_disjoint(&outlines)
        && found.other_words <= MOST_OTHER_WORDS;
    text.letter = text.letter.max(found.glyph);
    let text = text.drawn().saturating_mul(found.contents.values().copied().max().unwrap_or(1));
    let pages = found.pages.max(found.children).max(found.count);
    (is_understood && !found.is_unreadable && pages > 0).then_some(Printed { pages, text })
}

/// An object that is a stream.
struct Object<'b> {
    number: &'b [u8],
    dictionary: &'b [u8],
}

/// The object whose stream begins here. Returns `None` if it does not directly follow the previous one, or writes a name in
/// another way.
fn object<'b>(before: &'b [u8], steps: &Steps) -> Option<Object<'b>> {
    let start = memchr::memmem::rfind(before, b"endobj").map_or(0, |at| at.saturating_add(6));
    let own = before.get(start..)?;
    steps.take(own.len())?;
    let mut words = memchr::memmem::find_iter(own, b"obj");
    let (Some(at), None) = (words.next(), words.next()) else { return None };
    let (head, dictionary) = own.split_at_checked(at)?;
    let mut numbers = head.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).rev();
    let (_generation, number) = (numbers.next()?, numbers.next()?);
    let is_number = number.iter().all(u8::is_ascii_digit);
    (is_number && !dictionary.contains(&b'#')).then_some(Object { number, dictionary })
}

/// Whether a stream is drawn as an image: its only subtype is in its own dictionary.
fn is_image(dictionary: &[u8], steps: &Steps) -> bool {
    let mut subtypes = memchr::memmem::find_iter(dictionary, b"/Subtype");
    let (Some(at), None) = (subtypes.next(), subtypes.next()) else { return false };
    let kind = blanks_skipped(dictionary.get(at.saturating_add(8)..).unwrap_or_default(), steps);
    kind.strip_prefix(b"/").is_some_and(|kind| name(kind).0 == b"Image")
}

/// Decompresses a stream. Returns `None` if it exceeds the remaining budget or uses another filter.
fn inflate(data: &[u8], left: u64, steps: &Steps) -> Option<Vec<u8>> {
    /// Setting up a decoder takes about as long as so many steps.
    const SET_UP: usize = 2_048;
    steps.take(SET_UP)?;
    let (mut decoder, mut inflated) = (ZlibDecoder::new(data), Vec::new());
    decoder.by_ref().take(left.saturating_add(1)).read_to_end(&mut inflated).ok()?;
    steps.take(usize::try_from(decoder.total_in()).unwrap_or(usize::MAX))?;
    steps.grant(inflated.len());
    (inflated.len() as u64 <= left).then_some(inflated)
}

/// The text that the streams of a PDF draw (ISO 32000-1, 8.10 and 9.10.3).
#[derive(Debug)]
struct Text {
    /// Bytes of strings on pages.
    pages: u64,
    /// Bytes of strings outside streams.
    objects: u64,
    /// Bytes of strings in forms, which pages and other forms draw by name.
    forms: u64,
    /// Number of times that pages draw something by name.
    draws: u64,
    /// Number of ways from one form to another, itself included: at most the number of draws in all forms together.
    ways: u64,
    /// Maximum bytes of text per byte of a string, by a font's map.
    letter: u64,
}

impl Default for Text {
    fn default() -> Self {
        Self { pages: 0, objects: 0, forms: 0, draws: 0, ways: 1, letter: 1 }
    }
}

impl Text {
    fn add(&mut self, stream: &[u8], is_form: bool, steps: &Steps) -> Option<()> {
        let (strings, draws) = (drawn(stream), draws(stream));
        self.letter = self.letter.max(longest_letter(stream, steps)?);
        if is_form {
            self.forms = self.forms.saturating_add(strings);
            self.ways = self.ways.saturating_mul(draws.saturating_add(1));
        } else {
            self.pages = self.pages.saturating_add(strings);
            self.draws = self.draws.saturating_add(draws);
        }
        Some(())
    }

    /// Adds strings outside streams: titles, notes, form values.
    fn say(&mut self, objects: &[u8]) {
        self.objects = self.objects.saturating_add(drawn(objects));
    }

    /// Bytes of text that a reader may find. A form that nothing draws may be drawn from outside a stream, for example by an
    /// annotation.
    fn drawn(&self) -> u64 {
        let forms = self.forms.saturating_mul(self.draws.max(1)).saturating_mul(self.ways);
        self.pages.saturating_add(forms).saturating_mul(self.letter).saturating_add(self.objects)
    }
}

/// Number of `Do` operators, which draw something by name.
fn draws(stream: &[u8]) -> u64 {
    let is_whole = |at: &usize| {
        let after = stream.get(at.saturating_add(2)).copied().unwrap_or(b' ');
        let before = at.checked_sub(1).and_then(|at| stream.get(at)).copied().unwrap_or(b' ');
        !is_regular(after) && !is_regular(before)
    };
    memchr::memmem::find_iter(stream, b"Do").filter(is_whole).count() as u64
}

/// Bytes inside the strings of a stream, in parentheses or as hexadecimal digits.
fn drawn(stream: &[u8]) -> u64 {
    let (mut depth, mut bytes, mut digits) = (0_u32, 0_u64, None::<u64>);
    for byte in stream {
        match (byte, digits) {
            (b'(', None) => depth = depth.saturating_add(1),
            (b')', None) => depth = depth.saturating_sub(1),
            (_, None) if depth > 0 => bytes = bytes.saturating_add(1),
            (b'<', _) => digits = Some(0),
            (b'>', Some(count)) => {
                bytes = bytes.saturating_add(count.div_ceil(2));
                digits = None;
            }
            (digit, Some(count)) if digit.is_ascii_hexdigit() => digits = Some(count.saturating_add(1)),
            (digit, Some(_)) if !digit.is_ascii_whitespace() => digits = None,
            _ => {}
        }
    }
    bytes
}

/// Facts in the text of PDF objects.
#[derive(Debug, Default)]
struct Found {
    /// Objects of type `Page`, and objects whose type is elsewhere.
    pages: u64,
    /// References in lists of children.
    children: u64,
    /// The largest count.
    count: u64,
    /// How many pages use which stream, or list of streams, as content. Shared content is drawn on each of them.
    contents: HashMap<Vec<Vec<u8>>, u64>,
    /// Numbers of objects that are used for anything except glyph outlines.
    used: HashSet<u64>,
    /// Numbers of objects that map a font's glyphs to text.
    maps: HashSet<u64>,
    /// Maximum bytes of text per byte of a string, by glyph names.
    glyph: u64,
    /// Bytes of alternative text.
    other_words: u64,
    /// Whether it is encrypted, or readers interpret it differently.
    is_unreadable: bool,
}

impl Found {
    /// Reads objects. Returns `None` if this takes too many steps.
    fn read(&mut self, bytes: &[u8], steps: &Steps) -> Option<()> {
        for slash in memchr::memchr_iter(b'/', bytes) {
            steps.check()?;
            let rest = bytes.get(slash.saturating_add(1)..)?;
            let (name, length) = name(rest);
            let rest = blanks_skipped(rest.get(length..).unwrap_or_default(), steps);
            if let Some(object) = reference(rest, steps).filter(|_| !name.starts_with(b"FontFile")) {
                self.used.insert(object);
                if name == b"ToUnicode" {
                    self.maps.insert(object);
                }
            }
            match name.as_slice() {
                b"Type" => match rest.strip_prefix(b"/").map(self::name) {
                    Some((kind, _)) if kind == b"Page" => self.pages = self.pages.saturating_add(1),
                    Some(_) => {}
                    None => self.pages = self.pages.saturating_add(1),
                },
                b"Kids" => match references(rest, steps) {
                    Some(count) => self.children = self.children.saturating_add(count),
                    None => self.is_unreadable = true,
                },
                b"Contents" => self.share(rest, steps),
                b"ActualTex" => self.other_words = self.other_words.saturating_add(first_string(rest, steps)),
                // Glyph names must be in the list itself. Otherwise readers may follow something that is not seen here.
                b"Differenc" => match rest.strip_prefix(b"[").and_then(|list| longest_glyph(list, steps)) {
                    Some(longest) => self.glyph = self.glyph.max(longest),
                    None => self.is_unreadable = true,
                },
                b"Count" => self.count = self.count.max(number(rest)),
                b"Encrypt" => self.is_unreadable = true,
                _ => {}
            }
        }
        Some(())
    }
}

impl Found {
    /// Counts the streams of a page's content.
    fn share(&mut self, text: &[u8], steps: &Steps) {
        let is_list = text.first() == Some(&b'[');
        let mut rest = text.strip_prefix(b"[").unwrap_or(text);
        let mut numbers: Vec<Vec<u8>> = Vec::new();
        loop {
            rest = blanks_skipped(rest, steps);
            let length = word_length(rest, steps);
            match rest.get(..length).unwrap_or_default() {
                b"" => return,
                b"R" => {
                    let shared = self.contents.entry(std::mem::take(&mut numbers)).or_default();
                    *shared = shared.saturating_add(1);
                    if !is_list {
                        return;
                    }
                }
                // Content that is not a reference names no stream.
                _ if numbers.len() > 1 => return,
                number => numbers.push(number.to_vec()),
            }
            rest = rest.get(length..).unwrap_or_default();
        }
    }
}

/// Bytes of the string at the beginning of a text. For a string that is elsewhere, the maximum.
fn first_string(text: &[u8], steps: &Steps) -> u64 {
    let length = |end: u8| steps.counted(memchr::memchr(end, text).unwrap_or(text.len())) as u64;
    match text.first() {
        Some(b'(') => length(b')'),
        Some(b'<') => length(b'>').div_ceil(2),
        Some(_) | None => MOST_OTHER_WORDS.saturating_add(1),
    }
}

/// A name without its slash, with `#xx` decoded, and its written length. Cut at the longest length of interest.
fn name(text: &[u8]) -> (Vec<u8>, usize) {
    const LONGEST: usize = 9;
    let (mut name, mut at) = (Vec::with_capacity(LONGEST), 0_usize);
    while let Some(byte) = text.get(at).filter(|byte| is_regular(**byte)) {
        if name.len() == LONGEST {
            at = at.saturating_add(1);
            continue;
        }
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

/// Length of the word at the beginning of a text.
fn word_length(text: &[u8], steps: &Steps) -> usize {
    steps.counted(text.iter().take_while(|byte| is_regular(**byte)).count())
}

/// Skips blanks and comments.
fn blanks_skipped<'t>(text: &'t [u8], steps: &Steps) -> &'t [u8] {
    let rest = without_blanks(text);
    steps.counted(text.len().saturating_sub(rest.len()));
    rest
}

fn without_blanks(mut text: &[u8]) -> &[u8] {
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

/// Number of references in a list. Returns `None` if the list is elsewhere, or if a reference repeats, which no reader
/// needs.
fn references(text: &[u8], steps: &Steps) -> Option<u64> {
    let mut rest = text.strip_prefix(b"[")?;
    let (mut seen, mut numbers) = (HashSet::new(), Vec::new());
    loop {
        rest = blanks_skipped(rest, steps);
        let length = word_length(rest, steps);
        match rest.get(..length).unwrap_or_default() {
            b"" => return Some(seen.len() as u64),
            b"R" => {
                if !seen.insert(std::mem::take(&mut numbers)) {
                    return None;
                }
            }
            number => numbers.push(number),
        }
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// The object number of the reference at the beginning of a text.
fn reference(text: &[u8], steps: &Steps) -> Option<u64> {
    let mut rest = text;
    for _ in 0..2 {
        let digits = steps.counted(rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
        rest = rest.get(digits..).filter(|_| digits > 0).map(|rest| blanks_skipped(rest, steps))?;
    }
    rest.starts_with(b"R").then(|| number(text))
}

fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).take(9);
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests;
