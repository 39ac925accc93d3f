//! The mutation check: trials of code in which a bug is known to be. It says what the oracles and
//! situations of the trials are worth, and is the only judge that they have.
//!
//! A seed has found a bug when it fails with it and passes without: an oracle that complains of
//! everything finds nothing.

use super::{Failure, Preset};
pub use proto::planted::{BUGS, Bug};

/// Found bugs that are enough, of a hundred.
const ENOUGH_PER_CENT: usize = 95;

/// The search for one bug: the trials that it may take, in order.
#[derive(Debug, Clone)]
pub struct Hunt {
    /// Which bug.
    pub bug: Bug,
    /// Size of all trials; `None` mixes small ones with such as change the masters.
    pub preset: Option<Preset>,
    /// How many trials at most.
    pub seeds: u64,
    /// Threads; at least 1.
    pub jobs: usize,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunted {
    /// Which bug.
    pub bug: Bug,
    /// Trials up to the one that found it; all, when none did.
    pub tried: u64,
    /// The first that found it.
    pub found: Option<Find>,
}

/// A trial that found a bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Find {
    /// Its size.
    pub preset: Preset,
    /// Its seed.
    pub seed: u64,
    /// What it complained of.
    pub failure: Failure,
}

impl Hunt {
    /// The trial at a place in the order, from 0: its size and its seed.
    pub fn trial(&self, place: u64) -> (Preset, u64) {
        match self.preset {
            Some(preset) => (preset, place + 1),
            None if place % 3 == 2 => (Preset::Changing, place + 1),
            None => (Preset::Quick, place + 1),
        }
    }
}

impl Hunted {
    /// Whether so many of the bugs are found that the trials can be trusted with the unknown ones.
    pub fn are_enough(all: &[Self]) -> bool {
        let found = all.iter().filter(|hunted| hunted.found.is_some()).count();
        found * 100 >= all.len() * ENOUGH_PER_CENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunted(found: usize, missed: usize) -> Vec<Hunted> {
        let failure = Failure { message: String::new(), place: String::new(), at_ms: 0 };
        let find = Find { preset: Preset::Quick, seed: 1, failure };
        let bug = BUGS[0];
        let mut all = vec![Hunted { bug, tried: 1, found: Some(find) }; found];
        all.extend(vec![Hunted { bug, tried: 9, found: None }; missed]);
        all
    }

    #[test]
    fn one_of_twenty_may_be_missed() {
        assert!(Hunted::are_enough(&hunted(19, 1)));
        assert!(!Hunted::are_enough(&hunted(18, 2)));
        assert!(!Hunted::are_enough(&hunted(18, 1)), "18 of 19 are fewer");
        assert!(Hunted::are_enough(&hunted(1, 0)));
        assert!(!Hunted::are_enough(&hunted(0, 1)));
    }

    #[test]
    fn without_a_size_both_kinds_of_trials_take_their_turns() {
        let hunt = Hunt { bug: BUGS[0], preset: None, seeds: 9, jobs: 1 };
        let trials: Vec<_> = (0..4).map(|place| hunt.trial(place)).collect();
        let (quick, changing) = (Preset::Quick, Preset::Changing);
        assert_eq!(trials, [(quick, 1), (quick, 2), (changing, 3), (quick, 4)]);
    }
}
