//! What operators direct about agents: deactivated, drained, gone.
//!
//! An agent's drain belongs to its id, not to its journal: it outlives a re-registration and a lost
//! journal, and ends with `CancelDrain`, with `Reactivate` once the agent is empty, or with the
//! agent. Kills that a drain has asked for stay asked for when it is cancelled.

use super::{
    AgentState, Applied, Drain, Event, Kill, Ledger, Stamp,
    agents::{agent_removed, agent_unknown},
};
use proto::model::{
    AgentDirective, AgentId, DrainPlan, Reason, Refusal, StatusReason, TaskKey, WindowId,
};

impl Ledger {
    pub(super) fn direct_agent(
        &mut self,
        now: Stamp,
        id: &AgentId,
        directive: AgentDirective,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let agent = self.agents.get(id).ok_or_else(|| agent_unknown(id))?;
        if agent.state == AgentState::Removed {
            return Err(agent_removed(id));
        }
        match directive {
            AgentDirective::Deactivate if agent.deactivated => {}
            AgentDirective::Deactivate => {
                self.agents.get_mut(id).expect("a known agent").deactivated = true;
                events.push(Event::AgentDeactivated(id.clone()));
            }
            AgentDirective::Reactivate => self.reactivate(id, events)?,
            AgentDirective::Drain(plan) => self.begin_drain(now, id, plan, None, events),
            AgentDirective::CancelDrain => {
                let Some(drain) = &agent.drain else {
                    let message = format!("agent {id} is not draining");
                    return Err(Refusal::new(Reason::TransitionIllegal, message));
                };
                if let Some(window) = drain.window {
                    let message = format!("agent {id} drains for {window}; cancel that");
                    return Err(Refusal::new(Reason::TransitionIllegal, message));
                }
                self.end_drain(id);
                events.push(Event::AgentReactivated(id.clone()));
            }
            AgentDirective::DeclareGone => self.declare_gone(now, id, events),
        }
        Ok(Applied::Done)
    }

    fn reactivate(&mut self, id: &AgentId, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let agent = self.agents.get(id).expect("a known agent");
        match &agent.drain {
            Some(_) if !self.runs_nothing(agent) => {
                let message = format!("agent {id} is being drained; cancel the drain first");
                return Err(Refusal::new(Reason::TransitionIllegal, message));
            }
            Some(Drain { window: Some(window), .. }) => {
                let message = format!("agent {id} is away for {window}; cancel that");
                return Err(Refusal::new(Reason::TransitionIllegal, message));
            }
            None if !agent.deactivated => return Ok(()),
            _ => {}
        }
        self.end_drain(id);
        self.agents.get_mut(id).expect("a known agent").deactivated = false;
        events.push(Event::AgentReactivated(id.clone()));
        Ok(())
    }

    /// Begins a drain, or gives the present one another plan.
    pub(super) fn begin_drain(
        &mut self,
        now: Stamp,
        id: &AgentId,
        plan: DrainPlan,
        window: Option<WindowId>,
        events: &mut Vec<Event>,
    ) {
        let is_empty = self.runs_nothing(self.agents.get(id).expect("a known agent"));
        let agent = self.agents.get_mut(id).expect("a known agent");
        let earlier = agent.drain.as_ref();
        agent.drain = Some(Drain {
            since: earlier.map_or(now.time, |drain| drain.since),
            deadline: now.time + plan.deadline,
            max_grace: plan.max_grace,
            mark_gone: plan.mark_gone,
            killed: earlier.map_or(now.time, |drain| drain.killed),
            window,
        });
        self.index.draining.insert(id.clone());
        events.push(Event::AgentDraining(id.clone()));
        if is_empty {
            events.push(Event::AgentDrained(id.clone()));
        }
    }

    /// Forgets an agent's drain, if it has one.
    pub(super) fn end_drain(&mut self, id: &AgentId) {
        self.agents.get_mut(id).expect("a known agent").drain = None;
        self.index.draining.remove(id);
    }

    /// Ends what may be ended now. Refuses with `TRANSITION_ILLEGAL` what is not draining: the
    /// drain was cancelled while this was on its way.
    pub(super) fn advance_drain(
        &mut self,
        now: Stamp,
        id: &AgentId,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let agent = self.agents.get(id).ok_or_else(|| agent_unknown(id))?;
        let Some(drain) = agent.drain.clone() else {
            let message = format!("agent {id} is not draining");
            return Err(Refusal::new(Reason::TransitionIllegal, message));
        };
        let step = self.drain_step(id, now.time);
        if step.is_gone {
            self.declare_gone(now, id, events);
            return Ok(Applied::Done);
        }
        for key in &step.kills {
            self.kill_for_drain(key, &drain, events);
        }
        if !step.kills.is_empty() {
            let agent = self.agents.get_mut(id).expect("a known agent");
            agent.drain.as_mut().expect("it is draining").killed = now.time;
        }
        Ok(Applied::Done)
    }

    fn kill_for_drain(&mut self, key: &TaskKey, drain: &Drain, events: &mut Vec<Event>) {
        let task = self.tasks.get_mut(key).expect("a step names live tasks");
        let grace_period = drain.grace_of(task);
        // Who asked first stays the reason; only the time gets shorter.
        let reason = task.kill.map_or(StatusReason::AgentDraining, |kill| kill.reason);
        task.kill = Some(Kill { grace_period, reason });
        events.push(Event::KillRequested(key.clone()));
    }

    fn declare_gone(&mut self, now: Stamp, id: &AgentId, events: &mut Vec<Event>) {
        events.push(Event::AgentRemoved(id.clone()));
        self.bury_agent(now, id, StatusReason::AgentGone, events);
    }
}
