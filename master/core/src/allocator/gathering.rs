//! Room for a piece that fits nowhere.
//!
//! Who is first in the order of fairness and wants a piece that fits on no agent would wait for as
//! long as smaller ones come: each takes what the one before it gave back. So after a while what is
//! free on one agent, and what becomes free there, is kept for it, from all who come after it in
//! the order; those before it are served as if nothing was kept. (EASY does the same for the head
//! of its queue: Lifka, "The ANL/IBM SP Scheduling System", JSSPP'95.)
//!
//! One piece at a time, on one agent, so that what it costs is bounded. Tasks do not say when they
//! end, so that an agent may turn out to be the wrong one: it is tried for a minute, then another
//! one is, and when all that would do were tried each is for twice as long. Gangs gather their
//! pieces themselves, and who others give way to is kept room for already.

use super::{
    Amounts, Bidder, Demand, Place, Share, View,
    demand::BidderIndex,
    drf::Round,
    gangs::part_of,
    spread::DomainCounts,
    tree::{NodeIndex, Tree, Whom},
    wanted::Entry,
};
use proto::model::{DemandId, Duration, Instant, limits};
use std::collections::BTreeSet;

/// For how long a piece is wanted before room is gathered for it.
const PATIENCE: Duration = Duration::from_seconds(10);
/// From one look for who needs room to the next.
const LOOKS_EVERY: Duration = Duration::from_seconds(1);
/// For how long the first agents are tried.
const TRIES_FOR: Duration = Duration::from_seconds(60);
/// For how long an agent is tried at most.
const TRIES_FOR_MAX: Duration = Duration::from_seconds(3_600);
/// For how long it is remembered that no agent would do.
const HOPELESS_FOR: Duration = Duration::from_seconds(60);

/// For whom room is gathered, from plan to plan.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    attempt: Option<Attempt>,
    /// When to look for who needs room.
    look_at: Option<Instant>,
    /// The agent that was tried last: of agents that lack as much those after it come first, or the
    /// next one would wait for what has just been given.
    last: Option<Place>,
    hopeless: Hopeless,
}

/// Entries for which no agent would do: each look compares one entry with all agents.
#[derive(Debug, Default)]
struct Hopeless {
    entries: BTreeSet<(Bidder, DemandId)>,
    /// As of which change of the agents.
    version: u64,
    until: Instant,
}

/// An agent is tried.
#[derive(Debug)]
struct Attempt {
    bidder: Bidder,
    entry: DemandId,
    place: Place,
    /// When another one is.
    until: Instant,
    /// For how long each is.
    lasts: Duration,
    /// All that were for as long.
    tried: BTreeSet<Place>,
}

/// Whose piece it is, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gathered {
    pub(super) leaf: NodeIndex,
    pub(super) bidder: BidderIndex,
    /// Of its demand.
    pub(super) entry: usize,
    pub(super) place: Place,
}

impl Gathering {
    /// For whom room is gathered, if it is still wanted.
    pub(super) fn stands(&self, tree: &Tree, view: &View, demand: &Demand) -> Option<Gathered> {
        let Attempt { bidder, entry, place, .. } = self.attempt.as_ref()?;
        let leaf = tree.leaf(bidder)?;
        let index = tree.standing(leaf)?;
        let entries = demand.wanted(index)?.entries();
        let entry = entries.iter().position(|it| it.id() == entry && needs_room(it))?;
        view.info(*place)?;
        Some(Gathered { leaf, bidder: index, entry, place: *place })
    }
}

impl Hopeless {
    fn refresh(&mut self, now: Instant, version: u64) {
        let is_old = self.version != version || self.until <= now;
        if is_old || self.entries.len() >= limits::HOPELESS_DEMANDS_MAX {
            *self = Self { entries: BTreeSet::new(), version, until: now + HOPELESS_FOR };
        }
    }
}

/// Whether room may be gathered for an entry.
fn needs_room(entry: &Entry) -> bool {
    !entry.is_gang() && !entry.stated().revocable && entry.open() > 0
}

