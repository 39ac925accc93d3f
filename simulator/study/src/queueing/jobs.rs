//! Jobs: what arrives, and how far each has come.

use super::plan::First;
use crate::{
    cell::{Request, RequestId, Requests},
    error::RunError,
    inputs::{self, ModelNumbers},
    plan::Input,
};
use simulator::engine::Time;
use std::path::Path;
use traces::model::{Class, Names};

/// Attempts after which a job of which no task was placed is given up.
const ATTEMPTS_WITHOUT_A_TASK: u32 = 100;
/// Attempts after which every job is given up.
const ATTEMPTS_MAX: u32 = 1_000;

/// All jobs of a list, by when they arrive.
#[derive(Debug, Clone, Default)]
pub struct JobList {
    pub(super) requests: Requests,
    pub(super) jobs: Vec<Listed>,
}

/// A job of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    /// Its place in the list.
    pub(super) number: u32,
    pub(crate) at: Time,
    pub(crate) class: Class,
    pub(crate) request: RequestId,
    pub(crate) tasks: u32,
    /// Of each task; none for those that never end.
    pub(crate) duration: Option<Time>,
}

/// A job that has arrived and is not done with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) listed: Listed,
    /// Tasks that are not placed yet.
    pub(super) waiting: u32,
    pub(super) attempts: u32,
    /// Attempts that met a conflict.
    pub(super) conflicts: u32,
    /// When the first one began.
    pub(super) first_attempt: Option<Time>,
    /// Since when it is in a queue.
    pub(super) queued_at: Time,
    /// How long it was in queues, all together.
    pub(super) queued_for: Time,
}

impl JobList {
    /// Reads a list.
    ///
    /// # Errors
    /// When the file cannot be read, or holds machines.
    pub fn read(data: &Path, input: &Input, seed: u64) -> Result<Self, RunError> {
        let (mut list, mut models) = (Self::default(), ModelNumbers::default());
        for (row, arrival) in (0_u64..).zip(input.arrivals(data, seed, Names::new())?) {
            let arrival = arrival?;
            // What no machine can give is not waited for.
            let Some(request) = inputs::request(&arrival, &mut models) else { continue };
            list.jobs.push(Listed {
                number: u32::try_from(row).unwrap_or(u32::MAX),
                at: Time(arrival.submit_ns),
                class: arrival.class,
                request: list.requests.number(request),
                tasks: arrival.tasks,
                duration: arrival.duration_ns.map(Time),
            });
        }
        Ok(list)
    }

    /// The jobs by when they arrive.
    pub(crate) fn by_arrival(&self) -> impl Iterator<Item = Listed> {
        self.arrivals(First::Listed).into_iter()
    }

    /// What tasks ask for.
    pub(crate) fn request(&self, number: RequestId) -> &Request {
        self.requests.get(number)
    }

    /// The jobs in the order in which they arrive.
    pub(super) fn arrivals(&self, first: First) -> Vec<Listed> {
        let mut jobs = self.jobs.clone();
        jobs.sort_by_key(|job| {
            let is_later = match first {
                First::Listed => false,
                First::Batch => job.class != Class::Batch,
                First::Service => job.class != Class::Service,
            };
            (job.at, is_later)
        });
        jobs
    }
}

impl Job {
    pub(super) fn new(listed: Listed) -> Self {
        Self {
            listed,
            waiting: listed.tasks,
            attempts: 0,
            conflicts: 0,
            first_attempt: None,
            queued_at: listed.at,
            queued_for: Time::ZERO,
        }
    }

    /// Whether it is given up, after an attempt that did not place all of it.
    pub(super) fn is_hopeless(&self) -> bool {
        is_hopeless(self.attempts, self.waiting, self.listed.tasks)
    }
}

/// Whether a job is given up after so many attempts, of which so many tasks of all are not placed,
/// as in Google's simulator of the Omega paper.
pub(crate) fn is_hopeless(attempts: u32, waiting: u32, tasks: u32) -> bool {
    (attempts > ATTEMPTS_WITHOUT_A_TASK && waiting == tasks) || attempts > ATTEMPTS_MAX
}
