//! Agents come, go out of contact, come back, and are given up.
//!
//! A journal (agent id and incarnation) that comes back keeps its tasks; another journal under the
//! same id means that they are gone; the journal of a removed agent may not come back, because its
//! tasks were reported as gone.
//!
//! Coming back, a task that was `Unreachable` becomes what the agent says. If the agent never
//! had it, because it was still `Staging`, or is still setting it up, it becomes `Staging` again
//! and is launched once more, which an agent that has it ignores: the one step that the table of
//! transitions ([`TaskState::may_become`]) does not have. It is without a number, as `Staging`
//! always is, so that no framework has to follow it.
//!
//! `AgentRegistered` is the fact on which the leader repeats launches and kills; none is made for
//! each.

use super::{Agent, AgentState, Applied, Event, Ledger, Pools, Stamp, agents::agent_removed};
use proto::{
    model::{
        AgentId, AgentInfo, Instant, Reason, Refusal, Resources, StatusReason, TaskKey, TaskState,
        VolumeKey, agent::AgentTask, limits,
    },
    planted::{self, Bug},
};
use std::{collections::BTreeMap, sync::Arc};

/// What a journal holds: each task's state.
type Journal<'a> = BTreeMap<&'a TaskKey, TaskState>;

impl Ledger {
    pub(super) fn register_agent(
        &mut self,
        now: Stamp,
        info: &AgentInfo,
        incarnation: u64,
        (tasks, volumes): (&[AgentTask], &[VolumeKey]),
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let journal = read_journal(tasks)?;
        let known = self.agents.get(&info.id);
        let same_journal = match known {
            Some(agent) if agent.incarnation == incarnation => {
                check_return(agent, info)?;
                true
            }
            None if self.agents.len() >= limits::AGENTS_MAX => {
                let count = self.agents.len() + 1;
                return Err(Refusal::limit("agent", count, limits::AGENTS_MAX));
            }
            _ => false,
        };
        // What is reserved is so of the machine, whatever its journal.
        let declared = self.check_declared(info, same_journal)?;
        let (tombstone, changed) = match known {
            Some(agent) => (agent.state == AgentState::Removed, agent.changed),
            None => (false, Instant::default()),
        };

        if tombstone {
            assert!(self.index.removed_agents.remove(&(changed, info.id.clone())));
        }
        events.push(Event::AgentRegistered(info.id.clone()));
        if same_journal {
            let agent = self.agents.get_mut(&info.id).expect("a known agent");
            agent.info = Arc::new(info.clone());
            agent.state = AgentState::Registered;
            agent.changed = now.time;
            self.compare_journal(now, &info.id, &journal, events);
        } else {
            self.end_tasks_of_agent(now, &info.id, StatusReason::AgentReregistered, events);
            // What an operator said was said of the machine; a tombstone carries none of it.
            let earlier = self.agents.get(&info.id);
            let deactivated = earlier.is_some_and(|agent| agent.deactivated);
            let drain = earlier.and_then(|agent| agent.drain.clone());
            let pools = earlier.map_or_else(Pools::default, |agent| agent.pools.clone());
            let agent = Agent {
                info: Arc::new(info.clone()),
                incarnation,
                state: AgentState::Registered,
                changed: now.time,
                deactivated,
                drain,
                allocated: Resources::new(),
                pools,
            };
            self.agents.insert(info.id.clone(), agent);
        }
        self.declare(&info.id, declared, events);
        self.find_volumes(&info.id, volumes, same_journal, events);
        self.report_unknown(&info.id, &journal, events);
        Ok(Applied::Done)
    }

    pub(super) fn mark_agent_unreachable(
        &mut self,
        now: Stamp,
        id: &AgentId,
        incarnation: u64,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        if self.agent_of_journal(id, incarnation)?.state == AgentState::Unreachable {
            let message = format!("agent {id} is out of contact already");
            return Err(Refusal::new(Reason::AgentUnreachable, message));
        }
        let agent = self.agents.get_mut(id).expect("a known agent");
        agent.state = AgentState::Unreachable;
        agent.changed = now.time;
        events.push(Event::AgentUnreachable(id.clone()));
        for key in self.live_tasks_of_agent(id) {
            let task = self.tasks.get(&key).expect("an indexed task has a row");
            // It may be so from the last time: the agent came back with news of its end under way.
            if task.state() != TaskState::Unreachable {
                let reason = StatusReason::AgentUnreachable;
                let status = task.master_status(TaskState::Unreachable, reason, now);
                self.put_status(&key, status, now, events);
            }
        }
        Ok(Applied::Done)
    }

