//! Another size for a task that runs: committed here, applied by its agent.
//!
//! ```text
//!  resize ──▶ holds the larger of both, version + 1 ──order──▶ agent ──update──▶ holds one of both
//! ```
//!
//! What a task grows by is taken at once, so that nobody else is promised it. What it shrinks by is
//! free when the agent says so: memory may be in use, and then the task keeps it. One change at a
//! time: the update that ends it needs no version to be understood.

use super::{
    AgentState, Event, Framework, Ledger, Task,
    apply_accept::Accept,
    apply_launch::sum_out_of_range,
    apply_roles::check_caps,
    draft::Draft,
    reservations::free_reserved,
    tasks::{SizeChange, task_unknown},
};
use proto::{
    model::{
        OperationResult, Reason, Refusal, ReservedPart, Resize, Resources, StatusReason, TaskInfo,
        TaskKey, TaskState,
        resize::{check_resize, larger},
        task_group::Part,
    },
    planted::{self, Bug},
};

impl Ledger {
    /// Applies a resize to the draft.
    pub(super) fn resize<'a>(
        &self,
        accept: &Accept<'a>,
        resize: &'a Resize,
        draft: &mut Draft<'a>,
    ) -> Result<OperationResult, Refusal> {
        let framework = accept.session.framework;
        let framework = self.frameworks.get(&framework).expect("a known framework");
        let key = TaskKey { framework: framework.id, task: resize.task.clone() };
        let task = self.tasks.get(&key).ok_or_else(|| task_unknown(&key).at("task_id"))?;
        if task.role != *accept.role {
            let (theirs, role) = (&task.role, accept.role);
            let problem = format!("runs on the share of role {theirs}, the accept is of {role}");
            return Err(Refusal::invalid("task_id", problem));
        }
        if task.state() != TaskState::Running || task.kill.is_some() {
            let message = format!("task {} does not run, or is being ended", task.key.task);
            return Err(Refusal::new(Reason::TaskNotRunning, message).at("task_id"));
        }
        if task.part() == Some(Part::Init) {
            let message = format!("task {} uses what its group holds as a whole", task.key.task);
            return Err(Refusal::new(Reason::TransitionIllegal, message).at("task_id"));
        }
        if task.size_change().is_some() || draft.resizes.contains_key(&resize.task) {
            return Err(resize_under_way(&key).at("task_id"));
        }
        let from = &task.info.resources;
        let refuse = |problem: String| Refusal::invalid("resources", problem);
        check_resize(from, &resize.resources).map_err(|error| refuse(error.to_string()))?;
        let held = larger(from, &resize.resources).map_err(|error| refuse(error.to_string()))?;
        let growth = held.checked_sub(from).expect("the larger of both holds each");
        if !growth.is_empty() {
            if accept.revocable && !task.info.revocable {
                let message = format!("task {} is not revocable, the offers are", task.key.task);
                return Err(Refusal::new(Reason::InvalidField, message).at("task_id"));
            }
            self.grow(framework, accept, task, &growth, draft)?;
        }
        draft.resizes.insert(&resize.task, (held, &resize.resources));
        Ok(OperationResult::Resizing)
    }

    /// Takes what a task grows by, on its agent and in its role.
    fn grow<'a>(
        &self,
        framework: &Framework,
        accept: &Accept<'a>,
        task: &Task,
        growth: &Resources,
        draft: &mut Draft<'a>,
    ) -> Result<(), Refusal> {
        let id = &task.info.agent;
        let agent = self.agents.get(id).expect("T6: a known agent");
        if agent.state != AgentState::Registered {
            let message = format!("agent {id} is out of contact");
            return Err(Refusal::new(Reason::AgentUnreachable, message).at("task_id"));
        }
        if !self.takes_tasks(agent) {
            let message = format!(
                "agent {id} gives nothing more: it is deactivated, draining, or away for maintenance"
            );
            return Err(Refusal::new(Reason::AgentDeactivated, message).at("task_id"));
        }
        let there = self.draft_agent(draft, agent);
        let pools = there.pools.as_ref().unwrap_or(&agent.pools);
        let sum = there.allocated.checked_add(growth).ok();
        let sum = sum.filter(|sum| pools.unreserved(&agent.info.resources, sum).is_some());
        there.allocated = sum.ok_or_else(|| {
            let message = format!("agent {id} does not have {growth} unreserved and free");
            Refusal::new(Reason::ResourcesTaken, message).at("resources")
        })?;
        draft.launching = Some(accept.role);
        let amounts = growth.counts();
        let out_of_range = |_| sum_out_of_range().at("resources");
        let caps = self.roles.caps(accept.role);
        check_caps(&caps, ("the task", growth, &amounts), |role, name| {
            draft.charged(self, role, name)
        })
        .map_err(|refusal| refusal.at("resources"))?;
        draft.sum = draft.sum.checked_add(&amounts).map_err(out_of_range)?;
        draft.charged = draft.charged.checked_add(&amounts).map_err(out_of_range)?;
        let taken = draft.role.as_ref().or(framework.allocated.get(accept.role));
        let sum = match taken {
            Some(taken) => taken.checked_add(&amounts),
            None => Ok(amounts.into_owned()),
        };
        draft.role = Some(sum.map_err(out_of_range)?);
        let growth = draft.growth().filter(|more| self.roles.has_room_for(accept.role, more));
        growth.map(drop).ok_or_else(|| sum_out_of_range().at("resources"))
    }

    /// The agent has said what became of a size: the task holds it, or what it held before.
    pub(super) fn end_resize(
        &mut self,
        key: &TaskKey,
        reason: StatusReason,
        events: &mut Vec<Event>,
    ) {
        let task = self.tasks.get_mut(key).expect("a known task");
        let change = task.size.as_mut().and_then(|size| size.change.take());
        let Some(SizeChange { from, to }) = change else { return };
        let settled = if reason == StatusReason::Resized { to } else { from };
        let freed = task.info.resources.checked_sub(&settled).expect("the larger of both was held");
        self.index.revocable.remove(task);
        task.info.resources = settled;
        let given_up = keep_parts(&mut task.info);
        self.index.revocable.add(task);
        events.push(Event::TaskResized(key.clone()));
        if freed.is_empty() {
            return;
        }
        let (agent, role) = (&task.info.agent, &task.role);
        let agent = self.agents.get_mut(agent).expect("T6: a known agent");
        let left = agent.allocated.checked_sub(&freed);
        agent.allocated = left.expect("A1: an agent's sum holds all of its tasks");
        free_reserved(&mut self.reservations, agent, &given_up);
        let framework = self.frameworks.get_mut(&key.framework).expect("T6: a known framework");
        framework.release(role, &freed);
        self.roles.release(role, &freed);
        if planted::is(Bug::FreedTwice) {
            self.roles.release(role, &freed);
        }
        self.roles.free_reserved(role, &given_up);
    }
}

/// Lets a task hold of reservations what it still holds at all, and says what it gives up of them:
/// nothing while what it gives up is unreserved, then of the last ones first.
fn keep_parts(info: &mut TaskInfo) -> Vec<ReservedPart> {
    let mut rest = info.resources.clone();
    let mut given_up = Vec::new();
    for part in &mut info.reserved {
        let kept = rest.common(&part.resources);
        rest = rest.checked_sub(&kept).expect("what is common is part of both");
        let less = part.resources.checked_sub(&kept).expect("what is common is part of both");
        if !less.is_empty() {
            given_up.push(ReservedPart { from: part.from, resources: less });
            part.resources = kept;
        }
    }
    info.reserved.retain(|part| !part.resources.is_empty());
    given_up
}

/// One change of a task's size at a time.
pub(crate) fn resize_under_way(key: &TaskKey) -> Refusal {
    let message = format!("the size of task {} is being changed", key.task);
    Refusal::new(Reason::ResizeUnderWay, message)
}
