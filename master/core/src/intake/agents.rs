//! What agents say: a registration first, then heartbeats and updates.
//!
//! Checks that the body claims no other identity than the certificate's and that one process holds
//! the id. Does not know which updates are legal: the ledger does.

use super::{Turn, Waiter, sessions::Party};
use crate::{input::StreamId, ledger::Command};
use proto::{
    model::{
        AgentCall, AgentId, AgentInfo, FrameworkId, Order, Principal, Reason, Refusal, TaskKey,
        TaskStatus, VolumeKey, agent::AgentTask, principal::PrincipalKind,
    },
    planted::{self, Bug},
};

impl Turn<'_> {
    pub(crate) fn agent_message(
        &mut self,
        stream: StreamId,
        principal: &Principal,
        message: AgentCall,
    ) {
        let party = self.leader.sessions.party(stream).cloned();
        match (message, party) {
            (AgentCall::Register { info, incarnation, tasks, volumes }, None) => {
                self.register(stream, principal, (info, incarnation), (tasks, volumes));
            }
            (AgentCall::Heartbeat, Some(Party::Agent(agent))) => {
                self.leader.detector.heard(agent.clone(), self.now.monotonic);
                self.tell_agent(stream, Order::Heartbeat);
            }
            (AgentCall::Update { framework, status }, Some(Party::Agent(agent))) => {
                self.leader.detector.heard(agent.clone(), self.now.monotonic);
                self.agent_update(stream, agent, framework, status);
            }
            (AgentCall::Volume(report), Some(Party::Agent(agent))) => {
                self.leader.detector.heard(agent.clone(), self.now.monotonic);
                self.volume_reported(agent, report);
            }
            // The registration is on its way; a retry will follow it.
            (
                AgentCall::Heartbeat | AgentCall::Update { .. } | AgentCall::Volume(_),
                Some(Party::Registering(_)),
            ) => {}
            _ => {
                let problem =
                    "the first message of a stream registers the agent, and only that one";
                self.refuse_agent(stream, Refusal::invalid("message", problem));
            }
        }
    }

    fn register(
        &mut self,
        stream: StreamId,
        principal: &Principal,
        (info, incarnation): (AgentInfo, u64),
        (tasks, volumes): (Vec<AgentTask>, Vec<VolumeKey>),
    ) {
        let id = info.id.clone();
        if principal.kind != PrincipalKind::Agent || principal.id != id.as_str() {
            let message = format!("the certificate is {principal}'s, the body claims agent {id}");
            let refusal = Refusal::new(Reason::NotAuthorized, message).at("agent.agent_id");
            return self.refuse_agent(stream, refusal);
        }
        if let Some(other) = self.leader.sessions.agent(&id)
            && other.incarnation != incarnation
            && self.leader.detector.deadline(&id).is_some_and(|due| due > self.now.monotonic)
        {
            let message =
                format!("agent {id} is connected with another journal; give each its own id");
            let refusal = Refusal::new(Reason::AgentFenced, message).at("agent.agent_id");
            return self.refuse_agent(stream, refusal);
        }
        if let Some(older) = self.leader.sessions.registering(stream, id.clone(), incarnation) {
            let message = "the agent has opened a newer stream";
            let refusal = Refusal::new(Reason::AgentFenced, message);
            self.tell_agent(older, Order::Refused(refusal));
            self.outbox.push(crate::Effect::Close(older));
        }
        let command = Command::RegisterAgent { info, incarnation, tasks, volumes };
        self.propose(command, Waiter::Register { stream, agent: id });
    }

    fn agent_update(
        &mut self,
        stream: StreamId,
        agent: AgentId,
        framework: FrameworkId,
        status: TaskStatus,
    ) {
        let Some(session) = self.leader.sessions.agent(&agent) else { return };
        let key = TaskKey { framework, task: status.task.clone() };
        let (sequence, state) = (status.sequence, status.state);
        if planted::is(Bug::UpdateConfirmedEarly) {
            self.tell_agent(stream, Order::Committed { key: key.clone(), sequence });
        }
        let waiter = Waiter::Update { stream, agent: agent.clone(), key, sequence, state };
        let incarnation = session.incarnation;
        let command = Command::RecordUpdate { agent, incarnation, framework, status };
        self.propose(command, waiter);
    }
}
