//! The rows that a transaction touches, as they will be: operations are checked and applied here
//! one after the other, each on what those before it did, and all of it is written back once the
//! transaction holds. What is dropped instead has changed nothing.
//!
//! Holds only what is touched, so that an accept of one task costs what one task costs.

use super::{
    Agent, Event, Group, Ledger, Membership, Reservation, Stamp, Task, Volume, reservations::Pools,
};
use proto::model::{
    AgentId, Instant, ReservationId, ReservedPart, ResourceName, Resources, Role, Session,
    StatusReason, StatusSource, TaskGroup, TaskId, TaskInfo, TaskKey, TaskState, TaskStatus,
    VolumeId, VolumeMount,
};
use std::collections::{BTreeMap, BTreeSet};

/// The sums and rows as they will be.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) agents: BTreeMap<AgentId, AgentDraft>,
    /// What the framework's tasks take in the accept's role; there is one as soon as a task was
    /// looked at.
    pub(super) role: Option<Resources>,
    /// That role.
    pub(super) launching: Option<&'a Role>,
    /// What new tasks and larger ones take together: amounts only.
    pub(super) sum: Resources,
    /// What of that counts towards limits: not what they take of reservations.
    pub(super) charged: Resources,
    /// New tasks, in the order in which they come into being.
    pub(super) tasks: Vec<NewTask<'a>>,
    /// New task groups; their tasks are among the new ones.
    pub(super) groups: Vec<&'a TaskGroup>,
    pub(super) ids: BTreeSet<&'a TaskId>,
    /// What tasks hold while they change their sizes, and what they change them to.
    pub(super) resizes: BTreeMap<&'a TaskId, (Resources, &'a Resources)>,
    /// Reservations as they will be; `None` for one that will be gone.
    pub(super) reservations: BTreeMap<ReservationId, Option<Reservation>>,
    /// How many of them are new.
    pub(super) made: u64,
    /// Volumes as they will be.
    pub(super) volumes: BTreeMap<VolumeId, Volume>,
    /// How many of them are new.
    pub(super) volumes_made: u64,
    /// What more is reserved, and what less, by role.
    pub(super) reserved: Vec<(Role, Resources)>,
    pub(super) unreserved: Vec<(Role, Resources)>,
}

/// A task that comes into being.
#[derive(Debug)]
pub(super) struct NewTask<'a> {
    pub(super) info: &'a TaskInfo,
    /// What it takes of which reservations.
    pub(super) reserved: Vec<ReservedPart>,
    /// Which volumes it uses.
    pub(super) volumes: Vec<VolumeMount>,
    /// What it is in its group.
    pub(super) member: Option<Box<Membership>>,
}

/// One agent.
#[derive(Debug)]
pub(super) struct AgentDraft {
    pub(super) allocated: Resources,
    /// Open tasks.
    pub(super) open: usize,
    /// When they are touched.
    pub(super) pools: Option<Pools>,
    /// How many more reservations it has.
    pub(super) reservations: i64,
}

impl Draft<'_> {
    /// What counts towards a role's limit.
    pub(super) fn charged(&self, ledger: &Ledger, role: &Role, name: &ResourceName) -> i128 {
        let of = |list: &[(Role, Resources)]| -> i128 {
            let within = list.iter().filter(|(of, _)| of.is_within(role));
            within.map(|(_, resources)| i128::from(resources.scalar(name).0)).sum()
        };
        let launches = self.launching.is_some_and(|launching| launching.is_within(role));
        let tasks = if launches { self.charged.scalar(name).0 } else { 0 };
        let reserved = of(&self.reserved) - of(&self.unreserved);
        ledger.roles.charged(role, name) + i128::from(tasks) + reserved
    }

    /// By how much sums over all agents grow at most; `None` when that cannot be counted.
    pub(super) fn growth(&self) -> Option<Resources> {
        self.reserved.iter().try_fold(self.sum.clone(), |sum, (_, resources)| {
            sum.checked_add(&resources.counts()).ok()
        })
    }
}

