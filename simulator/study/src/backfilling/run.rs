//! One run: jobs arrive, wait, run, end.

use super::{
    jobs::{Jobs, RigidJob, RigidJobs},
    plan::{BackfillingPlan, Discipline, Estimates},
    profile::Profile,
};
use crate::{
    error::RunError,
    list::Coming,
    measures::Measures,
    plan::{PlanError, Policies, Study},
    records::{Outcome, PlaceInLine, Recorder, TaskRecord},
    running::{Resource, Running, State, Waiting},
    times::Times,
};
use proto::model::ResourceName;
use simulator::engine::{Digest, Queue, Time};
use std::collections::{BTreeMap, VecDeque};

/// Shorter jobs count as so long in the bounded slowdown (Feitelson, "Metrics for parallel job
/// scheduling and their convergence", JSSPP'01).
const BOUND: Time = Time::seconds(10);

#[derive(Debug, Clone, Copy)]
enum Happening {
    Arrival,
    End(JobId),
}

/// A job by its place in the list.
type JobId = u64;

/// A job that waits.
#[derive(Debug, Clone, Copy)]
struct Queued {
    id: JobId,
    job: RigidJob,
}

#[derive(Debug)]
pub(super) struct Run<'a> {
    plan: BackfillingPlan,
    coming: Coming<'a, Jobs>,
    /// The job that arrives next.
    next: Option<RigidJob>,
    /// Why the jobs could not be read further.
    failed: Option<RunError>,
    queue: Queue<Happening>,
    /// How many have come.
    come: u64,
    waiting: VecDeque<Queued>,
    free: u64,
    /// Those that run, by when they end as far as is known.
    running: BTreeMap<(Time, JobId), RigidJob>,
    /// What was promised to the first that waits: no later start.
    promised: Option<(JobId, Time)>,
    /// When the first job of the list comes, and the last one.
    span: Option<(Time, Time)>,
    /// When counting began, if not at the start.
    from: Option<Time>,
    waits: Times,
    /// Of all whose waits are counted.
    slowdowns: f64,
    /// Processors times seconds.
    used: f64,
    too_wide: u64,
    without_time: u64,
    backfilled: u64,
    broken_promises: u64,
    digest: Digest,
    recorder: &'a mut Recorder,
}

