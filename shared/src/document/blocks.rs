//! Reads JSON strings 64 bytes at a time. Long strings with many escapes, such as code, are most of a history, and a step for
//! each escape costs more than the bytes between them.

use wide::u8x16;

/// Bytes of a block, one for each bit of a mask.
pub(super) const BLOCK: usize = 64;
/// The bits of the even places.
const EVEN: u64 = 0x5555_5555_5555_5555;

/// What ends a run of plain bytes and escapes of one letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The byte at this place of the block: a quote, a control character, or the backslash of another escape.
    At(usize),
    /// Nothing in this block, but the backslash of an escape is in the block before, and its letter is no escape of one letter.
    Before,
}

/// Reads the block. `follows` says whether its first byte follows the backslash of an escape, and then whether the first byte
/// after the block does.
pub(super) fn read(block: &[u8; BLOCK], follows: &mut bool) -> Option<Stop> {
    let mut masks = Masks::default();
    let (parts, _) = block.as_chunks::<16>();
    for (place, part) in parts.iter().enumerate() {
        masks.add(u8x16::from(*part), place * 16);
    }
    let carried = u64::from(*follows);
    if masks.backslashes == 0 && carried == 0 {
        let stops = masks.quotes | masks.controls;
        return (stops != 0).then(|| Stop::At(stops.trailing_zeros() as usize));
    }
    let starts = starts(masks.backslashes & !carried);
    let escaped = starts << 1 | carried;
    *follows = starts >> (BLOCK - 1) != 0;
    let stops = masks.quotes & !escaped | masks.controls | escaped & !letters(parts);
    if stops == 0 {
        return None;
    }
    let place = stops.trailing_zeros() as usize;
    if escaped >> place & 1 == 0 {
        return Some(Stop::At(place));
    }
    Some(place.checked_sub(1).map_or(Stop::Before, Stop::At))
}

/// The places of the bytes that matter.
#[derive(Clone, Copy, Default)]
struct Masks {
    quotes: u64,
    backslashes: u64,
    controls: u64,
}

impl Masks {
    /// Adds sixteen bytes of the block, from this place on.
    #[inline]
    fn add(&mut self, bytes: u8x16, place: usize) {
        self.quotes |= places(bytes, b'"') << place;
        self.backslashes |= places(bytes, b'\\') << place;
        let printable = bytes.max(u8x16::splat(b' '));
        let controls = !printable.simd_eq(bytes);
        self.controls |= u64::from(controls.to_bitmask()) << place;
    }
}

/// The places of a byte.
#[inline]
fn places(bytes: u8x16, byte: u8) -> u64 {
    u64::from(bytes.simd_eq(u8x16::splat(byte)).to_bitmask())
}

/// The places of the letters that make an escape after a backslash.
fn letters(parts: &[[u8; 16]]) -> u64 {
    let mut letters = 0;
    for (place, part) in parts.iter().enumerate() {
        let bytes = u8x16::from(*part);
        let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
        let found = is(b'"') | is(b'\\') | is(b'/') | is(b'b') | is(b'f') | is(b'n') | is(b'r') | is(b't');
        letters |= u64::from(found.to_bitmask()) << (place * 16);
    }
    letters
}

/// The backslashes that begin an escape: every second one of a run, beginning with its first.
fn starts(backslashes: u64) -> u64 {
    let firsts = backslashes & !(backslashes << 1);
    // A sum clears the runs that it begins in, because its carry moves through the whole run.
    let even_runs = backslashes & !backslashes.wrapping_add(firsts & EVEN);
    even_runs & EVEN | backslashes & !even_runs & !EVEN
}
