//! Inverse offers to those who are told what is to become of agents.

use crate::intake::Turn;
use proto::model::{AgentId, FrameworkId, InverseOffer, InverseOfferId};

impl Turn<'_> {
    /// Asks a framework to leave an agent, if that is to be left: the inverse offer, and the one
    /// that is over by it.
    pub(super) fn ask_to_leave(
        &mut self,
        framework: FrameworkId,
        agent: &AgentId,
    ) -> (Option<InverseOffer>, Option<InverseOfferId>) {
        let row = self.ledger.agent(agent);
        let Some(departure) = row.and_then(|row| self.ledger.departure(row)) else {
            return (None, self.leader.inverse.withdraw(agent, framework));
        };
        let (id, over) = self.leader.inverse.ask(agent, framework, departure);
        let tasks = self.ledger.tasks_of_agent(agent);
        let tasks = tasks.filter(|task| task.key.framework == framework && !task.is_terminal());
        let window = departure.window.and_then(|window| self.ledger.window(window));
        let offer = InverseOffer {
            id,
            agent: agent.clone(),
            tasks: tasks.map(|task| task.key.task.clone()).collect(),
            begins_in: departure.begins.max(self.time).since(self.time),
            deadline: departure.deadline.max(self.time).since(self.time),
            ends_tasks: departure.ends_tasks,
            window: departure.window,
            comment: window.map(|window| window.comment.clone()).unwrap_or_default(),
            agent_goes: departure.agent_goes,
        };
        (Some(offer), over)
    }

    /// An agent describes itself anew: it may be none of those that a window is for any longer.
    pub(super) fn ask_again(&mut self, agent: &AgentId) {
        let asked = self.leader.inverse.is_asked_of(agent);
        let row = self.ledger.agent(agent);
        if asked && row.is_none_or(|row| self.ledger.departure(row).is_none()) {
            self.notify(std::slice::from_ref(agent));
            self.leader.inverse.forget_agent(agent);
        }
    }

    /// Those who have no tasks left on an agent that stays need not be told.
    pub(super) fn ask_no_longer(&mut self, agent: &AgentId) {
        let row = self.ledger.agent(agent);
        if row.is_none_or(|row| self.ledger.departure(row).is_none()) {
            self.leader.inverse.forget_agent(agent);
        }
    }
}
