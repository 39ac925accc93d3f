//! What an accept was offered and has not asked for yet, pool by pool, while its operations are
//! looked at one after the other. Where a task does not say what of it is reserved, that is filled
//! in here: whatever the offered reservations have first, so that a framework need not know.

use crate::ledger::{Ledger, Proposed, Task, resize_under_way};
use proto::{
    convert::task_group::refuse_group,
    model::{
        AgentId, FrameworkId, Offer, Operation, Reason, Refusal, ReservationPlan, ReservationRef,
        ReservedPart, Resize, Resources, Role, TaskGroup, TaskInfo, TaskKey, Unreserve,
        resize::larger, task_group::GroupError,
    },
};
use std::collections::BTreeMap;

/// The rows that a framework's operations may be of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) framework: FrameworkId,
}

/// What is left.
#[derive(Debug, Clone)]
pub(super) struct Left {
    /// Of the offers.
    pub(super) role: Role,
    agents: BTreeMap<AgentId, Pools>,
}

/// Of one agent.
#[derive(Debug, Clone, Default)]
pub(super) struct Pools {
    unreserved: Resources,
    pub(super) reserved: BTreeMap<ReservationRef, Resources>,
}

impl Left {
    pub(super) fn nothing() -> Self {
        Self { role: Role::any(), agents: BTreeMap::new() }
    }

    /// Another offer of the accept.
    pub(super) fn add(&mut self, offer: &Offer) {
        let pools = self.agents.entry(offer.agent.clone()).or_default();
        let both = |sum: &Resources, more: &Resources| {
            sum.checked_add(more).expect("offers of one agent are disjoint")
        };
        pools.unreserved = both(&pools.unreserved, &offer.unreserved());
        for part in &offer.reserved {
            let pool = pools.reserved.entry(part.from).or_default();
            *pool = both(pool, &part.resources);
        }
    }

    /// Per agent, all pools together.
    pub(super) fn sums(self) -> BTreeMap<AgentId, Resources> {
        let sum = |pools: Pools| {
            pools.reserved.values().fold(pools.unreserved, |sum, pool| {
                sum.checked_add(pool).expect("pools of one agent are disjoint")
            })
        };
        self.agents.into_iter().map(|(agent, pools)| (agent, sum(pools))).collect()
    }

    /// Takes what the operations ask for, one after the other. The first that asks for more than
    /// is left refuses the accept; in a partial one it is refused alone, and takes nothing.
    pub(super) fn judge(
        mut self,
        rows: &Rows<'_>,
        operations: Vec<Operation>,
        (partial, short): (bool, bool),
    ) -> Result<(Left, Vec<Proposed>), Refusal> {
        let mut proposed = Vec::with_capacity(operations.len());
        for (index, mut operation) in operations.into_iter().enumerate() {
            // Only a partial accept goes on after a refusal, and needs what there was before.
            let before = partial.then(|| self.clone());
            let name = operation.name();
            match (self.take(rows, index, &mut operation), before) {
                (Ok(()), _) => proposed.push(Ok(operation)),
                (Err(refusal), Some(before)) => {
                    self = before;
                    proposed.push(Err(refusal.under(name)));
                }
                (Err(refusal), None) if short => return Err(refusal),
                (Err(refusal), None) => {
                    return Err(refusal.under(&format!("operations[{index}].{name}")));
                }
            }
        }
        Ok((self, proposed))
    }

    fn take(
        &mut self,
        rows: &Rows<'_>,
        index: usize,
        operation: &mut Operation,
    ) -> Result<(), Refusal> {
        match operation {
            Operation::Launch { tasks } => {
                for (index, task) in tasks.iter_mut().enumerate() {
                    let taken = self.take_task(task);
                    taken.map_err(|refusal| refusal.under(&format!("tasks[{index}]")))?;
                }
                Ok(())
            }
            Operation::LaunchGroup(group) => {
                self.take_group(group).map_err(|refusal| refusal.under("group"))
            }
            Operation::Resize(resize) => self.resize(rows, resize),
            Operation::Reserve(plan) => self.reserve(index, plan),
            Operation::Unreserve(unreserve) => self.unreserve(rows.ledger, unreserve),
            Operation::MoveReservation { reservation, role } => {
                self.moved(rows.ledger, *reservation, role)
            }
            Operation::CreateVolume(plan) => self.create_volume(plan),
            Operation::GrowVolume(resize) => self.grow_volume(rows.ledger, resize),
            Operation::ShrinkVolume(_) | Operation::DestroyVolume(_) => Ok(()),
        }
    }