    /// Refuses with `TRANSITION_ILLEGAL` what is not out of contact.
    pub(super) fn remove_agent(
        &mut self,
        now: Stamp,
        id: &AgentId,
        incarnation: u64,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        if self.agent_of_journal(id, incarnation)?.state != AgentState::Unreachable {
            let message = format!("agent {id} is registered; only an unreachable one is removed");
            return Err(Refusal::new(Reason::TransitionIllegal, message));
        }
        events.push(Event::AgentRemoved(id.clone()));
        self.bury_agent(now, id, StatusReason::AgentRemoved, events);
        Ok(Applied::Done)
    }

    /// Ends an agent's tasks and makes a tombstone of its row.
    pub(super) fn bury_agent(
        &mut self,
        now: Stamp,
        id: &AgentId,
        reason: StatusReason,
        events: &mut Vec<Event>,
    ) {
        self.end_drain(id);
        self.end_tasks_of_agent(now, id, reason, events);
        let agent = self.agents.get_mut(id).expect("a known agent");
        agent.state = AgentState::Removed;
        agent.deactivated = false;
        agent.changed = now.time;
        assert!(agent.allocated.is_empty(), "A1: a removed agent runs nothing");
        self.drop_volumes(id, events);
        self.drop_reservations(id, events);
        self.index.removed_agents.insert((now.time, id.clone()));
        self.forget_removed_agents();
    }

    /// The journal came back: what it holds of the ledger's tasks goes on, the rest is gone.
    fn compare_journal(
        &mut self,
        now: Stamp,
        id: &AgentId,
        journal: &Journal<'_>,
        events: &mut Vec<Event>,
    ) {
        for key in self.live_tasks_of_agent(id) {
            let task = self.tasks.get(&key).expect("an indexed task has a row");
            let state = task.state();
            let next = match (journal.get(&key), state) {
                (Some(told), TaskState::Unreachable) if !told.is_terminal() => Some(*told),
                // Its update follows, and is the better news.
                (Some(_), _) => None,
                (None, TaskState::Staging) => None,
                (None, TaskState::Unreachable) => match task.state_before_unreachable {
                    Some(TaskState::Staging) => Some(TaskState::Staging),
                    _ => Some(TaskState::Gone),
                },
                (None, _) => Some(TaskState::Gone),
            };
            if let Some(next) = next {
                let status = task.master_status(next, StatusReason::AgentReregistered, now);
                self.put_status(&key, status, now, events);
            }
        }
    }

    fn end_tasks_of_agent(
        &mut self,
        now: Stamp,
        id: &AgentId,
        reason: StatusReason,
        events: &mut Vec<Event>,
    ) {
        for key in self.live_tasks_of_agent(id) {
            let task = self.tasks.get(&key).expect("an indexed task has a row");
            let status = task.master_status(TaskState::Gone, reason, now);
            self.put_status(&key, status, now, events);
        }
    }

    /// Names what the agent holds and should not: tasks that the ledger does not have there, and
    /// such as it holds for ended while the agent runs them.
    fn report_unknown(&self, id: &AgentId, journal: &Journal<'_>, events: &mut Vec<Event>) {
        for (key, told) in journal {
            let wanted = self.tasks.get(key).is_some_and(|task| {
                task.info.agent == *id && (!task.is_terminal() || told.is_terminal())
            });
            if !wanted {
                events.push(Event::AgentTaskUnknown { agent: id.clone(), key: (*key).clone() });
            }
        }
    }

    fn live_tasks_of_agent(&self, id: &AgentId) -> Vec<TaskKey> {
        let live = self.tasks_of_agent(id).filter(|task| !task.is_terminal());
        live.map(|task| task.key.clone()).collect()
    }
}

fn check_return(agent: &Agent, info: &AgentInfo) -> Result<(), Refusal> {
    if agent.state == AgentState::Removed && !planted::is(Bug::RemovedJournalReturns) {
        return Err(agent_removed(&info.id));
    }
    if !info.resources.contains(&agent.allocated) {
        let problem = format!("do not hold what its tasks take: {}", agent.allocated);
        return Err(Refusal::invalid("agent.resources", problem));
    }
    Ok(())
}

fn read_journal(tasks: &[AgentTask]) -> Result<Journal<'_>, Refusal> {
    let mut journal = Journal::new();
    for (index, task) in tasks.iter().enumerate() {
        let state = task.state;
        // What an agent can say follows `Unreachable`, or is what it was told to launch and is
        // still setting up; the rest is the master's to say.
        if state != TaskState::Staging && !TaskState::Unreachable.may_become(state) {
            let problem = format!("an agent's task cannot be {state}");
            return Err(Refusal::invalid(format!("tasks[{index}].state"), problem));
        }
        if journal.insert(&task.key, state).is_some() {
            return Err(Refusal::invalid(format!("tasks[{index}].task_id"), "is given twice"));
        }
    }
    Ok(journal)
}
