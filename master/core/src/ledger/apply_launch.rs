//! Tasks come into being: all of one operation, or none.
//!
//! What is checked is what must hold whatever was offered: that the ids are new, the agents there,
//! and the resources free.

use super::{
    Agent, AgentState, Framework, Ledger,
    agents::{agent_removed, agent_unknown},
    apply_accept::Accept,
    apply_mounts::GroupUse,
    apply_roles::check_caps,
    draft::{Draft, NewTask},
    reservations::reservation_unknown,
    roles::Cap,
};
use proto::model::{
    OperationResult, Reason, Refusal, ReservationId, ReservationRef, ReservedPart, Resources, Role,
    TaskInfo, TaskKey, limits,
};
use std::{borrow::Cow, collections::BTreeMap};

impl Ledger {
    /// Applies a launch to the draft.
    pub(super) fn launch<'a>(
        &self,
        accept: &Accept<'a>,
        tasks: &'a [TaskInfo],
        before: &[OperationResult],
        draft: &mut Draft<'a>,
    ) -> Result<OperationResult, Refusal> {
        let (framework, role) = (accept.session.framework, accept.role);
        let framework = self.frameworks.get(&framework).expect("a known framework");
        if tasks.is_empty() {
            return Err(Refusal::invalid("tasks", "is empty"));
        }
        let count = self.tasks.len() + draft.tasks.len() + tasks.len();
        if count > limits::TASKS_MAX {
            return Err(Refusal::limit("tasks", count, limits::TASKS_MAX));
        }
        let caps = self.roles.caps(role);
        draft.launching = Some(role);
        for (index, task) in tasks.iter().enumerate() {
            let checked = check_revocable(accept, task).and_then(|()| {
                let asked = (task, &task.resources);
                self.check_task((framework, role), asked, before, &caps, draft)
            });
            let reserved = checked.map_err(|refusal| refusal.under(&format!("tasks[{index}]")))?;
            let volumes = self.mount(role, task, before, &mut GroupUse::new(), draft);
            let volumes = volumes.map_err(|refusal| refusal.under(&format!("tasks[{index}]")))?;
            draft.tasks.push(NewTask { info: task, reserved, volumes, member: None });
        }
        self.check_sum(role, draft).map_err(|()| sum_out_of_range().at("tasks"))?;
        Ok(OperationResult::Launched { tasks: tasks.iter().map(|task| task.id.clone()).collect() })
    }

    /// Whether the role's sum can be; the one at the top of the tree is the largest.
    pub(super) fn check_sum(&self, role: &Role, draft: &Draft<'_>) -> Result<(), ()> {
        let growth = draft.growth().filter(|growth| self.roles.has_room_for(role, growth));
        growth.map(drop).ok_or(())
    }

    /// Applies one task, with what it is to hold, to the draft's sums; what of that it takes of
    /// which reservations.
    pub(super) fn check_task<'a>(
        &self,
        (framework, role): (&Framework, &Role),
        (task, held): (&'a TaskInfo, &Resources),
        before: &[OperationResult],
        caps: &[Cap<'_>],
        draft: &mut Draft<'a>,
    ) -> Result<Vec<ReservedPart>, Refusal> {
        let key = TaskKey { framework: framework.id, task: task.id.clone() };
        if self.tasks.contains_key(&key) || !draft.ids.insert(&task.id) {
            let message = format!("the task id {} is in use", task.id);
            return Err(Refusal::new(Reason::TaskExists, message).at("task_id"));
        }
        let agent = self.agents.get(&task.agent).ok_or_else(|| agent_unknown(&task.agent));
        let agent = agent.map_err(|refusal| refusal.at("agent_id"))?;
        match agent.state {
            AgentState::Registered => {}
            AgentState::Unreachable => {
                let message = format!("agent {} is out of contact", task.agent);
                return Err(Refusal::new(Reason::AgentUnreachable, message).at("agent_id"));
            }
            AgentState::Removed => return Err(agent_removed(&task.agent).at("agent_id")),
        }
        if !self.takes_tasks(agent) {
            let message = format!(
                "agent {} takes no new tasks: it is deactivated, draining, or away for maintenance",
                task.agent
            );
            return Err(Refusal::new(Reason::AgentDeactivated, message).at("agent_id"));
        }
        self.roles.check_priority(role, task.priority)?;
        if task.resources.is_empty() {
            return Err(Refusal::invalid("resources", "holds nothing; a task needs resources"));
        }
        let there = self.draft_agent(draft, agent);
        there.open += 1;
        if there.open > limits::TASKS_PER_AGENT_MAX {
            return Err(Refusal::limit("agent_id", there.open, limits::TASKS_PER_AGENT_MAX));
        }
        // The sum is refused when it names a port or an item twice, or is more than there is.
        let sum = there.allocated.checked_add(held).ok();
        let sum = sum.filter(|sum| agent.info.resources.contains(sum));
        there.allocated = sum.ok_or_else(|| not_free(task, held))?;
        let (reserved, besides) = self.take_reserved((agent, role), (task, held), before, draft)?;
        let total = held.counts();
        let out_of_range = |_| sum_out_of_range().at("resources");
        let besides = besides.counts();
        check_caps(caps, ("the task", held, &besides), |role, name| {
            draft.charged(self, role, name)
        })?;
        draft.sum = draft.sum.checked_add(&total).map_err(out_of_range)?;
        draft.charged = draft.charged.checked_add(&besides).map_err(out_of_range)?;
        let sum = match draft.role.as_ref().or(framework.allocated.get(role)) {
            Some(taken) => taken.checked_add(&total),
            None => Ok(total.into_owned()),
        };
        draft.role = Some(sum.map_err(out_of_range)?);
        Ok(reserved)
    }

    /// Takes the reserved parts of a task from their reservations, once its resources are counted
    /// as allocated; the parts by the ids of these, and what the task takes besides.
    fn take_reserved<'t>(
        &self,
        (agent, role): (&Agent, &Role),
        (task, held): (&TaskInfo, &'t Resources),
        before: &[OperationResult],
        draft: &mut Draft<'_>,
    ) -> Result<(Vec<ReservedPart>, Cow<'t, Resources>), Refusal> {
        let drafted = draft.agents.get(&task.agent).is_some_and(|there| there.pools.is_some());
        if task.reserved.is_empty() && agent.pools.reserved.is_empty() && !drafted {
            return Ok((Vec::new(), Cow::Borrowed(held)));
        }
        let mut parts: BTreeMap<ReservationId, Resources> = BTreeMap::new();
        let mut besides = held.clone();
        let mut pools = self.draft_pools(draft, agent).clone();
        for (index, part) in task.reserved.iter().enumerate() {
            let field = |name: &str| format!("reserved[{index}].{name}");
            let row = made_before(before, part.from).and_then(|id| self.drafted(draft, id));
            let row = row.filter(|row| row.agent == task.agent);
            let row = row.ok_or_else(|| reservation_unknown(part.from).at(field("from")));
            let mut row = row?.clone();
            if !role.is_within(&row.role) {
                let message = format!("{} is kept for role {}", row.id, row.role);
                return Err(Refusal::new(Reason::NotAuthorized, message).at(field("from")));
            }
            let not_free = || {
                let message = format!("{} does not have {} free", row.id, part.resources);
                Refusal::new(Reason::ResourcesTaken, message).at(field("resources"))
            };
            let used = row.used.checked_add(&part.resources).map_err(|_| not_free())?;
            if !row.free().contains(&part.resources) {
                return Err(not_free());
            }
            row.used = used;
            besides = besides.checked_sub(&part.resources).map_err(|problem| {
                Refusal::invalid(field("resources"), format!("are not taken: {problem}"))
            })?;
            let both = |sum: &Resources| {
                sum.checked_add(&part.resources).expect("reservations of one agent are disjoint")
            };
            pools.used = both(&pools.used);
            // One that is named by its operation may be named by its id too.
            let sum = parts.entry(row.id).or_default();
            *sum = both(sum);
            draft.reservations.insert(row.id, Some(row));
        }
        let part = |(id, resources)| ReservedPart { from: ReservationRef::Known(id), resources };
        let parts = parts.into_iter().map(part).collect();
        let there = draft.agents.get_mut(&task.agent).expect("is in the draft");
        // What is not said to be from a reservation must not be.
        let fits = pools.unreserved(&agent.info.resources, &there.allocated).is_some();
        there.pools = Some(pools);
        fits.then_some((parts, Cow::Owned(besides))).ok_or_else(|| not_free(task, held))
    }
}

