//! Everything that is kept beside the rows and could be computed from them, computed from them: how
//! a restored ledger gets its indexes and sums, and what the invariants compare the kept ones with.
//!
//! It trusts no row, because a snapshot may hold anything.

use super::{
    AgentState, Index, Ledger, Pools, Roles, Table, Task, agents::AgentTasks, invariants::Broken,
    roles::ReservedSums,
};
use proto::model::{
    AgentId, FrameworkId, Instant, Milli, ReservationId, ReservationRef, Resources, Role, TaskId,
    VolumeMount, VolumeRef,
};
use std::collections::{BTreeMap, btree_map::Entry};

/// What the rows say.
#[derive(Debug, Default)]
pub(super) struct Derived {
    pub(super) index: Index,
    /// What is taken; of agents with live tasks only.
    pub(super) allocated: BTreeMap<AgentId, Resources>,
    /// Of roles with live tasks, and those above them.
    pub(super) roles: Table<Role, Resources>,
    /// Of roles with reservations or with tasks that use some, and those above them.
    pub(super) reserved: Table<Role, ReservedSums>,
    /// Of agents with reservations only.
    pub(super) pools: BTreeMap<AgentId, Pools>,
    /// What is used of each reservation, and how many refine it; of those of which it is not
    /// nothing.
    pub(super) reservations: BTreeMap<ReservationId, (Resources, usize)>,
    /// What volumes take of each reservation that has any, MiB of `disk`.
    pub(super) volume_disk: BTreeMap<ReservationId, Milli>,
    /// Of frameworks with tasks only.
    pub(super) frameworks: BTreeMap<FrameworkId, OfFramework>,
}

/// What a framework's tasks say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OfFramework {
    pub(super) allocated: BTreeMap<Role, Resources>,
    pub(super) pending_acknowledgements: u64,
    pub(super) task_count: usize,
    pub(super) ended: Table<(Instant, TaskId), ()>,
}

/// Computes it all; broken when a task has no framework or agent, or when a sum cannot be.
pub(super) fn derive(ledger: &Ledger) -> Result<Derived, Broken> {
    let mut derived = Derived::default();
    let mut agent_tasks: BTreeMap<&AgentId, AgentTasks> = BTreeMap::new();
    for (_, task) in ledger.tasks.iter() {
        let tasks = agent_tasks.entry(&task.info.agent).or_default();
        tasks.keys.insert(task.key.clone());
        tasks.open += usize::from(task.is_open());
        derive_task(ledger, task, &mut derived)?;
    }
    derived.roles = derive_roles(&derived.frameworks)?;
    derive_reservations(ledger, &mut derived)?;
    derive_volumes(ledger, &mut derived)?;
    derived.index.agent_tasks = Table::new();
    for (id, tasks) in agent_tasks {
        derived.index.agent_tasks.insert(id.clone(), tasks);
    }
    for (id, agent) in ledger.agents.iter() {
        if agent.state == AgentState::Removed {
            derived.index.removed_agents.insert((agent.changed, id.clone()));
        }
        if agent.drain.is_some() {
            derived.index.draining.insert(id.clone());
        }
    }
    for (id, framework) in ledger.frameworks.iter() {
        let request = (framework.principal.clone(), framework.request.clone());
        if let Some(other) = derived.index.by_request.insert(request, *id) {
            let detail = format!("{id} and {other} were made by the same call");
            return Err(Broken { name: "index", detail });
        }
        let tasks = derived.frameworks.get(id);
        let at_rest = tasks.is_none_or(|tasks| tasks.ended.len() == tasks.task_count);
        if framework.is_removed() && at_rest {
            derived.index.removed_frameworks.insert((framework.changed, *id));
        }
    }
    Ok(derived)
}

