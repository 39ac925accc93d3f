//! Who is connected to this leader, over which stream. Volatile: a new leader starts with none.

use crate::input::StreamId;
use proto::model::{AgentId, FrameworkId, Session};
use std::collections::BTreeMap;

/// Whose stream it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Party {
    /// A framework whose subscription is not committed yet.
    Subscribing,
    /// A framework.
    Framework(Session),
    /// An agent whose registration is not committed yet.
    Registering(AgentId),
    /// An agent.
    Agent(AgentId),
    /// An operator that watches.
    Watcher,
}

/// All streams, found by stream and by party.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    streams: BTreeMap<StreamId, Party>,
    frameworks: BTreeMap<FrameworkId, (u64, StreamId)>,
    agents: BTreeMap<AgentId, AgentStream>,
}

/// An agent's stream and the journal behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AgentStream {
    pub(crate) stream: StreamId,
    pub(crate) incarnation: u64,
    /// Whether the registration is committed: orders go to registered agents only.
    pub(crate) registered: bool,
}

impl Sessions {
    pub(crate) fn party(&self, stream: StreamId) -> Option<&Party> {
        self.streams.get(&stream)
    }

    pub(crate) fn streams(&self) -> impl Iterator<Item = (StreamId, &Party)> {
        self.streams.iter().map(|(stream, party)| (*stream, party))
    }

    pub(crate) fn framework(&self, id: FrameworkId) -> Option<(u64, StreamId)> {
        self.frameworks.get(&id).copied()
    }

    pub(crate) fn frameworks(&self) -> impl Iterator<Item = (FrameworkId, StreamId)> {
        self.frameworks.iter().map(|(id, (_, stream))| (*id, *stream))
    }

    pub(crate) fn agent(&self, id: &AgentId) -> Option<AgentStream> {
        self.agents.get(id).copied()
    }

    /// The stream for orders, if the agent is connected and registered.
    pub(crate) fn orders(&self, id: &AgentId) -> Option<StreamId> {
        self.agent(id).filter(|agent| agent.registered).map(|agent| agent.stream)
    }

    pub(crate) fn subscribing(&mut self, stream: StreamId) {
        self.streams.insert(stream, Party::Subscribing);
    }

    /// The subscription is committed, and the older instance's stream forgotten.
    pub(crate) fn subscribed(&mut self, stream: StreamId, session: Session) {
        let older = self.frameworks.insert(session.framework, (session.epoch, stream));
        assert!(older.is_none(), "the older instance was told before");
        self.streams.insert(stream, Party::Framework(session));
    }

    /// An agent asks to register; returns its older stream, now forgotten.
    pub(crate) fn registering(
        &mut self,
        stream: StreamId,
        agent: AgentId,
        incarnation: u64,
    ) -> Option<StreamId> {
        self.streams.insert(stream, Party::Registering(agent.clone()));
        let entry = AgentStream { stream, incarnation, registered: false };
        let older = self.agents.insert(agent, entry).map(|agent| agent.stream);
        let older = older.filter(|older| *older != stream);
        older.inspect(|older| drop(self.streams.remove(older)))
    }

    /// The registration is committed; false when the stream has ended meanwhile.
    pub(crate) fn registered(&mut self, stream: StreamId, agent: &AgentId) -> bool {
        match self.agents.get_mut(agent) {
            Some(entry) if entry.stream == stream => {
                entry.registered = true;
                self.streams.insert(stream, Party::Agent(agent.clone()));
                true
            }
            _ => false,
        }
    }

    pub(crate) fn watching(&mut self, stream: StreamId) {
        self.streams.insert(stream, Party::Watcher);
    }

    /// A stream has ended, or is about to be: forget it.
    pub(crate) fn remove(&mut self, stream: StreamId) -> Option<Party> {
        let party = self.streams.remove(&stream)?;
        match &party {
            Party::Framework(session) => drop(self.frameworks.remove(&session.framework)),
            Party::Registering(agent) | Party::Agent(agent) => drop(self.agents.remove(agent)),
            Party::Watcher | Party::Subscribing => {}
        }
        Some(party)
    }
}
