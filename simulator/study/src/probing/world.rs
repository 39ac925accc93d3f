//! One run: jobs arrive, messages pass between schedulers and workers, tasks run.

use super::{
    central::Central,
    jobs::{Durations, JobId, ProbedJob},
    lots::Lots,
    plan::{ProbingPlan, Scheme},
    results::Ran,
    worker::{Doing, Entry, Task, Worker, WorkerId},
};
use crate::measures::Measures;
use simulator::engine::{Digest, Queue, Time};

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
    /// The central scheduler hears that a task has begun, and when.
    HeardBegan(WorkerId, JobId, Time),
    /// The central scheduler hears that a task has ended, and when.
    HeardEnded(WorkerId, Time),
    /// A worker's question for work reaches another one; how often it may still ask.
    StealAsked { thief: WorkerId, victim: WorkerId, tries: u32 },
    /// What it got.
    Stolen { thief: WorkerId, jobs: Vec<JobId>, tries: u32 },
}

/// How far a job that has arrived is.
#[derive(Debug, Default)]
struct Job {
    /// Of tasks that have not begun; empty once all have.
    durations: Vec<Time>,
    /// Workers that were probed, or chosen for the tasks in their order.
    workers: Vec<WorkerId>,
    /// The next task that late binding gives.
    next: u32,
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
pub(super) struct World<'a> {
    pub(super) plan: &'a ProbingPlan,
    pub(super) queue: Queue<Happening>,
    pub(super) network: Time,
    pub(super) workers: Vec<Worker>,
    pub(super) counts: Counts,
    /// Whom idle workers ask for work.
    pub(super) victims: Lots,
    listed: &'a [ProbedJob],
    jobs: Vec<Job>,
    durations: Durations,
    probes: Lots,
    central: Central,
    cutoff: Time,
}

impl<'a> World<'a> {
    /// All workers are idle. There is at least one.
    pub(super) fn new(plan: &'a ProbingPlan, listed: &'a [ProbedJob], seed: u64) -> Self {
        let general = plan.short_partition()..plan.workers;
        Self {
            plan,
            queue: Queue::new(),
            network: plan.network(),
            workers: (0..plan.workers).map(|_| Worker::default()).collect(),
            counts: Counts::default(),
            victims: Lots::new(general.clone(), seed, "victims"),
            listed,
            jobs: Vec::new(),
            durations: Durations::new(plan.task_times, seed),
            probes: Lots::new(0..plan.workers, seed, "probes"),
            central: Central::new(general),
            cutoff: plan.cutoff().unwrap_or(Time(u64::MAX)),
        }
    }

    /// Until all jobs have ended; says what became of each, in their order.
    pub(super) fn run(mut self) -> (Vec<Ran>, Counts) {
        self.expect_arrival();
        while let Some(happening) = self.queue.next_event() {
            self.happens(happening);
        }
        assert!(self.jobs.iter().all(|job| job.not_ended == 0), "all tasks have run");
        (self.jobs.into_iter().map(|job| job.ran).collect(), self.counts)
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
                    Some(task) => self.begin(worker, task, false),
                    None => self.turn(worker),
                }
            }
            Happening::Cancelled(job) => self.jobs[job as usize].is_cancelled = true,
            Happening::Ended(worker) => self.end(worker),
            Happening::HeardBegan(worker, job, at) => {
                let estimate = self.listed[job as usize].estimate;
                self.central.began(worker, at, estimate);
            }
            Happening::HeardEnded(worker, at) => self.central.ended(worker, at),
            Happening::StealAsked { thief, victim, tries } => self.give_away(thief, victim, tries),
            Happening::Stolen { thief, jobs, tries } => self.receive_stolen(thief, jobs, tries),
        }
    }

    fn expect_arrival(&mut self) {
        if let Some(next) = self.listed.get(self.jobs.len()) {
            self.queue.at(next.at, Happening::Arrival);
        }
    }

    /// The next job's scheduler sends what it sends first.
    fn arrive(&mut self) {
        let listed = self.listed[self.jobs.len()];
        let id = JobId::try_from(self.jobs.len()).expect("tasks are bounded, and so are jobs");
        let is_central = match self.plan.scheme {
            Scheme::Central => true,
            Scheme::Hybrid => listed.estimate >= self.cutoff,
            _ => false,
        };
        let mut job = Job {
            durations: self.durations.draw(&listed),
            not_begun: listed.tasks,
            not_ended: listed.tasks,
            is_central,
            ..Job::default()
        };
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
                job.reservations = together;
                Happening::Reserved(id)
            }
        };
        self.counts.messages += job.workers.len() as u64;
        self.jobs.push(job);
        self.queue.after(self.network, sends);
        self.expect_arrival();
    }

    /// Loads are read at once, and reach the scheduler together: it chooses by what they were.
    fn choose(&mut self, id: JobId) {
        let job = &mut self.jobs[id as usize];
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
        let job = &mut self.jobs[id as usize];
        let is_central = job.is_central;
        for (number, worker) in (0..).zip(std::mem::take(&mut job.workers)) {
            let task = Task { job: id, number };
            self.workers[worker as usize].queue.push_back(Entry::Task { task, is_central });
            self.turn(worker);
        }
    }

    fn receive_reservations(&mut self, id: JobId) {
        for worker in std::mem::take(&mut self.jobs[id as usize].workers) {
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
                Entry::Task { task, is_central } => return self.begin(number, task, is_central),
                Entry::Reservation(id) => {
                    let job = &mut self.jobs[id as usize];
                    if job.is_cancelled {
                        continue;
                    }
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
        let job = &mut self.jobs[id as usize];
        let tasks = self.listed[id as usize].tasks;
        let task = (job.next < tasks).then(|| {
            job.next += 1;
            Task { job: id, number: job.next - 1 }
        });
        self.counts.messages += 1;
        self.queue.after(self.network, Happening::Answered(worker, task));
        if self.plan.cancel && task.is_some() && job.next == tasks {
            self.counts.messages += job.reservations as u64;
            self.queue.after(self.network, Happening::Cancelled(id));
        }
    }

    fn begin(&mut self, worker: WorkerId, task: Task, is_central: bool) {
        let now = self.queue.now();
        let job = &mut self.jobs[task.job as usize];
        let duration = job.durations[task.number as usize];
        job.not_begun -= 1;
        if job.not_begun == 0 {
            job.durations = Vec::new();
            job.ran.wait = now - self.listed[task.job as usize].at;
        }
        self.workers[worker as usize].doing = Doing::Running { task, is_central };
        self.counts.digest.add(&[now.0, task.job.into(), worker.into()]);
        self.queue.after(duration, Happening::Ended(worker));
        if is_central {
            self.queue.after(self.network, Happening::HeardBegan(worker, task.job, now));
        }
    }

    fn end(&mut self, worker: WorkerId) {
        let now = self.queue.now();
        let done = std::mem::take(&mut self.workers[worker as usize].doing);
        let Doing::Running { task, is_central } = done else {
            unreachable!("a task that ends was running")
        };
        let job = &mut self.jobs[task.job as usize];
        job.not_ended -= 1;
        if job.not_ended == 0 {
            job.ran.response = now - self.listed[task.job as usize].at;
        }
        if is_central {
            self.queue.after(self.network, Happening::HeardEnded(worker, now));
        }
        self.turn(worker);
    }

    pub(super) fn is_cancelled(&self, job: JobId) -> bool {
        self.jobs[job as usize].is_cancelled
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
