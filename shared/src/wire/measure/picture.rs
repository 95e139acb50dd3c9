//! The size of images, from the headers of the formats that providers accept.

use imagesize::{ImageSize, ImageType};

use crate::capability::PictureTokens;

/// Brands of still images (ISO/IEC 23008-12, AVIF).
const HEIF_BRANDS: [&[u8]; 8] = [b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"];

/// Tokens of an image; `None` if the bytes are not an image. An unusual header counts as the largest image, because readers
/// interpret it differently.
pub(super) fn tokens(head: &[u8], rule: &PictureTokens) -> Option<u64> {
    let is_odd = match imagesize::image_type(head).ok()? {
        ImageType::Png => head.get(12..16) != Some(b"IHDR"),
        ImageType::Jpeg => frames_of_jpeg(head) != 1,
        // Its frames may be larger than its screen.
        ImageType::Gif => true,
        ImageType::Webp => false,
        ImageType::Heif(_) if is_heif(head) => false,
        // No provider accepts these, and the library's list may grow.
        ImageType::Bmp | ImageType::Heif(_) | ImageType::Tiff | _ => return None,
    };
    Some(match imagesize::blob_size(head) {
        Ok(ImageSize { width, height }) if !is_odd => rule.tokens(width as u64, height as u64),
        Ok(_) | Err(_) => rule.most(),
    })
}

/// Whether a file's brand says that it is a still image.
pub(super) fn is_heif(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"ftyp") && bytes.get(8..12).is_some_and(|brand| HEIF_BRANDS.contains(&brand))
}

/// Number of frame headers before the data of a JPEG (ITU-T T.81, B.2). All readers agree on an image with one.
fn frames_of_jpeg(head: &[u8]) -> usize {
    let (mut at, mut frames) = (2_usize, 0_usize);
    while let Some(&[0xff, marker, high, low]) = head.get(at..at.saturating_add(4)) {
        match marker {
            0xff => {
                at = at.saturating_add(1);
                continue;
            }
            // The data begins.
            0xda => break,
            // The other values of this row are tables.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => frames = frames.saturating_add(1),
            _ => {}
        }
        at = at.saturating_add(2).saturating_add(usize::from(u16::from_be_bytes([high, low])));
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: PictureTokens = PictureTokens::Patch { side: 10, edge: None, most: 9_999, least: 0, permille: 1_000 };

    /// A JPEG with frames of these sizes.
    fn jpeg(frames: &[u16]) -> Vec<u8> {
        let frame = |side: &u16| {
            let [high, low] = side.to_be_bytes();
            [0xff, 0xc0, 0, 11, 8, high, low, high, low, 1, 1, 0x11, 0]
        };
        let frames: Vec<u8> = frames.iter().flat_map(frame).collect();
        [&[0xff, 0xd8][..], &frames, &[0xff, 0xda, 0, 2]].concat()
    }

    #[test]
    fn a_picture_that_says_its_size_in_an_odd_way_is_the_largest() {
        let png = |first: &[u8]| [b"\x89PNG\r\n\x1a\n\0\0\0\r", first, b"\0\0\0\x64\0\0\0\x64\x08\x02\0\0\0"].concat();
        for (bytes, expected) in [
            (png(b"IHDR"), Some(100)),
            (png(b"tEXt"), Some(9_999)),
            (jpeg(&[100]), Some(100)),
            (jpeg(&[1, 800]), Some(9_999)),
            (b"GIF89a\x01\0\x01\0\0\0\0".to_vec(), Some(9_999)),
            (b"BM some text that begins so".to_vec(), None),
            (b"\0\0\0\x20ftypisom\0\0\0\0isomiso2".to_vec(), None),
        ] {
            assert_eq!(tokens(&bytes, &RULE), expected, "{bytes:?}");
        }
    }
}
