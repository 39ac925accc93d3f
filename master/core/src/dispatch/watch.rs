//! The stream of facts for operators: live for who keeps up, from the history for who is behind.
//!
//! A watcher that is behind costs the place in the history that it has reached and nothing else: it
//! is sent a part of what it has missed, and the next part when it has read that one, so that
//! catching up stops nobody. Whoever reads more slowly than the history forgets is told so and
//! dropped. A row is shown as it is when the fact is sent: a watcher that lags sees the newest row,
//! and each status change as it was. Offers are not part of the history: they are told to who
//! keeps up.

use super::watched::{describe, subject};
use crate::{
    input::StreamId,
    intake::{Turn, sessions::Party},
    ledger::Event,
    offers::Returned,
    outbox::Effect,
};
use proto::{
    convert,
    model::{AgentId, FrameworkId, Offer, Reason, Refusal, Role, WatchFilter, WatchKind, limits},
    wire::v1::{self, cluster_event::Event as Fact},
};
use std::collections::BTreeMap;

/// Everybody who watches, by stream.
#[derive(Debug, Default)]
pub(crate) struct Watchers(BTreeMap<StreamId, Watcher>);

#[derive(Debug)]
struct Watcher {
    filter: WatchFilter,
    /// The number of the fact that it has come to; `None` when it hears facts as they happen.
    reached: Option<u64>,
}

/// What a fact is about, as far as a filter asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) kind: WatchKind,
    pub(super) framework: Option<FrameworkId>,
    pub(super) agent: Option<&'a AgentId>,
    pub(super) roles: &'a [Role],
}

impl Watchers {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The stream has ended.
    pub(crate) fn remove(&mut self, stream: StreamId) {
        self.0.remove(&stream);
    }

    /// Those that hear facts as they happen and want to hear this one.
    fn hearing<'a>(&'a self, subject: Subject<'a>) -> impl Iterator<Item = StreamId> + 'a {
        let live = self.0.iter().filter(|(_, watcher)| watcher.reached.is_none());
        let wanted = live.filter(move |(_, watcher)| subject.passes(&watcher.filter));
        wanted.map(|(stream, _)| *stream)
    }
}

impl Subject<'_> {
    /// Whether a filter lets it through.
    pub(super) fn passes(&self, filter: &WatchFilter) -> bool {
        let WatchFilter { kinds, framework, agent, role } = filter;
        (kinds.is_empty() || kinds.contains(&self.kind))
            && framework.is_none_or(|framework| self.framework == Some(framework))
            && agent.as_ref().is_none_or(|agent| self.agent == Some(agent))
            && role.as_ref().is_none_or(|role| self.roles.iter().any(|own| own.is_within(role)))
    }
}

