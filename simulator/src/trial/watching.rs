//! What the oracles are shown of what happens, where more than one thing must be looked at for it.

use super::{
    event::Process,
    framework_calls::{Asked, Calls},
    oracle::t6_losses::Away,
    streams::Client,
    world::World,
};
use agent_core::Record;
use master_core::{
    input::{CallId, OperatorCall, StreamId},
    ledger::{AgentState, FrameworkState},
    outbox::Answer,
};
use proto::{
    model::{
        AgentId, OfferId, Order, Refusal, ResourceName, Role, SchedulerCall, StatusReason, TaskKey,
        TaskState, TaskStatus,
    },
    wire::v1::cluster_event::Event,
};

impl Calls {
    /// What a call asks, before its answer has arrived.
    fn asked(&self, call: CallId) -> &Asked {
        &self.pending.get(&call).expect("a call is answered once").asked
    }

    /// Whether a call that has no answer names an offer.
    fn name_offer(&self, offer: &OfferId) -> bool {
        self.pending.values().any(|pending| match &pending.asked {
            Asked::Framework { request, .. }
            | Asked::Sdk { request, .. }
            | Asked::Hostile { request, .. } => match request {
                SchedulerCall::Accept { offers, .. } | SchedulerCall::Decline { offers, .. } => {
                    offers.contains(offer)
                }
                _ => false,
            },
            Asked::Operator(_) => false,
        })
    }
}

impl World {
    /// A leader after a turn.
    pub(crate) fn watch_leader(&mut self, process: Process) {
        let host = &self.masters[process.host];
        let Some(master) = host.master.as_ref().filter(|master| master.is_serving()) else {
            return;
        };
        let ledger = master.ledger();
        let frameworks = ledger.frameworks().iter().map(|(_, row)| row);
        let away = frameworks.filter(|row| row.state == FrameworkState::Disconnected);
        let away: Vec<Away> =
            away.map(|row| (row.id, row.epoch, row.info.failover_timeout)).collect();
        self.oracles.losses.look(process, self.queue.now(), away);
        let is_registered = |agent: &AgentId| {
            ledger.agent(agent).is_some_and(|row| row.state == AgentState::Registered)
        };
        self.oracles.losses_per_minute.look(ledger.applied().index, is_registered);
        let (role, cpus) = (Role::any(), ResourceName::CPUS);
        let limit = ledger.roles().quota(&role).and_then(|quota| quota.limit(&cpus));
        let used = ledger.roles().allocated(&role).scalar(&cpus);
        self.oracles.limits.look(process, used.0, limit.map(|limit| limit.0));
    }

    /// A leader tells that an agent is lost: what was offered of it is taken back.
    pub(crate) fn watch_loss(&mut self, process: Process, agent: &AgentId) {
        let master = self.masters[process.host].master.as_ref().expect("it is up");
        if let Some(row) = master.ledger().agent(agent).filter(|it| it.state == AgentState::Removed)
        {
            self.oracles.losses.removed(agent, row.incarnation);
        }
        let own = |stream: StreamId| {
            self.connections.get(stream).is_some_and(|connection| connection.process == process)
        };
        let open = self.oracles.offers.held_of(agent).filter(|(stream, _)| own(*stream));
        for (_, offer) in open {
            let is_answered = self.calls.name_offer(offer);
            assert!(is_answered, "A6: {agent} is lost, and {offer} is not taken back");
        }
    }

    /// A call is answered.
    pub(crate) fn watch_reply(
        &mut self,
        process: Process,
        call: CallId,
        answer: &Result<Answer, Refusal>,
    ) {
        let Ok(answer) = answer else { return };
        let master = self.masters[process.host].master.as_ref().expect("it is up");
        let applied = master.ledger().applied().index;
        let this = Some((master.term(), self.masters[process.host].node));
        match (self.calls.asked(call), answer) {
            // While nobody leads, a member says what it knows.
            (_, Answer::Read(_)) if !master.is_serving() => {}
            (_, Answer::Read(_)) => self.oracles.reads.read(call, applied),
            (
                Asked::Framework { session, request, .. } | Asked::Sdk { session, request, .. },
                _,
            ) => {
                // An earlier leader may remember what it did for an earlier instance.
                if self.oracles.one_leader.newest() == this {
                    self.oracles.instances.obeyed(*session, request);
                }
                self.oracles.reads.done(applied);
            }
            // What it claims to be is not what it is.
            (Asked::Hostile { .. }, _) => self.oracles.reads.done(applied),
            (Asked::Operator(request), _) => {
                if matches!(request, OperatorCall::SetQuota { .. } | OperatorCall::RemoveQuota(_)) {
                    self.oracles.limits.changed();
                }
                self.oracles.reads.done(applied);
            }
        }
    }

    /// A leader tells an agent that it is registered.
    pub(crate) fn watch_registered(&mut self, stream: StreamId, order: &Order) {
        let Order::Registered { .. } = order else { return };
        if let Some(Client::Agent(agent)) = self.connections.get(stream).map(|it| it.client) {
            let host = &self.agents[agent];
            self.oracles.losses.registered(&host.id, host.incarnation());
        }
    }

    /// A framework hears that a task is gone.
    pub(crate) fn watch_gone(&self, key: &TaskKey, status: &TaskStatus) {
        let is_loss = status.reason == StatusReason::AgentReregistered;
        if status.state == TaskState::Gone && is_loss {
            let host = self.agents.iter().find(|host| host.id == status.agent);
            let host = host.expect("a task is on an agent");
            self.oracles.losses.gone(key, host.incarnation());
        }
    }

    /// An agent writes its journal.
    pub(crate) fn watch_journal(&self, agent: usize, records: &[Record]) {
        for record in records {
            if let Record::Forget(key) = record {
                let sequence = self.agents[agent].journaled(key);
                self.oracles.completeness.forgotten(key, sequence);
            }
        }
    }

    /// An operator who watches is shown something.
    pub(crate) fn watch_shown(&mut self, event: Option<&Event>, resumes: bool) {
        if let (Some(Event::Started(_)), false) = (event, resumes) {
            let no_updates = self.oracles.containers.none_started();
            self.oracles.watches.begins(no_updates);
        }
        self.oracles.watches.shows(event);
    }
}
