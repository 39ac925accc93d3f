//! What a draining agent may lose now.
//!
//! Before the deadline tasks end within the budgets of their frameworks, afterwards all do. Which
//! ones is computed from the rows and the time alone, so that a leader that asks and every replica
//! that applies come to the same answer; nothing is kept but the drain itself.

use super::{Agent, AgentState, Ledger, Task, disruptions::Room};
use proto::model::{AgentId, Duration, FrameworkId, GroupKey, Instant, TaskKey, WindowId};
use std::collections::BTreeMap;

/// That an agent is being emptied, or is empty for it. Times are on the cluster's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// When it began.
    pub since: Instant,
    /// From then on budgets count for nothing.
    pub deadline: Instant,
    /// No task has longer between TERM and KILL.
    pub max_grace: Option<Duration>,
    /// Once empty, the agent is gone.
    pub mark_gone: bool,
    /// When tasks were told to end last.
    pub killed: Instant,
    /// Because of this window; `None` when an operator asked.
    pub window: Option<WindowId>,
}

/// What a drain can do now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DrainStep {
    /// Tasks to end.
    pub kills: Vec<TaskKey>,
    /// The agent is empty and to be gone.
    pub is_gone: bool,
}

/// How far a drain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainProgress {
    /// Tasks that have not ended.
    pub tasks_left: usize,
    /// Of these, those that were told to.
    pub tasks_ending: usize,
    /// When the agent is empty at the latest, if it is in contact; `None` when it is not, or is
    /// empty.
    pub done_at: Option<Instant>,
}

impl Drain {
    /// The grace period that a task is given: its own, or less.
    pub(super) fn grace_of(&self, task: &Task) -> Option<Duration> {
        let own = task.info.kill_policy.grace_period;
        self.max_grace.filter(|max| *max < task.info.grace_period()).or(own)
    }
}

impl Ledger {
    /// What the drain of an agent can do at a time; nothing when it is not draining.
    pub fn drain_step(&self, id: &AgentId, now: Instant) -> DrainStep {
        let Some(agent) = self.agent(id) else { return DrainStep::default() };
        let Some(drain) = &agent.drain else { return DrainStep::default() };
        let mut rooms: BTreeMap<FrameworkId, Option<Room<'_>>> = BTreeMap::new();
        let mut step = DrainStep { is_gone: drain.mark_gone, ..DrainStep::default() };
        // A task group is ended as one, or not yet.
        let mut groups: BTreeMap<GroupKey, bool> = BTreeMap::new();
        for task in self.tasks_of_agent(id).filter(|task| !task.is_terminal()) {
            step.is_gone = false;
            if task.kill.is_some() && !needs_hurry(task, drain, now) {
                continue;
            }
            let group = task.group();
            if let Some(fits) = group.as_ref().and_then(|key| groups.get(key)) {
                step.kills.extend(fits.then(|| task.key.clone()));
                continue;
            }
            let framework = task.key.framework;
            let room = rooms.entry(framework).or_insert_with(|| self.disruption_room(framework));
            let fits = match room {
                // Who gives way already has a place in the budget.
                Some(room) if now < drain.deadline => task.preempted.is_some() || room.take(task),
                _ => true,
            };
            step.kills.extend(fits.then(|| task.key.clone()));
            groups.extend(group.map(|key| (key, fits)));
        }
        step
    }

    /// How far the drain of an agent is.
    pub fn drain_progress(&self, agent: &Agent, drain: &Drain) -> DrainProgress {
        let mut progress = DrainProgress { tasks_left: 0, tasks_ending: 0, done_at: None };
        for task in self.tasks_of_agent(&agent.info.id).filter(|task| !task.is_terminal()) {
            progress.tasks_left += 1;
            let own = task.info.grace_period();
            let end = match task.kill {
                Some(kill) => {
                    progress.tasks_ending += 1;
                    drain.killed.max(drain.since) + kill.grace_period.unwrap_or(own)
                }
                None => drain.deadline + drain.grace_of(task).unwrap_or(own),
            };
            let end = end + self.ends_behind(task);
            progress.done_at = progress.done_at.max(Some(end));
        }
        if agent.state != AgentState::Registered {
            progress.done_at = None;
        }
        progress
    }

    /// Agents that are being emptied, or are empty for it, by id.
    pub fn draining_agents(&self) -> impl Iterator<Item = &AgentId> {
        self.index.draining.iter()
    }
}

/// The deadline binds those too whose owner has told them to end with longer to go.
fn needs_hurry(task: &Task, drain: &Drain, now: Instant) -> bool {
    let own = task.info.grace_period();
    let has = task.kill.and_then(|kill| kill.grace_period).unwrap_or(own);
    now >= drain.deadline && drain.max_grace.is_some_and(|max| max < has)
}
