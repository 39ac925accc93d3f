//! What the others are held against: one queue for all workers, first come, first served, in which
//! everything is known at once and nothing takes a message. The next task goes to whichever worker
//! is free first (Kiefer and Wolfowitz's recursion for G/G/c). No order of jobs is tried that would
//! be better still.

use super::{
    jobs::{Durations, ProbedJob},
    results::Ran,
    worker::WorkerId,
};
use simulator::engine::{Digest, Time};
use std::{cmp::Reverse, collections::BinaryHeap};

/// What becomes of all jobs, in their order.
pub(super) fn run(
    jobs: &[ProbedJob],
    workers: u32,
    mut durations: Durations,
    digest: &mut Digest,
) -> Vec<Ran> {
    let mut free: BinaryHeap<Reverse<(Time, WorkerId)>> =
        (0..workers).map(|worker| Reverse((Time::ZERO, worker))).collect();
    let mut ran = Vec::with_capacity(jobs.len());
    for (number, job) in jobs.iter().enumerate() {
        let (mut started, mut ended) = (job.at, job.at);
        for duration in durations.draw(job) {
            let Some(mut first) = free.peek_mut() else { break };
            let Reverse((free_at, worker)) = *first;
            let start = free_at.max(job.at);
            *first = Reverse((start + duration, worker));
            digest.add(&[start.0, number as u64, worker.into()]);
            started = started.max(start);
            ended = ended.max(start + duration);
        }
        ran.push(Ran { wait: started - job.at, response: ended - job.at });
    }
    ran
}
