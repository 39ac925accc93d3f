//! One run: jobs arrive, messages pass between schedulers and workers, tasks run.

use super::{
    central::Central,
    jobs::{Durations, JobId, JobsToCome, ProbedJob, ProbedJobs},
    lots::Lots,
    plan::{ProbingPlan, Scheme},
    results::{Ran, TaskRan, Told},
    worker::{Doing, Entry, Task, Worker, WorkerId},
};
use crate::{error::RunError, measures::Measures};
use simulator::engine::{Digest, Queue, Time};
use std::collections::BTreeMap;

/// Something that happens.
#[derive(Debug)]
pub(super) enum Happening {
    /// The next job of the list arrives.
    Arrival,
    /// Probes of a job reach workers, which say their load.
    Probed(JobId),
    /// Tasks of a job reach the workers that were chosen for them.
    Sent(JobId),
    /// Reservations of a job reach workers.
    Reserved(JobId),
    /// A worker's question for a task reaches a job.
    Asked(JobId, WorkerId),
    /// The answer reaches the worker.
    Answered(WorkerId, Option<Task>),
    /// Workers hear that a job needs its reservations no longer.
    Cancelled(JobId),
    /// A task ends.
    Ended(WorkerId),
    /// The central scheduler hears that a task has begun, when, and for how long it is expected to
    /// run.
    HeardBegan(WorkerId, Time, Time),
    /// The central scheduler hears that a task has ended, and when.
    HeardEnded(WorkerId, Time),
    /// A worker's question for work reaches another one; how often it may still ask.
    StealAsked { thief: WorkerId, victim: WorkerId, tries: u32 },
    /// What it got.
    Stolen { thief: WorkerId, jobs: Vec<JobId>, tries: u32 },
}

/// How far a job that has arrived is.
#[derive(Debug)]
struct Job {
    listed: ProbedJob,
    /// Of tasks that have not begun; empty once all have.
    durations: Vec<Time>,
    /// Workers that were probed, or chosen for the tasks in their order.
    workers: Vec<WorkerId>,
    /// The next task that late binding gives.
    next: u32,
    /// Workers have reservations of it.
    is_reserved: bool,
    /// Reservations for which no worker has asked yet.
    reservations: usize,
    not_begun: u32,
    not_ended: u32,
    is_central: bool,
    is_cancelled: bool,
    ran: Ran,
}

/// What is counted beside jobs.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Everything that began, in order.
    pub(super) digest: Digest,
    messages: u64,
    pub(super) stolen: u64,
}

#[derive(Debug)]
pub(super) struct World<'a, T> {
    pub(super) plan: &'a ProbingPlan,
    pub(super) queue: Queue<Happening>,
    pub(super) network: Time,
    pub(super) workers: Vec<Worker>,
    pub(super) counts: Counts,
    /// Whom idle workers ask for work.
    pub(super) victims: Lots,
    pub(super) told: T,
    coming: JobsToCome<'a>,
    /// The job that arrives next.
    next: Option<ProbedJob>,
    /// Why the jobs could not be read further.
    failed: Option<RunError>,
    /// How many have come.
    come: JobId,
    /// Those of which something is still to come; of others nobody can ask anything any more.
    jobs: BTreeMap<JobId, Job>,
    durations: Durations,
    probes: Lots,
    central: Central,
    cutoff: Time,
    /// Tasks that have not begun, of all jobs that have come.
    pub(super) waiting: u64,
    pub(super) running: u64,
}

impl<'a, T: Told> World<'a, T> {
    /// All workers are idle. There is at least one.
    ///
    /// # Errors
    /// When the jobs cannot be read again.
    pub(super) fn new(
        plan: &'a ProbingPlan,
        list: &'a ProbedJobs,
        seed: u64,
        told: T,
    ) -> Result<Self, RunError> {
        let general = plan.short_partition()..plan.workers;
        let mut world = Self {
            plan,
            queue: Queue::new(),
            network: plan.network(),
            workers: (0..plan.workers).map(|_| Worker::default()).collect(),
            counts: Counts::default(),
            victims: Lots::new(general.clone(), seed, "victims"),
            told,
            coming: plan.coming(list)?,
            next: None,
            failed: None,
            come: 0,
            jobs: BTreeMap::new(),
            durations: Durations::new(plan.task_times, seed),
            probes: Lots::new(0..plan.workers, seed, "probes"),
            central: Central::new(general),
            cutoff: plan.cutoff().unwrap_or(Time(u64::MAX)),
            waiting: 0,
            running: 0,
        };
        world.expect_arrival();
        Ok(world)
    }

    /// All that happens before a moment; without one until all jobs have ended.
    pub(super) fn run_until(&mut self, until: Option<Time>) {
        loop {
            let happening = match until {
                Some(until) => self.queue.next_before(until),
                None => self.queue.next_event(),
            };
            match happening {
                Some(happening) => self.happens(happening),
                None => break,
            }
        }
        assert!(!self.queue.is_empty() || self.jobs.is_empty(), "all tasks have run");
    }