impl Turn<'_> {
    pub(crate) fn operator_watch(
        &mut self,
        stream: StreamId,
        after: Option<u64>,
        filter: WatchFilter,
    ) {
        if self.leader.watchers.len() >= limits::WATCHERS_MAX {
            let count = limits::WATCHERS_MAX + 1;
            let refusal = Refusal::limit("watchers", count, limits::WATCHERS_MAX);
            return self.refuse_watcher(stream, refusal);
        }
        if after.is_some_and(|after| !self.history.reaches(after)) {
            let message = "events after this number are no longer held; list again, then watch";
            let refusal = Refusal::new(Reason::SequenceExpired, message).at("after_sequence");
            return self.refuse_watcher(stream, refusal);
        }
        let from = after.unwrap_or(self.history.last());
        self.leader.sessions.watching(stream);
        self.leader.watchers.0.insert(stream, Watcher { filter, reached: Some(from) });
        self.tell_watcher(stream, from, Fact::Started(true));
        self.catch_up(stream);
    }

    /// Everything that was sent on a watcher's stream has been read.
    pub(crate) fn watcher_read(&mut self, stream: StreamId) {
        if self.leader.watchers.0.get(&stream).is_some_and(|watcher| watcher.reached.is_some()) {
            self.catch_up(stream);
        }
    }

    /// Sends the next part of what a watcher has missed.
    fn catch_up(&mut self, stream: StreamId) {
        let watcher = &self.leader.watchers.0[&stream];
        let reached = watcher.reached.expect("only who is behind catches up");
        if !self.history.reaches(reached) {
            let message = "reads more slowly than events are forgotten; list again, then watch";
            return self.refuse_watcher(stream, Refusal::new(Reason::SequenceExpired, message));
        }
        let (mut facts, mut end) = (Vec::new(), None);
        for (looked, (number, event)) in self.history.after(reached).enumerate() {
            // By what was looked at and not by what was sent: a filter must not make a turn long.
            if looked == limits::WATCH_CATCH_UP_FACTS {
                break;
            }
            end = Some(*number);
            let subject = subject(self.ledger, event);
            if subject.is_some_and(|subject| subject.passes(&watcher.filter)) {
                facts.extend(describe(self.ledger, event).map(|fact| (*number, fact)));
            }
        }
        let end = end.filter(|end| *end < self.history.last());
        self.leader.watchers.0.get_mut(&stream).expect("it was just there").reached = end;
        for (number, fact) in facts {
            self.tell_watcher(stream, number, fact);
        }
        if end.is_some() {
            self.outbox.push(Effect::TellWhenRead(stream));
        }
    }

    /// Sends a fact that was just recorded to those who want it.
    pub(crate) fn watch_event(&mut self, event: &Event) {
        if self.leader.watchers.len() == 0 {
            return;
        }
        let Some(subject) = subject(self.ledger, event) else { return };
        let streams: Vec<_> = self.leader.watchers.hearing(subject).collect();
        if !streams.is_empty()
            && let Some(fact) = describe(self.ledger, event)
        {
            self.tell_all(&streams, &fact);
        }
    }

    pub(crate) fn watch_offer_made(&mut self, offer: &Offer) {
        let streams = self.hearing_offers(offer.framework, &offer.agent, &offer.role);
        if !streams.is_empty() {
            self.tell_all(&streams, &Fact::OfferMade(convert::offer::write_offer(offer)));
        }
    }

    pub(crate) fn watch_offer_ended(&mut self, offer: &Returned) {
        let streams = self.hearing_offers(offer.framework, &offer.agent, &offer.role);
        if !streams.is_empty() {
            self.tell_all(&streams, &Fact::OfferEnded(offer.offer.to_string()));
        }
    }

    fn hearing_offers(
        &self,
        framework: FrameworkId,
        agent: &AgentId,
        role: &Role,
    ) -> Vec<StreamId> {
        let (framework, agent) = (Some(framework), Some(agent));
        let roles = std::slice::from_ref(role);
        let subject = Subject { kind: WatchKind::Offer, framework, agent, roles };
        self.leader.watchers.hearing(subject).collect()
    }

    /// To everybody who keeps up, whatever it wants: from this number it may resume.
    pub(crate) fn watch_heartbeat(&mut self) {
        let live = self.leader.watchers.0.iter().filter(|(_, watcher)| watcher.reached.is_none());
        let streams: Vec<_> = live.map(|(stream, _)| *stream).collect();
        self.tell_all(&streams, &Fact::Heartbeat(true));
    }

    fn tell_all(&mut self, streams: &[StreamId], fact: &Fact) {
        let sequence = self.history.last();
        for stream in streams {
            self.tell_watcher(*stream, sequence, fact.clone());
        }
    }

    fn tell_watcher(&mut self, stream: StreamId, sequence: u64, fact: Fact) {
        let event = Ok(Box::new(v1::ClusterEvent { sequence, event: Some(fact) }));
        self.outbox.push(Effect::ToWatcher { stream, event });
    }

    fn refuse_watcher(&mut self, stream: StreamId, refusal: Refusal) {
        self.figures.refused(refusal.reason);
        if let Some(Party::Watcher) = self.leader.sessions.remove(stream) {
            self.leader.watchers.remove(stream);
        }
        self.outbox.push(Effect::ToWatcher { stream, event: Err(refusal) });
        self.outbox.push(Effect::Close(stream));
    }
}
