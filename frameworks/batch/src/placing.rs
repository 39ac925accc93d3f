//! Placing on a shared role's cell: there the cluster chooses no agents, this does.
//!
//! First fit, from an agent drawn by lot: frameworks that all begin with the same agent would take
//! it from each other's hands. What conflicts is tried again after a pause that grows and does not
//! align with anybody's, on what is shown by then. A gang is one commit, all or nothing; everything
//! else is committed instance by instance, so that one conflict costs one instance.

use crate::job::TaskSpec;
use crate::queue::{InstanceId, Queue};
use crate::spread::{Homes, Spread, home};
use bourse_sdk::CellState;
use bourse_sdk::jitter::{Backoff, Jitter};
use bourse_sdk::model::{AgentId, Duration, Instant, OfferId, Resources, SharedState, limits};
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
        Self { cell, jitter, conflicts: 0, pause: None, gangs: BTreeMap::new() }
    }

    /// Takes in what is shown.
    pub(crate) fn update(&mut self, state: &SharedState) {
        self.cell.update(state);
    }

    /// Something could not be had: it is tried again later, on what was shown by then.
    pub(crate) fn conflicted(&mut self, now: Instant, agent: &AgentId) {
        self.cell.restore(agent);
        if self.pause.is_none_or(|until| until <= now) {
            self.pause = Some(now + self.jitter.pause(BACKOFF, self.conflicts));
            self.conflicts = self.conflicts.saturating_add(1);
        }
    }

    /// An instance is launched.
    pub(crate) fn launched(&mut self) {
        self.conflicts = 0;
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

    /// Places what is ready; what is placed is taken off the cell, and of those that are spread
    /// over fault domains it is noted where they are.
    pub(crate) fn place(&mut self, now: Instant, queue: &Queue, homes: &mut Homes) -> Vec<Placed> {
        if !self.cell.is_complete() || self.pause.is_some_and(|until| until > now) {
            return Vec::new();
        }
        self.pause = None;
        let mut placed = Vec::new();
        let ready: Vec<(usize, u32)> = queue.ready_by_task().collect();
        for (task, count) in ready {
            let spec = &queue.job().tasks()[task];
            let before = spec.gang_timeout.map(|_| self.cell.clone());
            let spread = Spread::new(spec, queue.agents_of(task), count, &self.cell, homes);
            let seats = self.seats_for(spec, count, spread, homes);
            let instances: Vec<_> = queue.ready_of(task).zip(seats).collect();
            if let Some(before) = before {
                if u32::try_from(instances.len()) == Ok(count) {
                    self.gangs.remove(&task);
                    placed.push(Placed { instances, is_gang: true });
                } else {
                    // Not all of it: none of it.
                    self.gangs.entry(task).or_insert(now);
                    self.cell = before;
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
    fn seats_for(
        &mut self,
        spec: &TaskSpec,
        count: u32,
        mut spread: Option<Spread>,
        homes: &mut Homes,
    ) -> Vec<Seat> {
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
            if !self.cell.meets(id, &spec.constraints) {
                continue;
            }
            let version = self.cell.agent(id).expect("it is one of them").version;
            let seen = OfferId { term: version.term, number: version.number };
            // Only who is spread asks for it.
            let domain = spread.as_ref().and_then(|_| home(id, &self.cell, homes)).cloned();
            while found.len() < count as usize
                && spread.as_ref().is_none_or(|it| it.has_room(id, domain.as_ref()))
                && let Some(resources) = self.cell.pick(id, &spec.resources)
            {
                if let Some(spread) = &mut spread {
                    spread.put(id, domain.as_ref());
                    homes.extend(domain.clone().map(|domain| (id.clone(), domain)));
                }
                found.push(Seat { agent: id.clone(), seen, resources });
            }
        }
        found
    }
}
