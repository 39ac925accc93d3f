//! Best fit over all resources: the agent that has least left of everything afterwards; the mean of
//! what is left of each resource, as a part of its [`Reference`]. [`super::Pack`] looks at the
//! dominant resource alone.

use super::{Candidate, Placement, Reference, Resolution, Score, percent::ONE};
use crate::allocator::Amounts;

/// Best fit.
#[derive(Debug, Clone, Default)]
pub struct BestFit {
    /// What resources are measured by.
    pub reference: Reference,
    /// How fine the score is.
    pub resolution: Resolution,
}

impl Placement for BestFit {
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
        self.resolution.part(ONE - self.reference.left(candidate, piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::{WorstFit, best, testing::*};
    use proto::model::ResourceName;

    #[test]
    fn least_is_left_where_it_fits_best() {
        let total = amounts(&[("cpus", 8_000), ("mem", 8_000)]);
        let free = [(4_000, 4_000), (1_000, 2_000), (8_000, 8_000)]
            .map(|(cpus, mem)| amounts(&[("cpus", cpus), ("mem", mem)]));
        let piece = amounts(&[("cpus", 1_000), ("mem", 1_000)]);
        let candidates = free.each_ref().map(|free| Candidate::new(&total, free, &[]));
        assert_eq!(best(&mut BestFit::default(), &candidates, Some(&piece)), Some(1));
        assert_eq!(best(&mut WorstFit::default(), &candidates, Some(&piece)), Some(2));
    }

    /// With one measure for all a small agent fits better than a large one that is as full.
    #[test]
    fn the_reference_tells_small_agents_from_large_ones() {
        let (small, large) = (amounts(&[("cpus", 4_000)]), amounts(&[("cpus", 16_000)]));
        let (free, much) = (amounts(&[("cpus", 3_000)]), amounts(&[("cpus", 8_000)]));
        let candidates = [Candidate::new(&large, &much, &[]), Candidate::new(&small, &free, &[])];
        let piece = amounts(&[("cpus", 1_000)]);
        let mut fixed = BestFit {
            reference: Reference::Fixed(vec![(ResourceName::CPUS, 16_000)]),
            ..BestFit::default()
        };
        assert_eq!(best(&mut BestFit::default(), &candidates, Some(&piece)), Some(0));
        assert_eq!(best(&mut fixed, &candidates, Some(&piece)), Some(1));
        fixed.resolution = Resolution::Percent;
        assert_eq!(fixed.score(&candidates[1], Some(&piece)), Score::whole(87), "1 − 2/16");
    }
}