impl Round<'_> {
    /// Keeps what is free where room is gathered, unless this plan has given that piece.
    pub(super) fn keep_gathered(&mut self) {
        let Some(Gathered { leaf, bidder, entry, place }) = self.gathered else { return };
        if self.given.get(&bidder).is_some_and(|given| given.all(entry) > 0) {
            self.gathered = None;
            return;
        }
        let Some(wanted) = self.demand.wanted(bidder) else { return };
        let left = self.headroom.leave(self.tree, place, leaf, self.free(place).amounts());
        let part = part_of(&left, wanted.entries()[entry].shape());
        self.headroom.keep_in_turn(place, leaf, part);
    }

    /// At the end of a plan: ends what was met or tried for long enough, and looks for who needs
    /// room. What is wanted now fits nowhere, or it would have been given.
    pub(super) fn gather_next(&self, gathering: &mut Gathering) {
        let is_late = |attempt: &Attempt| attempt.until <= self.now;
        match self.gathered {
            None => gathering.attempt = None,
            Some(_) if !gathering.attempt.as_ref().is_some_and(is_late) => return,
            Some(_) => {}
        }
        if gathering.look_at.is_some_and(|at| self.now < at) {
            return;
        }
        gathering.look_at = Some(self.now + LOOKS_EVERY);
        gathering.hopeless.refresh(self.now, self.view.agents_version());
        let before = gathering.attempt.take();
        let hopeless = &mut gathering.hopeless.entries;
        let looked = self.tree.first(Whom::All, |leaf, index| {
            let entry = self.overdue(index)?;
            let bidder = self.tree.bidder(leaf);
            let whose = (bidder.clone(), entry.id().clone());
            let is_kept_for = self.demand.claims().count(&bidder, entry.id()) > 0;
            if hopeless.contains(&whose)
                || is_kept_for
                || !self.limits_allow(leaf, entry.shape(), 1)
            {
                return None;
            }
            let again =
                before.as_ref().filter(|it| (&it.bidder, &it.entry) == (&whose.0, &whose.1));
            let attempt = self.attempt((leaf, index), (&bidder, entry), gathering.last, again);
            if attempt.is_none() {
                hopeless.insert(whose);
            }
            Some(attempt)
        });
        gathering.attempt = looked.flatten();
        if let Some(attempt) = &gathering.attempt {
            gathering.last = Some(attempt.place);
        }
    }

    /// The first entry of a bidder that has waited for too long.
    fn overdue(&self, bidder: BidderIndex) -> Option<&Entry> {
        let behind = self.demand.is_behind(bidder, self.now) || self.demand.wants_gang(bidder);
        let wanted = self.demand.wanted(bidder).filter(|_| !behind)?;
        let is_given = |index| self.given.get(&bidder).is_some_and(|given| given.all(index) > 0);
        let mut entries = wanted.entries().iter().enumerate();
        entries
            .find(|(index, entry)| {
                needs_room(entry) && entry.since() + PATIENCE <= self.now && !is_given(*index)
            })
            .map(|(_, entry)| entry)
    }

    /// The agent that lacks least of a piece, of those that were not tried before; `None` when none
    /// would do, or one has room, so that something else is in the way.
    fn attempt(
        &self,
        (leaf, index): (NodeIndex, BidderIndex),
        (bidder, entry): (&Bidder, &Entry),
        last: Option<Place>,
        again: Option<&Attempt>,
    ) -> Option<Attempt> {
        let mut lasts = again.map_or(TRIES_FOR, |before| before.lasts);
        let mut tried = again.map_or_else(BTreeSet::new, |before| before.tried.clone());
        tried.extend(again.map(|before| before.place));
        let next = |tried: &BTreeSet<Place>| {
            let is_later = |place: &Place| last.is_none_or(|last| *place > last);
            let places = || self.view.places_taking_tasks();
            let in_turn = places().filter(is_later).chain(places().filter(|it| !is_later(it)));
            self.nearest((leaf, index), entry, in_turn.filter(|place| !tried.contains(place)))
        };
        let found = next(&tried).or_else(|| {
            lasts = Duration((2 * lasts.0).min(TRIES_FOR_MAX.0));
            tried.clear();
            next(&tried)
        });
        let (_, place) = found.filter(|(lacking, _)| *lacking > Share::ZERO)?;
        let (bidder, entry, until) = (bidder.clone(), entry.id().clone(), self.now + lasts);
        Some(Attempt { bidder, entry, place, until, lasts, tried })
    }

    /// Of these agents, of those that could hold a piece, the first that lacks least of it.
    fn nearest(
        &self,
        (leaf, bidder): (NodeIndex, BidderIndex),
        entry: &Entry,
        places: impl Iterator<Item = Place>,
    ) -> Option<(Share, Place)> {
        let mut nearest: Option<(Share, Place)> = None;
        for place in places {
            let free = self.free(place).amounts();
            let left = self.headroom.leave(self.tree, place, leaf, free);
            let lacking = lacks(&left, entry.shape());
            // What an agent could hold is asked of those alone that lack less.
            if nearest.is_none_or(|(least, _)| lacking < least)
                && self.could_hold(place, bidder, entry, &DomainCounts::default())
            {
                nearest = Some((lacking, place));
            }
        }
        nearest
    }
}

/// The largest part of a piece's resources that is not there.
pub(super) fn lacks(free: &Amounts, shape: &Amounts) -> Share {
    let parts = shape.iter().map(|(name, one)| Share::new(one.saturating_sub(free.get(name)), one));
    parts.max().unwrap_or(Share::ZERO)
}
