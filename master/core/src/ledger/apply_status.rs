//! News of tasks: an agent's updates, a framework's acknowledgements, and the wish that one ends.

use super::{
    Applied, Event, Kill, Ledger, Stamp,
    tasks::{Task, task_unknown},
};
use proto::{
    model::{
        AgentId, Duration, FrameworkId, Reason, Refusal, Session, StatusReason, StatusSource,
        TaskId, TaskKey, TaskState, TaskStatus, limits,
    },
    planted::{self, Bug},
};

impl Ledger {
    /// Sets the wish; the first reason stays, a shorter grace period replaces a longer one. A task
    /// of a group stands for the whole group, also when it has ended itself: whoever asked could
    /// not know that.
    pub(super) fn kill_task(
        &mut self,
        key: &TaskKey,
        grace_period: Option<Duration>,
        reason: StatusReason,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        use StatusReason::{FrameworkRemoved, KilledByFramework, KilledByOperator};
        if !matches!(reason, KilledByFramework | KilledByOperator | FrameworkRemoved) {
            return Err(Refusal::invalid("reason", "is not a reason to end a task"));
        }
        let task = self.tasks.get(key).ok_or_else(|| task_unknown(key))?;
        for key in self.ends_with(task) {
            self.wish_end(&key, Kill { grace_period, reason });
            events.push(Event::KillRequested(key));
        }
        Ok(Applied::Done)
    }

    /// Records an agent's update once, in order. One that is no news, because the task has ended
    /// for the master or is further on, is confirmed all the same, so that the agent can forget it.
    pub(super) fn record_update(
        &mut self,
        now: Stamp,
        agent: &AgentId,
        incarnation: u64,
        framework: FrameworkId,
        status: &TaskStatus,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        self.agent_of_journal(agent, incarnation)?;
        let key = TaskKey { framework, task: status.task.clone() };
        let task = self.tasks.get(&key).ok_or_else(|| task_unknown(&key))?;
        let framework = self.frameworks.get(&framework).expect("T6: a known framework");
        let news = check_update(task, agent, status, !framework.is_removed())?;
        use StatusReason::{AgentDraining, KilledDuringLaunch, Preempted};
        let reason = task.kill.map(|kill| kill.reason);
        let by_cluster = reason.filter(|reason| matches!(reason, AgentDraining | Preempted));
        let sequence = status.sequence;
        if sequence > task.agent_sequence {
            let task = self.tasks.get_mut(&key).expect("a known task");
            task.agent_sequence = sequence;
        }
        if news {
            let mut status = TaskStatus { source: StatusSource::Agent, ..status.clone() };
            // What an agent ended before it ran it does not connect with whoever asked.
            if let (KilledDuringLaunch, Some(reason)) = (status.reason, by_cluster) {
                status.reason = reason;
            }
            let reason = status.reason;
            self.put_status(&key, status, now, events);
            if matches!(reason, StatusReason::Resized | StatusReason::ResizeFailed) {
                self.end_resize(&key, reason, events);
            }
        }
        events.push(Event::UpdateCommitted { agent: agent.clone(), key, sequence });
        Ok(Applied::Done)
    }

    /// Drops updates that the framework has dealt with; all of the call or nothing.
    pub(super) fn acknowledge(
        &mut self,
        now: Stamp,
        session: Session,
        acknowledgements: &[(TaskId, u64)],
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let framework = self.framework_of_session(session)?.id;
        let mut keys = Vec::with_capacity(acknowledgements.len());
        for (index, (task, sequence)) in acknowledgements.iter().enumerate() {
            let key = TaskKey { framework, task: task.clone() };
            let Some(row) = self.tasks.get(&key) else {
                return Err(task_unknown(&key).at(format!("acknowledgements[{index}].task_id")));
            };
            if *sequence == 0 || *sequence > row.sequence {
                let message = format!("task {task} has updates 1 to {}", row.sequence);
                let refusal = Refusal::new(Reason::SequenceUnknown, message);
                return Err(refusal.at(format!("acknowledgements[{index}].sequence")));
            }
            keys.push((key, *sequence));
        }
        for (key, sequence) in keys {
            // An earlier acknowledgement of this call may have ended the row.
            if self.tasks.contains_key(&key) {
                self.acknowledge_task(&key, sequence, now, events);
            }
        }
        Ok(Applied::Done)
    }
}

/// Whether an update changes the task's status.
fn check_update(
    task: &Task,
    agent: &AgentId,
    status: &TaskStatus,
    wants_acknowledgement: bool,
) -> Result<bool, Refusal> {
    let is_believed = planted::is(Bug::ForeignUpdateBelieved);
    if (task.info.agent != *agent || status.agent != *agent) && !is_believed {
        let message = format!("task {} is on agent {}", task.key, task.info.agent);
        return Err(Refusal::new(Reason::NotAuthorized, message).at("status.agent_id"));
    }
    if matches!(status.state, TaskState::Staging | TaskState::Unknown | TaskState::Unreachable) {
        let message = format!("an agent cannot say that a task is {}", status.state);
        return Err(Refusal::new(Reason::TransitionIllegal, message).at("status.state"));
    }
    if status.sequence <= task.agent_sequence {
        return Ok(false);
    }
    if status.sequence != task.agent_sequence + 1 {
        let message =
            format!("the next update of task {} is {}", task.key, task.agent_sequence + 1);
        return Err(Refusal::new(Reason::SequenceUnknown, message).at("status.sequence"));
    }
    if !task.state().may_become(status.state) {
        return Ok(false);
    }
    if wants_acknowledgement && task.pending_is_full() {
        let limit = limits::PENDING_UPDATES_PER_TASK_MAX;
        let message = format!("task {} has {limit} updates that wait to be acknowledged", task.key);
        return Err(Refusal::new(Reason::Overloaded, message));
    }
    Ok(true)
}