impl Ledger {
    /// A reservation, as the draft has it.
    pub(super) fn drafted<'a>(
        &'a self,
        draft: &'a Draft<'_>,
        id: ReservationId,
    ) -> Option<&'a Reservation> {
        match draft.reservations.get(&id) {
            Some(row) => row.as_ref(),
            None => self.reservations.get(&id),
        }
    }

    /// An agent, to be changed in the draft.
    pub(super) fn draft_agent<'d>(
        &self,
        draft: &'d mut Draft<'_>,
        agent: &Agent,
    ) -> &'d mut AgentDraft {
        let id = &agent.info.id;
        if !draft.agents.contains_key(id) {
            let there = AgentDraft {
                allocated: agent.allocated.clone(),
                open: self.open_tasks_of_agent(id),
                pools: None,
                reservations: 0,
            };
            draft.agents.insert(id.clone(), there);
        }
        draft.agents.get_mut(id).expect("was just put there")
    }

    /// The pools of an agent, to be changed in the draft.
    pub(super) fn draft_pools<'d>(&self, draft: &'d mut Draft<'_>, agent: &Agent) -> &'d mut Pools {
        let there = self.draft_agent(draft, agent);
        there.pools.get_or_insert_with(|| agent.pools.clone())
    }

    /// Makes a draft the truth, and says so. `launching` says whose tasks they are and on whose
    /// share, when there are any.
    pub(super) fn write_back(
        &mut self,
        now: Stamp,
        launching: Option<(Session, &Role)>,
        draft: Draft<'_>,
        events: &mut Vec<Event>,
    ) {
        let Draft { agents, role: role_sum, sum, tasks, groups, resizes, .. } = draft;
        for (id, there) in agents {
            let agent = self.agents.get_mut(&id).expect("a known agent");
            agent.allocated = there.allocated;
            if let Some(pools) = there.pools {
                agent.pools = pools;
            }
        }
        for (role, resources) in &draft.reserved {
            self.roles.reserve(role, resources);
        }
        for (role, resources) in &draft.unreserved {
            self.roles.unreserve(role, resources);
        }
        self.next_reservation += draft.made;
        for (id, row) in draft.reservations {
            self.put_reservation(id, row, events);
        }
        self.next_volume += draft.volumes_made;
        for (_, row) in draft.volumes {
            self.put_volume(row, events);
        }
        let Some((session, role)) = launching else { return };
        if let Some(role_sum) = role_sum {
            let framework = self.frameworks.get_mut(&session.framework).expect("a known framework");
            match role_sum.is_empty() {
                true => drop(framework.allocated.remove(role)),
                false => drop(framework.allocated.insert(role.clone(), role_sum)),
            }
        }
        self.roles.add(role, &sum);
        for NewTask { info, reserved, volumes, member } in tasks {
            self.roles.use_reserved(role, &reserved);
            let info = TaskInfo { reserved, volumes, ..info.clone() };
            let task = Task { member, ..new_task(now, session, role, info) };
            events.push(Event::TaskAdded(task.key.clone()));
            self.insert_task(task);
        }
        for info in groups {
            let group = Group::new(session.framework, role, info);
            events.push(Event::GroupAdded(group.key.clone()));
            self.groups.insert(group.key.clone(), group);
        }
        for (id, (held, to)) in resizes {
            let key = TaskKey { framework: session.framework, task: id.clone() };
            let task = self.tasks.get_mut(&key).expect("a known task");
            self.index.revocable.remove(task);
            task.change_size(held, to);
            self.index.revocable.add(task);
            events.push(Event::TaskResized(key));
        }
    }

    /// Puts a reservation's row, or takes it out.
    pub(super) fn put_reservation(
        &mut self,
        id: ReservationId,
        row: Option<Reservation>,
        events: &mut Vec<Event>,
    ) {
        let before = self.reservations.get(&id);
        let is_changed = before.map(Reservation::as_made) != row.as_ref().map(Reservation::as_made);
        let is_new = before.is_none();
        let agent = match (before, &row) {
            (Some(before), _) => before.agent.clone(),
            (None, Some(row)) => row.agent.clone(),
            // Made and given up in one transaction.
            (None, None) => return,
        };
        match row {
            Some(row) => {
                if is_new {
                    self.index.note_reservation(&agent, id);
                }
                self.reservations.insert(id, row);
            }
            None => {
                self.reservations.remove(&id);
                self.index.forget_reservation(&agent, id);
            }
        }
        if is_changed {
            events.push(Event::ReservationChanged { reservation: id, agent });
        }
    }
}

fn new_task(now: Stamp, session: Session, role: &Role, info: TaskInfo) -> Task {
    Task {
        key: TaskKey { framework: session.framework, task: info.id.clone() },
        role: role.clone(),
        status: TaskStatus {
            task: info.id.clone(),
            agent: info.agent.clone(),
            state: TaskState::Staging,
            source: StatusSource::Master,
            reason: StatusReason::None,
            message: String::new(),
            exit_code: None,
            signal: None,
            memory_peak_bytes: None,
            at: now.wall,
            sequence: 0,
        },
        info,
        pending: Vec::new(),
        agent_sequence: 0,
        sequence: 0,
        kill: None,
        launched: Instant::default(),
        preempted: None,
        changed: now.time,
        state_before_unreachable: None,
        size: None,
        member: None,
    }
}
