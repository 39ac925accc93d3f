//! What all architectures share: the cell, the jobs, what runs, and time.

use super::{
    jobs::{Job, Listed},
    list::{JobList, Jobs},
    plan::QueueingPlan,
    results::Results,
};
use crate::{
    cell::{Cell, Choice, Finder, MachineId, RequestId, Taken, Tie},
    error::RunError,
    list::Coming,
    measures::Measures,
    plan::{PlanError, Policies, Study},
    records::{Outcome, Recorder, Sought},
    running::Smallest,
};
use master_core::allocator::Amounts;
use proto::model::ResourceName;
use simulator::engine::{Queue, Time};
use std::collections::VecDeque;
use traces::model::Class;

/// How long a job waits before it comes back to a queue when it was not wholly placed.
pub(super) const AGAIN: Time = Time::seconds(1);

/// A job by its number among those that are not done with.
pub(super) type JobId = u32;

/// Something that happens in every architecture.
#[derive(Debug, Clone, Copy)]
pub(super) enum Happening<E> {
    /// The next job of the list arrives.
    Arrival,
    /// A job comes back to its queue.
    Again(JobId),
    /// Tasks that were placed together end.
    End(u32),
    /// Something of the architecture's own.
    Own(E),
}

/// Tasks of one job that began at one moment.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) listed: Listed,
    pub(super) places: Vec<(MachineId, Taken)>,
}

/// Room for tasks of one job, taken at one moment.
#[derive(Debug)]
pub(super) struct Reserved {
    pub(super) batch: Batch,
    pub(super) history: History,
}

/// How the job had come so far when room was taken for tasks of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct History {
    pub(super) placed: Time,
    pub(super) first_attempt: Option<Time>,
    pub(super) attempts: u32,
    pub(super) conflicts: u32,
    /// The first of the tasks.
    pub(super) task: u32,
}

/// The world of a run; `E` are an architecture's own events.
#[derive(Debug)]
pub(super) struct World<'a, E> {
    pub(super) queue: Queue<Happening<E>>,
    pub(super) cell: Cell,
    pub(super) results: Results,
    /// When it ends.
    pub(super) until: Time,
    pub(super) recorder: &'a mut Recorder,
    finder: Finder,
    pub(super) smallest: Smallest,
    /// What comes, and all that it asks for.
    pub(super) coming: Coming<'a, Jobs>,
    /// The job that arrives next.
    next: Option<Listed>,
    /// Why the jobs could not be read further; nothing happens any more.
    failed: Option<RunError>,
    pub(super) jobs: Vec<Job>,
    pub(super) jobs_free: Vec<JobId>,
    pub(super) running: Vec<Option<Batch>>,
    running_free: Vec<u32>,
    /// Cores in use, in thousandths, by class.
    used: [u128; 2],
    /// Jobs in queues, by class.
    pub(super) queued: [u64; 2],
    /// Jobs that have arrived, by class.
    pub(super) come: [u64; 2],
}

impl Reserved {
    /// For how many tasks.
    pub(super) fn count(&self) -> usize {
        self.batch.places.len()
    }
}

impl<'a, E> World<'a, E> {
    pub(super) fn new(
        cell: Cell,
        finder: Finder,
        list: &'a JobList,
        until: Time,
        recorder: &'a mut Recorder,
    ) -> Result<Self, RunError> {
        let results = Results::new(cell.capacity(&ResourceName::CPUS));
        let mut world = Self {
            queue: Queue::new(),
            cell,
            results,
            until,
            recorder,
            finder,
            smallest: Smallest::default(),
            coming: list.0.coming()?,
            next: None,
            failed: None,
            jobs: Vec::new(),
            jobs_free: Vec::new(),
            running: Vec::new(),
            running_free: Vec::new(),
            used: [0; 2],
            queued: [0; 2],
            come: [0; 2],
        };
        world.expect_arrival();
        Ok(world)
    }

    /// Only the next arrival stands in the queue.
    fn expect_arrival(&mut self) {
        match self.coming.next() {
            Ok(next) => self.next = next,
            Err(problem) => self.failed = Some(problem),
        }
        if let Some(next) = &self.next {
            self.queue.at(next.at, Happening::Arrival);
        }
    }

    /// The job that arrives now.
    pub(super) fn arrive(&mut self) -> JobId {
        let listed = self.next.take().expect("its arrival was asked for");
        self.expect_arrival();
        self.come[listed.class as usize] += 1;
        let job = Job::new(listed);
        match self.jobs_free.pop() {
            Some(id) => {
                self.jobs[id as usize] = job;
                id
            }
            None => {
                self.jobs.push(job);
                u32::try_from(self.jobs.len() - 1).expect("jobs are numbered")
            }
        }
    }

