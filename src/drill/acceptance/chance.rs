//! Chance in integers: the same numbers on every machine.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Quantiles of a lognormal with median 1 and sigma 1: (per mille of the draws, value in thousandths).
const LOGNORMAL: [(u64, u64); 17] = [
    (0, 45),
    (10, 98),
    (50, 193),
    (100, 278),
    (200, 431),
    (300, 592),
    (400, 776),
    (500, 1_000),
    (600, 1_288),
    (700, 1_690),
    (800, 2_320),
    (900, 3_602),
    (950, 5_180),
    (980, 7_797),
    (990, 10_240),
    (999, 21_980),
    (1_000, 30_000),
];

/// A stream of chance of its own for every seed, provider, day and purpose, so that what happens in one
/// of them changes nothing in the others.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream with this key.
    pub(crate) fn new(seed: u64, number: u32, day: u64, purpose: u64) -> Chance {
        let mut key = [0; 32];
        let words = [seed, u64::from(number), day, purpose];
        for (place, word) in key.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        Chance(ChaCha8Rng::from_seed(key))
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(end)) >> 64) as u64
    }

    /// A number between both, both included.
    pub(crate) fn within(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// Whether something happens that happens so many times in a thousand.
    pub(crate) fn happens(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// A whole number whose mean is so many thousandths.
    pub(crate) fn about(&mut self, thousandths: u64) -> u64 {
        thousandths / 1_000 + u64::from(self.happens(thousandths % 1_000))
    }

    /// One of several.
    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.below(of.len() as u64) as usize).copied()
    }

    /// A lognormal number with this median and sigma 1.
    pub(crate) fn spread(&mut self, median: u64) -> u64 {
        median * self.multiple() / 1_000
    }

    /// A lognormal number with this median and sigma 1/2.
    pub(crate) fn sway(&mut self, median: u64) -> u64 {
        median * (self.multiple() * 1_000).isqrt() / 1_000
    }

    /// A lognormal multiple in thousandths, by interpolation between the quantiles.
    fn multiple(&mut self) -> u64 {
        let at = self.below(1_000_000);
        for pair in LOGNORMAL.windows(2) {
            let ((from, low), (to, high)) = (pair[0], pair[1]);
            if at < to * 1_000 {
                return low + (high - low) * (at - from * 1_000) / ((to - from) * 1_000);
            }
        }
        1_000
    }
}

/// How many files an agent handles in an active hour: one and a negative binomial number.
pub(crate) struct Counts(Vec<u64>);

impl Counts {
    /// With this mean and this shape of the negative binomial part, both in tenths.
    pub(crate) fn new(mean: u64, shape: u64) -> Counts {
        let mut weight = 1 << 40;
        let mut total = 0;
        let weights = (0..90).map(|count| {
            total += weight;
            weight = weight * (10 * count + shape) / (10 * (count + 1)) * mean / (mean + shape);
            total
        });
        Counts(weights.collect())
    }

    /// One such number.
    pub(crate) fn draw(&self, chance: &mut Chance) -> u64 {
        let at = chance.below(self.0.last().copied().unwrap_or(0));
        1 + self.0.partition_point(|total| *total <= at) as u64
    }
}
