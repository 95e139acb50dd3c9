//! Pictures, documents, sound and texts in base64: what their bytes say that they are, and how many tokens that is at most.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use imagesize::ImageSize;

use super::text::TextSize;
use super::{Measure, document, sound};

/// As lenient as the most lenient provider: padding or none, bits left over or none.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
/// How much of a picture is read for its size: what stands before it, such as a preview, seldom takes more.
const HEAD: usize = 256 * 1024;
/// How far into a file its `%PDF` may stand (Acrobat's own tolerance, which others follow).
const PDF_HEAD: usize = 1_024;

/// How the provider reads a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As a picture, whatever else it may be.
    Picture,
    /// As a document: a PDF, a text, or a picture.
    Document,
    /// As sound.
    Sound,
    /// As its type says.
    Any,
}

/// Base64 text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'t>(pub(super) &'t str);

impl Bytes<'_> {
    fn decoded(self) -> Option<Vec<u8>> {
        let encoded: Vec<u8> = self.0.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(standard).collect();
        LENIENT.decode(encoded).ok()
    }

    fn head(self) -> Vec<u8> {
        let start = self.0.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(standard).take(HEAD);
        let mut start: Vec<u8> = start.collect();
        start.truncate(start.len() - start.len() % 4);
        LENIENT.decode(start).unwrap_or_default()
    }
}

/// The standard letter for one of the alphabet for URLs.
fn standard(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}

impl Measure<'_> {
    /// Adds a part behind a URL or an id: the largest that its family has.
    pub(super) fn remote(&mut self, reading: Reading) {
        match reading {
            Reading::Picture => self.add(self.media.picture.most()),
            Reading::Document | Reading::Sound | Reading::Any => self.sizes.is_unbounded = true,
        }
    }

    /// Adds a part by its bytes. What can be read in two ways counts as the larger one.
    pub(super) fn media(&mut self, bytes: Bytes<'_>, reading: Reading) {
        let head = bytes.head();
        let picture = imagesize::image_type(&head).ok().map(|_| match imagesize::blob_size(&head) {
            Ok(ImageSize { width, height }) => self.media.picture.tokens(width as u64, height as u64),
            Err(_) => self.media.picture.most(),
        });
        let may_be_document = reading != Reading::Picture && head.get(..PDF_HEAD.min(head.len())).is_some_and(is_pdf);
        match (picture, may_be_document) {
            (Some(tokens), false) if reading != Reading::Sound => self.add(tokens),
            (_, true) => match bytes.decoded().and_then(|bytes| document::pages(&bytes)) {
                Some(pages) => {
                    let pages = self.media.pages.map_or(pages, |most| pages.min(most));
                    self.add(pages.saturating_mul(self.media.page).max(picture.unwrap_or(0)));
                }
                None => self.unreadable_document(),
            },
            (_, false) => self.other(bytes),
        }
    }

    /// Adds sound, or a text that its provider decodes. Anything else has no size that anybody can tell.
    fn other(&mut self, bytes: Bytes<'_>) {
        let Some(bytes) = bytes.decoded() else { return self.sizes.text.add(bytes.0) };
        match (sound::seconds(&bytes), self.media.sound_second) {
            (Some(seconds), Some(tokens)) => return self.add(seconds.saturating_mul(tokens)),
            (Some(_), None) => return self.sizes.is_unbounded = true,
            (None, _) => {}
        }
        if std::str::from_utf8(&bytes).is_err() {
            self.sizes.is_unbounded = true;
            return;
        }
        let mut text = TextSize::default();
        text.add_plain(&bytes);
        self.add(text.worst());
    }

    fn unreadable_document(&mut self) {
        match self.media.pages {
            Some(most) => self.add(most.saturating_mul(self.media.page)),
            None => self.sizes.is_unbounded = true,
        }
    }

    fn add(&mut self, tokens: u64) {
        self.sizes.media = self.sizes.media.saturating_add(tokens);
    }
}

fn is_pdf(head: &[u8]) -> bool {
    memchr::memmem::find(head, b"%PDF").is_some()
}
