//! `[probing]` of a study.

use super::{
    jobs::{Durations, JobsToCome, MILLION, ProbedJobs},
    omniscient,
    results::{Account, Results, Told},
    run::Run,
    worker::WorkerId,
    world::World,
};
use crate::{
    error::RunError,
    limits::{MACHINES_MAX, PROBES_MAX, within},
    measures::Measures,
    plan::{Input, PlanError},
    records::Recorder,
    running::Running,
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
    /// Whether one can look at a run before it is over: not where jobs are reckoned one by one.
    pub fn has_a_middle(&self) -> bool {
        self.scheme != Scheme::Omniscient
    }

    /// One run of a study of this, in which nothing has happened yet; what becomes of the same jobs
    /// in the omniscient queue is known before.
    ///
    /// # Errors
    /// When a number is out of its range, or the jobs cannot be read again.
    pub(crate) fn begin<'a>(
        &'a self,
        seed: u64,
        list: &'a ProbedJobs,
        recorder: &'a mut Recorder,
    ) -> Result<impl Running + 'a, RunError> {
        self.check(list)?;
        let mut bound = self.results(list);
        self.one_queue(seed, list, &mut bound)?;
        let account = Account { results: self.results(list), recorder };
        let world = World::new(self, list, seed, account)?;
        Ok(Run::new(world, list, bound))
    }

    /// A run of the omniscient queue.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn at_once(
        &self,
        seed: u64,
        list: &ProbedJobs,
        recorder: &mut Recorder,
    ) -> Result<Measures, RunError> {
        self.check(list)?;
        let mut account = Account { results: self.results(list), recorder };
        let digest = self.one_queue(seed, list, &mut account)?;
        let mut measures = Measures { digest: digest.value(), ..Measures::default() };
        self.measure(&mut measures, list, &account.results, &account.results);
        Ok(measures)
    }

    fn one_queue(
        &self,
        seed: u64,
        list: &ProbedJobs,
        told: &mut dyn Told,
    ) -> Result<Digest, RunError> {
        let durations = Durations::new(self.task_times, seed);
        omniscient::run(self.coming(list)?, self.workers, durations, told)
    }

    fn results(&self, list: &ProbedJobs) -> Results {
        let skipped = u128::from(list.count()) * u128::from(millionths(self.warm_up)) / MILLION;
        Results::new(u64::try_from(skipped).unwrap_or(u64::MAX), self.cutoff())
    }

    pub(super) fn measure(
        &self,
        measures: &mut Measures,
        list: &ProbedJobs,
        results: &Results,
        bound: &Results,
    ) {
        results.measure(measures, bound);
        let load = list.load(self.workers, self.millionths_of_load());
        measures.scalars.insert("load".to_owned(), load);
        measures.scalars.insert("without-time".to_owned(), list.without_time() as f64);
    }

    /// The jobs, at this load.
    pub(super) fn coming<'a>(&self, list: &'a ProbedJobs) -> Result<JobsToCome<'a>, RunError> {
        list.coming(self.workers, self.millionths_of_load())
    }

    /// When the first of them comes, and the last one.
    pub(super) fn span(&self, list: &ProbedJobs) -> (Time, Time) {
        list.span(self.workers, self.millionths_of_load())
    }

    fn millionths_of_load(&self) -> Option<u64> {
        self.load.map(millionths)
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
