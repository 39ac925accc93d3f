//! Worst fit over all resources: the agent that has most left of everything afterwards; the other
//! way round than [`super::BestFit`]. [`super::Spread`] looks at the dominant resource alone.

use super::{Candidate, Placement, Reference, Resolution, Score};
use crate::allocator::Amounts;

/// Worst fit.
#[derive(Debug, Clone, Default)]
pub struct WorstFit {
    /// What resources are measured by.
    pub reference: Reference,
    /// How fine the score is.
    pub resolution: Resolution,
}

impl Placement for WorstFit {
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
        self.resolution.part(self.reference.left(candidate, piece))
    }
}
