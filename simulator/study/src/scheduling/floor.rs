//! What runs where: the cell with its free room, and beside it which tasks hold what of each
//! machine, and how much of that is held by bands that may have to give way. It starts and ends
//! tasks where it is told to; whether that is right it does not know.

use super::work::{Job, Part, Work};
use crate::cell::{Cell, MachineId, Request, Taken};
use master_core::allocator::Amounts;
use simulator::engine::Time;
use std::collections::{BTreeMap, BTreeSet};

/// A task by the number of its start: one that starts again is another one.
pub(super) type TaskNumber = u64;

/// A task that runs.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// By its place in the list.
    pub(super) job: usize,
    /// By its place in the job.
    pub(super) part: usize,
    pub(super) band: u8,
    pub(super) machine: MachineId,
    pub(super) taken: Taken,
    pub(super) since: Time,
}

/// The cell, and all that runs on it.
#[derive(Debug)]
pub(super) struct Floor<'a> {
    pub(super) cell: Cell,
    work: &'a Work,
    tasks: BTreeMap<TaskNumber, Task>,
    /// By machine.
    on: Vec<BTreeSet<TaskNumber>>,
    /// What those hold that could give way, by machine and band.
    held: Vec<Vec<Amounts>>,
}

impl<'a> Floor<'a> {
    pub(super) fn new(work: &'a Work, bands: usize) -> Self {
        let cell = work.cell().clone();
        let count = cell.len();
        Self {
            cell,
            work,
            tasks: BTreeMap::new(),
            on: vec![BTreeSet::new(); count],
            held: vec![vec![Amounts::new(); bands]; count],
        }
    }

    pub(super) fn job(&self, of: &Task) -> &'a Job {
        &self.work.jobs[of.job]
    }

    pub(super) fn part(&self, of: &Task) -> &'a Part {
        &self.work.jobs[of.job].parts[of.part]
    }

    pub(super) fn request(&self, of: &Task) -> &'a Request {
        self.work.requests.get(self.part(of).request)
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
        if !self.job(&running).gang {
            self.held[machine][usize::from(running.band)].add(&request.shape);
        }
        self.on[machine].insert(task);
        self.tasks.insert(task, running);
    }

    /// A task runs no longer.
    pub(super) fn leave(&mut self, task: TaskNumber) -> Option<Task> {
        let running = self.tasks.remove(&task)?;
        let (request, machine) = (self.request(&running), running.machine as usize);
        if !self.job(&running).gang {
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
        on.filter(move |(_, it)| it.band < band && !self.job(it).gang)
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
