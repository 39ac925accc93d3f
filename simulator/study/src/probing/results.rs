//! What is measured, in seconds. Response: from a job's arrival to the end of its last task, as
//! Sparrow's and Hawk's papers have it. Wait: from its arrival to the start of its last task.

use super::{
    jobs::{JobId, ProbedJob},
    worker::WorkerId,
};
use crate::{
    measures::Measures,
    records::{Outcome, Recorder, TaskRecord},
    times::Times,
};
use simulator::engine::Time;
use std::fmt;

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ran {
    /// Until its last task began.
    pub(super) wait: Time,
    /// Until its last task ended.
    pub(super) response: Time,
}

/// A task that has run.
#[derive(Debug, Clone, Copy)]
pub(super) struct TaskRan {
    /// Its place in its job.
    pub(super) number: u32,
    pub(super) worker: WorkerId,
    /// When it was bound to that one.
    pub(super) placed: Time,
    pub(super) start: Time,
    pub(super) end: Time,
}

/// Who is told what becomes of jobs.
pub(super) trait Told: fmt::Debug {
    /// Of a task, at its end.
    fn task(&mut self, _: JobId, _: &ProbedJob, _: TaskRan) {}

    /// Of a job, at its end.
    fn job(&mut self, id: JobId, job: &ProbedJob, ran: Ran);
}

/// Numbers, and a record of each task.
#[derive(Debug)]
pub(super) struct Account<'a> {
    pub(super) results: Results,
    pub(super) recorder: &'a mut Recorder,
}

/// Numbers of all jobs that are measured, as they end.
#[derive(Debug, Clone)]
pub(super) struct Results {
    /// The first job that is measured.
    first: u64,
    /// Jobs that run for so long are long ones.
    cutoff: Option<Time>,
    all: OfClass,
    short: OfClass,
    long: OfClass,
}

/// Numbers of some jobs.
#[derive(Debug, Clone, Default)]
struct OfClass {
    response: Times,
    wait: Times,
    /// Nanoseconds of their tasks, as they are listed.
    work: u128,
}

const QUANTILES: [(&str, f64); 3] = [("-p50", 0.5), ("-p90", 0.9), ("-p99", 0.99)];

impl OfClass {
    fn add(&mut self, job: &ProbedJob, ran: Ran) {
        self.response.push(ran.response);
        self.wait.push(ran.wait);
        self.work += u128::from(job.estimate.0) * u128::from(job.tasks);
    }

    /// Means and quantiles; nothing of no jobs.
    fn numbers(&self) -> impl Iterator<Item = (String, f64)> {
        [("response", &self.response), ("wait", &self.wait)].into_iter().flat_map(
            |(name, times)| {
                let mean = times.mean().map(|mean| (name.to_owned(), mean));
                let quantiles = QUANTILES.iter().filter_map(move |(end, part)| {
                    Some((format!("{name}{end}"), times.quantile(*part)?))
                });
                mean.into_iter().chain(quantiles)
            },
        )
    }
}

impl Told for Results {
    fn job(&mut self, id: JobId, job: &ProbedJob, ran: Ran) {
        if u64::from(id) < self.first {
            return;
        }
        self.all.add(job, ran);
        match self.is_short(job) {
            Some(true) => self.short.add(job, ran),
            Some(false) => self.long.add(job, ran),
            None => {}
        }
    }
}

impl Told for Account<'_> {
    fn task(&mut self, id: JobId, job: &ProbedJob, ran: TaskRan) {
        if !self.recorder.wants_tasks() {
            return;
        }
        let kind = match self.results.is_short(job) {
            None => "job",
            Some(true) => "short",
            Some(false) => "long",
        };
        self.recorder.task(&TaskRecord {
            task: ran.number.into(),
            first_attempt: Some(job.at),
            placed: Some(ran.placed),
            start: Some(ran.start),
            end: Some(ran.end),
            machine: Some(ran.worker),
            attempts: 1,
            outcome: Outcome::Finished,
            ..TaskRecord::new(id.into(), kind, job.at)
        });
    }

    fn job(&mut self, id: JobId, job: &ProbedJob, ran: Ran) {
        self.results.job(id, job, ran);
    }
}

impl Results {
    /// Of no job yet.
    pub(super) fn new(first: u64, cutoff: Option<Time>) -> Self {
        let of = OfClass::default;
        Self { first, cutoff, all: of(), short: of(), long: of() }
    }

    /// What kind of job it is; none where there is no line between them.
    fn is_short(&self, job: &ProbedJob) -> Option<bool> {
        self.cutoff.map(|cutoff| job.estimate < cutoff)
    }

    /// All jobs, and the short and long ones apart if there is a line between them; `bound` is what
    /// became of the same jobs in the omniscient queue, and every response is also given as a ratio
    /// to that.
    pub(super) fn measure(&self, measures: &mut Measures, bound: &Self) {
        let of = [("", &self.all, &bound.all)];
        let apart = [("short-", &self.short, &bound.short), ("long-", &self.long, &bound.long)];
        let apart = apart.into_iter().filter(|_| self.cutoff.is_some());
        for (class, of, bound) in of.into_iter().chain(apart) {
            for ((name, value), (_, least)) in of.numbers().zip(bound.numbers()) {
                if name.starts_with("response") && least > 0.0 {
                    measures.scalars.insert(format!("{class}{name}-ratio"), value / least);
                }
                measures.scalars.insert(format!("{class}{name}"), value);
            }
        }
        let jobs = |of: &OfClass| of.response.count() as f64;
        measures.scalars.insert("jobs".to_owned(), jobs(&self.all));
        if self.cutoff.is_some() {
            let part = |of: f64, whole: f64| if whole > 0.0 { of / whole } else { 0.0 };
            let count = part(jobs(&self.short), jobs(&self.all));
            let work = part(self.short.work as f64, self.all.work as f64);
            measures.scalars.insert("short-jobs".to_owned(), count);
            measures.scalars.insert("short-work".to_owned(), work);
        }
    }
}
