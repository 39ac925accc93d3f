//! All machines that have room for a request, with what a policy thinks of each: what a search for
//! the best one ([`super::Finder`]) does not look at, for those who want to know why.

use super::MachineId;
use master_core::placement::Score;
use std::cmp::Reverse;

/// Machines that have room, in the order of the list.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    pub(super) fitting: Vec<Fitting>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Fitting {
    pub(super) machine: MachineId,
    pub(super) score: Score,
    /// In the order by which ties are broken.
    pub(super) place: u64,
}

impl Survey {
    /// How many have room.
    pub fn len(&self) -> usize {
        self.fitting.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.fitting.is_empty()
    }

    /// A machine's score; `None` when it has no room.
    pub fn score(&self, machine: MachineId) -> Option<Score> {
        let index = self.fitting.binary_search_by_key(&machine, |it| it.machine).ok()?;
        Some(self.fitting[index].score)
    }

    /// How many have this score.
    pub fn count(&self, score: Score) -> usize {
        self.fitting.iter().filter(|it| it.score == score).count()
    }

    /// The best one but this one.
    pub fn second(&self, but: Option<MachineId>) -> Option<(MachineId, Score)> {
        let others = self.fitting.iter().filter(|it| Some(it.machine) != but);
        let best = others.max_by_key(|it| (it.score, Reverse(it.place)))?;
        Some((best.machine, best.score))
    }

    /// All that have room, the best first.
    pub fn ranked(&self) -> Vec<(MachineId, Score)> {
        let mut all = self.fitting.clone();
        all.sort_by_key(|it| (Reverse(it.score), it.place));
        all.into_iter().map(|it| (it.machine, it.score)).collect()
    }
}

/// A score for people and for files; decisions are made on the exact ones.
pub fn as_number(score: Score) -> f64 {
    let (numerator, denominator) = score.parts();
    numerator as f64 / denominator as f64
}
