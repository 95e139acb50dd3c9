//! The duration of a sound.

/// Bytes per second of the smallest speech codecs, for sounds with an unknown header.
const THINNEST: u64 = 1_000;
/// Kilobits per second of MPEG-1 layer III, by the number in a frame header.
const MP3_RATES: [u64; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];

/// The duration in seconds, rounded up.
pub(super) fn seconds(bytes: &[u8]) -> u64 {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let rate = wav(bytes).or_else(|| mp3(bytes)).filter(|rate| *rate > 0).unwrap_or(THINNEST);
    length.div_ceil(rate).max(1)
}

/// The bytes per second from the header of a WAV file.
fn wav(bytes: &[u8]) -> Option<u64> {
    (bytes.starts_with(b"RIFF") && bytes.get(8..16)? == b"WAVEfmt ").then_some(())?;
    let rate: [u8; 4] = bytes.get(28..32)?.try_into().ok()?;
    Some(u64::from(u32::from_le_bytes(rate)))
}

/// The rate of the first frame.
fn mp3(bytes: &[u8]) -> Option<u64> {
    let frame = bytes.windows(3).find(|head| head.starts_with(&[0xff]) && matches!(head.get(1), Some(0xfa | 0xfb)))?;
    let rate = MP3_RATES.get(usize::from(frame.get(2)? >> 4))?;
    Some(rate * 1_000 / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_follows_from_the_rate_in_the_head() {
        let mut wav = b"RIFF....WAVEfmt ....\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0".to_vec();
        wav.resize(64_001, 0);
        assert_eq!(seconds(&wav), 3);
        let mut mp3 = vec![0xff, 0xfb, 0x90, 0];
        mp3.resize(32_000, 0);
        assert_eq!(seconds(&mp3), 2);
        assert_eq!((seconds(&[0; 2_500]), seconds(&[])), (3, 1));
    }
}
