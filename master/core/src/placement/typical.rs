//! What is usually asked for: how many tasks there are of which shape.
//!
//! Two sources: what frameworks state that they want now, and the last pieces that were placed,
//! which stand for what runs. Both are bounded and cost in proportion to what changes. Whoever
//! knows better states a fixed list once. It does not know who states what, but by a key.

use crate::allocator::Amounts;
use std::collections::{BTreeMap, VecDeque};

/// Pieces placed that are remembered: enough that a job of some hundred tasks does not decide
/// alone.
pub const PLACED_MAX: usize = 4_096;

/// Different shapes that are told apart; beyond, new ones are not counted.
pub const SHAPES_MAX: usize = 4_096;

/// Shapes that are looked at: the score of every agent costs in proportion to them. The published
/// study needed 35 for its largest list.
pub const POPULAR_MAX: usize = 64;

/// The most popular shapes that together are this part of all, in percent, are looked at; as in the
/// paper.
const COVERED_PERCENT: u128 = 95;

/// Counts of shapes.
#[derive(Debug, Clone)]
pub struct Typical<K> {
    counts: BTreeMap<Amounts, u64>,
    /// What each of those who state what they want has added.
    stated: BTreeMap<K, Vec<(Amounts, u64)>>,
    placed: VecDeque<Amounts>,
    popular: Vec<(Amounts, u64)>,
    stale: bool,
}

impl<K: Ord> Default for Typical<K> {
    fn default() -> Self {
        Self {
            counts: BTreeMap::new(),
            stated: BTreeMap::new(),
            placed: VecDeque::new(),
            popular: Vec::new(),
            stale: false,
        }
    }
}

impl<K: Ord> Typical<K> {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody wants this now, instead of what it wanted before.
    pub fn state(&mut self, who: K, wanted: Vec<(Amounts, u64)>) {
        for (shape, count) in self.stated.remove(&who).unwrap_or_default() {
            self.take(&shape, count);
        }
        let counted: Vec<_> =
            wanted.into_iter().filter(|(shape, count)| self.add(shape, *count)).collect();
        if !counted.is_empty() {
            self.stated.insert(who, counted);
        }
    }

    /// A piece was placed; the oldest one is forgotten when there are many.
    pub fn place(&mut self, shape: &Amounts) {
        if !self.add(shape, 1) {
            return;
        }
        self.placed.push_back(shape.clone());
        if self.placed.len() > PLACED_MAX {
            let oldest = self.placed.pop_front().expect("there are many");
            self.take(&oldest, 1);
        }
    }

    /// Works out again what is popular, if anything has changed.
    pub fn refresh(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let mut list: Vec<_> = self.counts.iter().map(|(shape, n)| (shape.clone(), *n)).collect();
        // Stable: of equals the first shape in order.
        list.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let all: u128 = list.iter().map(|(_, count)| u128::from(*count)).sum();
        let mut covered = 0;
        let needed = list.iter().take_while(|(_, count)| {
            let more = covered * 100 < all * COVERED_PERCENT;
            covered += u128::from(*count);
            more
        });
        let needed = needed.count();
        list.truncate(needed.min(POPULAR_MAX));
        self.popular = list;
    }

    /// The most popular shapes as of the last [`Self::refresh`], the most popular one first.
    pub fn popular(&self) -> &[(Amounts, u64)] {
        &self.popular
    }

    /// Whether it was counted.
    fn add(&mut self, shape: &Amounts, count: u64) -> bool {
        if count == 0 {
            return false;
        }
        let room = self.counts.len() < SHAPES_MAX;
        match self.counts.get_mut(shape) {
            Some(known) => *known += count,
            None if !room => return false,
            None => drop(self.counts.insert(shape.clone(), count)),
        }
        self.stale = true;
        true
    }

    fn take(&mut self, shape: &Amounts, count: u64) {
        let known = self.counts.get_mut(shape).expect("what was counted");
        *known = known.checked_sub(count).expect("what was counted");
        if *known == 0 {
            self.counts.remove(shape);
        }
        self.stale = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::testing::*;

    fn gpus(milli: u128) -> Amounts {
        amounts(&[("gpus", milli)])
    }

    fn popular(typical: &mut Typical<u32>) -> Vec<(u128, u64)> {
        typical.refresh();
        let name = proto::model::ResourceName::GPUS;
        typical.popular().iter().map(|(shape, count)| (shape.get(&name), *count)).collect()
    }

    #[test]
    fn what_is_stated_counts_while_it_is_and_what_was_placed_for_a_while() {
        let mut typical = Typical::new();
        typical.state(1, vec![(gpus(500), 40), (gpus(1_000), 40)]);
        typical.state(2, vec![(gpus(500), 20)]);
        assert_eq!(popular(&mut typical), [(500, 60), (1_000, 40)]);
        typical.state(1, vec![(gpus(1_000), 30)]);
        typical.place(&gpus(250));
        assert_eq!(popular(&mut typical), [(1_000, 30), (500, 20)], "one of 51 is not typical");
        typical.state(1, vec![]);
        typical.state(2, vec![]);
        assert_eq!(popular(&mut typical), [(250, 1)]);
        for _ in 0..PLACED_MAX {
            typical.place(&gpus(2_000));
        }
        assert_eq!(popular(&mut typical), [(2_000, PLACED_MAX as u64)], "the first is forgotten");
    }

    #[test]
    fn shapes_are_bounded() {
        let many = |n: usize| (0..n).map(|n| (gpus(1 + n as u128), 1)).collect::<Vec<_>>();
        let mut typical = Typical::new();
        typical.state(0, many(1_000));
        typical.refresh();
        assert_eq!(typical.popular().len(), POPULAR_MAX);
        typical.state(1, many(2 * SHAPES_MAX));
        assert_eq!(typical.counts.len(), SHAPES_MAX);
        typical.state(1, vec![]);
        assert_eq!(typical.counts.len(), 1_000, "what was not counted is not taken away");
    }
}
