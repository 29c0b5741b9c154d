//! Numbers for the order of a seeded clock.

/// A generator of numbers that look random and follow from the seed: SplitMix64, for which seeds that are close to each
/// other, as those of a search are, are as good as any.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a limit; 0 below 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        // The upper half of the product: even, but for one part in 2^64 / limit.
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }

    /// A generator of other numbers, which follow from the same seed.
    pub(super) fn split(&mut self) -> Self {
        Self(self.next())
    }
}
