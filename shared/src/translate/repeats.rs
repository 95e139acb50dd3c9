//! Skips parsing for frames that differ from the previous frame only in a piece of text, as most frames of a stream do. The
//! result of the last parsed frame is also their result, with the new text inserted.
//!
//! The shape of a frame is learned from two consecutive frames that were parsed, contained one piece of text each, and are
//! identical around it. Any other frame ends the shape.

use std::borrow::Cow;

use bytes::BytesMut;
use memchr::{memchr2, memmem};

use crate::sse::Frame;
use crate::wire::WireFormat;

/// What is known about the frames of a stream.
pub(super) struct Repeats {
    /// The JSON before a piece of text, up to its opening quote.
    key: &'static str,
    /// Whether the output is a frame of the provider's.
    forwards: bool,
    last: Option<Shape>,
    /// Whether the last two frames had the same shape.
    is_steady: bool,
}

/// A frame around its text.
struct Shape {
    event: Option<String>,
    before: String,
    after: String,
    /// The output around the text and the rest of the frame. Empty if no frame is written.
    written_before: Vec<u8>,
    written_after: Vec<u8>,
}

/// The text of a frame of the known shape.
pub(super) struct Repeat<'f> {
    /// The decoded text.
    pub(super) text: Cow<'f, str>,
    /// The text as it is escaped in the frame, and what follows it.
    spelling: &'f str,
    rest: &'f str,
}

impl Repeats {
    /// For the frames of a wire format, which are forwarded or not.
    pub(super) const fn new(wire: WireFormat, forwards: bool) -> Self {
        let key = match wire {
            WireFormat::OpenAi => "\"content\":\"",
            WireFormat::Anthropic => "\"text\":\"",
            // Every frame of Gemini's has a different usage.
            WireFormat::Gemini => "",
        };
        Self { key, forwards, last: None, is_steady: false }
    }

    /// For frames that are always parsed.
    pub(super) const fn never() -> Self {
        Self { key: "", forwards: false, last: None, is_steady: false }
    }

    /// The text of a frame that has the shape of the last two.
    pub(super) fn of<'f>(&self, frame: &Frame<'f>) -> Option<Repeat<'f>> {
        let shape = self.last.as_ref().filter(|shape| self.is_steady && shape.event.as_deref() == frame.event)?;
        let inside = frame.data.strip_prefix(shape.before.as_str())?;
        let repeat = Repeat::at_start(inside)?;
        are_alike(repeat.rest, &shape.after).then_some(repeat)
    }

    /// Writes a frame of the known shape.
    pub(super) fn write(&self, repeat: &Repeat<'_>, out: &mut BytesMut) {
        let Some(shape) = &self.last else { return };
        let (text, rest) = (repeat.spelling.as_bytes(), repeat.rest.as_bytes());
        for piece in [&shape.written_before, text, rest, &shape.written_after] {
            out.extend_from_slice(piece);
        }
    }

    /// Learns from a parsed frame and its output. `text` is the frame's text if the frame contains nothing else.
    pub(super) fn note(&mut self, frame: &Frame<'_>, text: Option<&str>, written: &[u8]) {
        let text = text.filter(|_| !self.key.is_empty());
        let shape = text.and_then(|text| self.shape(frame, text, written));
        let known = self.last.as_ref().zip(shape.as_ref());
        self.is_steady = known.is_some_and(|(last, shape)| last.is_like(shape));
        if !self.is_steady {
            self.last = shape;
        }
    }

    fn shape(&self, frame: &Frame<'_>, text: &str, written: &[u8]) -> Option<Shape> {
        let (before, inside) = around(frame.data.as_bytes(), self.key)?;
        let (before, inside) = (std::str::from_utf8(before).ok()?, std::str::from_utf8(inside).ok()?);
        let repeat = Repeat::at_start(inside).filter(|repeat| repeat.text == text)?;
        let (written_before, written_after) = if self.forwards {
            let (before, inside) = around(written, self.key)?;
            let after = inside.strip_prefix(repeat.spelling.as_bytes())?.strip_prefix(repeat.rest.as_bytes())?;
            (before.to_vec(), after.to_vec())
        } else {
            (Vec::new(), Vec::new())
        };
        let (event, before, after) = (frame.event.map(ToOwned::to_owned), before.to_owned(), repeat.rest.to_owned());
        Some(Shape { event, before, after, written_before, written_after })
    }
}

impl Shape {
    fn is_like(&self, other: &Self) -> bool {
        let Self { event, before, after, written_before, written_after } = self;
        *event == other.event
            && *before == other.before
            && are_alike(after, &other.after)
            && *written_before == other.written_before
            && *written_after == other.written_after
    }
}

impl<'f> Repeat<'f> {
    /// The text at the start of `inside`, up to its closing quote. `None` for empty text, for invalid JSON text, and for
    /// escapes that may be half a character.
    fn at_start(inside: &'f str) -> Option<Self> {
        let bytes = inside.as_bytes();
        let mut end = 0_usize;
        let mut has_escapes = false;
        loop {
            end = end.checked_add(memchr2(b'"', b'\\', bytes.get(end..)?)?)?;
            if bytes.get(end) == Some(&b'"') {
                break;
            }
            has_escapes = true;
            if bytes.get(end.checked_add(1)?)? == &b'u' {
                return None;
            }
            end = end.checked_add(2)?;
        }
        let (spelling, rest) = inside.split_at_checked(end)?;
        if spelling.is_empty() || spelling.bytes().any(|byte| byte < 0x20) {
            return None;
        }
        let text = if has_escapes {
            Cow::Owned(serde_json::from_str(&format!("\"{spelling}\"")).ok()?)
        } else {
            Cow::Borrowed(spelling)
        };
        Some(Self { text, spelling, rest })
    }
}

/// The JSON before and after a key that occurs once; the first part includes the key.
fn around<'j>(json: &'j [u8], key: &str) -> Option<(&'j [u8], &'j [u8])> {
    let mut places = memmem::find_iter(json, key);
    let place = places.next().filter(|_| places.next().is_none())?;
    json.split_at_checked(place.checked_add(key.len())?)
}

/// Whether the rests of two frames are equal. Anthropic pads its frames with spaces between brackets.
fn are_alike(rest: &str, known: &str) -> bool {
    let is_bare = |rest: &str| rest.bytes().skip(1).all(|byte| byte != b'"');
    rest == known || (is_bare(rest) && is_bare(known) && marks(rest).eq(marks(known)))
}

fn marks(rest: &str) -> impl Iterator<Item = u8> {
    rest.bytes().filter(|byte| *byte != b' ')
}