    /// Who was told what became of all jobs, and what was counted beside.
    ///
    /// # Errors
    /// When the jobs could not be read to the end.
    pub(super) fn end_of_all(mut self) -> Result<(T, Counts), RunError> {
        self.run_until(None);
        match self.failed {
            Some(problem) => Err(problem),
            None => Ok((self.told, self.counts)),
        }
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Arrival => self.arrive(),
            Happening::Probed(job) => self.choose(job),
            Happening::Sent(job) => self.receive_tasks(job),
            Happening::Reserved(job) => self.receive_reservations(job),
            Happening::Asked(job, worker) => self.give_task(job, worker),
            Happening::Answered(worker, task) => {
                self.workers[worker as usize].doing = Doing::Nothing;
                match task {
                    Some(task) => self.begin(worker, task, self.queue.now(), false),
                    None => self.turn(worker),
                }
            }
            Happening::Cancelled(id) => {
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.is_cancelled = true;
                    self.forget_if_over(id);
                }
            }
            Happening::Ended(worker) => self.end(worker),
            Happening::HeardBegan(worker, at, estimate) => {
                self.central.began(worker, at, estimate);
            }
            Happening::HeardEnded(worker, at) => self.central.ended(worker, at),
            Happening::StealAsked { thief, victim, tries } => self.give_away(thief, victim, tries),
            Happening::Stolen { thief, jobs, tries } => self.receive_stolen(thief, jobs, tries),
        }
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

    /// The next job's scheduler sends what it sends first.
    fn arrive(&mut self) {
        let listed = self.next.take().expect("its arrival was asked for");
        let id = self.come;
        self.come += 1;
        let is_central = match self.plan.scheme {
            Scheme::Central => true,
            Scheme::Hybrid => listed.estimate >= self.cutoff,
            _ => false,
        };
        let mut job = Job {
            durations: self.durations.draw(&listed),
            workers: Vec::new(),
            next: 0,
            is_reserved: false,
            reservations: 0,
            not_begun: listed.tasks,
            not_ended: listed.tasks,
            is_central,
            is_cancelled: false,
            ran: Ran::default(),
            listed,
        };
        self.waiting += u64::from(listed.tasks);
        let (tasks, ratio) = (listed.tasks as usize, self.plan.probe_ratio as usize);
        let all = self.workers.len();
        // No worker is probed twice for the same, but each task has to have one.
        let together = tasks.max((tasks * ratio).min(all));
        let sends = match (self.plan.scheme, is_central) {
            (_, true) => {
                let now = self.queue.now();
                let one = |_| self.central.assign(now, listed.estimate);
                job.workers.extend((0..tasks).map(one));
                Happening::Sent(id)
            }
            (Scheme::Random | Scheme::Omniscient, _) => {
                self.probes.draw(tasks, &mut job.workers);
                Happening::Sent(id)
            }
            (Scheme::PerTask, _) => {
                for _ in 0..tasks {
                    self.probes.draw(ratio.min(all), &mut job.workers);
                }
                Happening::Probed(id)
            }
            (Scheme::Batch, _) => {
                self.probes.draw(together, &mut job.workers);
                Happening::Probed(id)
            }
            (Scheme::LateBinding | Scheme::Central | Scheme::Hybrid, _) => {
                self.probes.draw(together, &mut job.workers);
                (job.is_reserved, job.reservations) = (true, together);
                Happening::Reserved(id)
            }
        };
        self.counts.messages += job.workers.len() as u64;
        self.jobs.insert(id, job);
        self.queue.after(self.network, sends);
        self.expect_arrival();
    }

    /// Loads are read at once, and reach the scheduler together: it chooses by what they were.
    fn choose(&mut self, id: JobId) {
        let job = self.jobs.get_mut(&id).expect("none of its tasks has begun");
        let tasks = job.durations.len();
        let probed = std::mem::take(&mut job.workers);
        self.counts.messages += probed.len() as u64;
        let load = |worker: &WorkerId| self.workers[*worker as usize].load();
        job.workers = match self.plan.scheme {
            Scheme::PerTask => {
                // Of equals the one that was drawn first.
                let each = probed.chunks((probed.len() / tasks.max(1)).max(1));
                each.filter_map(|probed| probed.iter().copied().min_by_key(load)).collect()
            }
            _ => {
                let mut probed = probed;
                probed.sort_by_cached_key(load);
                probed.truncate(tasks);
                probed
            }
        };
        self.counts.messages += tasks as u64;
        // The answers' way, and the tasks' way.
        self.queue.after(self.network.times(2), Happening::Sent(id));
    }

    fn receive_tasks(&mut self, id: JobId) {
        let came = self.queue.now();
        let job = self.jobs.get_mut(&id).expect("none of its tasks has begun");
        let is_central = job.is_central;
        for (number, worker) in (0..).zip(std::mem::take(&mut job.workers)) {
            let task = Task { job: id, number };
            self.workers[worker as usize].queue.push_back(Entry::Task { task, came, is_central });
            self.turn(worker);
        }
    }

    fn receive_reservations(&mut self, id: JobId) {
        let job = self.jobs.get_mut(&id).expect("none of its tasks has begun");
        for worker in std::mem::take(&mut job.workers) {
            self.workers[worker as usize].queue.push_back(Entry::Reservation(id));
            self.turn(worker);
        }
    }

    /// A worker that does nothing turns to what waits; an idle one looks for work elsewhere.
    pub(super) fn turn(&mut self, number: WorkerId) {
        let worker = &mut self.workers[number as usize];
        if worker.doing != Doing::Nothing {
            return;
        }
        while let Some(entry) = worker.queue.pop_front() {
            match entry {
                Entry::Task { task, came, is_central } => {
                    return self.begin(number, task, came, is_central);
                }
                Entry::Reservation(id) => {
                    let job = self.jobs.get_mut(&id).filter(|job| !job.is_cancelled);
                    let Some(job) = job else { continue };
                    job.reservations -= 1;
                    worker.doing = Doing::Asking;
                    self.counts.messages += 1;
                    return self.queue.after(self.network, Happening::Asked(id, number));
                }
            }
        }
        self.look_for_work(number, self.plan.steal_tries);
    }

    /// A job gives the worker that asks its next task, if there is one.
    fn give_task(&mut self, id: JobId, worker: WorkerId) {
        let job = self.jobs.get_mut(&id);
        let task = job.filter(|job| job.next < job.listed.tasks).map(|job| {
            job.next += 1;
            Task { job: id, number: job.next - 1 }
        });
        self.counts.messages += 1;
        self.queue.after(self.network, Happening::Answered(worker, task));
        let given_last = |job: &&Job| task.is_some() && job.next == job.listed.tasks;
        if let Some(job) = self.jobs.get(&id).filter(given_last)
            && self.plan.cancel
        {
            self.counts.messages += job.reservations as u64;
            self.queue.after(self.network, Happening::Cancelled(id));
        }
        self.forget_if_over(id);
    }

    fn begin(&mut self, worker: WorkerId, task: Task, placed: Time, is_central: bool) {
        let now = self.queue.now();
        let job = self.jobs.get_mut(&task.job).expect("a task of it has not begun");
        let (duration, estimate) = (job.durations[task.number as usize], job.listed.estimate);
        job.not_begun -= 1;
        if job.not_begun == 0 {
            job.durations = Vec::new();
            job.ran.wait = now - job.listed.at;
        }
        self.waiting -= 1;
        self.running += 1;
        let running = Doing::Running { task, placed, began: now, is_central };
        self.workers[worker as usize].doing = running;
        self.counts.digest.add(&[now.0, task.job.into(), worker.into()]);
        self.queue.after(duration, Happening::Ended(worker));
        if is_central {
            self.queue.after(self.network, Happening::HeardBegan(worker, now, estimate));
        }
    }

    fn end(&mut self, worker: WorkerId) {
        let now = self.queue.now();
        let done = std::mem::take(&mut self.workers[worker as usize].doing);
        let Doing::Running { task: Task { job: id, number }, placed, began, is_central } = done
        else {
            unreachable!("a task that ends was running")
        };
        self.running -= 1;
        let job = self.jobs.get_mut(&id).expect("a task of it ran");
        self.told.task(id, &job.listed, TaskRan { number, worker, placed, start: began, end: now });
        job.not_ended -= 1;
        if job.not_ended == 0 {
            job.ran.response = now - job.listed.at;
            self.told.job(id, &job.listed, job.ran);
            self.forget_if_over(id);
        }
        if is_central {
            self.queue.after(self.network, Happening::HeardEnded(worker, now));
        }
        self.turn(worker);
    }

    /// A job leaves memory when all its tasks have ended and no reservation of it is good for
    /// anything: workers that still have one pass over it.
    fn forget_if_over(&mut self, id: JobId) {
        let is_over = |job: &&Job| {
            let is_reserved = job.is_reserved
                && if self.plan.cancel { !job.is_cancelled } else { job.reservations > 0 };
            job.not_ended == 0 && !is_reserved
        };
        if self.jobs.get(&id).is_some_and(|job| is_over(&job)) {
            self.jobs.remove(&id);
        }
    }

    /// Whether nobody waits for what reservations of a job would give.
    pub(super) fn is_cancelled(&self, job: JobId) -> bool {
        self.jobs.get(&job).is_none_or(|job| job.is_cancelled)
    }

    /// How many jobs have come.
    pub(super) fn come(&self) -> u64 {
        self.come.into()
    }
}

impl Counts {
    /// By name: per task.
    pub(super) fn measure(&self, measures: &mut Measures, tasks: u64) {
        let each = |count: u64| count as f64 / tasks.max(1) as f64;
        measures.scalars.insert("messages".to_owned(), each(self.messages));
        measures.scalars.insert("stolen".to_owned(), each(self.stolen));
    }
}