/// The reservation that is meant, by the results of the operations so far.
pub(super) fn made_before(
    before: &[OperationResult],
    reference: ReservationRef,
) -> Option<ReservationId> {
    match reference {
        ReservationRef::Known(id) => Some(id),
        ReservationRef::Made(operation) => {
            let result = before.get(usize::try_from(operation).ok()?)?;
            match result {
                OperationResult::Reserved(id) => Some(*id),
                _ => None,
            }
        }
    }
}

fn not_free(task: &TaskInfo, held: &Resources) -> Refusal {
    let message = format!("agent {} does not have {held} free", task.agent);
    Refusal::new(Reason::ResourcesTaken, message).at("resources")
}

/// What is lent can be taken back only from what knows that.
pub(super) fn check_revocable(accept: &Accept<'_>, task: &TaskInfo) -> Result<(), Refusal> {
    match (accept.revocable, task.revocable) {
        (true, false) => {
            Err(Refusal::invalid("revocable", "is not set, and the offers are revocable"))
        }
        // What is reserved is nobody's to take back.
        (_, true) if !task.reserved.is_empty() => {
            Err(Refusal::invalid("reserved", "are not for a task that is revocable"))
        }
        _ => Ok(()),
    }
}

pub(super) fn sum_out_of_range() -> Refusal {
    let message = "the role's sum over all agents would be out of range";
    Refusal::new(Reason::LimitExceeded, message)
}
