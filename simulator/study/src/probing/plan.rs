//! `[probing]` of a study.

use super::{
    jobs::{Durations, MILLION, ProbedJobs},
    omniscient,
    results::measure,
    worker::WorkerId,
    world::World,
};
use crate::{
    limits::{MACHINES_MAX, PROBES_MAX, within},
    measures::Measures,
    plan::{Input, PlanError},
};
use serde::Deserialize;
use simulator::engine::{Digest, Time};

/// What is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbingPlan {
    /// The jobs.
    pub jobs: Input,
    /// How many workers there are, each for one task at a time.
    pub workers: u32,
    /// Who sends which task where.
    pub scheme: Scheme,
    /// Workers that are probed for each task.
    #[serde(default = "two")]
    pub probe_ratio: u32,
    /// How long a message takes, one way.
    #[serde(default)]
    pub network_ms: f64,
    /// The part of all workers' time that jobs take while they arrive: their times of arrival are
    /// scaled until it is so. As they are when it is not said.
    pub load: Option<f64>,
    /// How long tasks of one job run.
    #[serde(default)]
    pub task_times: TaskTimes,
    /// Reservations that a job needs no longer are taken back.
    #[serde(default = "yes")]
    pub cancel: bool,
    /// A job whose tasks run for so long in the mean, or longer, is a long one.
    pub cutoff_s: Option<f64>,
    /// The part of the workers to which the central scheduler of `hybrid` sends nothing.
    #[serde(default)]
    pub short_workers: f64,
    /// How many workers an idle one asks for work in `hybrid`, one after the other.
    #[serde(default)]
    pub steal_tries: u32,
    /// The part of the jobs, the first ones, that is not measured.
    #[serde(default)]
    pub warm_up: f64,
}

fn two() -> u32 {
    2
}

fn yes() -> bool {
    true
}

/// Who sends which task where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// To workers by lot.
    Random,
    /// Each task to the least loaded of those that are probed for it.
    PerTask,
    /// All tasks of a job to the least loaded of all that are probed for it, one to each.
    Batch,
    /// To those of all that are probed whose turn comes first.
    LateBinding,
    /// To where they are expected to begin first.
    Central,
    /// Long jobs as in `central`, short ones as in `late-binding`, with a part of the workers for
    /// short ones alone, and stealing.
    Hybrid,
    /// Whoever is free takes the next one, and everything is known at once.
    Omniscient,
}

/// How long tasks of one job run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskTimes {
    /// All for as long as the job says.
    #[default]
    Alike,
    /// Each for an exponential time, whose mean is what the job says.
    Exponential,
}

impl ProbingPlan {
    /// One run of a study of this.
    ///
    /// # Errors
    /// When a number is out of its range.
    pub fn run(&self, seed: u64, list: &ProbedJobs) -> Result<Measures, PlanError> {
        self.check(list)?;
        let scaled = self.load.map(|load| list.with_load(self.workers, millionths(load)));
        let list = scaled.as_ref().unwrap_or(list);
        let durations = || Durations::new(self.task_times, seed);
        let mut digest = Digest::new();
        let bound = omniscient::run(&list.jobs, self.workers, durations(), &mut digest);
        let mut measures = Measures::default();
        let ran = match self.scheme {
            Scheme::Omniscient => bound.clone(),
            _ => {
                let (ran, counts) = World::new(self, &list.jobs, seed).run();
                digest = counts.digest.clone();
                counts.measure(&mut measures, list.tasks());
                ran
            }
        };
        measures.digest = digest.value();
        let skipped = (list.jobs.len() as u128 * u128::from(millionths(self.warm_up))) / MILLION;
        let first = usize::try_from(skipped).unwrap_or(usize::MAX).min(list.jobs.len());
        let jobs = &list.jobs[first..];
        measure(&mut measures, jobs, &ran[first..], &bound[first..], self.cutoff());
        let numbers = [
            ("jobs", jobs.len() as f64),
            ("load", list.load(self.workers)),
            ("without-time", list.without_time as f64),
        ];
        measures.scalars.extend(numbers.map(|(name, number)| (name.to_owned(), number)));
        Ok(measures)
    }

    fn check(&self, list: &ProbedJobs) -> Result<(), PlanError> {
        within("probing.workers", self.workers.into(), MACHINES_MAX)?;
        let probes = u64::from(list.widest()) * u64::from(self.probe_ratio);
        within("probing.probe_ratio × tasks of a job", probes, PROBES_MAX)?;
        let wrong = [
            ("workers", self.workers == 0, "at least one"),
            ("probe_ratio", self.probe_ratio == 0, "at least one"),
            ("load", self.load.is_some_and(|load| millionths(load) == 0), "above 0"),
            ("short_workers", !(0.0..1.0).contains(&self.short_workers), "from 0 to below 1"),
            ("warm_up", !(0.0..1.0).contains(&self.warm_up), "from 0 to below 1"),
            (
                "cutoff_s",
                self.scheme == Scheme::Hybrid && self.cutoff_s.is_none(),
                "said for `hybrid`",
            ),
        ];
        match wrong.into_iter().find(|(_, is_wrong, _)| *is_wrong) {
            None => Ok(()),
            Some((key, _, must)) => Err(PlanError::Value {
                table: format!("probing.{key}"),
                problem: format!("has to be {must}"),
            }),
        }
    }

    pub(super) fn cutoff(&self) -> Option<Time> {
        self.cutoff_s.map(|seconds| nanoseconds(seconds, 1e9))
    }

    pub(super) fn network(&self) -> Time {
        nanoseconds(self.network_ms, 1e6)
    }

    /// How many of the first workers are for short jobs alone; never all.
    pub(super) fn short_partition(&self) -> WorkerId {
        match self.scheme {
            Scheme::Hybrid => {
                let part = u128::from(self.workers) * u128::from(millionths(self.short_workers));
                u32::try_from(part / MILLION).unwrap_or(0).min(self.workers - 1)
            }
            _ => 0,
        }
    }
}

/// Whole nanoseconds, rounded; nothing for what is negative or no number.
fn nanoseconds(value: f64, each: f64) -> Time {
    // A cast of floats saturates; half of all time is as good as all of it.
    Time(((value * each).round() as u64).min(u64::MAX / 2))
}

/// Whole millionths of one, rounded.
fn millionths(part: f64) -> u64 {
    (part * 1e6).round() as u64
}
