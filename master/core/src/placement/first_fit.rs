//! First fit: no agent is better than another; the first one with room is taken.

use super::{Candidate, Placement, Score};
use crate::allocator::Amounts;

/// First fit.
#[derive(Debug, Clone, Copy)]
pub struct FirstFit;

impl Placement for FirstFit {
    fn score(&self, _: &Candidate<'_>, _: Option<&Amounts>) -> Score {
        Score::ZERO
    }
}
