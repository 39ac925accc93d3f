//! Alignment, after Tetris ("Multi-resource Packing for Cluster Schedulers", Grandl et al.,
//! SIGCOMM'14, section 3.1): the dot product of what is asked and what is free, each as a part of
//! what the agent has: `Σ (piece / total) · (free / total)` over the resources of the piece.
//!
//! Parts are counted in billionths, rounded down, so that the sum is one whole number. Without a
//! piece, all that the agent has is asked: `Σ free / total`.

use super::{Candidate, Placement, Score};
use crate::allocator::Amounts;

/// A part of a total is so many of these.
const UNIT: u128 = 1_000_000_000;

/// Alignment.
#[derive(Debug, Clone, Copy)]
pub struct DotProduct;

impl Placement for DotProduct {
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
        let asked = piece.unwrap_or(candidate.total);
        let products = asked.iter().map(|(name, asked)| {
            let total = candidate.total.get(name);
            parts(asked, total) * parts(candidate.free.get(name), total)
        });
        Score::whole(i128::try_from(products.sum::<u128>()).expect("a sum over few resources"))
    }
}

/// Billionths of the total, not more than all of it.
fn parts(amount: u128, total: u128) -> u128 {
    match total {
        0 => 0,
        _ => amount.min(total) * UNIT / total,
    }
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
            DotProduct.score(&Candidate { total: &total, free: &free, gpus: &[] }, piece)
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
