//! Jobs of independent tasks: what arrives, how long each task runs, and how far each job has come.

use super::plan::TaskTimes;
use crate::{
    error::RunError,
    limits::{PROBED_TASKS_MAX, within},
    plan::Input,
};
use simulator::engine::Time;
use std::path::Path;
use traces::{
    chance::Chance,
    generate::{Distribution, Sampler},
    model::Names,
};

/// A job by its place in the list.
pub(super) type JobId = u32;

/// Parts of one in which a load is said.
pub(super) const MILLION: u128 = 1_000_000;

/// A list of jobs, by when they arrive.
#[derive(Debug, Clone, Default)]
pub struct ProbedJobs {
    pub(super) jobs: Vec<ProbedJob>,
    /// Jobs of which nobody knows how long they ran; they are left out.
    pub(super) without_time: u64,
}

/// A job of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProbedJob {
    pub(super) at: Time,
    pub(super) tasks: u32,
    /// Of a task, in the mean: what a scheduler is told.
    pub(super) estimate: Time,
}

/// How long tasks run: drawn in the order in which jobs arrive, so that every scheme meets the same
/// work.
#[derive(Debug)]
pub(super) struct Durations {
    times: TaskTimes,
    chance: Chance,
}

impl ProbedJobs {
    /// Reads a list.
    ///
    /// # Errors
    /// When the file cannot be read, holds machines, or has too many tasks.
    pub fn read(data: &Path, input: &Input, seed: u64) -> Result<Self, RunError> {
        let (mut list, mut tasks) = (Self::default(), 0);
        for arrival in input.arrivals(data, seed, Names::new())? {
            let arrival = arrival?;
            let Some(duration) = arrival.duration_ns else {
                list.without_time += 1;
                continue;
            };
            tasks += u64::from(arrival.tasks);
            within("probing.jobs: tasks", tasks, PROBED_TASKS_MAX)?;
            list.jobs.push(ProbedJob {
                at: Time(arrival.submit_ns),
                tasks: arrival.tasks,
                estimate: Time(duration),
            });
        }
        list.jobs.sort_by_key(|job| job.at);
        Ok(list)
    }

    /// Tasks of the job that has most.
    pub(super) fn widest(&self) -> u32 {
        self.jobs.iter().map(|job| job.tasks).max().unwrap_or(0)
    }

    /// Of all jobs.
    pub(super) fn tasks(&self) -> u64 {
        self.jobs.iter().map(|job| u64::from(job.tasks)).sum()
    }

    /// Nanoseconds of all tasks, as they are listed.
    pub(super) fn work(&self) -> u128 {
        self.jobs.iter().map(|job| u128::from(job.tasks) * u128::from(job.estimate.0)).sum()
    }

    /// From the first to the last arrival.
    fn span(&self) -> Time {
        match (self.jobs.first(), self.jobs.last()) {
            (Some(first), Some(last)) => last.at - first.at,
            _ => Time::ZERO,
        }
    }

    /// The part of so many workers' time that the work is, while jobs arrive.
    pub(super) fn load(&self, workers: u32) -> f64 {
        let capacity = u128::from(self.span().0) * u128::from(workers);
        if capacity == 0 { 0.0 } else { self.work() as f64 / capacity as f64 }
    }

    /// The same jobs in so much more or less time that they are this load, in millionths, for so
    /// many workers; as they are when all arrive at once.
    pub(super) fn with_load(&self, workers: u32, millionths: u64) -> Self {
        let mut list = self.clone();
        let (span, work) = (u128::from(self.span().0), self.work());
        let divisor = u128::from(workers) * u128::from(millionths);
        if span == 0 || divisor == 0 {
            return list;
        }
        // What would be longer than all of time ends with it.
        let target = (work.saturating_mul(MILLION) / divisor).min(u128::from(u64::MAX / 2));
        let first = list.jobs.first().map_or(Time::ZERO, |job| job.at);
        for job in &mut list.jobs {
            let scaled = u128::from((job.at - first).0) * target / span;
            job.at = Time(u64::try_from(scaled).unwrap_or(u64::MAX));
        }
        list
    }
}

impl Durations {
    pub(super) fn new(times: TaskTimes, seed: u64) -> Self {
        Self { times, chance: Chance::new(seed, "probing/durations") }
    }

    /// Of each task of the job that arrives next.
    pub(super) fn draw(&mut self, job: &ProbedJob) -> Vec<Time> {
        let mean = job.estimate.0.max(1);
        let sampler = match self.times {
            TaskTimes::Alike => None,
            TaskTimes::Exponential => Sampler::new(&Distribution::Exponential { mean }).ok(),
        };
        let mut one = || match &sampler {
            None => job.estimate,
            Some(sampler) => Time(sampler.draw(&mut self.chance)),
        };
        (0..job.tasks).map(|_| one()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_what_it_is_scaled_to() {
        let job = |at, tasks, estimate| ProbedJob { at: Time(at), tasks, estimate: Time(estimate) };
        let jobs = vec![job(50, 2, 400), job(70, 1, 100), job(150, 1, 100)];
        let list = ProbedJobs { jobs, without_time: 0 };
        assert_eq!(list.work(), 1_000);
        assert_eq!(list.load(5), 2.0);
        let scaled = list.with_load(5, 500_000);
        let at: Vec<u64> = scaled.jobs.iter().map(|job| job.at.0).collect();
        assert_eq!((at, scaled.load(5)), (vec![0, 80, 400], 0.5));
        // One arrival has no rate.
        let one = ProbedJobs { jobs: vec![job(50, 2, 400)], without_time: 0 };
        assert_eq!(one.with_load(5, 500_000).jobs, one.jobs);
    }

    #[test]
    fn durations_are_the_same_for_everybody() {
        let job = ProbedJob { at: Time(0), tasks: 1_000, estimate: Time(1_000_000) };
        let draw = |seed| Durations::new(TaskTimes::Exponential, seed).draw(&job);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let mean = draw(1).iter().map(|time| time.0).sum::<u64>() / 1_000;
        assert!((900_000..1_100_000).contains(&mean), "{mean}");
        assert_eq!(Durations::new(TaskTimes::Alike, 1).draw(&job)[7], Time(1_000_000));
    }
}
