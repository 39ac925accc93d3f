//! Alignment, after Tetris ("Multi-resource Packing for Cluster Schedulers", Grandl et al.,
//! SIGCOMM'14, section 3.1): the dot product of what is asked and what is free, each as a part of
//! its [`Reference`]: `Σ (piece / one) · (free / one)` over the resources of the piece.
//!
//! Parts are counted in billionths, rounded down, so that the sum is one whole number. Without a
//! piece, all that the agent has is asked. The FGD study (Weng et al., ATC'23) prefers the
//! *least* product, which keeps large agents for large tasks; that is the other [`Alignment`].

use super::{Candidate, Placement, Reference, Resolution, Score, percent::ONE};
use crate::allocator::Amounts;

/// A part of one is so many of these; their product is one.
const UNIT: u128 = 1_000_000_000;
const _: () = assert!(UNIT * UNIT == ONE);

/// Which product is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Alignment {
    /// The largest.
    #[default]
    Most,
    /// The smallest.
    Least,
}

/// Alignment.
#[derive(Debug, Clone, Default)]
pub struct DotProduct {
    /// What resources are measured by.
    pub reference: Reference,
    /// Which product is best.
    pub alignment: Alignment,
    /// How fine the score is.
    pub resolution: Resolution,
}

impl Placement for DotProduct {
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
        let asked = piece.unwrap_or(candidate.total);
        let (mut sum, mut count) = (0, 0);
        for (name, one) in self.reference.each(candidate) {
            sum += parts(asked.get(name), one) * parts(candidate.free.get(name), one);
            count += 1;
        }
        match (self.alignment, self.resolution) {
            // A sum has the same order as a mean, and loses nothing by division.
            (Alignment::Most, Resolution::Exact) => Score::whole(signed(sum)),
            (Alignment::Least, Resolution::Exact) => Score::whole(-signed(sum)),
            (Alignment::Most, resolution) => resolution.part(sum / count.max(1)),
            (Alignment::Least, resolution) => resolution.part(ONE - sum / count.max(1)),
        }
    }
}

fn signed(sum: u128) -> i128 {
    i128::try_from(sum).expect("a sum over few resources")
}

/// Billionths of the total, not more than all of it.
fn parts(amount: u128, one: u128) -> u128 {
    amount.min(one) * UNIT / one
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::testing::*;

    #[test]
    fn what_is_asked_meets_what_is_free() {
        let total = amounts(&[("cpus", 8_000), ("mem", 16_000)]);
        let piece = amounts(&[("cpus", 4_000), ("mem", 4_000)]);
        let score = |cpus, mem, piece| {
            let free = amounts(&[("cpus", cpus), ("mem", mem)]);
            DotProduct::default().score(&Candidate::new(&total, &free, &[]), piece)
        };
        let whole = |numerator: i128, denominator: i128| {
            Score::whole(numerator * 1_000_000_000_000_000_000 / denominator)
        };
        // 1/2 · 6/8 + 1/4 · 4/16 = 7/16
        assert_eq!(score(6_000, 4_000, Some(&piece)), whole(7, 16));
        // 1/2 · 4/8 + 1/4 · 16/16 = 1/2
        assert_eq!(score(4_000, 16_000, Some(&piece)), whole(1, 2));
        assert_eq!(score(6_000, 4_000, None), whole(1, 1), "6/8 + 4/16");
    }
}
