//! Jobs that need several processors at once, for as long as they run.

use crate::{
    error::RunError,
    list::{List, Reader},
    plan::Input,
};
use simulator::engine::Time;
use std::path::Path;
use traces::{Arrivals, model::Kind};

/// A list of jobs, by when they arrive.
#[derive(Debug, Clone)]
pub struct RigidJobs(pub(super) List<Jobs>);

/// Makes jobs of arrivals. A core is a processor; what else tasks ask for does not count.
#[derive(Debug, Clone, Default)]
pub(super) struct Jobs {
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
    /// A list that runs read as jobs come, where that is possible.
    ///
    /// # Errors
    /// When the file cannot be read, or holds machines.
    pub fn open(data: &Path, input: &Input, seed: u64) -> Result<Self, RunError> {
        List::open(data, input, seed, Jobs::default()).map(Self)
    }

    /// Whether its jobs are in memory.
    pub fn is_held(&self) -> bool {
        self.0.is_held()
    }
}

impl Reader for Jobs {
    type Job = RigidJob;

    fn again(&self) -> Self {
        Self::default()
    }

    fn next(&mut self, arrivals: &mut Arrivals) -> Result<Option<RigidJob>, RunError> {
        for arrival in arrivals {
            let arrival = arrival?;
            let Some(runs) = arrival.duration_ns else {
                self.without_time += 1;
                continue;
            };
            return Ok(Some(RigidJob {
                at: Time(arrival.submit_ns),
                processors: arrival.total()[Kind::Cpus].div_ceil(1_000),
                runs: Time(runs),
                estimate: Time(arrival.estimate_ns.unwrap_or(runs).max(runs)),
            }));
        }
        Ok(None)
    }

    fn at(job: &RigidJob) -> Time {
        job.at
    }
}
