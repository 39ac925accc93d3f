//! What frameworks are charged for offers that they kept without using them.
//!
//! Charged is who could have answered: whoever lets an offer lapse, or hands it back late. Offers
//! that were taken back from them are nobody's fault. What the charge does is the allocator's.

use super::Turn;
use crate::offers::Returned;
use proto::model::{AgentId, Duration, FrameworkId, Resources};
use std::collections::BTreeMap;

impl Turn<'_> {
    /// Offers that were handed back and not used.
    pub(crate) fn charge_kept<'b>(&mut self, returned: impl Iterator<Item = &'b Returned>) {
        let now = self.now.monotonic;
        let offers = returned.filter(|offer| !offer.is_commit);
        for offer in offers {
            let held = now.since(offer.made);
            self.figures.kept(held);
            self.leader.demand.holds_mut().kept(offer.framework, held, now);
        }
    }

    /// The same, of an accept: those of which nothing was used.
    pub(crate) fn charge_unused(
        &mut self,
        returned: &[Returned],
        left: &BTreeMap<AgentId, Resources>,
    ) {
        let is_unused = |offer: &&Returned| {
            let left = left.get(&offer.agent);
            left.is_some_and(|left| left.contains(&offer.all()))
        };
        self.charge_kept(returned.iter().filter(is_unused));
    }

    /// Offers that were not answered in time. For how long each framework is not to be offered the
    /// same.
    pub(super) fn charge_lapsed(
        &mut self,
        expired: &[Returned],
    ) -> BTreeMap<FrameworkId, Duration> {
        let (now, usual) = (self.now.monotonic, self.config.offer_timeout);
        let mut refused = BTreeMap::new();
        for offer in expired {
            let held = now.since(offer.made);
            self.figures.lapsed(held);
            let holds = self.leader.demand.holds_mut();
            let lapsed = || holds.lapsed(offer.framework, usual.unwrap_or(held), now);
            refused.entry(offer.framework).or_insert_with(lapsed);
        }
        refused
    }
}