    fn take_task(&mut self, task: &mut TaskInfo) -> Result<(), Refusal> {
        let pools = pools_of(&mut self.agents, &task.agent)?;
        if task.reserved.is_empty() && !task.revocable && !pools.reserved.is_empty() {
            task.reserved = pools.reserved_first(&task.resources);
        }
        let mut besides = task.resources.clone();
        for (index, part) in task.reserved.iter().enumerate() {
            let field = format!("reserved[{index}]");
            let pool = pool_of(pools, part.from).map_err(|no| no.at(format!("{field}.from")))?;
            *pool = pool.checked_sub(&part.resources).map_err(|problem| {
                let message = format!("the offers have {problem} of {}", part.from);
                let refusal = Refusal::new(Reason::ResourcesNotOffered, message);
                refusal.at(format!("{field}.resources"))
            })?;
            besides = besides.checked_sub(&part.resources).map_err(|problem| {
                Refusal::invalid(format!("{field}.resources"), format!("are not taken: {problem}"))
            })?;
        }
        pools.take_unreserved(&task.agent, &besides)
    }

    /// A group is of what is unreserved: what it holds is that of no single task.
    fn take_group(&mut self, group: &TaskGroup) -> Result<(), Refusal> {
        let refuse = |error| refuse_group(&GroupError::Resources(error));
        let holds = group.holds().map_err(refuse)?;
        let agent = &group.members[0].task.agent;
        let pools = pools_of(&mut self.agents, agent);
        let pools = pools.map_err(|no| no.at("members[0].task.agent_id"))?;
        pools.take_unreserved(agent, &holds).map_err(of_members)
    }

    /// A task grows by what is unreserved.
    fn resize(&mut self, rows: &Rows<'_>, resize: &Resize) -> Result<(), Refusal> {
        let Some(task) = rows.task(resize) else {
            let message = format!("there is no task {} of {}", resize.task, rows.framework);
            return Err(Refusal::new(Reason::TaskUnknown, message).at("task_id"));
        };
        // Until the agent has said what became of the last one, nobody knows what this one takes.
        if task.size_change().is_some() {
            return Err(resize_under_way(&task.key).at("task_id"));
        }
        // What cannot be a size of it is refused where it is applied.
        let (agent, has) = (&task.info.agent, &task.info.resources);
        let growth = larger(has, &resize.resources).and_then(|held| held.checked_sub(has));
        match growth {
            Ok(growth) if !growth.is_empty() => {
                let pools = pools_of(&mut self.agents, agent).map_err(|no| no.at("task_id"))?;
                pools.take_unreserved(agent, &growth)
            }
            _ => Ok(()),
        }
    }

    fn reserve(&mut self, index: usize, plan: &ReservationPlan) -> Result<(), Refusal> {
        let pools = pools_of(&mut self.agents, &plan.agent)?;
        match plan.parent {
            None => pools.take_unreserved(&plan.agent, &plan.resources)?,
            Some(parent) => {
                let pool = pool_of(pools, parent).map_err(|no| no.at("parent"))?;
                *pool = pool.checked_sub(&plan.resources).map_err(|problem| {
                    let message = format!("the offers have {problem} of {parent}");
                    Refusal::new(Reason::ResourcesNotOffered, message).at("resources")
                })?;
            }
        }
        // What is for a role below is not for tasks of this accept.
        if plan.role == self.role {
            let made = ReservationRef::Made(u32::try_from(index).expect("operations are limited"));
            pools.reserved.insert(made, plan.resources.clone());
        }
        Ok(())
    }

