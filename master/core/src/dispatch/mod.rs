//! Room 6: facts become messages. The leader's alone; does not know fairness or disk.

mod directives;
mod groups;
pub(crate) mod history;
mod inverse;
mod masters;
mod preemptions;
mod replies;
pub(crate) mod shared;
mod volumes;
pub(crate) mod watch;
mod watched;

pub(crate) use replies::answer_of;

use crate::{
    intake::Turn,
    ledger::{Event, Task},
    master::leadership::Timer,
};
use proto::{
    model::{
        AgentId, FrameworkId, Order, OwnerId, Reason, Refusal, SchedulerEvent, StatusReason,
        TaskKey, TaskState,
    },
    planted::{self, Bug},
};

impl Turn<'_> {
    /// Sends what a fact means to whom it concerns. The ledger already shows the fact.
    pub(crate) fn dispatch(&mut self, event: &Event) {
        match event {
            Event::TaskAdded(key) => {
                self.figures.tasks_launched += 1;
                self.launch(key);
            }
            Event::GroupAdded(key) => self.launch_group(key),
            Event::TaskPreempted(key) => {
                let task = self.ledger.task(key);
                self.figures.tasks_preempted += 1;
                self.figures.tasks_revoked +=
                    u64::from(task.is_some_and(|task| task.info.revocable));
                self.leader.preemption.note_victim(key);
            }
            Event::KillRequested(key) => self.kill(key),
            Event::TaskResized(key) => self.resize(key),
            Event::UpdateCommitted { agent, key, sequence } => {
                self.committed(agent, key.clone(), *sequence);
            }
            Event::TaskUpdated { framework, status, freed } => {
                if let Some((_, stream)) = self.leader.sessions.framework(*framework) {
                    self.tell_framework(stream, SchedulerEvent::Update(status.clone()));
                }
                if *freed && self.has_budget(*framework) {
                    self.look_at_all_drains();
                }
            }
            Event::MembersChanged => self.masters_changed(),
            Event::RoleChanged(role) => self.settle_role(role),
            Event::AgentUnreachable(agent) => self.agent_lost(agent, false),
            Event::AgentRemoved(agent) => self.agent_lost(agent, true),
            Event::AgentRegistered(agent) => {
                // Its resources may have changed: what is offered is offered anew.
                let returned = self.leader.book.rescind_agent(agent);
                self.rescind(&returned);
                self.ask_again(agent);
                // Watched whether or not its stream still stands.
                let silent_at = self.now.monotonic + self.config.agent_timeout;
                self.leader.agent_returned(agent, silent_at);
            }
            Event::FrameworkDisconnected(framework) => self.framework_disconnected(*framework),
            Event::FrameworkRemoved(framework) => self.framework_removed(*framework),
            Event::FrameworkUpdated(framework) => self.framework_updated(*framework),
            // Its budget may be another.
            Event::FrameworkSubscribed(_) => self.look_at_all_drains(),
            Event::AgentDeactivated(_)
            | Event::AgentReactivated(_)
            | Event::AgentDraining(_)
            | Event::AgentDrained(_)
            | Event::WindowScheduled(_)
            | Event::WindowStarted(_)
            | Event::WindowEnded(_) => self.directed(event),
            Event::ReservationChanged { reservation, agent } => {
                self.reservation_changed(*reservation, agent);
            }
            Event::VolumeChanged(volume) => self.volume_changed(volume),
            // Sent after the answer, part of it, or of interest to watchers only.
            Event::AgentTaskUnknown { .. }
            | Event::UpdatesAcknowledged { .. }
            | Event::TaskForgotten(_)
            | Event::VersionRaised(_)
            | Event::BarrierPassed { .. } => {}
        }
    }

    /// An agent obeys nobody before its registration is answered.
    pub(crate) fn dispatch_after_answer(&mut self, events: &[Event]) {
        for event in events {
            if let Event::AgentTaskUnknown { agent, key } = event {
                self.kill_unknown(agent, key.clone());
            }
        }
    }

    fn launch(&mut self, key: &TaskKey) {
        let task = self.ledger.task(key).expect("a fact names a row");
        // One of a group is launched with the others.
        if task.member.is_none() {
            self.send_launch(task);
        }
    }

    /// Launch, or kill at once: sent again whenever the agent comes back without having the task.
    fn send_launch(&mut self, task: &Task) {
        if let Some(stream) = self.leader.sessions.orders(&task.info.agent) {
            let (framework, info) = (task.key.framework, Box::new(task.info.clone()));
            let row = self.ledger.framework(framework).expect("T6: a known framework");
            // A principal's id is one; what is none could not be proved to an agent either.
            let owner = OwnerId::new(&row.principal).ok();
            self.tell_agent(stream, Order::Launch { framework, owner, task: info });
        }
    }

    fn kill(&mut self, key: &TaskKey) {
        let task = self.ledger.task(key).expect("a fact names a row");
        self.send_kill(task);
    }

    fn send_kill(&mut self, task: &Task) {
        let Some(stream) = self.leader.sessions.orders(&task.info.agent) else { return };
        let Some(kill) = &task.kill else { return };
        let (grace_period, reason) = (kill.grace_period, kill.reason);
        self.tell_agent(stream, Order::Kill { key: task.key.clone(), grace_period, reason });
    }

    fn resize(&mut self, key: &TaskKey) {
        let task = self.ledger.task(key).expect("a fact names a row");
        self.send_resize(task);
    }

    /// Until the agent has said what became of it.
    fn send_resize(&mut self, task: &Task) {
        let Some(stream) = self.leader.sessions.orders(&task.info.agent) else { return };
        let (Some(change), Some(size)) = (task.size_change(), &task.size) else { return };
        let (key, resources) = (task.key.clone(), change.to.clone());
        self.tell_agent(stream, Order::Resize { key, resources, version: size.version });
    }

    fn committed(&mut self, agent: &AgentId, key: TaskKey, sequence: u64) {
        if let Some(stream) = self.leader.sessions.orders(agent) {
            self.tell_agent(stream, Order::Committed { key, sequence });
        }
    }

    /// An agent runs, or still remembers, what the ledger does not have there.
    fn kill_unknown(&mut self, agent: &AgentId, key: TaskKey) {
        if let Some(stream) = self.leader.sessions.orders(agent) {
            let reason = StatusReason::AgentReregistered;
            self.tell_agent(stream, Order::Kill { key, grace_period: None, reason });
        }
    }

    /// Everything that a newly registered agent must hear again.
    pub(crate) fn repeat_orders(&mut self, agent: &AgentId) {
        let ledger = self.ledger;
        // Before what is launched with them.
        self.repeat_volume_orders(agent);
        // Before any kill of their tasks: an agent that hears of a kill first launches none of it.
        for key in ledger.groups_to_launch(agent) {
            self.launch_group(&key);
        }
        let any = planted::is(Bug::EndedLaunchedAgain);
        for task in ledger.tasks_of_agent(agent).filter(|task| any || !task.is_terminal()) {
            if (any || task.state() == TaskState::Staging) && task.member.is_none() {
                self.send_launch(task);
            }
            self.send_kill(task);
            self.send_resize(task);
        }
    }

    fn agent_lost(&mut self, agent: &AgentId, removed: bool) {
        if !planted::is(Bug::OffersOfLostAgentStay) {
            let returned = self.leader.book.rescind_agent(agent);
            self.rescind(&returned);
        }
        let now = self.now.monotonic;
        self.leader.agent_lost(agent, removed, now + self.config.agent_removal_timeout);
        if removed {
            self.leader.timers.cancel(&Timer::Drain(agent.clone()));
            self.leader.inverse.forget_agent(agent);
            // Declared gone while it is connected: it is told to end what it runs.
            if let Some(session) = self.leader.sessions.agent(agent) {
                let message = format!("agent {agent} was declared gone");
                let refusal = Refusal::new(Reason::AgentRemoved, message);
                self.refuse_agent(session.stream, refusal);
            }
        }
        let streams: Vec<_> = self.leader.sessions.frameworks().collect();
        for (_, stream) in streams {
            let event = SchedulerEvent::Failure { agent: agent.clone(), removed };
            self.tell_framework(stream, event);
        }
    }

    fn framework_disconnected(&mut self, framework: FrameworkId) {
        let row = self.ledger.framework(framework).expect("a fact names a row");
        let due = self.now.monotonic + row.info.failover_timeout;
        self.leader.framework_expires(framework, due);
    }

    fn framework_removed(&mut self, framework: FrameworkId) {
        let returned = self.leader.book.rescind_framework(framework);
        for offer in &returned {
            self.release(offer);
        }
        self.leader.demand.unsubscribed(framework);
        self.forget_shared(framework);
        self.leader.commits.remove(&framework);
        self.leader.demand.holds_mut().forget(framework);
        self.leader.inverse.forget_framework(framework);
        self.leader.framework_settled(framework);
        if let Some((_, stream)) = self.leader.sessions.framework(framework) {
            let message = format!("{framework} was torn down");
            let refusal = Refusal::new(Reason::FrameworkRemoved, message);
            self.refuse_framework(stream, refusal);
        }
    }

    fn has_budget(&self, framework: FrameworkId) -> bool {
        let row = self.ledger.framework(framework);
        row.is_some_and(|row| row.info.disruption_budget.is_some())
    }
}
