//! What follows from an operator's word about agents: offers are taken back, frameworks are told,
//! and drains and windows go on when something has changed or their time has come.
//!
//! Frameworks are told the truth about an agent as it is then, not what has changed: a notice that
//! is repeated, or comes late, does no harm. Which tasks end when is the ledger's to say.

use crate::{
    intake::Turn,
    ledger::{Command, Event, Window},
    master::leadership::Timer,
};
use proto::model::{
    AgentId, AgentNotice, FrameworkId, InverseOffer, InverseOfferId, SchedulerEvent, WindowId,
};
use std::collections::{BTreeMap, BTreeSet};

/// What one notice is about.
#[derive(Debug, Default)]
struct Said {
    agents: Vec<AgentId>,
    inverse_offers: Vec<InverseOffer>,
    rescinded: Vec<InverseOfferId>,
}

impl Turn<'_> {
    /// Sends what a fact about an agent's duty means; the ledger already shows it.
    pub(super) fn directed(&mut self, event: &Event) {
        match event {
            Event::AgentDeactivated(agent) => self.withdraw(agent),
            Event::AgentDraining(agent) => {
                self.withdraw(agent);
                self.notify(std::slice::from_ref(agent));
                self.look_again(agent);
            }
            Event::AgentDrained(agent) => self.look_again(agent),
            Event::AgentReactivated(agent) => {
                // What is offered says when the agent will be away, which has changed.
                self.withdraw(agent);
                self.notify(std::slice::from_ref(agent));
                self.ask_no_longer(agent);
                self.look_again(agent);
            }
            Event::WindowScheduled(id) | Event::WindowStarted(id) => {
                let Some(window) = self.ledger.window(*id) else { return };
                let due = self.now.monotonic + window.turns_at().since(self.time);
                self.leader.timers.set(Timer::Window(*id), due);
                if !window.started {
                    self.announce(window);
                }
            }
            Event::WindowEnded(id) => drop(self.leader.timers.cancel(&Timer::Window(*id))),
            _ => {}
        }
    }

    fn announce(&mut self, window: &Window) {
        let agents: Vec<AgentId> = self.ledger.agents_of_window(window).cloned().collect();
        agents.iter().for_each(|agent| self.withdraw(agent));
        self.notify(&agents);
    }

    fn withdraw(&mut self, agent: &AgentId) {
        let returned = self.leader.book.rescind_agent(agent);
        self.rescind(&returned);
    }

    /// Tells those who run tasks on these agents what is to become of them.
    pub(super) fn notify(&mut self, agents: &[AgentId]) {
        let mut by_framework: BTreeMap<FrameworkId, Vec<AgentId>> = BTreeMap::new();
        for agent in agents {
            let tasks = self.ledger.tasks_of_agent(agent).filter(|task| !task.is_terminal());
            let frameworks: BTreeSet<_> = tasks.map(|task| task.key.framework).collect();
            for framework in frameworks {
                by_framework.entry(framework).or_default().push(agent.clone());
            }
        }
        for (framework, agents) in by_framework {
            self.tell_notices(framework, &agents);
        }
    }

    /// A new subscription: what it has missed about the agents that run its tasks.
    pub(super) fn repeat_notices(&mut self, framework: FrameworkId) {
        if self.ledger.windows().next().is_none() && self.ledger.draining_agents().next().is_none()
        {
            return;
        }
        let tasks = self.ledger.tasks_of_framework(framework).filter(|task| !task.is_terminal());
        let agents: BTreeSet<_> = tasks.map(|task| task.info.agent.clone()).collect();
        let concerned = |agent: &AgentId| self.notice_of(agent) != AgentNotice::Available;
        let agents: Vec<_> = agents.into_iter().filter(concerned).collect();
        self.tell_notices(framework, &agents);
    }

    /// One event for all agents of which the same is to be said.
    fn tell_notices(&mut self, framework: FrameworkId, agents: &[AgentId]) {
        let Some((_, stream)) = self.leader.sessions.framework(framework) else { return };
        let mut said: Vec<(AgentNotice, Said)> = Vec::new();
        for agent in agents {
            let notice = self.notice_of(agent);
            let at = said.iter().position(|(other, _)| *other == notice).unwrap_or_else(|| {
                said.push((notice, Said::default()));
                said.len() - 1
            });
            let (offer, over) = self.ask_to_leave(framework, agent);
            let said = &mut said[at].1;
            said.agents.push(agent.clone());
            said.inverse_offers.extend(offer);
            said.rescinded.extend(over);
        }
        for (notice, Said { agents, inverse_offers, rescinded }) in said {
            let event = SchedulerEvent::AgentNotice { agents, notice, inverse_offers, rescinded };
            self.tell_framework(stream, event);
        }
    }

    fn notice_of(&self, agent: &AgentId) -> AgentNotice {
        let Some(row) = self.ledger.agent(agent) else { return AgentNotice::Available };
        match &row.drain {
            Some(drain) => AgentNotice::Draining { deadline: drain.deadline.since(self.time) },
            None => match self.ledger.unavailability(&row.info, self.time) {
                Some(away) => AgentNotice::Unavailable(away),
                None => AgentNotice::Available,
            },
        }
    }

    /// A place in a budget is free, or the budget is another: every drain may go on.
    pub(super) fn look_at_all_drains(&mut self) {
        let ledger = self.ledger;
        ledger.draining_agents().for_each(|agent| self.look_again(agent));
    }

    /// Many facts of one turn are looked at once, when the turn has ended.
    fn look_again(&mut self, agent: &AgentId) {
        self.leader.timers.set(Timer::Drain(agent.clone()), self.now.monotonic);
    }

    /// Lets a drain do what it can do now, and come back at its deadline.
    pub(crate) fn drain_due(&mut self, agent: AgentId) {
        let row = self.ledger.agent(&agent);
        let Some(drain) = row.and_then(|row| row.drain.as_ref()) else { return };
        if drain.deadline > self.time {
            let due = self.now.monotonic + drain.deadline.since(self.time);
            self.leader.timers.set(Timer::Drain(agent.clone()), due);
        }
        let step = self.ledger.drain_step(&agent, self.time);
        if step.is_gone || !step.kills.is_empty() {
            self.propose(Command::AdvanceDrain { agent }, crate::intake::Waiter::Nobody);
        }
    }

    /// A window begins or ends.
    pub(crate) fn window_due(&mut self, id: WindowId) {
        let Some(window) = self.ledger.window(id) else { return };
        if window.turns_at() > self.time {
            let due = self.now.monotonic + window.turns_at().since(self.time);
            self.leader.timers.set(Timer::Window(id), due);
            return;
        }
        self.propose(Command::TurnWindow(id), crate::intake::Waiter::Nobody);
    }

    /// A framework describes itself differently: its demand is for its roles of now.
    pub(super) fn framework_updated(&mut self, framework: FrameworkId) {
        self.look_at_all_drains();
        let Some(row) = self.ledger.framework(framework) else { return };
        let bidders = self.leader.demand.bidders();
        let had: Vec<_> =
            bidders.filter(|b| b.framework == framework).map(|bidder| bidder.role).collect();
        if self.leader.sessions.framework(framework).is_none() {
            return;
        }
        if had == row.info.roles {
            return self.leader.demand.set_terms(framework, &row.info.offer_terms);
        }
        for role in had.iter().filter(|role| !row.info.roles.contains(role)) {
            let returned = self.leader.book.rescind_role(framework, role);
            self.rescind(&returned);
            self.end_shared(framework, role);
        }
        let is_suppressed =
            |role: &&_| self.leader.demand.suppressed(framework, role) == Some(true);
        let suppressed: Vec<_> = row.info.roles.iter().filter(is_suppressed).cloned().collect();
        self.leader.demand.set_subscribed(framework, &row.info.roles, &suppressed);
        self.leader.demand.set_terms(framework, &row.info.offer_terms);
        self.settle_offer_modes(framework, &row.info.roles);
    }
}