    fn unreserve(&mut self, ledger: &Ledger, unreserve: &Unreserve) -> Result<(), Refusal> {
        if unreserve.resources.is_none() {
            self.check_whole(ledger, unreserve.reservation)?;
        }
        let pools = self.pools_with(unreserve.reservation)?;
        let pool = pools.reserved.get_mut(&unreserve.reservation).expect("was just found");
        let given_up = unreserve.resources.as_ref().unwrap_or(pool).clone();
        *pool = pool.checked_sub(&given_up).map_err(|problem| {
            let message = format!("the offers have {problem} of {}", unreserve.reservation);
            Refusal::new(Reason::ResourcesNotOffered, message).at("resources")
        })?;
        // A refinement's go back to its parent, which may not be offered.
        let is_refinement = match unreserve.reservation {
            ReservationRef::Known(id) => {
                ledger.reservation(id).is_none_or(|row| row.parent.is_some())
            }
            ReservationRef::Made(_) => false,
        };
        if !is_refinement {
            let sum = pools.unreserved.checked_add(&given_up);
            pools.unreserved = sum.expect("pools of one agent are disjoint");
        }
        Ok(())
    }

    /// Whether all of a reservation is offered that exists, and not a part of it.
    fn check_whole(&mut self, ledger: &Ledger, reference: ReservationRef) -> Result<(), Refusal> {
        let ReservationRef::Known(id) = reference else { return Ok(()) };
        let pools = self.pools_with(reference)?;
        let (offered, row) = (&pools.reserved[&reference], ledger.reservation(id));
        match row.filter(|row| !offered.contains(&row.resources)) {
            None => Ok(()),
            Some(row) => {
                let message = format!("{id} has {}, the offers have {offered}", row.resources);
                Err(Refusal::new(Reason::ResourcesNotOffered, message).at("reservation"))
            }
        }
    }

    fn moved(
        &mut self,
        ledger: &Ledger,
        reservation: ReservationRef,
        role: &Role,
    ) -> Result<(), Refusal> {
        self.check_whole(ledger, reservation)?;
        let own = *role == self.role;
        let pools = self.pools_with(reservation)?;
        if !own {
            pools.reserved.remove(&reservation);
        }
        Ok(())
    }

    /// The agent's pools among which this is.
    pub(super) fn pools_with(
        &mut self,
        reservation: ReservationRef,
    ) -> Result<&mut Pools, Refusal> {
        let mut all = self.agents.values_mut();
        let pools = all.find(|pools| pools.reserved.contains_key(&reservation));
        pools.ok_or_else(|| not_offered(reservation).at("reservation"))
    }
}

impl<'a> Rows<'a> {
    /// The task that is to have another size.
    pub(super) fn task(&self, resize: &Resize) -> Option<&'a Task> {
        let (framework, task) = (self.framework, resize.task.clone());
        self.ledger.task(&TaskKey { framework, task })
    }
}

impl Pools {
    /// The parts of a task's resources that reservations have, in the order of their ids, those
    /// last that the accept makes itself.
    fn reserved_first(&self, resources: &Resources) -> Vec<ReservedPart> {
        let mut wanted = resources.clone();
        let mut parts = Vec::new();
        for (from, pool) in &self.reserved {
            let common = pool.common(&wanted);
            if !common.is_empty() {
                wanted = wanted.checked_sub(&common).expect("what is common is part of both");
                parts.push(ReservedPart { from: *from, resources: common });
            }
        }
        parts
    }

    fn take_unreserved(&mut self, agent: &AgentId, taken: &Resources) -> Result<(), Refusal> {
        self.unreserved = self.unreserved.checked_sub(taken).map_err(|problem| {
            let message = format!("the offers of agent {agent} have {problem}");
            Refusal::new(Reason::ResourcesNotOffered, message).at("resources")
        })?;
        Ok(())
    }
}

/// What a group holds is in no field of its own: it is that of its members.
pub(super) fn of_members(refusal: Refusal) -> Refusal {
    match refusal.field.as_str() {
        "resources" => refusal.at("members"),
        _ => refusal,
    }
}

fn pools_of<'a>(
    agents: &'a mut BTreeMap<AgentId, Pools>,
    agent: &AgentId,
) -> Result<&'a mut Pools, Refusal> {
    agents.get_mut(agent).ok_or_else(|| {
        let message = format!("none of the offers is of agent {agent}");
        Refusal::new(Reason::ResourcesNotOffered, message).at("agent_id")
    })
}

fn pool_of(pools: &mut Pools, reference: ReservationRef) -> Result<&mut Resources, Refusal> {
    pools.reserved.get_mut(&reference).ok_or_else(|| not_offered(reference))
}

fn not_offered(reference: ReservationRef) -> Refusal {
    let message = format!("none of the offers has anything of {reference}");
    Refusal::new(Reason::ResourcesNotOffered, message)
}
