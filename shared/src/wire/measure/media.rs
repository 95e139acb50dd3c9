//! The maximum number of tokens of images, documents, audio and base64 text. Their bytes decide what they are. Providers use
//! different rules to detect the type, so bytes that can be read in several ways count as the most expensive.

use super::text::TextSize;
use super::{Measure, document, picture, sound};
use crate::wire::media::{all_bytes, first_bytes};

/// How much of an image is read to find its size. What precedes the size, such as a preview, is rarely longer.
const HEAD: usize = 256 * 1024;
/// Where in a file `%PDF` may begin (Acrobat's own tolerance, which other readers share).
const PDF_HEAD: usize = 1_024;
/// First bytes of audio and video files whose length cannot be determined.
const CONTAINERS: [&[u8]; 8] = [b"OggS", b"fLaC", b"FLV", b"FORM", b"#!AMR", b"RIFF", b"MThd", b"ID3"];

/// How the provider reads a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As an image, if a URL is declared as one. For inline data, the bytes decide.
    Picture,
    /// As audio.
    Sound,
    /// As a document, or as its type says.
    Any,
}

/// Base64 text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'t>(pub(super) &'t str);

impl Measure<'_> {
    /// Adds a part behind a URL or an id: the largest of its family.
    pub(super) fn remote(&mut self, reading: Reading) {
        match reading {
            Reading::Picture => self.add(self.media.picture.most()),
            Reading::Sound | Reading::Any => self.unbounded(),
        }
    }

    /// Adds a part by its bytes: the most expensive of the possible types. A part of unknown size is unbounded.
    pub(super) fn media(&mut self, bytes: Bytes<'_>, reading: Reading) {
        let Some(head) = first_bytes(bytes.0, HEAD) else { return self.remote(reading) };
        let picture = picture::tokens(&head, &self.media.picture);
        // Everything except a plain image is read completely.
        let may_be_pdf = memchr::memmem::find(head.get(..PDF_HEAD.min(head.len())).unwrap_or_default(), b"%PDF").is_some();
        if picture.is_some() && !may_be_pdf && reading != Reading::Sound && std::str::from_utf8(&head).is_err() {
            return self.add(picture.unwrap_or(0));
        }
        let Some(bytes) = all_bytes(bytes.0) else { return self.remote(reading) };
        let is_container = is_container(&bytes);
        let sound = sound::seconds(&bytes);
        let played = sound.zip(self.media.sound_second).map(|(seconds, tokens)| seconds.saturating_mul(tokens));
        let drawn = picture.filter(|_| reading != Reading::Sound);
        let printed = (may_be_pdf && reading != Reading::Sound).then(|| self.document(&bytes));
        let written = (reading != Reading::Sound).then(|| std::str::from_utf8(&bytes).ok()).flatten().map(text);
        let is_told = played.is_some() || (!is_container && (drawn.is_some() || printed.is_some() || written.is_some()));
        match [played, drawn, printed.flatten(), written].into_iter().flatten().max() {
            Some(tokens) if is_told && printed != Some(None) => self.add(tokens),
            Some(_) | None => return self.unbounded(),
        }
        self.sizes.has_sound |= played.is_some();
    }

    /// Adds a part of unknown size, which may be audio.
    fn unbounded(&mut self) {
        (self.sizes.is_unbounded, self.sizes.has_sound) = (true, true);
    }

    /// Tokens of a PDF. Returns `None` if its pages cannot be counted and its vendor has no limit.
    fn document(&mut self, bytes: &[u8]) -> Option<u64> {
        /// Bytes of text that are included in a page. More text counts separately.
        const PAGE_TEXT: u64 = 3_000;
        let most = self.media.pages;
        match document::read(bytes, &mut self.inflatable) {
            Some(document::Printed { pages, text }) => {
                let pages = most.map_or(pages, |most| pages.min(most));
                let more = text.saturating_sub(pages.saturating_mul(PAGE_TEXT));
                Some(pages.saturating_mul(self.media.page).saturating_add(more))
            }
            None => most.map(|most| most.saturating_mul(self.media.page)),
        }
    }

    fn add(&mut self, tokens: u64) {
        self.sizes.media = self.sizes.media.saturating_add(tokens);
    }
}

/// Whether a file is audio or video of unknown length. `ftyp` begins MPEG files, and images with their own brands.
fn is_container(bytes: &[u8]) -> bool {
    let is_film = bytes.get(4..8) == Some(b"ftyp") && !picture::is_heif(bytes);
    is_film || (CONTAINERS.iter().any(|start| bytes.starts_with(start)) && bytes.get(8..12) != Some(b"WEBP"))
}

fn text(text: &str) -> u64 {
    let mut size = TextSize::default();
    size.add_plain(text.as_bytes());
    size.worst()
}
