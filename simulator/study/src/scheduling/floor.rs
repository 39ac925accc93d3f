//! What runs where: the cell with its free room, and beside it which tasks hold what of each
//! machine, and how much of that is held by bands that may have to give way. It starts and ends
//! tasks where it is told to; whether that is right it does not know.

use super::work::{Job, Part};
use crate::cell::{Cell, MachineId, Request, Requests, Taken};
use master_core::allocator::Amounts;
use simulator::engine::Time;
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// A task by the number of its start: one that starts again is another one.
pub(super) type TaskNumber = u64;

/// A task that runs.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) job: Rc<Job>,
    /// By its place in the job.
    pub(super) part: usize,
    /// Its place in the part.
    pub(super) number: u32,
    pub(super) band: u8,
    pub(super) machine: MachineId,
    pub(super) taken: Taken,
    pub(super) since: Time,
    pub(super) history: History,
}

/// How a task has come so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct History {
    /// When a place was sought for its job for the first time.
    pub(super) first_attempt: Option<Time>,
    /// How often one was.
    pub(super) attempts: u64,
    /// How often it gave way.
    pub(super) evictions: u64,
}

impl Task {
    pub(super) fn part(&self) -> &Part {
        &self.job.parts[self.part]
    }
}

/// The cell, and all that runs on it.
#[derive(Debug)]
pub(super) struct Floor<'a> {
    pub(super) cell: Cell,
    requests: &'a Requests,
    tasks: BTreeMap<TaskNumber, Task>,
    /// By machine.
    on: Vec<BTreeSet<TaskNumber>>,
    /// What those hold that could give way, by machine and band.
    held: Vec<Vec<Amounts>>,
}

impl<'a> Floor<'a> {
    pub(super) fn new(cell: Cell, requests: &'a Requests, bands: usize) -> Self {
        let count = cell.len();
        Self {
            cell,
            requests,
            tasks: BTreeMap::new(),
            on: vec![BTreeSet::new(); count],
            held: vec![vec![Amounts::new(); bands]; count],
        }
    }

    pub(super) fn request(&self, of: &Task) -> &'a Request {
        self.requests.get(of.part().request)
    }

    pub(super) fn get(&self, task: TaskNumber) -> Option<&Task> {
        self.tasks.get(&task)
    }

    /// A task starts, where it has room; a part of a GPU comes of the one named.
    pub(super) fn enter(&mut self, task: TaskNumber, running: Task, gpu: Option<usize>) {
        let taken = self.cell.take(running.machine, self.request(&running), gpu);
        self.note(task, Task { taken, ..running });
    }

    /// A task that has left runs again, as if nothing had been.
    pub(super) fn come_back(&mut self, task: TaskNumber, running: Task) {
        self.cell.take_again(running.machine, self.request(&running), &running.taken);
        self.note(task, running);
    }

    fn note(&mut self, task: TaskNumber, running: Task) {
        let (request, machine) = (self.request(&running), running.machine as usize);
        if !running.job.gang {
            self.held[machine][usize::from(running.band)].add(&request.shape);
        }
        self.on[machine].insert(task);
        self.tasks.insert(task, running);
    }

    /// A task runs no longer.
    pub(super) fn leave(&mut self, task: TaskNumber) -> Option<Task> {
        let running = self.tasks.remove(&task)?;
        let (request, machine) = (self.request(&running), running.machine as usize);
        if !running.job.gang {
            self.held[machine][usize::from(running.band)].subtract(&request.shape);
        }
        self.on[machine].remove(&task);
        self.cell.give_back(running.machine, request, &running.taken);
        Some(running)
    }

    /// Those on a machine that may give way to a band: lower, and no part of a gang.
    pub(super) fn below(
        &self,
        machine: MachineId,
        band: u8,
    ) -> impl Iterator<Item = (TaskNumber, &Task)> {
        let on = self.on[machine as usize].iter().map(|task| (*task, &self.tasks[task]));
        on.filter(move |(_, it)| it.band < band && !it.job.gang)
    }

    /// What would be free on a machine if all that may give way to a band did.
    pub(super) fn free_above(&self, machine: MachineId, band: u8) -> Amounts {
        let mut free = self.cell.free(machine).clone();
        let lower = &self.held[machine as usize][..usize::from(band)];
        lower.iter().for_each(|held| free.add(held));
        free
    }

    /// All that runs.
    pub(super) fn all(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }
}
