//! What resources are measured by, so that cores and bytes can be added.

use super::{Candidate, percent::ONE};
use crate::allocator::Amounts;
use proto::model::ResourceName;

/// What counts as one of each resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reference {
    /// All that the agent itself has: small agents and large ones are alike.
    #[default]
    Agent,
    /// The same for all agents; only the resources that are named count. What small agents lack,
    /// large ones have left.
    Fixed(Vec<(ResourceName, u64)>),
}

impl Reference {
    /// What every resource is, by which it is measured: pairs of a name and thousandths.
    pub(super) fn each<'a>(
        &'a self,
        candidate: &Candidate<'a>,
    ) -> impl Iterator<Item = (&'a ResourceName, u128)> {
        let (own, fixed) = match self {
            Self::Agent => (Some(candidate.total.iter()), None),
            Self::Fixed(list) => (None, Some(list.iter())),
        };
        let fixed = fixed.into_iter().flatten().map(|(name, one)| (name, u128::from(*one)));
        own.into_iter().flatten().chain(fixed).filter(|(_, one)| *one > 0)
    }

    /// The mean over all resources of what is left there after a piece was taken, each as a part of
    /// what it is measured by: parts of [`ONE`], rounded down.
    pub(super) fn left(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> u128 {
        let (mut sum, mut count) = (0, 0);
        for (name, one) in self.each(candidate) {
            let asked = piece.map_or(0, |piece| piece.get(name));
            sum += part(candidate.free.get(name).saturating_sub(asked), one);
            count += 1;
        }
        sum / count.max(1)
    }
}

/// A part of one, at most all of it.
pub(super) fn part(amount: u128, one: u128) -> u128 {
    // Amounts are at most 10^15 thousandths: the product stays within 128 bits.
    amount.min(one) * ONE / one
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::testing::*;

    #[test]
    fn what_is_left_is_measured_by_the_agent_or_by_something_fixed() {
        let total = amounts(&[("cpus", 8_000), ("mem", 16_000)]);
        let free = amounts(&[("cpus", 4_000), ("mem", 16_000)]);
        let piece = amounts(&[("cpus", 2_000)]);
        let candidate = Candidate::new(&total, &free, &[]);
        assert_eq!(Reference::Agent.left(&candidate, Some(&piece)), ONE / 8 * 5, "¼ and all");
        assert_eq!(Reference::Agent.left(&candidate, None), ONE / 4 * 3);
        let fixed = Reference::Fixed(vec![(ResourceName::CPUS, 16_000)]);
        assert_eq!(fixed.left(&candidate, Some(&piece)), ONE / 8);
        assert_eq!(Reference::Fixed(vec![]).left(&candidate, None), 0);
        let nothing = Reference::Fixed(vec![(ResourceName::CPUS, 0)]);
        assert_eq!(nothing.left(&candidate, None), 0, "what is measured by nothing counts nothing");
    }
}
