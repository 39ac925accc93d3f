//! Best fit on the dominant resource: the agent that has least left afterwards; the other way round
//! than [`super::Spread`], which says what the dominant resource is.

use super::{Candidate, Placement, Score, spread::slack};
use crate::allocator::Amounts;

/// Best fit.
#[derive(Debug, Clone, Copy)]
pub struct Pack;

impl Placement for Pack {
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
        slack(candidate, piece).reversed()
    }
}
