//! Pictures and documents as Claude on Vertex takes them: inline, and of few kinds.

use serde::Serialize;

use crate::chat::request::Source;

/// What pictures and documents behind an address are refused with: Vertex does not fetch them reliably.
const NO_ADDRESSES: &str = "Claude models on this route do not take pictures or documents by URL; send them inline.";
/// What pictures and documents of other kinds are refused with.
const OTHER_KIND: &str = "Claude models take pictures as JPEG, PNG, GIF or WebP, and documents as PDF or text.";
/// The media type of a document that is text.
pub const PLAIN: &str = "text/plain";

/// The block that carries inline bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `image`.
    Image,
    /// `document`.
    Document,
}

impl Carrier {
    /// The type of the block.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Document => "document",
        }
    }

    /// What carries bytes of a media type (API reference: four kinds of pictures, and PDF); `None` for what Claude refuses.
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "image/jpeg" | "image/png" | "image/gif" | "image/webp" => Some(Self::Image),
            "application/pdf" => Some(Self::Document),
            _ => None,
        }
    }
}

/// A source as Claude takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SourceOut {
    /// Inline bytes.
    Base64 {
        /// What they are.
        media_type: String,
        /// Base64.
        data: String,
    },
    /// A text.
    Text {
        /// That of plain text.
        media_type: &'static str,
        /// The text.
        data: String,
    },
}

/// The block and the source for a picture or a document, whatever its client calls it; the words of the refusal where Claude takes it
/// in no form.
pub fn carried(source: Source) -> Result<(Carrier, SourceOut), &'static str> {
    match source {
        Source::Url(_) => Err(NO_ADDRESSES),
        Source::Text(data) => Ok((Carrier::Document, SourceOut::Text { media_type: PLAIN, data })),
        Source::Inline { media_type, data } => match Carrier::of(&media_type) {
            Some(carrier) => Ok((carrier, SourceOut::Base64 { media_type, data })),
            None => Err(OTHER_KIND),
        },
    }
}
