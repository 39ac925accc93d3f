//! What is kept for guarantees and lent meanwhile: where it may lie, and who wants it back.
//!
//! What revocable work holds, and what a plan is about to offer it, can be had back, so that a
//! guarantee is as safe there as in what is free. Whoever is promised it may want it back without
//! having stated a demand; one that has is served like any demand that tasks give way to.

use super::{
    Amounts, Bidder, Demand, Drf, Place, View,
    bundle::{Bundle, is_enough},
    drf::Round,
    headroom::{Headroom, Site},
    room::clip,
    tree::NodeIndex,
};
use proto::model::{Instant, Role};
use std::{collections::BTreeMap, iter};

/// A piece of a guarantee that somebody wants who has stated no demand, and that is lent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedBack {
    /// Who wants it.
    pub(crate) bidder: Bidder,
    /// Where it is.
    pub(crate) place: Place,
    /// All of the piece.
    pub(crate) piece: Amounts,
    /// What of it is lent.
    pub(crate) lent: Amounts,
}

impl Round<'_> {
    /// What is to be kept for guarantees.
    pub(super) fn work_out(&self) -> Headroom {
        match self.demand.claims().is_empty() {
            true => Headroom::work_out(self.tree, self.sites()),
            false => self.keep_claims(),
        }
    }

    /// Where pieces of guarantees may lie, by place. Looks no further than it is asked.
    fn sites(&self) -> impl Iterator<Item = Site> {
        let revocable =
            merged(self.view.with_revocable().map(|(place, _)| place), self.lent.keys().copied());
        merged(self.view.offerable().iter(), revocable).map(|place| {
            let mut revocable = match self.view.has_revocable() {
                true => self.view.revocable_at(place),
                false => Amounts::new(),
            };
            self.lent.get(&place).into_iter().for_each(|lent| revocable.add(lent));
            Site { place, free: self.free(place).amounts().clone(), revocable }
        })
    }

    /// The headroom beside what is kept for who tasks give way to.
    fn keep_claims(&self) -> Headroom {
        let mut kept: BTreeMap<Place, Vec<(NodeIndex, Amounts)>> = BTreeMap::new();
        // What this plan has given already is kept no longer.
        let mut met = self.met.clone();
        for claim in self.demand.claims().iter() {
            let (place, leaf) = (self.view.place(&claim.agent), self.tree.leaf(&claim.bidder));
            if let (Some(place), Some(leaf)) = (place, leaf) {
                let mut piece = Amounts::new();
                piece.add_times(&claim.shape, claim.count);
                if let Some(met) = met.get_mut(&(place, leaf)) {
                    let all = piece.clone();
                    piece.take_some(met);
                    met.take_some(&all);
                }
                kept.entry(place).or_default().push((leaf, piece));
            }
        }
        let sites = self.sites().map(|mut site| {
            // What gives way makes room for these pieces, before anything that is free.
            let mut coming = self.view.coming_at(site.place);
            let claims = self.demand.claims();
            let agent = self.view.agent_at(site.place);
            let proposed = agent.and_then(|agent| claims.proposed_on(agent));
            proposed.into_iter().for_each(|more| coming.add(more));
            for (_, piece) in kept.get(&site.place).into_iter().flatten() {
                let mut of_free = piece.clone();
                of_free.take_some(&coming);
                coming.take_some(piece);
                site.free.take_some(&of_free);
            }
            site
        });
        let mut headroom = Headroom::work_out(self.tree, sites);
        for (place, pieces) in kept {
            pieces.into_iter().for_each(|(leaf, piece)| headroom.keep(place, leaf, piece));
        }
        headroom
    }
}

impl Drf {
    /// Whether anything that is promised is lent.
    pub(crate) fn has_lent(&self) -> bool {
        self.headroom.has_lent()
    }

    /// What is lent of what a role is promised, by the last plan.
    pub(crate) fn lent_of(&self, role: &Role) -> Amounts {
        let mut sum = Amounts::new();
        if let Some(node) = self.tree.role(role) {
            let own = self.headroom.lent().filter(|(_, whose, _)| *whose == node);
            own.for_each(|(_, _, piece)| sum.add(piece));
        }
        sum
    }

    /// What of all that could be had back at a place is not kept for roles that a bidder is not in.
    pub(crate) fn spare_at(&self, bidder: &Bidder, place: Place, view: &View) -> Amounts {
        let mut spare = view.revocable_at(place);
        if let (false, Some(leaf)) = (spare.is_empty(), self.tree.leaf(bidder)) {
            spare.take_some(&self.headroom.lent_of_others(&self.tree, place, leaf));
        }
        spare
    }

    /// Pieces of guarantees that are lent, and wanted for plain offers; by place. What would not be
    /// offered in the end is not wanted.
    pub(crate) fn wanted_back(
        &self,
        now: Instant,
        view: &View,
        demand: &Demand,
    ) -> Vec<WantedBack> {
        let mut wanted = Vec::new();
        for (place, role, lent) in self.headroom.lent() {
            let first = self.tree.first_in(role, |leaf, index| {
                let bidder = self.tree.bidder(leaf);
                demand.is_eager(&bidder).then_some((bidder, index))
            });
            let Some((bidder, index)) = first else { continue };
            let mut piece = self.headroom.kept_of(place, role);
            piece.add(lent);
            let filters = demand.filters().of_agent(place);
            let Some(agent) = view.info(place) else { continue };
            let offer = clip(&Bundle::new(agent.resources.clone()), &piece);
            let filter = filters.and_then(|filters| filters.get(index));
            let is_refused = filter.is_some_and(|filter| filter.matches(&offer, now));
            let is_on_terms = demand.terms(index).is_none_or(|terms| terms.admit(agent, &offer));
            if is_enough(&piece) && !is_refused && is_on_terms {
                wanted.push(WantedBack { bidder, place, piece, lent: lent.clone() });
            }
        }
        wanted
    }
}

/// Both in order, what is in both once.
fn merged(
    some: impl Iterator<Item = Place>,
    others: impl Iterator<Item = Place>,
) -> impl Iterator<Item = Place> {
    let (mut some, mut others) = (some.peekable(), others.peekable());
    iter::from_fn(move || {
        let next = match (some.peek(), others.peek()) {
            (None, None) => return None,
            (Some(place), None) | (None, Some(place)) => *place,
            (Some(one), Some(other)) => *one.min(other),
        };
        some.next_if_eq(&next);
        others.next_if_eq(&next);
        Some(next)
    })
}
