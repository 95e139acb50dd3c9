//! The length of audio, from its frames.

/// The seconds of a WAV file with plain samples or of an MP3 file, rounded up. Returns `None` for other files, or if the
/// length is unclear.
pub(super) fn seconds(bytes: &[u8]) -> Option<u64> {
    if bytes.starts_with(b"RIFF") { wav(bytes) } else { mp3(bytes) }
}

/// Bytes of samples divided by bytes per second. Only plain samples have a fixed rate (formats 1, PCM, and 3, floating
/// point). Readers disagree on a file with two format headers, or with a format header after its samples.
fn wav(bytes: &[u8]) -> Option<u64> {
    if bytes.get(8..12) != Some(b"WAVE") {
        return None;
    }
    let (mut at, mut format) = (12_usize, None);
    while let Some(name) = bytes.get(at..at.saturating_add(4)) {
        let size = bytes.get(at.saturating_add(4)..at.saturating_add(8)).and_then(|size| size.try_into().ok());
        let size = usize::try_from(u32::from_le_bytes(size?)).ok()?;
        match name {
            b"fmt " if format.is_none() => format = bytes.get(at.saturating_add(8)..),
            b"fmt " => return None,
            b"data" if format.is_none() => return None,
            _ => {}
        }
        at = at.saturating_add(8).saturating_add(size).saturating_add(size % 2);
    }
    let format = format?;
    let number = |at: usize| {
        let two = format.get(at..at.saturating_add(2)).and_then(|two| two.try_into().ok());
        two.map(u16::from_le_bytes).map(u64::from)
    };
    let (kind, channels, bits) = (number(0)?, number(2)?, number(14)?);
    let rate = number(4)?.saturating_add(number(6)?.saturating_mul(65_536));
    let a_second = rate.saturating_mul(channels).saturating_mul(bits.div_ceil(8));
    // Some readers use the length that the file states.
    let said = number(8)?.saturating_add(number(10)?.saturating_mul(65_536));
    (matches!(kind, 1 | 3) && a_second > 0 && said == a_second).then(|| (bytes.len() as u64).div_ceil(a_second))
}

/// Kilobits per second by the index in a frame header: layer III of MPEG 1, and of MPEG 2 and 2.5 (ISO/IEC 11172-3,
/// 13818-3).
const BITRATES: [[u64; 16]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
];

/// Walks the frames. Each has its own bit rate and a fixed number of samples.
fn mp3(bytes: &[u8]) -> Option<u64> {
    let mut at = after_tag(bytes);
    let mut milliseconds_x1000 = 0_u64;
    let (mut frames, mut kind) = (0_u64, None);
    while let Some(&[first, second, third, _]) = bytes.get(at..at.saturating_add(4)) {
        let is_frame = first == 0xff && second & 0xe0 == 0xe0 && second & 0x06 == 0x02;
        if !is_frame {
            // A tag follows the last frame.
            break;
        }
        let version = second >> 3 & 0x03;
        // One recording keeps its version and rate. Readers disagree on a file that changes them.
        let frame = (version, third >> 2 & 0x03);
        if *kind.get_or_insert(frame) != frame {
            return None;
        }
        let (rates, samples, divisor) = match version {
            3 => (BITRATES.first()?, 1_152_u64, 1_u64),
            2 => (BITRATES.get(1)?, 576, 2),
            0 => (BITRATES.get(1)?, 576, 4),
            _ => return None,
        };
        let bits = *rates.get(usize::from(third >> 4)).filter(|rate| **rate > 0)? * 1_000;
        let rate = *[44_100_u64, 48_000, 32_000].get(usize::from(third >> 2 & 0x03))? / divisor;
        let padding = u64::from(third >> 1 & 1);
        let length = samples.saturating_div(8).saturating_mul(bits).saturating_div(rate).saturating_add(padding);
        milliseconds_x1000 = milliseconds_x1000.saturating_add(samples.saturating_mul(1_000_000).div_ceil(rate));
        frames = frames.saturating_add(1);
        at = at.saturating_add(usize::try_from(length).ok()?.max(1));
    }
    // A file with a single matching frame may not be audio. Audio that ends early may continue in a part that is not read here.
    let is_whole = bytes.len().saturating_sub(at) <= 1_024 + 128;
    (frames > 1 && is_whole).then(|| milliseconds_x1000.div_ceil(1_000_000))
}

/// The position of the first frame: after an ID3 tag, if there is one.
fn after_tag(bytes: &[u8]) -> usize {
    let Some(tag) = bytes.get(..10).filter(|tag| tag.starts_with(b"ID3")) else { return 0 };
    let size = tag.iter().skip(6).fold(0_usize, |size, byte| size << 7 | usize::from(byte & 0x7f));
    size.saturating_add(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_samples_are_as_long_as_their_bytes() {
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\0\0\0\0".to_vec();
        wav.resize(44 + 32_000 * 3, 0);
        assert_eq!(seconds(&wav), Some(4), "three seconds and a header");
        let with = |at: usize, bytes: &[u8]| {
            let mut changed = wav.clone();
            changed.splice(at..at, bytes.iter().copied());
            seconds(&changed)
        };
        let format = &wav[12..36];
        assert_eq!(with(36, format), None, "two formats");
        assert_eq!(with(12, b"data\0\0\0\0"), None, "samples before their format");
        assert_eq!(with(12, b"JUNK\x04\0\0\0fmt "), Some(4), "a chunk is stepped over");
        wav[20] = 2;
        assert_eq!(seconds(&wav), None, "compressed samples have no fixed rate");
        wav[8] = b'A';
        assert_eq!(seconds(&wav), None, "another kind of file");
    }

    #[test]
    fn frames_are_counted_by_their_own_bit_rates() {
        // MPEG 1, layer III, 128 kbit/s, 44.1 kHz: 417 bytes of 1152 samples each.
        let frame = [&[0xff, 0xfb, 0x90, 0x00][..], &[0; 413]].concat();
        let sound = frame.repeat(100);
        assert_eq!(seconds(&sound), Some(3));
        assert_eq!(seconds(&[&b"ID3\x04\0\0\0\0\0\x05abcde"[..], &sound].concat()), Some(3));
        assert_eq!(seconds(&[&sound[..], &[7; 5_000]].concat()), None);
        assert_eq!(seconds(b"plain text"), None);
    }
}
