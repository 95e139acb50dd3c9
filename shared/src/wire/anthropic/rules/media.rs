//! Images and documents that Claude on Vertex accepts: inline only, and of few types.

use serde::Serialize;

use crate::chat::request::Source;

/// Refusal of images and documents behind a URL: Vertex does not fetch them reliably.
const NO_ADDRESSES: &str = "Claude models on this route do not accept images or documents by URL; send them inline.";
/// Refusal of other types.
const OTHER_KIND: &str = "Claude models accept images as JPEG, PNG, GIF or WebP, and documents as PDF or text.";
/// The media type of a text document.
pub const PLAIN: &str = "text/plain";

/// Longest title of a document (Anthropic's OpenAPI description).
const LONGEST_TITLE: usize = 500;

/// The title of a document as Claude accepts it: a long title is cut, and a title without a letter is left out.
pub fn title(told: &str) -> Option<&str> {
    let end = told.char_indices().nth(LONGEST_TITLE).map_or(told.len(), |(end, _)| end);
    told.get(..end).filter(|title| !title.is_empty())
}

/// The block that contains inline bytes.
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

    /// The block for a media type (API reference: four image types, and PDF); `None` if Claude rejects it.
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "image/jpeg" | "image/png" | "image/gif" | "image/webp" => Some(Self::Image),
            "application/pdf" => Some(Self::Document),
            _ => None,
        }
    }
}

/// A source that Claude accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SourceOut {
    /// Inline bytes.
    Base64 {
        /// Their media type.
        media_type: String,
        /// Base64.
        data: String,
    },
    /// A text.
    Text {
        /// Plain text.
        media_type: &'static str,
        /// The text.
        data: String,
    },
}

/// The block and the source for an image or a document, whatever its client calls it. Fails with the text of the refusal if
/// Claude accepts it in no form.
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
