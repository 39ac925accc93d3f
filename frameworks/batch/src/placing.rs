//! Placing on a shared role's cell: there the cluster chooses no agents, this does.
//!
//! First fit, from an agent drawn by lot: frameworks that all begin with the same agent would take
//! it from each other's hands. What conflicts is tried again after a pause that grows and does not
//! align with anybody's, on what is shown by then. A gang is one commit, all or nothing; everything
//! else is committed instance by instance, so that one conflict costs one instance.

use crate::job::TaskSpec;
use crate::queue::{InstanceId, Queue};
use bourse_sdk::jitter::{Backoff, Jitter};
use bourse_sdk::model::{
    AgentId, AgentInfo, Duration, Instant, OfferId, Resources, SharedState, limits,
};
use bourse_sdk::{CellAgent, CellState};
use std::collections::BTreeMap;

/// Pauses after conflicts: a few times what a commit and the news of it take, up to what a person
/// does not notice.
const BACKOFF: Backoff = Backoff { min: Duration(20), max: Duration(2_000) };

/// The role's cell, and what is known of this job's use of it.
#[derive(Debug)]
pub(crate) struct Placing {
    cell: CellState,
    jitter: Jitter,
    /// Conflicts in a row, and when to try again after the last.
    conflicts: u32,
    pause: Option<Instant>,
    /// Instances of a task on an agent that it was asked to be spread over.
    spread: BTreeMap<(usize, AgentId), u32>,
    /// Since when each gang waits for room.
    gangs: BTreeMap<usize, Instant>,
}

/// Where an instance is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) agent: AgentId,
    /// Not an offer, but as good to find what it was launched on.
    pub(crate) seen: OfferId,
    /// What it takes there: of devices the ones that it is to have.
    pub(crate) resources: Resources,
}

/// Instances that are to be committed in one call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) instances: Vec<(InstanceId, Seat)>,
    /// All or none.
    pub(crate) is_gang: bool,
}

impl Placing {
    /// Begins with what is shown first.
    pub(crate) fn new(state: &SharedState, seed: u64) -> Self {
        let mut cell = CellState::new(state.role.clone());
        cell.update(state);
        let jitter = Jitter::new(seed);
        let (spread, gangs) = (BTreeMap::new(), BTreeMap::new());
        Self { cell, jitter, conflicts: 0, pause: None, spread, gangs }
    }

    /// Takes in what is shown.
    pub(crate) fn update(&mut self, state: &SharedState) {
        self.cell.update(state);
    }

    /// Something could not be had: it is tried again later, on what was shown by then.
    pub(crate) fn conflicted(&mut self, now: Instant, task: usize, agent: &AgentId) {
        self.cell.restore(agent);
        self.put_back(task, agent);
        if self.pause.is_none_or(|until| until <= now) {
            self.pause = Some(now + self.jitter.pause(BACKOFF, self.conflicts));
            self.conflicts = self.conflicts.saturating_add(1);
        }
    }

    /// An instance is launched.
    pub(crate) fn launched(&mut self) {
        self.conflicts = 0;
    }

    /// An instance does not run on an agent after all.
    fn put_back(&mut self, task: usize, agent: &AgentId) {
        if let Some(count) = self.spread.get_mut(&(task, agent.clone())) {
            *count = count.saturating_sub(1);
        }
    }

    /// When to try again although nothing is shown.
    pub(crate) fn deadline(&self, now: Instant, queue: &Queue) -> Option<Instant> {
        let pause = self.pause.filter(|until| *until > now && queue.has_ready());
        let tasks = queue.job().tasks();
        let gangs =
            self.gangs.iter().filter_map(|(task, since)| Some(*since + tasks[*task].gang_timeout?));
        pause.into_iter().chain(gangs).min()
    }