    pub(super) fn job(&self, id: JobId) -> &Job {
        &self.jobs[id as usize]
    }

    /// A job is in a queue from now on.
    pub(super) fn is_queued(&mut self, id: JobId) {
        let job = &mut self.jobs[id as usize];
        job.queued_at = self.queue.now();
        self.queued[job.listed.class as usize] += 1;
    }

    /// A job leaves its queue: somebody decides about it.
    pub(super) fn leaves_queue(&mut self, id: JobId) {
        let now = self.queue.now();
        let job = &mut self.jobs[id as usize];
        job.queued_for += now - job.queued_at;
        self.queued[job.listed.class as usize] -= 1;
        if job.attempts == 0 {
            job.first_attempt = Some(now);
            let (class, waited) = (job.listed.class, job.queued_for);
            self.results.of(class).waits.push(waited);
        }
    }

    /// Where tasks of a job would go now, so many at most; nothing is taken.
    pub(super) fn choose(&mut self, id: JobId, most: u32, into: &mut Vec<Choice>) {
        into.clear();
        let number = self.jobs[id as usize].listed.request;
        let mut tried = Vec::new();
        for task in 0..most {
            let attempt = self.jobs[id as usize].attempts + 1;
            let Some(choice) = self.best(id, task, attempt) else { break };
            let request = self.coming.reader.requests.get(number);
            tried.push(self.cell.take(choice.machine, request, choice.gpu));
            into.push(choice);
        }
        let request = self.coming.reader.requests.get(number);
        for (choice, taken) in into.iter().zip(&tried) {
            self.cell.give_back(choice.machine, request, taken);
        }
    }

    /// Room for tasks of a job, so many at most, where the policy wants them now. They wait no
    /// longer, but do not run before [`Self::begin`].
    pub(super) fn reserve(&mut self, id: JobId, most: u32) -> Reserved {
        let listed = self.jobs[id as usize].listed;
        let mut places = Vec::new();
        for task in 0..most {
            let attempt = self.jobs[id as usize].attempts;
            let Some(choice) = self.best(id, task, attempt) else { break };
            places.push(self.take(listed.request, choice));
        }
        self.reserved(id, listed, places)
    }

    /// Room for tasks of a job in places that were chosen before and have room.
    pub(super) fn reserve_chosen(&mut self, id: JobId, choices: &[Choice]) -> Reserved {
        let listed = self.jobs[id as usize].listed;
        let places = choices.iter().map(|choice| self.take(listed.request, *choice)).collect();
        self.reserved(id, listed, places)
    }

    /// Where a task of a job goes: by its number among those that have no place yet, in an attempt
    /// by its number from 1.
    fn best(&mut self, id: JobId, task: u32, attempt: u32) -> Option<Choice> {
        let job = &self.jobs[id as usize];
        let number = job.listed.tasks - job.waiting + task;
        let sought = Sought {
            at: self.queue.now(),
            job: job.listed.number.into(),
            task: number.into(),
            attempt: attempt.into(),
        };
        let (finder, cell) = (&mut self.finder, &self.cell);
        self.recorder.decide(sought, finder, cell, &self.coming.reader.requests, job.listed.request)
    }

    fn take(&mut self, request: RequestId, choice: Choice) -> (MachineId, Taken) {
        let request = self.coming.reader.requests.get(request);
        (choice.machine, self.cell.take(choice.machine, request, choice.gpu))
    }

    fn reserved(&mut self, id: JobId, listed: Listed, places: Vec<(MachineId, Taken)>) -> Reserved {
        let count = u32::try_from(places.len()).expect("not more than are waiting");
        let job = &mut self.jobs[id as usize];
        let history = History {
            placed: self.queue.now(),
            first_attempt: job.first_attempt,
            attempts: job.attempts,
            conflicts: job.conflicts,
            task: listed.tasks - job.waiting,
        };
        job.waiting -= count;
        Reserved { batch: Batch { listed, places }, history }
    }

