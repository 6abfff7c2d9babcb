//! Chance, which spreads the retries of many clients. Nothing depends on its quality.

#![forbid(unsafe_code)]

/// See the file's head.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new() -> Chance {
        use std::hash::{BuildHasher, RandomState};
        Chance(RandomState::new().hash_one(0))
    }

    /// From 0 to 1.
    pub(super) fn next(&mut self) -> f64 {
        // Knuth's multiplier for a linear congruential generator; the upper half is the better one.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as f64 / f64::from(u32::MAX)
    }
}
