//! Random numbers from a seed. The same seed gives the same run on every machine.

/// A `SplitMix64` generator.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The generator of a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits.
    pub(crate) const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from `least` to `most`, both included.
    pub(crate) const fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.bits() % (most - least + 1)
    }

    /// True with a probability of `permille` thousandths.
    pub(crate) const fn chance(&mut self, permille: u64) -> bool {
        self.bits() % 1_000 < permille
    }

    /// Returns one of the values at random.
    pub(crate) fn pick<T: Copy>(&mut self, these: &[T]) -> T {
        these[usize::try_from(self.bits() % these.len() as u64).unwrap()]
    }
}
