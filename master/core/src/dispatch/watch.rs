//! The stream of facts for operators, and the part of the past that a watcher may resume from.
//!
//! Every replica keeps the same facts under the same numbers (log index, then order within the
//! entry), so that a watch resumes at a new leader. A row is shown as it is when the fact is sent:
//! a watcher that lags sees the newest row, and each status change as it was.

use crate::{
    Ledger,
    input::StreamId,
    intake::{Turn, sessions::Party},
    ledger::{Event, Stamp},
    outbox::Effect,
    reads,
};
use proto::{
    convert,
    model::{Offer, OfferId, limits},
    wire::v1::{self, cluster_event::Event as Fact},
};
use std::collections::VecDeque;

/// Facts of one entry fit below this bit; the log index stands above it.
const ORDINAL_BITS: u32 = 20;

/// The newest facts, numbered.
#[derive(Debug, Default)]
pub(crate) struct History {
    facts: VecDeque<(u64, Event)>,
    /// The number before the oldest fact that is held.
    before: u64,
    last: u64,
}

impl History {
    /// A history that begins after a snapshot or a restart.
    pub(crate) fn starting_at(index: u64) -> Self {
        let before = index << ORDINAL_BITS;
        Self { facts: VecDeque::new(), before, last: before }
    }

    pub(crate) fn record(&mut self, stamp: Stamp, event: &Event) {
        let first = stamp.index << ORDINAL_BITS;
        let number = if self.last < first { first } else { self.last + 1 };
        assert!(number >> ORDINAL_BITS == stamp.index, "an entry's facts fit its numbers");
        self.last = number;
        self.facts.push_back((number, event.clone()));
        if self.facts.len() > limits::EVENTS_KEPT_MAX {
            self.before = self.facts.pop_front().map_or(self.before, |(number, _)| number);
        }
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Whether nothing after this number is missing.
    pub(crate) fn reaches(&self, after: u64) -> bool {
        after >= self.before && after <= self.last
    }

    pub(crate) fn after(&self, after: u64) -> impl Iterator<Item = &(u64, Event)> {
        let start = self.facts.partition_point(|(number, _)| *number <= after);
        self.facts.iter().skip(start)
    }
}

impl Turn<'_> {
    pub(crate) fn start_watch(&mut self, stream: StreamId, after: Option<u64>) {
        let from = after.unwrap_or(self.history.last());
        self.leader.sessions.watching(stream, from);
        self.tell_watcher(stream, from, Fact::Started(true));
        let missed: Vec<_> = self.history.after(from).cloned().collect();
        for (number, event) in missed {
            if let Some(fact) = describe(self.ledger, &event) {
                self.tell_watcher(stream, number, fact);
            }
        }
    }

    /// Sends a fact that was just recorded to all watchers.
    pub(crate) fn watch_event(&mut self, event: &Event) {
        if self.leader.sessions.watcher_count() == 0 {
            return;
        }
        if let Some(fact) = describe(self.ledger, event) {
            self.tell_watchers(&fact);
        }
    }

    pub(crate) fn watch_offer_made(&mut self, offer: &Offer) {
        if self.leader.sessions.watcher_count() > 0 {
            self.tell_watchers(&Fact::OfferMade(convert::offer::write_offer(offer)));
        }
    }

    pub(crate) fn watch_offer_ended(&mut self, offer: OfferId) {
        if self.leader.sessions.watcher_count() > 0 {
            self.tell_watchers(&Fact::OfferEnded(offer.to_string()));
        }
    }

    pub(crate) fn watch_heartbeat(&mut self) {
        self.tell_watchers(&Fact::Heartbeat(true));
    }

    fn tell_watchers(&mut self, fact: &Fact) {
        let sequence = self.history.last();
        let watchers = |(stream, party): (StreamId, &Party)| {
            matches!(party, Party::Watcher(_)).then_some(stream)
        };
        let streams: Vec<_> = self.leader.sessions.streams().filter_map(watchers).collect();
        for stream in streams {
            self.tell_watcher(stream, sequence, fact.clone());
        }
    }

    fn tell_watcher(&mut self, stream: StreamId, sequence: u64, fact: Fact) {
        let event = Ok(v1::ClusterEvent { sequence, event: Some(fact) });
        self.outbox.push(Effect::ToWatcher { stream, event });
    }
}

/// The fact with the row that it names; `None` for what only the machinery cares about.
fn describe(ledger: &Ledger, event: &Event) -> Option<Fact> {
    match event {
        Event::AgentRegistered(id)
        | Event::AgentUnreachable(id)
        | Event::AgentDeactivated(id)
        | Event::AgentReactivated(id)
        | Event::AgentDraining(id)
        | Event::AgentDrained(id) => {
            let agent = ledger.agent(id)?;
            let now = ledger.applied().time;
            Some(Fact::AgentChanged(reads::agent_summary(ledger, agent, None, now)))
        }
        Event::AgentRemoved(id) => Some(Fact::AgentRemoved(id.to_string())),
        Event::FrameworkSubscribed(id)
        | Event::FrameworkDisconnected(id)
        | Event::FrameworkUpdated(id) => {
            let framework = ledger.framework(*id)?;
            Some(Fact::FrameworkChanged(reads::framework_summary(ledger, framework)))
        }
        Event::FrameworkRemoved(id) => Some(Fact::FrameworkRemoved(id.to_string())),
        Event::TaskAdded(key) | Event::KillRequested(key) => {
            Some(Fact::TaskChanged(reads::task_summary(ledger.task(key)?)))
        }
        Event::TaskUpdated { framework, status, .. } => {
            let key = proto::model::TaskKey { framework: *framework, task: status.task.clone() };
            let mut summary = match ledger.task(&key) {
                Some(task) => reads::task_summary(task),
                None => {
                    v1::TaskSummary { framework_id: framework.to_string(), ..Default::default() }
                }
            };
            summary.status = Some(convert::status::write_status(status));
            Some(Fact::TaskChanged(summary))
        }
        Event::WindowScheduled(id) | Event::WindowStarted(id) => {
            let window = ledger.window(*id)?;
            let now = ledger.applied().time;
            Some(Fact::WindowChanged(reads::window_summary(ledger, window, now)))
        }
        Event::WindowEnded(id) => Some(Fact::WindowEnded(id.to_string())),
        Event::RoleChanged(role) => Some(Fact::RoleChanged(reads::role_summary(ledger, role))),
        Event::AgentTaskUnknown { .. }
        | Event::UpdateCommitted { .. }
        | Event::UpdatesAcknowledged { .. }
        | Event::TaskForgotten(_)
        | Event::MembersChanged
        | Event::VersionRaised(_)
        | Event::BarrierPassed { .. } => None,
    }
}
