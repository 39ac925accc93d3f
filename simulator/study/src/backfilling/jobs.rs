//! Jobs that need several processors at once, for as long as they run.

use crate::{error::RunError, plan::Input};
use simulator::engine::Time;
use std::path::Path;
use traces::model::{Kind, Names};

/// A list of jobs, by when they arrive.
#[derive(Debug, Clone, Default)]
pub struct RigidJobs {
    pub(super) jobs: Vec<RigidJob>,
    /// Jobs of which nobody knows how long they ran; they are left out.
    pub(super) without_time: u64,
}

/// A job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RigidJob {
    pub(super) at: Time,
    pub(super) processors: u64,
    pub(super) runs: Time,
    /// What its user said, at least as long as it runs: a job that is longer is ended.
    pub(super) estimate: Time,
}

impl RigidJobs {
    /// Reads a list. A core is a processor; what else tasks ask for does not count.
    ///
    /// # Errors
    /// When the file cannot be read, or holds machines.
    pub fn read(data: &Path, input: &Input, seed: u64) -> Result<Self, RunError> {
        let mut list = Self::default();
        for arrival in input.arrivals(data, seed, Names::new())? {
            let arrival = arrival?;
            let Some(runs) = arrival.duration_ns else {
                list.without_time += 1;
                continue;
            };
            list.jobs.push(RigidJob {
                at: Time(arrival.submit_ns),
                processors: arrival.total()[Kind::Cpus].div_ceil(1_000),
                runs: Time(runs),
                estimate: Time(arrival.estimate_ns.unwrap_or(runs).max(runs)),
            });
        }
        list.jobs.sort_by_key(|job| job.at);
        Ok(list)
    }
}
