//! What is told of tasks on request, and how things stand: everything that only lookers-on need.

use super::{
    jobs::{Job, Listed},
    world::{Batch, History, JobId, Reserved, World},
};
use crate::{
    cell::{MachineId, Taken},
    records::{Outcome, TaskRecord},
    running::{State, Waiting},
};
use master_core::allocator::Amounts;
use proto::model::ResourceName;
use simulator::engine::Time;
use std::collections::BTreeSet;
use traces::model::Class;

/// Classes by their names in files.
const CLASSES: [(Class, &str); 2] = [(Class::Batch, "batch"), (Class::Service, "service")];

fn name(class: Class) -> &'static str {
    CLASSES[class as usize].1
}

impl<E> World<'_, E> {
    /// Tasks of a job have places; they run from a moment on, or do not run yet.
    pub(super) fn record(
        &mut self,
        listed: &Listed,
        history: &History,
        places: &[(MachineId, Taken)],
        start: Option<Time>,
    ) {
        let end = start.zip(listed.duration).map(|(start, duration)| start + duration);
        let end = end.filter(|end| *end < self.until);
        let shape = &self.coming.reader.requests.get(listed.request).shape;
        let outcome = match (start, end) {
            (None, _) => Outcome::Placed,
            (_, None) => Outcome::Running,
            (_, Some(_)) => Outcome::Finished,
        };
        let mut record = TaskRecord {
            first_attempt: history.first_attempt,
            placed: Some(history.placed),
            start,
            end,
            attempts: history.attempts.into(),
            conflicts: history.conflicts.into(),
            outcome,
            ..TaskRecord::new(listed.number.into(), name(listed.class), listed.at).asking(shape)
        };
        for ((machine, _), task) in places.iter().zip(history.task..) {
            record.machine = Some(*machine);
            record.task = task.into();
            self.recorder.task(&record);
        }
    }

    /// Those of a job's tasks that have no place, and will not have one.
    pub(super) fn record_without_place(&mut self, job: &Job, outcome: Outcome) {
        if !self.recorder.wants_tasks() {
            return;
        }
        let listed = &job.listed;
        let shape = &self.coming.reader.requests.get(listed.request).shape;
        let mut record = TaskRecord {
            first_attempt: job.first_attempt,
            attempts: job.attempts.into(),
            conflicts: job.conflicts.into(),
            outcome,
            ..TaskRecord::new(listed.number.into(), name(listed.class), listed.at).asking(shape)
        };
        for task in listed.tasks - job.waiting..listed.tasks {
            record.task = task.into();
            self.recorder.task(&record);
        }
    }

    /// Tasks that are placed, but do not run at the end.
    pub(super) fn record_reserved(&mut self, reserved: &Reserved) {
        let Reserved { batch, history } = reserved;
        self.record(&batch.listed, history, &batch.places, None);
    }

    /// Jobs that are not done with at the end.
    pub(super) fn record_rest(&mut self) {
        let free: BTreeSet<JobId> = self.jobs_free.iter().copied().collect();
        for id in (0..).take(self.jobs.len()).filter(|id| !free.contains(id)) {
            let job = self.jobs[id as usize];
            self.record_without_place(&job, Outcome::Waiting);
        }
    }

    /// Jobs in queues, by class.
    pub(super) fn in_queues(&self) -> Vec<Waiting> {
        let of = |(class, queue): (Class, &str)| Waiting {
            queue: queue.to_owned(),
            count: self.queued[class as usize],
            come: self.come[class as usize],
        };
        CLASSES.map(of).into()
    }

    /// From the start to the last job that comes in time.
    pub(super) fn span(&self) -> (Time, Time) {
        (Time::ZERO, self.until)
    }

    /// How things stand; what runs is what was begun, what is taken and does not run is held.
    pub(super) fn state(&self) -> State {
        let mut state = State::of(&self.cell, &self.coming.reader.requests, &self.smallest);
        let mut by_class = [Amounts::new(), Amounts::new()];
        for Batch { listed, places } in self.running.iter().flatten() {
            let shape = &self.coming.reader.requests.get(listed.request).shape;
            let count = u32::try_from(places.len()).expect("not more than a job has");
            by_class[listed.class as usize].add_times(shape, count);
            state.running += u64::from(count);
        }
        let mut used = by_class[0].clone();
        used.add(&by_class[1]);
        for (name, resource) in &mut state.resources {
            let used = ResourceName::new(name).map_or(0, |name| used.get(&name));
            resource.held = resource.allocated.saturating_sub(used);
            resource.allocated = used;
            resource.used = used;
        }
        let shares = CLASSES
            .map(|(class, name)| (name.to_owned(), state.dominant(&by_class[class as usize])));
        state.shares = shares.into();
        state.at = self.queue.now();
        state.digest = self.results.digest();
        state
    }
}