impl Running for Run<'_> {
    fn run(&mut self, until: Option<Time>) {
        loop {
            let happening = match until {
                Some(until) => self.queue.next_before(until),
                None => self.queue.next_event(),
            };
            match happening {
                None => break,
                Some(Happening::Arrival) => self.arrive(),
                Some(Happening::End(job)) => self.end(job),
            }
            self.schedule();
        }
        let all_have_run = self.waiting.is_empty() && self.free == self.plan.processors;
        assert!(all_have_run || !self.is_over(), "all have run");
    }

    fn is_over(&self) -> bool {
        self.queue.is_empty()
    }

    fn span(&self) -> (Time, Time) {
        self.span.unwrap_or_default()
    }

    fn waiting(&self) -> Vec<Waiting> {
        vec![Waiting { queue: String::new(), count: self.waiting.len() as u64, come: self.come }]
    }

    fn state(&self) -> State {
        let milli = |processors: u64| u128::from(processors) * 1_000;
        let taken = milli(self.plan.processors - self.free);
        let cpus = Resource {
            capacity: milli(self.plan.processors),
            allocated: taken,
            used: taken,
            ..Resource::default()
        };
        State {
            at: self.queue.now(),
            resources: [(ResourceName::CPUS.to_string(), cpus)].into(),
            running: self.running.len() as u64,
            digest: self.digest.value(),
            ..State::default()
        }
    }

    /// What runs counts from now on, what waits with all its waiting.
    fn count_from(&mut self, at: Time) {
        self.from = Some(at);
        (self.waits, self.slowdowns) = (Times::default(), 0.0);
        (self.too_wide, self.backfilled, self.broken_promises) = (0, 0, 0);
        let rest = self.running.iter().map(|((end, _), job)| {
            // By its estimate it would end then; it is over earlier by as much as it runs shorter.
            let early = self.estimate(job) - job.runs;
            job.processors as f64 * (*end - early - at).as_seconds()
        });
        self.used = rest.sum();
    }

    fn may_change(&self) -> &'static [&'static str] {
        &["backfilling.discipline", "backfilling.estimates"]
    }

    /// What was promised under another discipline binds nobody.
    fn turn_to(&mut self, study: &Study, _: &Policies) -> Result<(), PlanError> {
        let Some(plan) = &study.backfilling else { return Err(PlanError::Asks(0)) };
        if plan.estimates != self.plan.estimates {
            let running = std::mem::take(&mut self.running);
            let before = self.plan.estimates;
            let again = running.into_iter().map(|((end, id), job)| {
                let start = end - before.of(&job);
                ((start + plan.estimates.of(&job), id), job)
            });
            self.running = again.collect();
        }
        if plan.discipline != self.plan.discipline || plan.estimates != self.plan.estimates {
            self.promised = None;
        }
        self.plan.clone_from(plan);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Measures, RunError> {
        let mut run = *self;
        match run.failed.take() {
            Some(problem) => Err(problem),
            None => Ok(run.measures()),
        }
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(
        plan: &BackfillingPlan,
        list: &'a RigidJobs,
        recorder: &'a mut Recorder,
    ) -> Result<Self, RunError> {
        let mut run = Self {
            plan: plan.clone(),
            coming: list.0.coming()?,
            next: None,
            failed: None,
            queue: Queue::new(),
            come: 0,
            waiting: VecDeque::new(),
            free: plan.processors,
            running: BTreeMap::new(),
            promised: None,
            span: list.0.span(),
            from: None,
            waits: Times::default(),
            slowdowns: 0.0,
            used: 0.0,
            too_wide: 0,
            without_time: list.0.reader.without_time,
            backfilled: 0,
            broken_promises: 0,
            digest: Digest::new(),
            recorder,
        };
        run.expect_arrival();
        Ok(run)
    }

    fn arrive(&mut self) {
        let job = self.next.take().expect("its arrival was asked for");
        let queued = Queued { id: self.come, job };
        self.come += 1;
        self.expect_arrival();
        if job.processors <= self.plan.processors {
            self.waiting.push_back(queued);
            return;
        }
        self.too_wide += 1;
        if self.recorder.wants_tasks() {
            let dropped = TaskRecord { outcome: Outcome::Dropped, ..queued.record() };
            self.recorder.task(&dropped);
        }
    }

    /// Only the next arrival stands in the queue.
    fn expect_arrival(&mut self) {
        match self.coming.next() {
            Ok(next) => self.next = next,
            Err(problem) => self.failed = Some(problem),
        }
        if let Some(job) = self.next {
            self.queue.at(job.at, Happening::Arrival);
        }
    }

    fn estimate(&self, job: &RigidJob) -> Time {
        self.plan.estimates.of(job)
    }

    fn end(&mut self, id: JobId) {
        let found = self.running.keys().find(|(_, running)| *running == id).copied();
        let job = found.and_then(|key| self.running.remove(&key));
        self.free += job.expect("it was running").processors;
    }

    /// Starts a job; so many waited before it, and why it may start all the same.
    fn start(&mut self, queued: Queued, before: usize, because: &'static str) {
        let now = self.queue.now();
        self.tell(queued, before, because);
        let Queued { id, job } = queued;
        let RigidJob { at, processors, runs, .. } = job;
        self.free = self.free.checked_sub(processors).expect("there is room");
        self.running.insert((now + self.estimate(&job), id), job);
        self.queue.after(runs, Happening::End(id));
        if let Some((_, latest)) = self.promised.take_if(|(promised, _)| *promised == id) {
            self.broken_promises += u64::from(now > latest);
        }
        let wait = now - at;
        let length = runs.max(BOUND).as_seconds();
        self.waits.push(wait);
        self.slowdowns += ((wait.as_seconds() + runs.as_seconds()) / length).max(1.0);
        self.used += processors as f64 * runs.as_seconds();
        self.digest.add(&[now.0, id]);
    }

    fn tell(&mut self, queued: Queued, before: usize, because: &'static str) {
        let (now, free) = (self.queue.now(), self.free);
        let Queued { id, job: RigidJob { processors, runs, .. } } = queued;
        if self.recorder.wants_tasks() {
            let record = TaskRecord {
                first_attempt: Some(now),
                placed: Some(now),
                start: Some(now),
                end: Some(now + runs),
                attempts: 1,
                outcome: Outcome::Finished,
                ..queued.record()
            };
            self.recorder.task(&record);
        }
        if self.recorder.wants_decision(id, 0) {
            let place = PlaceInLine { at_ns: now.0, job: id, processors, free, before, because };
            self.recorder.started(&place);
        }
    }

    /// Starts whoever may start now.
    fn schedule(&mut self) {
        if self.plan.discipline == Discipline::Conservative {
            return self.plan_all();
        }
        while let Some(first) = self.waiting.front().copied() {
            if first.job.processors > self.free {
                break;
            }
            self.waiting.pop_front();
            self.start(first, 0, "it is the first in line");
        }
        if self.plan.discipline == Discipline::Easy && self.free > 0 {
            self.fill_behind_first();
        }
    }

    /// The first one's start is when enough have ended; whoever is over by then, or needs what it
    /// leaves, may start now.
    fn fill_behind_first(&mut self) {
        let Some(first) = self.waiting.front().copied() else { return };
        let (first, needed) = (first.id, first.job.processors);
        let (mut free, mut start) = (self.free, self.queue.now());
        for ((end, _), job) in &self.running {
            if free >= needed {
                break;
            }
            free += job.processors;
            start = *end;
        }
        // Those that end at the same moment leave room as well.
        let later = self.running.range((start, 0)..).take_while(|((end, _), _)| *end == start);
        let all_then: u64 = later.map(|(_, job)| job.processors).sum();
        let before: u64 = self.running.range(..(start, 0)).map(|(_, job)| job.processors).sum();
        let mut spare = self.free + before + all_then - needed;
        let promise = self.promised.get_or_insert((first, start));
        if promise.0 != first {
            *promise = (first, start);
        }
        promise.1 = promise.1.min(start);
        let mut index = 1;
        while index < self.waiting.len() && self.free > 0 {
            let queued = self.waiting[index];
            let processors = queued.job.processors;
            let is_over_by_then = self.queue.now() + self.estimate(&queued.job) <= start;
            if processors > self.free || !(is_over_by_then || processors <= spare) {
                index += 1;
                continue;
            }
            if !is_over_by_then {
                spare -= processors;
            }
            self.waiting.remove(index);
            self.backfilled += 1;
            let because = match is_over_by_then {
                true => "by its estimate it is over when the first in line can start",
                false => "the first in line leaves so many when it can start",
            };
            self.start(queued, index, because);
        }
    }

    /// Everybody has a time, in the order in which they came; whose time is now starts.
    fn plan_all(&mut self) {
        let now = self.queue.now();
        let ends = self.running.iter().map(|((end, _), job)| (*end, job.processors));
        let mut profile = Profile::new(now, self.free, ends);
        let mut index = 0;
        while index < self.waiting.len() {
            let queued = self.waiting[index];
            let (processors, takes) = (queued.job.processors, self.estimate(&queued.job));
            let start = profile.earliest(processors, takes);
            profile.take(start, takes, processors);
            // What is planned for now may still wait for an end at this very moment.
            if start == now && processors <= self.free {
                self.waiting.remove(index);
                self.backfilled += u64::from(index > 0);
                self.start(queued, index, "nobody before it starts later for it");
            } else {
                index += 1;
            }
        }
    }

    fn measures(self) -> Measures {
        let end = self.queue.now().as_seconds();
        let first = self.from.or(self.span.map(|(first, _)| first));
        let began = first.map_or(0.0, Time::as_seconds);
        let mut measures = Measures { digest: self.digest.value(), ..Measures::default() };
        let jobs = self.waits.count() as f64;
        let span = (end - began).max(f64::MIN_POSITIVE);
        let numbers = [
            ("jobs", jobs),
            ("too-wide", self.too_wide as f64),
            ("without-time", self.without_time as f64),
            ("wait", self.waits.mean().unwrap_or(0.0)),
            ("wait-p90", self.waits.quantile(0.9).unwrap_or(0.0)),
            ("slowdown", self.slowdowns / jobs.max(1.0)),
            ("used", self.used / (self.plan.processors.max(1) as f64 * span)),
            ("makespan", span),
            ("backfilled", self.backfilled as f64),
            ("broken-promises", self.broken_promises as f64),
        ];
        measures.scalars.extend(numbers.map(|(name, number)| (name.to_owned(), number)));
        measures
    }
}

impl Queued {
    /// What is known of a job before it starts.
    fn record(&self) -> TaskRecord<'static> {
        TaskRecord {
            cpus_milli: self.job.processors.saturating_mul(1_000),
            ..TaskRecord::new(self.id, "job", self.job.at)
        }
    }
}

impl Estimates {
    /// For how long a job is thought to run.
    fn of(self, job: &RigidJob) -> Time {
        match self {
            Self::User => job.estimate,
            Self::Exact => job.runs,
        }
    }
}