    /// Tasks begin in the room that is reserved for them.
    pub(super) fn begin(&mut self, reserved: Reserved) {
        let Reserved { batch, history } = reserved;
        let Batch { listed, places } = &batch;
        if places.is_empty() {
            return;
        }
        let (listed, now) = (*listed, self.queue.now());
        if self.recorder.wants_tasks() {
            self.record(&listed, &history, places, Some(now));
        }
        self.results.happens(now, listed.request, places);
        self.uses(listed.class, listed.request, places.len(), true);
        let number = match self.running_free.pop() {
            Some(number) => {
                self.running[number as usize] = Some(batch);
                number
            }
            None => {
                self.running.push(Some(batch));
                u32::try_from(self.running.len() - 1).expect("batches are numbered")
            }
        };
        if let Some(duration) = listed.duration {
            self.queue.after(duration, Happening::End(number));
        }
    }

    /// Tasks end; says on which machines, and what each gives back.
    pub(super) fn end(&mut self, number: u32) -> (Vec<MachineId>, Amounts) {
        let Batch { listed, places } =
            self.running[number as usize].take().expect("its end was asked for once");
        self.running_free.push(number);
        let request = self.coming.reader.requests.get(listed.request);
        for (machine, taken) in &places {
            self.cell.give_back(*machine, request, taken);
        }
        let each = request.shape.clone();
        self.uses(listed.class, listed.request, places.len(), false);
        (places.into_iter().map(|(machine, _)| machine).collect(), each)
    }

    fn uses(&mut self, class: Class, request: RequestId, count: usize, more: bool) {
        let cpus =
            self.coming.reader.requests.get(request).shape.get(&ResourceName::CPUS) * count as u128;
        let used = &mut self.used[class as usize];
        *used = if more { *used + cpus } else { *used - cpus };
        self.results.used.becomes(self.queue.now(), self.used.iter().sum());
    }

    /// Cores in use by jobs of a class, in thousandths.
    pub(super) fn used_by(&self, class: Class) -> u128 {
        self.used[class as usize]
    }

    /// An attempt of a job is over; says whether it comes back. Those that are placed or given up
    /// are gone.
    pub(super) fn attempted(&mut self, id: JobId) -> bool {
        let job = self.jobs[id as usize];
        let of = self.results.of(job.listed.class);
        if job.waiting == 0 {
            of.placed += 1;
            of.waits_full.push(job.queued_for);
        } else if job.is_hopeless() {
            of.abandoned += 1;
            self.record_without_place(&job, Outcome::Abandoned);
        } else {
            self.queue.after(AGAIN, Happening::Again(id));
            return true;
        }
        self.jobs_free.push(id);
        false
    }

    /// An attempt begins.
    pub(super) fn counts_attempt(&mut self, id: JobId) {
        self.jobs[id as usize].attempts += 1;
    }

    /// An attempt met a conflict.
    pub(super) fn counts_conflict(&mut self, id: JobId) {
        let job = &mut self.jobs[id as usize];
        job.conflicts += 1;
        self.results.of(job.listed.class).conflicts += 1;
    }

    /// Another policy or rule for ties from now on. What stays goes on where it is: one that goes
    /// by lot does not begin anew.
    pub(super) fn turn_to(
        &mut self,
        study: &Study,
        before: &mut QueueingPlan,
        policies: &Policies,
    ) -> Result<(), PlanError> {
        let Some(after) = &study.queueing else { return Err(PlanError::Asks(0)) };
        if after.policy != before.policy {
            self.finder.decide_by(after.placement(study, policies)?);
        }
        if after.tie != before.tie {
            self.finder.break_ties_by(Tie::new(after.tie, &self.cell, study.seed));
        }
        before.clone_from(after);
        Ok(())
    }

    /// Whether nothing more happens before the end.
    pub(super) fn is_over(&self) -> bool {
        self.failed.is_some() || self.queue.next_at().is_none_or(|next| next >= self.until)
    }

    /// The next event, before the end and before a moment that somebody waits for.
    pub(super) fn next_before(&mut self, until: Option<Time>) -> Option<Happening<E>> {
        if self.failed.is_some() {
            return None;
        }
        let until = until.map_or(self.until, |until| until.min(self.until));
        let happening = self.queue.next_before(until)?;
        self.results.events += 1;
        Some(happening)
    }

    /// The end: what is in queues stays there.
    ///
    /// # Errors
    /// When not all jobs could be read.
    pub(super) fn finish(&mut self, queues: &[&VecDeque<JobId>]) -> Result<Measures, RunError> {
        if let Some(problem) = self.failed.take() {
            return Err(problem);
        }
        for id in queues.iter().flat_map(|queue| queue.iter()) {
            let class = self.jobs[*id as usize].listed.class;
            self.results.of(class).left += 1;
        }
        if self.recorder.wants_tasks() {
            self.record_rest();
        }
        self.results.end(self.until);
        Ok(self.results.measures(self.until))
    }
}
