//! Variable-length whole numbers: seven bits per byte, the lowest first, with the high bit set in all bytes but the last.

/// Appends a number.
pub(super) fn put(mut value: u128, bytes: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

/// Appends the difference between two times. The sign is the lowest bit, so small differences of either sign are short.
pub(super) fn put_difference(value: u64, base: u64, bytes: &mut Vec<u8>) {
    let distance = u128::from(value.abs_diff(base));
    put((distance << 1) | u128::from(value < base), bytes);
}

/// Reads a number from the front; `None` if the bytes end within it or it has more than 128 bits.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u128> {
    let mut value = 0_u128;
    for shift in (0..u128::BITS).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let low = u128::from(first & 0x7f);
        value |= low.checked_shl(shift).filter(|shifted| shifted >> shift == low)?;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Reads a time that was stored as its difference from another one.
pub(super) fn take_difference(base: u64, bytes: &mut &[u8]) -> Option<u64> {
    let coded = take(bytes)?;
    let distance = u64::try_from(coded >> 1).ok()?;
    if coded & 1 == 0 { base.checked_add(distance) } else { base.checked_sub(distance) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_a_byte_for_seven_bits() {
        for (value, expected) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (1 << 49, 8), (u128::MAX, 19)] {
            let mut bytes = Vec::new();
            put(value, &mut bytes);
            assert_eq!((bytes.len(), take(&mut bytes.as_slice())), (expected, Some(value)), "{value}");
        }
    }

    #[test]
    fn differences_are_short_on_either_side() {
        for (value, base, expected) in
            [(60, 60, 1), (0, 60, 1), (120, 60, 1), (1_000, 1, 2), (0, u64::MAX, 10), (u64::MAX, 0, 10)]
        {
            let mut bytes = Vec::new();
            put_difference(value, base, &mut bytes);
            assert_eq!(
                (bytes.len(), take_difference(base, &mut bytes.as_slice())),
                (expected, Some(value)),
                "{value} {base}"
            );
        }
    }

    #[test]
    fn bytes_that_end_too_early_or_never_are_no_number() {
        for bytes in [&[][..], &[0x80], &[0xff; 18], &[0xff; 19], &[0x80; 30]] {
            assert_eq!(take(&mut &*bytes), None, "{bytes:?}");
        }
        let below_zero = [3];
        assert_eq!(take_difference(0, &mut below_zero.as_slice()), None);
    }
}