    /// Gangs that have waited for too long.
    pub(crate) fn take_late(&mut self, now: Instant, queue: &Queue) -> Vec<usize> {
        let ready: Vec<usize> = queue.ready_by_task().map(|(task, _)| task).collect();
        self.gangs.retain(|task, _| ready.contains(task));
        let tasks = queue.job().tasks();
        let is_late = |task: usize, since: Instant| {
            tasks[task].gang_timeout.is_some_and(|timeout| since + timeout <= now)
        };
        let gangs = self.gangs.iter();
        let late: Vec<usize> =
            gangs.filter(|(task, since)| is_late(**task, **since)).map(|(task, _)| *task).collect();
        self.gangs.retain(|task, _| !late.contains(task));
        late
    }

    /// Places what is ready; what is placed is taken off the cell.
    pub(crate) fn place(&mut self, now: Instant, queue: &Queue) -> Vec<Placed> {
        if !self.cell.is_complete() || self.pause.is_some_and(|until| until > now) {
            return Vec::new();
        }
        self.pause = None;
        let mut placed = Vec::new();
        let ready: Vec<(usize, u32)> = queue.ready_by_task().collect();
        for (task, count) in ready {
            let spec = &queue.job().tasks()[task];
            let (before, spread) = (self.cell.clone(), self.spread.clone());
            let seats = self.seats_for(task, spec, count);
            let instances: Vec<_> = queue.ready_of(task).zip(seats).collect();
            if spec.gang_timeout.is_some() {
                if u32::try_from(instances.len()) == Ok(count) {
                    self.gangs.remove(&task);
                    placed.push(Placed { instances, is_gang: true });
                } else {
                    // Not all of it: none of it.
                    self.gangs.entry(task).or_insert(now);
                    (self.cell, self.spread) = (before, spread);
                }
            } else {
                let chunks = instances.chunks(limits::OPERATIONS_PER_ACCEPT_MAX);
                placed.extend(
                    chunks.map(|chunk| Placed { instances: chunk.to_vec(), is_gang: false }),
                );
            }
        }
        placed
    }

    /// Places for so many instances of a task, or for as many as fit.
    fn seats_for(&mut self, task: usize, spec: &TaskSpec, count: u32) -> Vec<Seat> {
        let all: Vec<AgentId> = self.cell.agents().map(|(id, _)| id.clone()).collect();
        let mut found = Vec::new();
        if all.is_empty() {
            return found;
        }
        let start = usize::try_from(self.jitter.draw() % all.len() as u64).unwrap_or(0);
        for id in all[start..].iter().chain(&all[..start]) {
            if found.len() >= count as usize {
                break;
            }
            let agent = self.cell.agent(id).expect("it is one of them");
            if !spec.constraints.is_empty() && !meets(spec, id, agent) {
                continue;
            }
            let seen = OfferId { term: agent.version.term, number: agent.version.number };
            while found.len() < count as usize
                && self.has_place(task, spec, id)
                && let Some(resources) = self.cell.pick(id, &spec.resources)
            {
                if spec.per_agent_max.is_some() {
                    *self.spread.entry((task, id.clone())).or_default() += 1;
                }
                found.push(Seat { agent: id.clone(), seen, resources });
            }
        }
        found
    }

    fn has_place(&self, task: usize, spec: &TaskSpec, agent: &AgentId) -> bool {
        let most = spec.per_agent_max.unwrap_or(u32::MAX);
        self.spread.get(&(task, agent.clone())).copied().unwrap_or(0) < most
    }
}

/// Whether an agent is as the task wants it.
fn meets(spec: &TaskSpec, id: &AgentId, agent: &CellAgent) -> bool {
    let info = AgentInfo {
        reservations: Vec::new(),
        id: id.clone(),
        hostname: agent.description.hostname.clone(),
        address: String::new(),
        resources: Resources::new(),
        attributes: agent.description.attributes.clone(),
        domain: None,
        version: String::new(),
    };
    spec.constraints.iter().all(|constraint| constraint.holds(&info))
}
