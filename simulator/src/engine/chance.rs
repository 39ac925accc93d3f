//! Repeatable chance: one generator per purpose, so that drawing more for one does not change what
//! another draws, and a change to the workload leaves the faults of a seed as they were.

use proto::model::Duration;
use rand_pcg::{Pcg64, rand_core::Rng};

/// One purpose's generator.
#[derive(Debug, Clone)]
pub struct Chance(Pcg64);

impl Chance {
    /// The generator of a purpose under a seed. Purposes are small numbers of the caller's.
    pub fn new(seed: u64, purpose: u64) -> Self {
        // Distinct streams of PCG do not overlap; the constant only spreads neighbouring seeds.
        let state = u128::from(seed) << 64 | u128::from(seed ^ 0x9e37_79b9_7f4a_7c15);
        Self(Pcg64::new(state, u128::from(purpose)))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        assert!(end > 0, "no number is below 0");
        // The bias of one in 2^64 / end is no matter here.
        self.number() % end
    }

    /// An index into something of this length, which is not 0.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("below a length in memory")
    }

    /// A number from `first` to `last`.
    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// A time from `first` to `last` milliseconds.
    pub fn time(&mut self, first: u64, last: u64) -> Duration {
        Duration(self.between(first, last))
    }

    /// True in so many cases of a thousand.
    pub fn per_mille(&mut self, cases: u64) -> bool {
        self.below(1_000) < cases
    }

    /// One of these, if there is any.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        (!of.is_empty()).then(|| &of[self.index(of.len())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_repeats_and_differs_from_others() {
        let draw = |seed, purpose| {
            let mut chance = Chance::new(seed, purpose);
            (0..8).map(|_| chance.number()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(1, 2));
        assert_ne!(draw(1, 1), draw(2, 1));
    }

    #[test]
    fn bounds_are_reached_and_kept() {
        let mut chance = Chance::new(3, 0);
        let drawn: Vec<_> = (0..1_000).map(|_| chance.between(4, 6)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&4), Some(&6)));
        let hits = (0..10_000).filter(|_| chance.per_mille(250)).count();
        assert!((2_200..2_800).contains(&hits), "{hits}");
        assert!(chance.pick::<u8>(&[]).is_none());
    }
}
