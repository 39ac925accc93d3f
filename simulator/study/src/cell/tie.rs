//! Which of equally good machines is taken. It can be worth more than the policy: fragmentation
//! gradient descent loses six points of allocated GPUs when ties are drawn afresh each time, more
//! than its lead over best fit. So it is a parameter, and every result says which rule it had.

use super::{Cell, MachineId};
use serde::Deserialize;
use simulator::engine::Chance;
use std::fmt;

/// How ties are broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TieRule {
    /// By the order in which machines are listed.
    #[default]
    Index,
    /// By name, the smallest first.
    Name,
    /// By one order, drawn once.
    FixedRandom,
    /// By a fresh draw each time, each as likely as the others.
    RandomEach,
    /// The one that was given something longest ago; those that never were by their order.
    LeastRecent,
}

impl TieRule {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::Index, Self::Name, Self::FixedRandom, Self::RandomEach, Self::LeastRecent];
}

impl fmt::Display for TieRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Index => "index",
            Self::Name => "name",
            Self::FixedRandom => "fixed-random",
            Self::RandomEach => "random-each",
            Self::LeastRecent => "least-recent",
        })
    }
}

/// A rule at work: every machine's place in the order.
#[derive(Debug, Clone)]
pub struct Tie {
    rule: TieRule,
    /// Of equals the machine with the smallest place is taken.
    places: Vec<u64>,
    /// The next place at the end of the order.
    next: u64,
    chance: Chance,
}

impl Tie {
    /// A rule for a cell; `seed` is for those that draw.
    pub fn new(rule: TieRule, cell: &Cell, seed: u64) -> Self {
        let mut chance = Chance::of(seed, "ties", 0);
        let count = cell.len();
        let mut order: Vec<usize> = (0..count).collect();
        match rule {
            TieRule::Index | TieRule::RandomEach | TieRule::LeastRecent => {}
            TieRule::Name => order.sort_by_key(|index| cell.name(*index as MachineId)),
            TieRule::FixedRandom => chance.shuffle(&mut order),
        }
        let mut places = vec![0; count];
        order.iter().zip(0..).for_each(|(machine, place)| places[*machine] = place);
        Self { rule, places, next: count as u64, chance }
    }

    /// The rule.
    pub fn rule(&self) -> TieRule {
        self.rule
    }

    /// A machine's place in the order.
    pub fn place(&self, machine: MachineId) -> u64 {
        self.places[machine as usize]
    }

    /// Which of so many equals, by a fresh draw, when that is the rule.
    pub(super) fn draw(&mut self, count: u32) -> Option<u32> {
        let draws = self.rule == TieRule::RandomEach;
        draws.then(|| u32::try_from(self.chance.below(u64::from(count))).expect("below a u32"))
    }

    /// A machine was given something.
    pub fn was_chosen(&mut self, machine: MachineId) {
        if self.rule == TieRule::LeastRecent {
            self.places[machine as usize] = self.next;
            self.next += 1;
        }
    }
}
