//! Jobs of independent tasks: what arrives, how long each task runs, and how far each job has come.

use super::plan::TaskTimes;
use crate::{
    error::RunError,
    limits::{PROBED_TASKS_MAX, within},
    list::{Coming, List, Reader},
    plan::Input,
};
use simulator::engine::Time;
use std::path::Path;
use traces::{
    Arrivals,
    chance::Chance,
    generate::{Distribution, Sampler},
};

/// A job by its place in the list.
pub(super) type JobId = u32;

/// Parts of one in which a load is said.
pub(super) const MILLION: u128 = 1_000_000;

/// A list of jobs, by when they arrive.
#[derive(Debug, Clone)]
pub struct ProbedJobs(List<Jobs>);

/// Makes jobs of arrivals, and adds them up.
#[derive(Debug, Clone, Default)]
struct Jobs {
    /// Tasks of all jobs.
    tasks: u64,
    /// Nanoseconds of all tasks, as they are listed.
    work: u128,
    /// Tasks of the job that has most.
    widest: u32,
    /// Jobs of which nobody knows how long they ran; they are left out.
    without_time: u64,
}

/// Jobs as they come to one run, at the load that it wants.
#[derive(Debug)]
pub(super) struct JobsToCome<'a> {
    coming: Coming<'a, Jobs>,
    scale: Option<Scale>,
}

/// Times of arrival in so much more or less time.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// When the first job comes; it is the beginning then.
    first: Time,
    span: u128,
    becomes: u128,
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
    /// A list that runs read as jobs come, where that is possible.
    ///
    /// # Errors
    /// When the file cannot be read, holds machines, or has too many tasks.
    pub fn open(data: &Path, input: &Input, seed: u64) -> Result<Self, RunError> {
        List::open(data, input, seed, Jobs::default()).map(Self)
    }

    /// These jobs.
    #[cfg(test)]
    pub(super) fn of(jobs: &[ProbedJob]) -> Self {
        let mut reader = Jobs::default();
        jobs.iter().for_each(|job| reader.add(job));
        Self(List::of(jobs.to_vec(), reader))
    }

    /// Whether its jobs are in memory.
    pub fn is_held(&self) -> bool {
        self.0.is_held()
    }

    /// How many jobs there are.
    pub(super) fn count(&self) -> u64 {
        self.0.count()
    }

    /// Tasks of the job that has most.
    pub(super) fn widest(&self) -> u32 {
        self.0.reader.widest
    }

    /// Of all jobs.
    pub(super) fn tasks(&self) -> u64 {
        self.0.reader.tasks
    }

    /// Jobs of which nobody knows how long they ran; they are left out.
    pub(super) fn without_time(&self) -> u64 {
        self.0.reader.without_time
    }

    /// The jobs for a run, in so much more or less time that they are this load, in millionths, for
    /// so many workers; as they are when all arrive at once, or nothing is said.
    ///
    /// # Errors
    /// When they cannot be read again.
    pub(super) fn coming(
        &self,
        workers: u32,
        load: Option<u64>,
    ) -> Result<JobsToCome<'_>, RunError> {
        let scale = load.and_then(|millionths| self.scale(workers, millionths));
        Ok(JobsToCome { coming: self.0.coming()?, scale })
    }

    /// When the first job comes to such a run, and the last one.
    pub(super) fn span(&self, workers: u32, load: Option<u64>) -> (Time, Time) {
        let (first, last) = self.0.span().unwrap_or_default();
        match load.and_then(|millionths| self.scale(workers, millionths)) {
            Some(scale) => (scale.of(first), scale.of(last)),
            None => (first, last),
        }
    }

    /// The part of so many workers' time that the work is, while jobs arrive.
    pub(super) fn load(&self, workers: u32, load: Option<u64>) -> f64 {
        let (first, last) = self.span(workers, load);
        let capacity = u128::from((last - first).0) * u128::from(workers);
        if capacity == 0 { 0.0 } else { self.0.reader.work as f64 / capacity as f64 }
    }

    fn scale(&self, workers: u32, millionths: u64) -> Option<Scale> {
        let (first, last) = self.0.span()?;
        let span = u128::from((last - first).0);
        let divisor = u128::from(workers) * u128::from(millionths);
        let work = self.0.reader.work.saturating_mul(MILLION);
        // What would be longer than all of time ends with it.
        let becomes = work.checked_div(divisor)?.min(u128::from(u64::MAX / 2));
        (span > 0).then_some(Scale { first, span, becomes })
    }
}

impl Scale {
    fn of(self, at: Time) -> Time {
        let scaled = u128::from((at - self.first).0) * self.becomes / self.span;
        Time(u64::try_from(scaled).unwrap_or(u64::MAX))
    }
}

impl JobsToCome<'_> {
    /// The next job.
    ///
    /// # Errors
    /// When it cannot be read again.
    pub(super) fn next(&mut self) -> Result<Option<ProbedJob>, RunError> {
        let job = self.coming.next()?;
        let scaled = |job: ProbedJob| match self.scale {
            Some(scale) => ProbedJob { at: scale.of(job.at), ..job },
            None => job,
        };
        Ok(job.map(scaled))
    }
}

impl Jobs {
    fn add(&mut self, job: &ProbedJob) {
        self.tasks += u64::from(job.tasks);
        self.work += u128::from(job.tasks) * u128::from(job.estimate.0);
        self.widest = self.widest.max(job.tasks);
    }
}

impl Reader for Jobs {
    type Job = ProbedJob;

    fn again(&self) -> Self {
        Self::default()
    }

    fn next(&mut self, arrivals: &mut Arrivals) -> Result<Option<ProbedJob>, RunError> {
        for arrival in arrivals {
            let arrival = arrival?;
            let Some(duration) = arrival.duration_ns else {
                self.without_time += 1;
                continue;
            };
            let (at, tasks, estimate) = (Time(arrival.submit_ns), arrival.tasks, Time(duration));
            let job = ProbedJob { at, tasks, estimate };
            self.add(&job);
            within("probing.jobs: tasks", self.tasks, PROBED_TASKS_MAX)?;
            return Ok(Some(job));
        }
        Ok(None)
    }

    fn at(job: &ProbedJob) -> Time {
        job.at
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
        let at = |list: &ProbedJobs, load| {
            let mut coming = list.coming(5, load).unwrap();
            std::iter::from_fn(|| coming.next().unwrap()).map(|job| job.at.0).collect::<Vec<_>>()
        };
        let list = ProbedJobs::of(&[job(50, 2, 400), job(70, 1, 100), job(150, 1, 100)]);
        assert_eq!(list.0.reader.work, 1_000);
        assert_eq!((list.load(5, None), at(&list, None)), (2.0, vec![50, 70, 150]));
        let half = Some(500_000);
        assert_eq!((list.load(5, half), at(&list, half)), (0.5, vec![0, 80, 400]));
        // One arrival has no rate.
        let one = ProbedJobs::of(&[job(50, 2, 400)]);
        assert_eq!((one.load(5, half), at(&one, half)), (0.0, vec![50]));
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
