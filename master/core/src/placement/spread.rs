//! Worst fit on the dominant resource: the agent that has most left afterwards.
//!
//! The dominant resource of a piece on an agent is the one of which it takes the largest part of
//! what the agent has, `piece / total`; the score is what is left of that one, as a part:
//! `(free − piece) / total`. Without a piece, the resource of which least is free decides: `free /
//! total`, so that the emptiest agents come first.

use super::{Candidate, Placement, Score};
use crate::allocator::Amounts;

/// Worst fit.
#[derive(Debug, Clone, Copy)]
pub struct Spread;

impl Placement for Spread {
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
        slack(candidate, piece)
    }
}

/// What is left of the dominant resource, as a part of all that the agent has of it.
pub(super) fn slack(candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
    let Some(piece) = piece else {
        let totals = candidate.total.iter();
        let parts = totals.map(|(name, total)| Score::part(candidate.free.get(name), total));
        return parts.min().unwrap_or(Score::ZERO);
    };
    let mut dominant: Option<(Score, Score)> = None;
    for (name, asked) in piece.iter() {
        let (total, free) = (candidate.total.get(name), candidate.free.get(name));
        let share = Score::part(asked, total);
        if dominant.is_none_or(|(largest, _)| share > largest) {
            dominant = Some((share, Score::part(free.saturating_sub(asked), total)));
        }
    }
    dominant.map_or(Score::ZERO, |(_, left)| left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::{Pack, testing::*};

    #[test]
    fn the_dominant_resource_decides() {
        // Half of the CPUs and a quarter of the memory: CPUs are dominant. 6 of 8 free, 4 asked.
        let total = amounts(&[("cpus", 8_000), ("mem", 16_000)]);
        let free = amounts(&[("cpus", 6_000), ("mem", 4_000)]);
        let piece = amounts(&[("cpus", 4_000), ("mem", 4_000)]);
        let candidate = Candidate::new(&total, &free, &[]);
        assert_eq!(Spread.score(&candidate, Some(&piece)), Score::part(1, 4));
        assert_eq!(Pack.score(&candidate, Some(&piece)), Score::part(1, 4).reversed());
        assert_eq!(Spread.score(&candidate, None), Score::part(1, 4), "memory is scarcest");
        let nothing = amounts(&[]);
        let vacant = Candidate::new(&nothing, &nothing, &[]);
        assert_eq!(Spread.score(&vacant, None), Score::ZERO);
    }

    #[test]
    fn spread_takes_the_emptiest_and_pack_the_fullest() {
        let total = amounts(&[("cpus", 8_000)]);
        let free = [3_000, 8_000, 2_000, 8_000].map(|cpus| amounts(&[("cpus", cpus)]));
        let piece = amounts(&[("cpus", 2_000)]);
        let candidates = free.each_ref().map(|free| Candidate::new(&total, free, &[]));
        let best = |policy: &mut dyn Placement, piece: Option<&Amounts>| {
            crate::placement::best(policy, &candidates, piece)
        };
        assert_eq!(best(&mut Spread, Some(&piece)), Some(1), "of equals the first");
        assert_eq!(best(&mut Pack, Some(&piece)), Some(2));
        assert_eq!((best(&mut Spread, None), best(&mut Pack, None)), (Some(1), Some(2)));
        assert_eq!(crate::placement::best(&mut Spread, &[], None), None);
    }
}
