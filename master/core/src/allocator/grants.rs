//! What a bidder may have, and wants, of what is free at a place.
//!
//! An offer is of one of two kinds. One that is not revocable holds nothing that is kept for
//! others. A revocable one may: what others are promised and do not use is lent to it. Who has
//! stated both is served first what is not revocable.

use super::{
    Amounts, Place,
    bundle::{Bundle, is_enough},
    demand::BidderIndex,
    drf::Round,
    filters::AgentFilters,
    room::{Room, clip, cut},
    tree::{NodeIndex, Served},
    wanted::{Given, Pieces, Wanted},
};
use std::borrow::Cow;

/// What a bidder would get of an agent.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) leaf: NodeIndex,
    pub(super) bidder: BidderIndex,
    pub(super) bundle: Bundle,
    pub(super) pieces: Pieces,
    pub(super) served: Served,
    /// It may be of what is kept for others.
    pub(super) revocable: bool,
}

/// Why a bidder gets nothing of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoGrant {
    /// It refused all that it could have.
    Filtered,
    /// Its limits, or what is kept for others, leave too little.
    Bound,
    /// It has said what it wants, or which offers, and nothing of that is here.
    NotWanted,
}

/// What a bidder may have at a place, unless that is all that is free; and whether it is owed that.
type Allowance = (Option<Amounts>, Served);

impl Round<'_> {
    /// What a bidder may have, and wants, of what is free at a place.
    pub(super) fn grant(
        &self,
        place: Place,
        leaf: NodeIndex,
        bidder: BidderIndex,
        filters: Option<&AgentFilters>,
    ) -> Result<Grant, NoGrant> {
        self.grant_of(None, place, leaf, bidder, filters)
    }

    /// The same, of an entry of its demand no more than one piece.
    pub(super) fn grant_of(
        &self,
        entry: Option<usize>,
        place: Place,
        leaf: NodeIndex,
        bidder: BidderIndex,
        filters: Option<&AgentFilters>,
    ) -> Result<Grant, NoGrant> {
        let (bundle, pieces, served, revocable) = match self.demand.wanted(bidder) {
            Some(wanted) => self.wanted_of(wanted, entry, place, (leaf, bidder))?,
            None => self.plain_of(place, leaf, bidder)?,
        };
        let filter = filters.and_then(|filters| filters.get(bidder));
        match filter.is_some_and(|filter| filter.matches(&bundle, self.now)) {
            true => Err(NoGrant::Filtered),
            false => {
                let bundle = bundle.into_owned();
                Ok(Grant { leaf, bidder, bundle, pieces, served, revocable })
            }
        }
    }

    /// Pieces of what a bidder has stated.
    fn wanted_of(
        &self,
        wanted: &Wanted,
        entry: Option<usize>,
        place: Place,
        (leaf, bidder): (NodeIndex, BidderIndex),
    ) -> Result<(Cow<'_, Bundle>, Pieces, Served, bool), NoGrant> {
        let free = self.free(place);
        for revocable in wanted.kinds(entry) {
            let (allowed, served) = self.allowance(place, leaf, *revocable);
            let mut room = Room::of(free);
            if let Some(allowed) = allowed {
                let names = free.amounts().iter().map(|(name, _)| name);
                names.for_each(|name| room.cap(name, allowed.get(name)));
            }
            let pieces = self.pick((wanted, *revocable), entry, bidder, place, &room);
            if !pieces.is_empty() {
                let bundle = cut(free, &wanted.shapes(&pieces));
                return Ok((Cow::Owned(bundle), pieces, served, *revocable));
            }
        }
        Err(NoGrant::NotWanted)
    }

    /// All that a bidder may have who takes what it is its turn for.
    fn plain_of(
        &self,
        place: Place,
        leaf: NodeIndex,
        bidder: BidderIndex,
    ) -> Result<(Cow<'_, Bundle>, Pieces, Served, bool), NoGrant> {
        let free = self.free(place);
        let terms = self.demand.terms(bidder);
        let revocable = terms.is_some_and(|terms| terms.revocable);
        let (allowed, served) = self.allowance(place, leaf, revocable);
        let bundle = match allowed {
            None => Cow::Borrowed(free),
            Some(allowed) if is_enough(&allowed) => Cow::Owned(clip(free, &allowed)),
            Some(_) => return Err(NoGrant::Bound),
        };
        let admits = |agent| terms.is_none_or(|terms| terms.admit(agent, &bundle));
        if terms.is_some() && !self.view.info(place).is_some_and(admits) {
            // Of a part of what is there; more of it might do.
            let is_part = bundle.amounts() != free.amounts();
            return Err(if is_part { NoGrant::Bound } else { NoGrant::NotWanted });
        }
        Ok((bundle, Pieces::new(), served, revocable))
    }

    fn allowance(&self, place: Place, leaf: NodeIndex, revocable: bool) -> Allowance {
        if !self.tree.has_quotas() && self.headroom.is_empty() {
            return (None, Served::NothingOwed);
        }
        let (allowed, served) = match revocable {
            true => self.lendable(place, leaf),
            false => self.allowed(place, leaf),
        };
        ((allowed != *self.free(place).amounts()).then_some(allowed), served)
    }

    /// How much of what is free at a place its role's limits, and what is kept there for others,
    /// leave for a bidder.
    fn allowed(&self, place: Place, leaf: NodeIndex) -> (Amounts, Served) {
        let free = self.free(place).amounts();
        let left = self.headroom.leave(self.tree, place, leaf, free);
        match self.tree.allowed(leaf, &left) {
            (_, Served::NotHere) => {
                // It cannot use the piece that is kept for its role; others of the role can.
                let mut allowed = self.headroom.leave_all(place, free);
                self.tree.limit(leaf, &mut allowed);
                (allowed, Served::NotHere)
            }
            allowed => allowed,
        }
    }

    /// The same of what is lent too. What its role is owed is no reason to be first for it: its
    /// guarantee is not used by what is revocable.
    fn lendable(&self, place: Place, leaf: NodeIndex) -> (Amounts, Served) {
        let mut left = self.headroom.lend(self.tree, place, leaf, self.free(place).amounts());
        self.tree.limit(leaf, &mut left);
        match self.tree.is_owed(leaf) {
            true => (left, Served::NotHere),
            false => (left, Served::NothingOwed),
        }
    }

    fn pick(
        &self,
        (wanted, revocable): (&Wanted, bool),
        entry: Option<usize>,
        bidder: BidderIndex,
        place: Place,
        room: &Room,
    ) -> Pieces {
        let Some(agent) = self.view.info(place) else { return Pieces::new() };
        let none = Given::default();
        let given = self.given.get(&bidder).unwrap_or(&none);
        match entry {
            None => wanted.pick(revocable, agent, place, room, given),
            Some(entry) => wanted.pick_one(entry, agent, place, room, given),
        }
    }
}
