//! By lot: any agent that has room, each as likely as the others; drawn anew for every piece. The
//! seed is a parameter, and what is drawn depends on nothing else.

use super::{Candidate, Placement, Score};
use crate::allocator::Amounts;
use rand_pcg::{Pcg32, rand_core::Rng as _};

/// Of the generator's streams, the one for placement.
const STREAM: u64 = 0x0070_6c61_6365;

/// By lot.
#[derive(Debug, Clone)]
pub struct Random(Pcg32);

impl Random {
    /// The draws of this seed.
    pub fn new(seed: u64) -> Self {
        Self(Pcg32::new(seed, STREAM))
    }
}

impl Placement for Random {
    fn score(&self, _: &Candidate<'_>, _: Option<&Amounts>) -> Score {
        Score::ZERO
    }

    fn draw(&mut self, count: usize) -> Option<usize> {
        let count = u64::try_from(count).expect("a count of agents");
        // The high half of a product: each number within 2^-32 as likely as the others.
        let drawn = (u64::from(self.0.next_u32()) * count) >> 32;
        usize::try_from(drawn).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_everybody_is_drawn() {
        let draws = |seed| {
            let mut random = Random::new(seed);
            (0..1_000).map(|_| random.draw(5).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        for agent in 0..5 {
            let times = draws(1).iter().filter(|drawn| **drawn == agent).count();
            assert!((150..250).contains(&times), "{agent} is drawn {times} times of 1,000");
        }
        assert_eq!(Random::new(1).draw(1), Some(0));
    }
}