/// What is reserved and what is used of it: by agent, by reservation, by role.
fn derive_reservations(ledger: &Ledger, derived: &mut Derived) -> Result<(), Broken> {
    let excess = |what: &dyn std::fmt::Display| Broken {
        name: "A1",
        detail: format!("{what} is reserved or used twice"),
    };
    let mut sums = Roles::default();
    for (id, row) in ledger.reservations.iter() {
        let pools = derived.pools.entry(row.agent.clone()).or_default();
        let sum = pools.reserved.checked_add(&row.resources);
        pools.reserved = sum.map_err(|_| excess(id))?;
        sums.try_reserve(&row.role, &row.resources).ok_or_else(|| excess(id))?;
        derived.index.note_reservation(&row.agent, *id);
        if let Some(parent) = row.parent {
            derived.reservations.entry(parent).or_default().1 += 1;
        }
    }
    let live = ledger.tasks.iter().map(|(_, task)| task).filter(|task| !task.is_terminal());
    for task in live {
        for part in &task.info.reserved {
            let ReservationRef::Known(id) = part.from else { return Err(excess(&task.key)) };
            let used = &mut derived.reservations.entry(id).or_default().0;
            *used = used.checked_add(&part.resources).map_err(|_| excess(&task.key))?;
            let pools = derived.pools.entry(task.info.agent.clone()).or_default();
            let sum = pools.used.checked_add(&part.resources);
            pools.used = sum.map_err(|_| excess(&task.key))?;
        }
        sums.use_reserved(&task.role, &task.info.reserved);
    }
    derived.reserved = sums.reserved;
    Ok(())
}

/// What volumes there are, and what they take.
fn derive_volumes(ledger: &Ledger, derived: &mut Derived) -> Result<(), Broken> {
    for (id, row) in ledger.volumes.iter() {
        let broken = |what| Broken { name: "V1", detail: format!("{id} {what}") };
        let disk = derived.volume_disk.entry(row.info.reservation).or_default();
        let sum = disk.0.checked_add(row.info.size.0).map(Milli);
        *disk = sum.filter(|sum| sum.is_amount()).ok_or_else(|| broken("takes too much"))?;
        if derived.index.note_volume(row).is_some() {
            return Err(broken("has the name of another"));
        }
    }
    Ok(())
}

/// What each role uses with all roles below it.
fn derive_roles(
    frameworks: &BTreeMap<FrameworkId, OfFramework>,
) -> Result<Table<Role, Resources>, Broken> {
    let mut sums = BTreeMap::<Role, Resources>::new();
    for (role, allocated) in frameworks.values().flat_map(|framework| &framework.allocated) {
        for role in role.ancestors() {
            let excess = |_| Broken { name: "A5", detail: format!("role {role} uses too much") };
            let sum = sums.get(&role).map_or_else(
                || Ok(allocated.clone()),
                |sum| sum.checked_add(allocated).map_err(excess),
            )?;
            sums.insert(role, sum);
        }
    }
    let mut table = Table::new();
    sums.into_iter().for_each(|(role, sum)| drop(table.insert(role, sum)));
    Ok(table)
}

fn derive_task(ledger: &Ledger, task: &Task, derived: &mut Derived) -> Result<(), Broken> {
    let key = &task.key;
    let of_framework = match derived.frameworks.entry(key.framework) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) if ledger.frameworks.contains_key(&key.framework) => {
            entry.insert(OfFramework::default())
        }
        Entry::Vacant(_) => {
            return Err(Broken { name: "T6", detail: format!("task {key} has no framework") });
        }
    };
    of_framework.task_count += 1;
    of_framework.pending_acknowledgements += task.pending.len() as u64;
    if task.is_terminal() {
        if !task.is_open() {
            of_framework.ended.insert((task.changed, key.task.clone()), ());
        }
        return Ok(());
    }
    derived.index.live_tasks += 1;
    *derived.index.priorities.entry(task.info.priority).or_default() += 1;
    if task.preempted.is_some() {
        derived.index.preempted.insert(key.clone());
    }
    let sum = match derived.allocated.entry(task.info.agent.clone()) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) if ledger.agents.contains_key(&task.info.agent) => {
            entry.insert(Resources::new())
        }
        Entry::Vacant(_) => {
            return Err(Broken { name: "T6", detail: format!("task {key} lives on no agent") });
        }
    };
    let excess = |_| Broken { name: "A1", detail: format!("task {key} takes what is taken") };
    *sum = sum.checked_add(task.held()).map_err(excess)?;
    let share = task.held().counts();
    if !share.is_empty() {
        let sum = of_framework.allocated.entry(task.role.clone()).or_default();
        *sum = sum.checked_add(&share).map_err(excess)?;
    }
    // After the sums that these are parts of, so that they fit.
    derived.index.revocable.add(task);
    let is_there = |mount: &VolumeMount| match mount.volume {
        VolumeRef::Known(id) => ledger.volumes.contains_key(&id),
        VolumeRef::Made(_) => false,
    };
    if !task.info.volumes.iter().all(is_there) {
        return Err(Broken { name: "V3", detail: format!("task {key} uses what is not") });
    }
    derived.index.note_mounts(task);
    Ok(())
}
