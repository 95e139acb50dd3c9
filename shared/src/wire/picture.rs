//! The size of an image in pixels, from the head of its file.

use imagesize::ImageSize;

use super::media::{all_bytes, first_bytes};

/// How much base64 is read first. It contains the size of nearly every image.
const HEAD: usize = 32 * 1024;

/// Width and height of an image in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Width.
    pub width: u64,
    /// Height.
    pub height: u64,
}

impl Pixels {
    /// The longer side.
    pub fn longest(self) -> u64 {
        self.width.max(self.height)
    }

    /// The shorter side.
    pub fn shortest(self) -> u64 {
        self.width.min(self.height)
    }
}

/// Reads the size from the head of an image. Returns `None` if it has no size, or one that cannot be drawn. Providers answer
/// "Could not process image" to those (anthropics/claude-code, issues on that message).
pub fn pixels(data: &str) -> Option<Pixels> {
    let head = first_bytes(data, HEAD).and_then(|head| of_bytes(&head));
    head.or_else(|| of_bytes(&all_bytes(data)?))
}

fn of_bytes(bytes: &[u8]) -> Option<Pixels> {
    let ImageSize { width, height } = imagesize::blob_size(bytes).ok()?;
    (width > 0 && height > 0).then_some(Pixels { width: width as u64, height: height as u64 })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// A GIF of this size with this many bytes after its header.
    fn gif(width: u16, height: u16, more: usize) -> String {
        let head = [&b"GIF89a"[..], &width.to_le_bytes(), &height.to_le_bytes(), &[0; 3]].concat();
        STANDARD.encode([head, vec![0; more]].concat())
    }

    #[test]
    fn the_size_is_read_from_the_head_or_from_all_of_a_picture() {
        // Tables of a JPEG before its frame, longer than the part that is read first.
        let table = [vec![0xff, 0xe1, 0xff, 0xff], vec![0; 0xfffd]].concat();
        let frame = [0xff, 0xc0, 0, 11, 8, 0, 240, 1, 64, 1, 1, 0x11, 0, 0xff, 0xda, 0, 2];
        let jpeg = STANDARD.encode([&[0xff, 0xd8][..], &table, &frame].concat());
        let size = Some(Pixels { width: 320, height: 240 });
        for (data, expected) in [(gif(320, 240, 0), size), (gif(320, 240, 100_000), size), (jpeg, size)] {
            assert_eq!(pixels(&data), expected);
        }
    }

    #[test]
    fn what_cannot_be_drawn_has_no_size() {
        for data in
            [gif(0, 240, 0), gif(320, 0, 0), STANDARD.encode(b"\x89PNG\r\n\x1a\n"), STANDARD.encode("words"), "?".into()]
        {
            assert_eq!(pixels(&data), None, "{data}");
        }
    }
}
