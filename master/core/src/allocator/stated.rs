//! What bidders have said that they want: stated, counted down as pieces go out and come back, over
//! in the end. In which order those wait who may have others give way to them.
//!
//! The other half of [`Demand`]: who is asked, and who has refused what, stands there.

use super::{
    Bidder, Demand, Place, PlannedOffer, View,
    demand::{BidderIndex, DemandChange},
    wanted::{Entry, Wanted},
};
use proto::model::{DemandId, Domain, FrameworkId, Instant, Priority, Refusal, Role, StatedDemand};
use std::cmp::Reverse;

/// A demand that is stated no longer.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Whose it was.
    pub bidder: Bidder,
    /// As it was at its end.
    pub entry: Entry,
    /// Why it ended.
    pub outcome: Outcome,
}

/// How a demand ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A gang's time was over.
    GivenUp,
    /// The framework wants it no longer, or is gone.
    Withdrawn,
    /// All of its pieces were used.
    Served,
}

impl Demand {
    /// A framework wants this in a role, and nothing else, from now on.
    pub fn state(
        &mut self,
        framework: FrameworkId,
        role: &Role,
        stated: Vec<StatedDemand>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let index = self.checked_index(framework, role)?;
        let mut wanted = Wanted::new(stated, now);
        let mut before = self.wanted.remove(&index);
        before.iter_mut().for_each(|before| wanted.take_over(before));
        if wanted.is_even() {
            self.even.insert(index);
            self.divided_at = None;
        } else {
            self.even.remove(&index);
        }
        self.wanted.insert(index, wanted);
        self.note_ended(&Bidder { framework, role: role.clone() }, before);
        self.note_wanted(index);
        Ok(())
    }

    /// A framework wants whatever it is its turn for, from now on.
    pub fn unstate(&mut self, framework: FrameworkId, role: &Role) -> Result<(), Refusal> {
        let index = self.checked_index(framework, role)?;
        let wanted = self.wanted.remove(&index);
        self.even.remove(&index);
        self.note_ended(&Bidder { framework, role: role.clone() }, wanted);
        self.note_wanted(index);
        Ok(())
    }

    /// What a bidder wants, if it has said it.
    pub fn wanted(&self, index: BidderIndex) -> Option<&Wanted> {
        self.wanted.get(&index)
    }

    /// Works out the equal parts of fault domains, where something is to be spread evenly and the
    /// agents have changed. To be called before each plan.
    pub fn divide(&mut self, view: &View) {
        if self.even.is_empty() || self.divided_at == Some(view.agents_version()) {
            return;
        }
        self.divided_at = Some(view.agents_version());
        for index in self.even.clone() {
            let wanted = self.wanted.get_mut(&index).expect("who spreads evenly wants something");
            if wanted.divide(view.taking_tasks()) {
                self.note_wanted(index);
            }
        }
    }

    /// A planned offer of an agent of this fault domain is made.
    pub fn offered(&mut self, offer: &PlannedOffer, domain: Option<&Domain>) {
        if self.wanted.is_empty() && self.claims.is_empty() {
            return;
        }
        let index = self.index(offer.framework, &offer.role);
        let Some((index, wanted)) = index.and_then(|at| Some((at, self.wanted.get_mut(&at)?)))
        else {
            let bidder = offer.bidder();
            if !offer.revocable && self.claims.use_up(&bidder, &offer.agent, None, u32::MAX) {
                self.note_given_back(&bidder);
            }
            return;
        };
        wanted.offered(offer.place, domain, &offer.pieces);
        if !self.claims.is_empty() {
            for (demand, count) in &offer.pieces {
                self.claims.use_up(&offer.bidder(), &offer.agent, Some(demand), *count);
            }
        }
        if !wanted.is_open() {
            self.note_wanted(index);
        }
    }

    /// An offer is over; this many tasks were launched with it.
    pub fn returned(
        &mut self,
        framework: FrameworkId,
        role: &Role,
        place: Place,
        pieces: &[(DemandId, u32)],
        used: u32,
    ) {
        let index = self.index(framework, role);
        let Some((index, wanted)) = index.and_then(|at| Some((at, self.wanted.get_mut(&at)?)))
        else {
            return;
        };
        wanted.returned(place, pieces, used);
        self.note_wanted(index);
    }

    /// What has ended since this was last asked.
    pub fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }

    /// Whether the bidder waits for a gang that has not been placed.
    pub fn wants_gang(&self, index: BidderIndex) -> bool {
        self.gangs.get(&index).is_some()
    }

    /// Whether anybody does.
    pub fn has_gangs(&self) -> bool {
        self.gangs.next().is_some()
    }

    /// What a bidder wanted is stated no longer.
    pub(super) fn note_ended(&mut self, bidder: &Bidder, wanted: Option<Wanted>) {
        for entry in wanted.into_iter().flat_map(Wanted::into_entries) {
            let outcome = match entry.is_served() {
                true => Outcome::Served,
                false => Outcome::Withdrawn,
            };
            self.ended.push(Ended { bidder: bidder.clone(), entry, outcome });
        }
    }

    /// Who has stated that it wants something that is not out: the highest priority of anything
    /// that it states, and who; the highest first.
    pub fn by_priority(&self) -> impl Iterator<Item = (Priority, &Bidder)> {
        self.by_priority.iter().map(|(priority, index)| {
            let bidder = self.bidders[index.0 as usize].as_ref();
            (priority.0, bidder.expect("who wants is there"))
        })
    }

    pub(super) fn set_priority(&mut self, index: BidderIndex, priority: Option<Priority>) {
        let before = match priority {
            Some(priority) => self.priorities.insert(index, priority),
            None => self.priorities.remove(&index),
        };
        if before != priority {
            before.map(|before| self.by_priority.remove(&(Reverse(before), index)));
            self.by_priority.extend(priority.map(|now| (Reverse(now), index)));
        }
    }

    /// What a bidder wants has changed.
    pub(super) fn note_wanted(&mut self, index: BidderIndex) {
        let wanted = self.wanted.get(&index);
        let priority = wanted.filter(|wanted| wanted.is_open()).and_then(Wanted::priority);
        self.set_priority(index, priority);
        if !self.claims.is_empty() {
            let bidder = self.bidders[index.0 as usize].clone().expect("who wants is there");
            let wanted = self.wanted.get(&index);
            self.claims.cap(&bidder, |id| match (id, wanted) {
                (Some(id), Some(wanted)) => wanted.open(id),
                (None, None) => u32::MAX,
                (Some(_), None) | (None, Some(_)) => 0,
            });
        }
        match self.wanted.get(&index).and_then(Wanted::next_expiry) {
            Some(at) => self.gangs.set(index, at),
            None => drop(self.gangs.cancel(&index)),
        }
        let bidder = self.bidders[index.0 as usize].clone().expect("who wants is there");
        self.changes.note(match self.active(&bidder) {
            Some(_) => DemandChange::Renewed(bidder),
            None => DemandChange::Withdrawn(bidder),
        });
    }
}
