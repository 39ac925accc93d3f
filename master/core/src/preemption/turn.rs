//! When a leader looks, and what it does about what it finds.
//!
//! A look is due once a demand has waited for a while, and again when something has changed. One
//! look decides for one demand, the one of the highest priority for which there is anything to
//! decide: the next one sees what has become of it.

use super::{
    CLAIM_SLACK, Outlook,
    look::{Found, Look, Scene},
};
use crate::{
    allocator::{Amounts, Bidder, Claim, wanted::Entry},
    intake::{Turn, Waiter},
    ledger::{Applied, Command, Preemption},
    master::leadership::Timer,
};
use proto::model::{AgentId, Duration, Instant, Refusal, TaskKey};
use std::collections::BTreeMap;

impl Turn<'_> {
    /// After a plan: whether somebody waits to whom something might give way.
    pub(crate) fn await_preemption(&mut self) {
        if self.leader.timers.get(&Timer::Preemption).is_some() || !self.may_preempt() {
            return;
        }
        if self.leader.preemption.seen != Some(self.sight()) {
            let due = self.now.monotonic + self.config.preemption_patience;
            self.leader.timers.set(Timer::Preemption, due);
        }
    }

    /// Whether anything runs at a lower priority than somebody waits at, or could be had back from
    /// revocable work; costs nothing much.
    fn may_preempt(&self) -> bool {
        let highest = self.leader.demand.by_priority().next();
        let lowest = self.ledger.lowest_priority();
        let is_lower = highest.zip(lowest).is_some_and(|((highest, _), lowest)| highest > lowest);
        let is_revocable = highest.is_some() && self.leader.view.has_revocable();
        is_lower || is_revocable || self.may_reclaim()
    }

    /// What there is to see.
    fn sight(&self) -> (u64, u64, u64) {
        let leader = &self.leader;
        let (view, demand) = (leader.view.changes().end(), leader.demand.changes().end());
        (view, demand, self.ledger.applied().index)
    }

    /// Looks at those who wait, the highest priority first.
    pub(crate) fn preemption_due(&mut self) {
        if self.leader.preemption.is_under_way || !self.may_preempt() {
            return;
        }
        let sight = self.sight();
        self.leader.preemption.outlooks.clear();
        let lowest = self.ledger.lowest_priority();
        let waiting: Vec<Bidder> =
            self.leader.demand.by_priority().map(|(_, bidder)| bidder.clone()).collect();
        for bidder in waiting {
            for entry in self.patient_entries(&bidder) {
                let is_lower = lowest.is_some_and(|lowest| entry.stated().priority > lowest);
                if (is_lower || self.leader.view.has_revocable()) && self.look_at(&bidder, &entry) {
                    return;
                }
            }
        }
        if self.reclaim() {
            return;
        }
        match self.next_patient().into_iter().chain(self.limited_until()).min() {
            // Then there is more to decide, though what there is to see may stay the same.
            Some(due) => self.leader.timers.set(Timer::Preemption, due),
            None => self.leader.preemption.seen = Some(sight),
        }
    }

    /// When the limit lets one more give way, if it is all that somebody waits for.
    fn limited_until(&self) -> Option<Instant> {
        let preemption = &self.leader.preemption;
        let is_limited = preemption.outlooks.values().any(|outlook| outlook.is_rate_limited);
        preemption.limit.next_return(self.now.monotonic).filter(|_| is_limited)
    }

    /// When the next of those who wait will have waited for long enough.
    fn next_patient(&self) -> Option<Instant> {
        let demand = &self.leader.demand;
        let waiting = demand.by_priority().filter_map(|(_, bidder)| {
            let index = demand.active(bidder)?;
            demand.wanted(index)
        });
        let open = waiting.flat_map(|wanted| wanted.entries()).filter(|entry| entry.open() > 0);
        let patient = open.map(|entry| entry.since() + self.config.preemption_patience);
        patient.filter(|due| *due > self.now.monotonic).min()
    }

    /// What a bidder has waited for long enough, the highest priority first. Those that it may not
    /// ask for any longer wait for nothing, and nothing gives way to what is revocable.
    fn patient_entries(&self, bidder: &Bidder) -> Vec<Entry> {
        let demand = &self.leader.demand;
        let index = demand.index(bidder.framework, &bidder.role);
        let is_wanted = demand.active(bidder).is_some();
        let wanted = index.filter(|_| is_wanted).and_then(|index| demand.wanted(index));
        let most = self.ledger.roles().priority_max(&bidder.role);
        let patience = self.config.preemption_patience;
        let entries = wanted.map_or(&[][..], |wanted| wanted.entries()).iter();
        entries
            .filter(|entry| {
                let has_waited = entry.since() + patience <= self.now.monotonic;
                let stated = entry.stated();
                let may_ask = stated.priority <= most && !stated.revocable;
                entry.open() > 0 && has_waited && may_ask
            })
            .cloned()
            .collect()
    }

    /// Whether something was found and proposed.
    fn look_at(&mut self, bidder: &Bidder, entry: &Entry) -> bool {
        let leader = &*self.leader;
        let scene = Scene {
            now: self.now.monotonic,
            ledger: self.ledger,
            view: &leader.view,
            demand: &leader.demand,
            allocator: &leader.allocator,
            book: &leader.book,
        };
        let Some(look) = Look::new(scene, bidder, entry) else { return false };
        let (found, mut outlook) = look.find();
        let allowed = self.within_limit(entry, found, &mut outlook);
        let key = (bidder.clone(), entry.id().clone());
        self.leader.preemption.outlooks.insert(key, outlook);
        if allowed.is_empty() {
            return false;
        }
        let victims: Vec<TaskKey> =
            allowed.iter().flat_map(|found| found.victims.iter().cloned()).collect();
        let claims = self.claims(bidder, entry, &allowed);
        let preemption = Preemption {
            framework: bidder.framework,
            role: bidder.role.clone(),
            demand: Some(entry.id().clone()),
            priority: entry.stated().priority,
            victims,
        };
        let rescinded = allowed.iter().filter(|found| found.rescinds);
        let rescinded: Vec<AgentId> = rescinded.map(|found| found.agent.clone()).collect();
        self.make_way(preemption, claims, &rescinded);
        true
    }

    /// What was found is to happen: offers of these agents that are revocable are void at once.
    pub(super) fn make_way(
        &mut self,
        preemption: Preemption,
        claims: Vec<Claim>,
        rescinded: &[AgentId],
    ) {
        // Kept from now on: what is free and counted on would be offered to others meanwhile.
        let mut proposed = BTreeMap::<AgentId, Amounts>::new();
        for task in preemption.victims.iter().filter_map(|key| self.ledger.task(key)) {
            let taken = Amounts::of(task.held());
            proposed.entry(task.info.agent.clone()).or_default().add(&taken);
        }
        self.leader.demand.add_claims(claims.clone(), proposed);
        for agent in rescinded {
            let returned = self.leader.book.rescind_revocable(agent);
            self.rescind(&returned);
        }
        if preemption.victims.is_empty() {
            // The next plan has what was on offer; then others are looked at.
            let due = self.now.monotonic + self.config.tick;
            self.leader.timers.set(Timer::Preemption, due);
            return;
        }
        self.leader.preemption.is_under_way = true;
        self.propose(Command::Preempt(preemption), Waiter::Preempt(claims));
    }

    /// The pieces that the limit per minute leaves, in order; of a gang all or none.
    fn within_limit(
        &mut self,
        entry: &Entry,
        found: Vec<Found>,
        outlook: &mut Outlook,
    ) -> Vec<Found> {
        let now = self.now.monotonic;
        let limit = &mut self.leader.preemption.limit;
        let before = limit.clone();
        let mut allowed = Vec::new();
        for piece in found {
            let at_piece = limit.clone();
            // A guarantee does not wait for a limit: what is lent is there to be given back.
            let revocable = |key| self.ledger.task(key).is_some_and(|task| task.info.revocable);
            let mut limited = piece.victims.iter().filter(|key| !revocable(key));
            if !limited.all(|_| limit.take(now)) {
                *limit = if entry.is_gang() { before } else { at_piece };
                outlook.is_rate_limited = true;
                if entry.is_gang() {
                    return Vec::new();
                }
                break;
            }
            allowed.push(piece);
        }
        allowed
    }

    /// What is to be kept once those who give way have ended.
    fn claims(&self, bidder: &Bidder, entry: &Entry, found: &[Found]) -> Vec<Claim> {
        let until = self.kept_until(found.iter().flat_map(|found| &found.victims));
        let mut pieces = BTreeMap::new();
        for found in found {
            *pieces.entry(found.agent.clone()).or_insert(0) += 1;
        }
        let claim = |(agent, count)| Claim {
            bidder: bidder.clone(),
            demand: Some(entry.id().clone()),
            agent,
            shape: entry.shape().clone(),
            count,
            until,
        };
        pieces.into_iter().map(claim).collect()
    }

    /// Until when what these free is kept.
    pub(super) fn kept_until<'b>(&self, victims: impl Iterator<Item = &'b TaskKey>) -> Instant {
        let time_of = |key: &TaskKey| -> Duration {
            self.ledger.task(key).map_or(Duration(0), |task| {
                let ends_behind = self.ledger.ends_behind(task).as_ms();
                let grace_period = task.info.grace_period().as_ms() + ends_behind;
                Duration(self.ledger.notice_of(task).as_ms() + grace_period)
            })
        };
        let longest = victims.map(time_of).max();
        self.now.monotonic + longest.unwrap_or(Duration(0)) + CLAIM_SLACK
    }

    /// A preemption is decided. Refused, it is as if nothing had been found: something has changed,
    /// and the next look sees it.
    pub(crate) fn preempted(&mut self, claims: &[Claim], outcome: &Result<Applied, Refusal>) {
        self.leader.preemption.is_under_way = false;
        self.leader.demand.settle_claims();
        if outcome.is_err() {
            self.leader.demand.drop_claims(claims);
        }
        // Others wait too.
        let due = self.now.monotonic + self.config.tick;
        self.leader.timers.set(Timer::Preemption, due);
    }
}
