//! Which agent is best for whom: one policy per file, behind one trait.
//!
//! A policy looks at one agent at a time and says how well a piece fits there, as an exact number;
//! the highest wins, and **of equals the one that stands first** ([`best`]): the order of agents is
//! the only tie rule, so that whoever compares policies can say which one was used. (Ties decide
//! more than policies do: with a fresh draw at each tie, fragmentation gradient descent loses twice
//! its lead over best fit.) Nothing here knows roles, shares or demands; the same objects serve the
//! allocator and whoever studies it.
//!
//! A score is of the moment: it is the same for as long as the agent's free resources are, so that
//! it may be kept until then. A policy that goes by lot has none; it draws.

mod best_fit;
pub mod devices;
mod dot_product;
mod e_pvm;
mod fgd;
mod first_fit;
mod gpu_clustering;
mod gpu_packing;
mod pack;
pub mod percent;
mod random;
pub mod reference;
pub mod score;
mod spread;
pub mod typical;
mod worst_fit;

pub use best_fit::BestFit;
pub use devices::{Kinds, Models};
pub use dot_product::{Alignment, DotProduct};
pub use e_pvm::EPvm;
pub use fgd::{Fgd, TypicalTask};
pub use first_fit::FirstFit;
pub use gpu_clustering::GpuClustering;
pub use gpu_packing::GpuPacking;
pub use pack::Pack;
pub use percent::Resolution;
pub use random::Random;
pub use reference::Reference;
pub use score::Score;
pub use spread::Spread;
pub use typical::Typical;
pub use worst_fit::WorstFit;

use crate::allocator::Amounts;
use proto::model::PlacementPolicy;
use std::fmt;

/// What holds for roles of which nobody says by which policy they are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Defaults {
    /// The policy.
    pub policy: PlacementPolicy,
    /// Of everything that goes by lot.
    pub seed: u64,
}

/// An agent, as far as policies look at it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// All that it has, by amount; of numbered and named things how many.
    pub total: &'a Amounts,
    /// What of that is free.
    pub free: &'a Amounts,
    /// Free thousandths of each of its GPUs, in the order of their names.
    pub gpus: &'a [u64],
    /// Which kinds of asks for GPUs run there, where somebody keeps count.
    pub kinds: Kinds,
    /// Of which model its GPUs are, where somebody tells them apart.
    pub model: Models,
}

impl<'a> Candidate<'a> {
    /// An agent of which nobody says what runs there, nor of which model its GPUs are.
    pub fn new(total: &'a Amounts, free: &'a Amounts, gpus: &'a [u64]) -> Self {
        Self { total, free, gpus, kinds: Kinds::default(), model: Models::default() }
    }
}

/// A policy.
pub trait Placement: fmt::Debug {
    /// How well it is for a piece to go to a candidate that has room for it; the higher the better.
    /// Without a piece: for all that is free there to be given away at once.
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score;

    /// Which GPU a part of one comes from; `None` when no GPU has so much left. The fullest that
    /// has, of equals the first.
    fn gpu(&self, candidate: &Candidate<'_>, piece: &Amounts, part: u64) -> Option<usize> {
        let _ = piece;
        devices::best_fit(candidate.gpus, part)
    }

    /// Of a policy that goes by lot: which of so many candidates, at least one. Others have
    /// [`Self::score`].
    fn draw(&mut self, count: usize) -> Option<usize> {
        let _ = count;
        None
    }
}

/// A policy by its name; `seed` is for those that go by lot, `typical` tasks, with how many there
/// are of each, for those that look ahead.
pub fn policy(
    policy: PlacementPolicy,
    seed: u64,
    typical: &[(Amounts, u64)],
) -> Box<dyn Placement> {
    match policy {
        PlacementPolicy::FirstFit => Box::new(FirstFit),
        PlacementPolicy::Spread => Box::new(Spread),
        PlacementPolicy::Pack => Box::new(Pack),
        PlacementPolicy::DotProduct => Box::new(DotProduct::default()),
        PlacementPolicy::Random => Box::new(Random::new(seed)),
        PlacementPolicy::Fgd => Box::new(Fgd::new(typical)),
    }
}

/// The best of candidates that have room, by its position; of equals the first.
pub fn best<'a>(
    policy: &mut dyn Placement,
    candidates: &[Candidate<'a>],
    piece: Option<&Amounts>,
) -> Option<usize> {
    if candidates.is_empty() {
        return None;
    }
    if let Some(drawn) = policy.draw(candidates.len()) {
        return Some(drawn);
    }
    let mut best: Option<(Score, usize)> = None;
    for (index, candidate) in candidates.iter().enumerate() {
        let score = policy.score(candidate, piece);
        if best.is_none_or(|(highest, _)| score > highest) {
            best = Some((score, index));
        }
    }
    best.map(|(_, index)| index)
}

#[cfg(test)]
mod testing {
    //! Short words for amounts.

    use super::Amounts;
    use proto::model::ResourceName;

    pub(super) fn amounts(list: &[(&str, u128)]) -> Amounts {
        let mut amounts = Amounts::new();
        for (name, milli) in list {
            amounts.set(&ResourceName::new(name).expect("a name"), *milli);
        }
        amounts
    }
}
