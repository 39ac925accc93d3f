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

    /// The generator of a named stream for one thing (a framework, a machine) under a seed: what
    /// other streams draw does not change what this one does.
    pub fn of(seed: u64, stream: &str, thing: u64) -> Self {
        let stream = xxhash_rust::xxh3::xxh3_64_with_seed(stream.as_bytes(), thing);
        Self::new(seed, stream)
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

    /// Puts things into an order, each as likely as the others (Fisher and Yates).
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = self.index(last + 1);
            things.swap(last, other);
        }
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
    fn a_stream_is_of_its_name_and_thing() {
        let draw = |stream, thing| Chance::of(7, stream, thing).number();
        assert_eq!(draw("ties", 1), draw("ties", 1));
        assert_ne!(draw("ties", 1), draw("ties", 2));
        assert_ne!(draw("ties", 1), draw("workload", 1));
        let mut order: Vec<u32> = (0..50).collect();
        Chance::of(7, "order", 0).shuffle(&mut order);
        assert!(!order.is_sorted());
        order.sort_unstable();
        assert!(order.into_iter().eq(0..50));
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
