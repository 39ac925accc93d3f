//! What the others are held against: one queue for all workers, first come, first served, in which
//! everything is known at once and nothing takes a message. The next task goes to whichever worker
//! is free first (Kiefer and Wolfowitz's recursion for G/G/c). No order of jobs is tried that would
//! be better still.
//!
//! It goes from job to job, not from moment to moment: how things stood in between nobody can say.

use super::{
    jobs::{Durations, JobsToCome},
    results::{Ran, TaskRan, Told},
    worker::WorkerId,
};
use crate::error::RunError;
use simulator::engine::{Digest, Time};
use std::{cmp::Reverse, collections::BinaryHeap};

/// Tells what becomes of all jobs; gives a digest of it.
///
/// # Errors
/// When the jobs cannot be read.
pub(super) fn run(
    mut jobs: JobsToCome<'_>,
    workers: u32,
    mut durations: Durations,
    told: &mut dyn Told,
) -> Result<Digest, RunError> {
    let mut free: BinaryHeap<Reverse<(Time, WorkerId)>> =
        (0..workers).map(|worker| Reverse((Time::ZERO, worker))).collect();
    let mut digest = Digest::new();
    for id in 0.. {
        let Some(job) = jobs.next()? else { break };
        let (mut started, mut ended) = (job.at, job.at);
        for (number, duration) in (0..).zip(durations.draw(&job)) {
            let Some(mut first) = free.peek_mut() else { break };
            let Reverse((free_at, worker)) = *first;
            let start = free_at.max(job.at);
            let end = start + duration;
            *first = Reverse((end, worker));
            digest.add(&[start.0, id.into(), worker.into()]);
            started = started.max(start);
            ended = ended.max(end);
            told.task(id, &job, TaskRan { number, worker, placed: start, start, end });
        }
        told.job(id, &job, Ran { wait: started - job.at, response: ended - job.at });
    }
    Ok(digest)
}
