//! Frames that differ from the one before in nothing but a piece of text, as most of a stream does. They need no parser: what was
//! read and written of the last one is right for them, too, with the other text in its place.
//!
//! The shape of a frame is learned from two frames in a row that were read and written the long way, told one piece of text each,
//! and are the same around it. A frame that tells anything else ends it.

use std::borrow::Cow;

use bytes::BytesMut;
use memchr::{memchr2, memmem};

use crate::sse::Frame;
use crate::wire::WireFormat;

/// What is known of the frames of one stream.
pub(super) struct Repeats {
    /// The name before a piece of text, up to the text's opening quote.
    key: &'static str,
    /// Whether what is written is a frame of the provider's.
    forwards: bool,
    last: Option<Shape>,
    /// Whether the last two had one shape.
    is_steady: bool,
}

/// A frame around its text.
struct Shape {
    event: Option<String>,
    before: String,
    after: String,
    /// What was written around the text and the frame's own rest; empty where no frame is written.
    written_before: Vec<u8>,
    written_after: Vec<u8>,
}

/// The text of a frame of the known shape.
pub(super) struct Repeat<'f> {
    /// What it says.
    pub(super) text: Cow<'f, str>,
    /// How it is spelled, and what follows it in the frame.
    spelling: &'f str,
    rest: &'f str,
}

impl Repeats {
    /// For the frames of a wire, which are forwarded or not.
    pub(super) const fn new(wire: WireFormat, forwards: bool) -> Self {
        let key = match wire {
            WireFormat::OpenAi => "\"content\":\"",
            WireFormat::Anthropic => "\"text\":\"",
            // Each of its frames has another usage.
            WireFormat::Gemini => "",
        };
        Self { key, forwards, last: None, is_steady: false }
    }

    /// For frames all of which are read.
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

    /// Learns from a frame that was read the long way: the text, where nothing else was told of it, and what was written.
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
    /// The text that `inside` begins with, up to its closing quote. `None` for one that is empty, which says nothing, for what no JSON
    /// text holds, and for escapes that may be half a character.
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

/// What stands before and after a name that stands nowhere else, the name with what is before it.
fn around<'j>(json: &'j [u8], key: &str) -> Option<(&'j [u8], &'j [u8])> {
    let mut places = memmem::find_iter(json, key);
    let place = places.next().filter(|_| places.next().is_none())?;
    json.split_at_checked(place.checked_add(key.len())?)
}

/// Whether the rests of two frames are the same. Anthropic pads its frames with blanks between brackets.
fn are_alike(rest: &str, known: &str) -> bool {
    let is_bare = |rest: &str| rest.bytes().skip(1).all(|byte| byte != b'"');
    rest == known || (is_bare(rest) && is_bare(known) && marks(rest).eq(marks(known)))
}

fn marks(rest: &str) -> impl Iterator<Item = u8> {
    rest.bytes().filter(|byte| *byte != b' ')
}
