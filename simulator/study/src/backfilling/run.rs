//! One run: jobs arrive, wait, run, end.

use super::{
    jobs::{RigidJob, RigidJobs},
    plan::{BackfillingPlan, Discipline, Estimates},
    profile::Profile,
};
use crate::{
    error::RunError,
    measures::Measures,
    plan::{PlanError, Policies, Study},
    records::{Outcome, PlaceInLine, Recorder, TaskRecord},
    running::{Resource, Running, State, Waiting},
    statistics::quantile,
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
    End(usize),
}

#[derive(Debug)]
pub(super) struct Run<'a> {
    plan: BackfillingPlan,
    jobs: &'a [RigidJob],
    queue: Queue<Happening>,
    next: usize,
    waiting: VecDeque<usize>,
    free: u64,
    /// Those that run, by when they end as far as is known.
    running: BTreeMap<(Time, usize), u64>,
    /// What was promised to the first that waits: no later start.
    promised: Option<(usize, Time)>,
    /// When counting began, if not at the start.
    from: Option<Time>,
    waits: Vec<f64>,
    slowdowns: Vec<f64>,
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
        let at = |job: Option<&RigidJob>| job.map_or(Time::ZERO, |job| job.at);
        (at(self.jobs.first()), at(self.jobs.last()))
    }

    fn waiting(&self) -> Vec<Waiting> {
        vec![Waiting {
            queue: String::new(),
            count: self.waiting.len() as u64,
            come: self.next as u64,
        }]
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
        self.waits.clear();
        self.slowdowns.clear();
        (self.too_wide, self.backfilled, self.broken_promises) = (0, 0, 0);
        let rest = self.running.iter().map(|((end, job), processors)| {
            // By its estimate it would end then; it is over earlier by as much as it runs shorter.
            let early = self.estimate(*job) - self.jobs[*job].runs;
            *processors as f64 * (*end - early - at).as_seconds()
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
            let estimate = |of: Estimates, job: usize| match of {
                Estimates::User => self.jobs[job].estimate,
                Estimates::Exact => self.jobs[job].runs,
            };
            let again = running.into_iter().map(|((end, job), processors)| {
                let start = end - estimate(before, job);
                ((start + estimate(plan.estimates, job), job), processors)
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
        Ok(self.measures())
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(
        plan: &BackfillingPlan,
        list: &'a RigidJobs,
        recorder: &'a mut Recorder,
    ) -> Self {
        let mut run = Self {
            plan: plan.clone(),
            jobs: &list.jobs,
            queue: Queue::new(),
            next: 0,
            waiting: VecDeque::new(),
            free: plan.processors,
            running: BTreeMap::new(),
            promised: None,
            from: None,
            waits: Vec::new(),
            slowdowns: Vec::new(),
            used: 0.0,
            too_wide: 0,
            without_time: list.without_time,
            backfilled: 0,
            broken_promises: 0,
            digest: Digest::new(),
            recorder,
        };
        run.expect_arrival();
        run
    }

    fn arrive(&mut self) {
        let job = self.next;
        self.next += 1;
        self.expect_arrival();
        if self.jobs[job].processors <= self.plan.processors {
            self.waiting.push_back(job);
            return;
        }
        self.too_wide += 1;
        if self.recorder.wants_tasks() {
            let dropped = TaskRecord { outcome: Outcome::Dropped, ..self.record(job) };
            self.recorder.task(&dropped);
        }
    }

    /// What is known of a job before it starts.
    fn record(&self, job: usize) -> TaskRecord<'static> {
        let RigidJob { at, processors, .. } = self.jobs[job];
        TaskRecord {
            cpus_milli: processors.saturating_mul(1_000),
            ..TaskRecord::new(job as u64, "job", at)
        }
    }

    fn expect_arrival(&mut self) {
        if let Some(job) = self.jobs.get(self.next) {
            self.queue.at(job.at, Happening::Arrival);
        }
    }

    fn estimate(&self, job: usize) -> Time {
        match self.plan.estimates {
            Estimates::User => self.jobs[job].estimate,
            Estimates::Exact => self.jobs[job].runs,
        }
    }

    fn end(&mut self, job: usize) {
        let found = self.running.keys().find(|(_, running)| *running == job).copied();
        let processors = found.and_then(|key| self.running.remove(&key));
        self.free += processors.expect("it was running");
    }

    /// Starts a job; so many waited before it, and why it may start all the same.
    fn start(&mut self, job: usize, before: usize, because: &'static str) {
        let now = self.queue.now();
        self.tell(job, before, because);
        let RigidJob { at, processors, runs, .. } = self.jobs[job];
        self.free = self.free.checked_sub(processors).expect("there is room");
        self.running.insert((now + self.estimate(job), job), processors);
        self.queue.after(runs, Happening::End(job));
        if let Some((_, latest)) = self.promised.take_if(|(promised, _)| *promised == job) {
            self.broken_promises += u64::from(now > latest);
        }
        let wait = (now - at).as_seconds();
        let length = runs.max(BOUND).as_seconds();
        self.waits.push(wait);
        self.slowdowns.push(((wait + runs.as_seconds()) / length).max(1.0));
        self.used += processors as f64 * runs.as_seconds();
        self.digest.add(&[now.0, job as u64]);
    }

    fn tell(&mut self, job: usize, before: usize, because: &'static str) {
        let (now, free) = (self.queue.now(), self.free);
        let RigidJob { processors, runs, .. } = self.jobs[job];
        if self.recorder.wants_tasks() {
            let record = TaskRecord {
                first_attempt: Some(now),
                placed: Some(now),
                start: Some(now),
                end: Some(now + runs),
                attempts: 1,
                outcome: Outcome::Finished,
                ..self.record(job)
            };
            self.recorder.task(&record);
        }
        if self.recorder.wants_decision(job as u64, 0) {
            let (at_ns, job) = (now.0, job as u64);
            let place = PlaceInLine { at_ns, job, processors, free, before, because };
            self.recorder.started(&place);
        }
    }

    /// Starts whoever may start now.
    fn schedule(&mut self) {
        if self.plan.discipline == Discipline::Conservative {
            return self.plan_all();
        }
        while let Some(first) = self.waiting.front().copied() {
            if self.jobs[first].processors > self.free {
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
        let needed = self.jobs[first].processors;
        let (mut free, mut start) = (self.free, self.queue.now());
        for ((end, _), processors) in &self.running {
            if free >= needed {
                break;
            }
            free += processors;
            start = *end;
        }
        // Those that end at the same moment leave room as well.
        let later = self.running.range((start, 0)..).take_while(|((end, _), _)| *end == start);
        let all_then: u64 = later.map(|(_, processors)| processors).sum();
        let before: u64 = self.running.range(..(start, 0)).map(|(_, processors)| processors).sum();
        let mut spare = self.free + before + all_then - needed;
        let promise = self.promised.get_or_insert((first, start));
        if promise.0 != first {
            *promise = (first, start);
        }
        promise.1 = promise.1.min(start);
        let mut index = 1;
        while index < self.waiting.len() && self.free > 0 {
            let job = self.waiting[index];
            let processors = self.jobs[job].processors;
            let is_over_by_then = self.queue.now() + self.estimate(job) <= start;
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
            self.start(job, index, because);
        }
    }

    /// Everybody has a time, in the order in which they came; whose time is now starts.
    fn plan_all(&mut self) {
        let now = self.queue.now();
        let ends = self.running.iter().map(|((end, _), processors)| (*end, *processors));
        let mut profile = Profile::new(now, self.free, ends);
        let mut index = 0;
        while index < self.waiting.len() {
            let job = self.waiting[index];
            let (processors, takes) = (self.jobs[job].processors, self.estimate(job));
            let start = profile.earliest(processors, takes);
            profile.take(start, takes, processors);
            // What is planned for now may still wait for an end at this very moment.
            if start == now && processors <= self.free {
                self.waiting.remove(index);
                self.backfilled += u64::from(index > 0);
                self.start(job, index, "nobody before it starts later for it");
            } else {
                index += 1;
            }
        }
    }

    fn measures(mut self) -> Measures {
        let end = self.queue.now().as_seconds();
        let first = self.from.or(self.jobs.first().map(|job| job.at));
        let began = first.map_or(0.0, Time::as_seconds);
        let mut measures = Measures { digest: self.digest.value(), ..Measures::default() };
        self.waits.sort_by(f64::total_cmp);
        let count = self.waits.len().max(1) as f64;
        let span = (end - began).max(f64::MIN_POSITIVE);
        let numbers = [
            ("jobs", self.waits.len() as f64),
            ("too-wide", self.too_wide as f64),
            ("without-time", self.without_time as f64),
            ("wait", self.waits.iter().sum::<f64>() / count),
            ("wait-p90", quantile(&self.waits, 0.9).unwrap_or(0.0)),
            ("slowdown", self.slowdowns.iter().sum::<f64>() / count),
            ("used", self.used / (self.plan.processors.max(1) as f64 * span)),
            ("makespan", span),
            ("backfilled", self.backfilled as f64),
            ("broken-promises", self.broken_promises as f64),
        ];
        measures.scalars.extend(numbers.map(|(name, number)| (name.to_owned(), number)));
        measures
    }
}
