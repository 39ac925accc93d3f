//! Chance that repeats: the same seed and purpose give the same draws on every machine.
//!
//! One stream for each purpose, so that a transform that draws more does not change what the next
//! one draws.

use rand_pcg::{Pcg64, rand_core::Rng as _};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The draws of one purpose.
#[derive(Debug, Clone)]
pub struct Chance(Pcg64);

impl Chance {
    /// The stream of a purpose under a seed.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let stream = xxh3_64_with_seed(purpose.as_bytes(), seed);
        // The constant only keeps small seeds away from each other.
        let state = u128::from(seed) << 64 | u128::from(seed ^ 0x9e37_79b9_7f4a_7c15);
        Self(Pcg64::new(state, u128::from(stream)))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `end`, each as likely as any other; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // The upper half of a product with a random number is below `end`; numbers whose lower half
        // is in the part that does not divide evenly are drawn again (Lemire 2019).
        let uneven = end.wrapping_neg().checked_rem(end).unwrap_or(0);
        loop {
            let product = u128::from(self.number()) * u128::from(end);
            if product as u64 >= uneven {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number above 0 and up to 1, in steps of 2^-53.
    pub fn unit(&mut self) -> f64 {
        ((self.number() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Puts items into a random order, each as likely as any other.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

/// A number that depends on a seed and a key alone, whatever was drawn before.
pub fn mixed(seed: u64, key: u64) -> u64 {
    xxh3_64_with_seed(&key.to_le_bytes(), seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_repeats_and_differs_from_others() {
        let draws = |seed, purpose| {
            let mut chance = Chance::new(seed, purpose);
            (0..8).map(|_| chance.number()).collect::<Vec<_>>()
        };
        assert_eq!(draws(1, "a"), draws(1, "a"));
        assert_ne!(draws(1, "a"), draws(1, "b"));
        assert_ne!(draws(1, "a"), draws(2, "a"));
        // Golden: other numbers would change every published figure.
        assert_eq!(mixed(1, 2), 1_667_139_887_444_314_012);
        assert_eq!(draws(1, "a")[0], 9_988_653_826_133_495_366);
    }

    #[test]
    fn numbers_below_an_end_are_even() {
        let mut chance = Chance::new(7, "even");
        let mut counts = [0_u32; 6];
        for _ in 0..60_000 {
            counts[chance.below(6) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
        assert_eq!(chance.below(0), 0);
        assert!((0..1_000).all(|_| chance.below(1 << 63 | 1) <= 1 << 63));
        assert!((0..1_000).map(|_| chance.unit()).all(|it| it > 0.0 && it <= 1.0));
    }

    #[test]
    fn a_shuffle_keeps_everything() {
        let mut items: Vec<u32> = (0..100).collect();
        Chance::new(3, "order").shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert!(items.into_iter().eq(0..100));
    }
}
