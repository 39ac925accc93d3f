//! The oracle's agents: registration, loss, removal.

use crate::oracle::{AgentModel, No, Oracle, amounts_of, no};
use master_core::ledger::{AgentState, Applied, Event};
use proto::model::{
    AgentId, AgentInfo, Reason, StatusReason, TaskState, TaskState::*, VolumeKey, agent::AgentTask,
};

impl Oracle {
    pub(crate) fn agent_at(&self, id: &AgentId) -> Option<usize> {
        self.agents.iter().position(|agent| agent.info.id == *id)
    }

    pub(crate) fn journal_at(&self, id: &AgentId, incarnation: u64) -> Result<usize, No> {
        match self.agent_at(id) {
            None => no(Reason::AgentUnknown, ""),
            Some(at) if self.agents[at].state == AgentState::Removed => {
                no(Reason::AgentRemoved, "")
            }
            Some(at) if self.agents[at].incarnation != incarnation => no(Reason::AgentFenced, ""),
            Some(at) => Ok(at),
        }
    }

    pub(crate) fn register(
        &mut self,
        info: AgentInfo,
        incarnation: u64,
        (list, volumes): (&[AgentTask], &[VolumeKey]),
    ) -> Result<Applied, No> {
        for (index, entry) in list.iter().enumerate() {
            if matches!(entry.state, Unreachable | Unknown) {
                return no(Reason::InvalidField, format!("tasks[{index}].state"));
            }
            if list[..index].iter().any(|earlier| earlier.key == entry.key) {
                return no(Reason::InvalidField, format!("tasks[{index}].task_id"));
            }
        }
        let id = info.id.clone();
        let at = self.agent_at(&id);
        let same = at.is_some_and(|at| self.agents[at].incarnation == incarnation);
        if let Some(at) = at.filter(|_| same) {
            if self.agents[at].state == AgentState::Removed {
                return no(Reason::AgentRemoved, "");
            }
            let ((taken, ports), (have, free)) = (self.taken_on(&id), amounts_of(&info.resources));
            if taken > have || ports.iter().any(|port| !free.contains(port)) {
                return no(Reason::InvalidField, "agent.resources");
            }
        }
        self.judge_declared(&info, same)?;
        let (reservations, declared) = (self.reservations.clone(), info.reservations.clone());
        self.events.push(Event::AgentRegistered(id.clone()));
        let (state, since) = (AgentState::Registered, self.now.time.0);
        // What operators said outlives the journal, but not the agent.
        let earlier = at.map(|at| &self.agents[at]);
        let idle = earlier.is_some_and(|agent| agent.idle);
        let drain = earlier.and_then(|agent| agent.drain.clone());
        let row = AgentModel { info, incarnation, state, since, idle, drain };
        match at {
            Some(at) => self.agents[at] = row,
            None => self.agents.push(row),
        }
        for key in self.living_on(&id) {
            let task = self.tasks.iter().find(|task| task.key == key).expect("living");
            let told = list.iter().find(|entry| entry.key == key).map(|entry| entry.state);
            let never_arrived = task.latest.state == Staging || task.before == Some(Staging);
            let next = match (same, told) {
                (false, _) => Some(Gone),
                (true, Some(Staging | Starting | Running | Killing)) => {
                    told.filter(|_| task.latest.state == Unreachable)
                }
                (true, Some(_)) => None,
                (true, None) if never_arrived && task.latest.state == Staging => None,
                (true, None) if never_arrived => Some(Staging),
                (true, None) => Some(Gone),
            };
            if let Some(next) = next {
                self.say_as_master(&key, next, StatusReason::AgentReregistered);
            }
        }
        self.declare(&id, &declared);
        self.note_reservations(&reservations);
        self.find_volumes(&id, volumes, same);
        self.note_unknown(&id, list);
        Ok(Applied::Done)
    }

    fn note_unknown(&mut self, id: &AgentId, list: &[AgentTask]) {
        for entry in list {
            let ends = !matches!(entry.state, Staging | Starting | Running | Killing);
            let known = self.tasks.iter().any(|task| {
                task.key == entry.key && task.info.agent == *id && (task.lives() || ends)
            });
            if !known {
                let (agent, key) = (id.clone(), entry.key.clone());
                self.events.push(Event::AgentTaskUnknown { agent, key });
            }
        }
    }

    pub(crate) fn mark(&mut self, id: &AgentId, incarnation: u64) -> Result<Applied, No> {
        let at = self.journal_at(id, incarnation)?;
        if self.agents[at].state == AgentState::Unreachable {
            return no(Reason::AgentUnreachable, "");
        }
        self.change(at, AgentState::Unreachable);
        self.events.push(Event::AgentUnreachable(id.clone()));
        self.say_to_all(id, Unreachable, StatusReason::AgentUnreachable);
        Ok(Applied::Done)
    }

    pub(crate) fn give_up(&mut self, id: &AgentId, incarnation: u64) -> Result<Applied, No> {
        let at = self.journal_at(id, incarnation)?;
        if self.agents[at].state == AgentState::Registered {
            return no(Reason::TransitionIllegal, "");
        }
        self.bury(id, StatusReason::AgentRemoved);
        Ok(Applied::Done)
    }

    pub(crate) fn change(&mut self, at: usize, state: AgentState) {
        (self.agents[at].state, self.agents[at].since) = (state, self.now.time.0);
    }

    pub(crate) fn say_to_all(&mut self, id: &AgentId, state: TaskState, reason: StatusReason) {
        for key in self.living_on(id) {
            let task = self.tasks.iter().find(|task| task.key == key).expect("living");
            if task.latest.state != state {
                self.say_as_master(&key, state, reason);
            }
        }
    }
}
