//! What the core asks of the world, executed in order.

use super::{CoreError, Running, sinks::send};
use crate::{
    disk::SnapshotMeta,
    inbox::{Arrival, Reply, Sink},
    snapshots,
};
use master_core::{
    Effect, Ledger,
    input::{CallId, StreamId},
    outbox::{Persist, RoleChange, SnapshotMark},
};
use proto::{
    model::{Order, Refusal, SchedulerEvent},
    wire::v1,
};
use std::{sync::Arc, thread};

impl Running {
    pub(super) fn execute(&mut self) -> Result<(), CoreError> {
        let mut outbox = std::mem::take(&mut self.outbox);
        for effect in outbox.drain() {
            self.execute_one(effect)?;
        }
        // Keeps its memory for the next turn.
        self.outbox = outbox;
        Ok(())
    }

    fn execute_one(&mut self, effect: Effect) -> Result<(), CoreError> {
        match effect {
            Effect::Persist(persist) => self.persist(persist)?,
            Effect::SendPeers(messages) => self.peers.send(messages, self.storage.newest()),
            Effect::Greet { blank, joining, version } => {
                self.peers.greet(blank, joining, version);
            }
            Effect::WriteSnapshot { mark, ledger } => self.write_snapshot(mark, ledger)?,
            Effect::Reply { call, answer } => self.reply(call, answer),
            Effect::Read(read) => {
                let pending = self.calls.remove(&read.call()).expect("each call is answered once");
                self.readers.answer(read, pending.reply);
            }
            Effect::ToFramework { stream, event } => self.tell_framework(stream, event),
            Effect::ToAgent { stream, order, term } => self.tell_agent(stream, term, order),
            Effect::ToWatcher { stream, event } => self.tell_watcher(stream, event),
            Effect::TellWhenRead(stream) => self.tell_when_read(stream),
            Effect::Close(stream) => drop(self.sinks.remove(stream)),
            Effect::Role(role) => self.change_role(role),
            Effect::Members(members) => {
                self.peers.set(&members);
                self.roster.set(members);
            }
            Effect::End(ending) => self.ending = Some(ending),
        }
        Ok(())
    }

    fn persist(&mut self, persist: Persist) -> Result<(), CoreError> {
        if !persist.entries.is_empty() || persist.install.is_some() {
            self.peers.no_longer_blank();
        }
        Ok(self.storage.persist(persist)?)
    }

    /// On a thread of its own: the state shares its rows with the live one, which goes on changing.
    fn write_snapshot(&mut self, mark: SnapshotMark, ledger: Box<Ledger>) -> Result<(), CoreError> {
        assert!(self.snapshot_under_way.is_none(), "the core writes one snapshot at a time");
        self.snapshot_under_way = Some(mark.clone());
        let snapshots = self.storage.snapshots().clone();
        let meta = SnapshotMeta {
            cluster: self.storage.cluster().clone(),
            index: mark.index,
            term: mark.term,
            conf_state: mark.conf_state.clone(),
        };
        let inbox = Arc::clone(&self.inbox);
        let write = move || {
            let outcome = snapshots::write(&snapshots, &meta, &ledger);
            inbox.report(Arrival::SnapshotTaken(mark, outcome));
        };
        let thread = thread::Builder::new().name("bourse-snapshot".to_owned());
        thread.spawn(write).map_err(CoreError::Thread)?;
        Ok(())
    }

    fn reply(&mut self, call: CallId, answer: Reply) {
        let pending = self.calls.remove(&call).expect("each call is answered once");
        if let (Some(since), Ok(_)) = (pending.committing_since, &answer) {
            self.labels.committed(since.elapsed());
        }
        // A caller that went away does not want it any more.
        let _ = pending.reply.send(answer);
    }

    fn tell_framework(&mut self, stream: StreamId, event: SchedulerEvent) {
        let sink = match self.sinks.get(stream) {
            Some(Sink::Framework(outbound)) => Some(outbound),
            None => None,
            Some(other) => panic!("an event for a framework on {other:?}"),
        };
        if send(sink, event).is_err() {
            self.cut(stream);
        }
    }

    fn tell_agent(&mut self, stream: StreamId, term: u64, order: Order) {
        if let Order::Refused(refusal) = &order {
            self.labels.refused(refusal.reason);
        }
        let sink = match self.sinks.get(stream) {
            Some(Sink::Agent(outbound)) => Some(outbound),
            None => None,
            Some(other) => panic!("an order for an agent on {other:?}"),
        };
        if send(sink, (term, order)).is_err() {
            self.cut(stream);
        }
    }

    fn tell_watcher(&mut self, stream: StreamId, event: Result<Box<v1::ClusterEvent>, Refusal>) {
        match event {
            Ok(event) => {
                let sink = match self.sinks.get(stream) {
                    Some(Sink::Watcher(outbound)) => Some(outbound),
                    None => None,
                    Some(other) => panic!("an event for a watcher on {other:?}"),
                };
                if send(sink, *event).is_err() {
                    self.cut(stream);
                }
            }
            // The refusal is the stream's end; the core closes it next, which then finds nothing.
            Err(refusal) => {
                if let Some(Sink::Watcher(outbound)) = self.sinks.take(stream) {
                    outbound.refuse(refusal);
                }
            }
        }
    }

    /// A stream that has ended meanwhile is never read to its end, which the core hears of anyway.
    fn tell_when_read(&mut self, stream: StreamId) {
        let inbox = Arc::clone(&self.inbox);
        let then = move || inbox.read(stream);
        match self.sinks.get(stream) {
            Some(Sink::Framework(outbound)) => outbound.mark(then),
            Some(Sink::Watcher(outbound)) => outbound.mark(then),
            Some(Sink::Agent(outbound)) => outbound.mark(then),
            None => {}
        }
    }

    fn change_role(&mut self, role: RoleChange) {
        let (term, serving) = (role.term, role.serving);
        let leader = role.leader.map_or(0, |leader| leader.0);
        tracing::info!(node = %self.node, term, leader, serving, "role changed");
        // Nobody may be listening.
        self.role.send_replace(role);
    }
}
