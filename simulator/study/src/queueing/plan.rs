//! `[queueing]` of a study.

use super::{compat::Allocator, list::JobList, schedulers::Schedulers, world::World};
use crate::{
    cell::{Cell, Finder, Machine, Tie, TieRule},
    error::RunError,
    limits::{MACHINES_MAX, SCHEDULERS_MAX, within},
    plan::{Input, PlanError, Policies, Study},
    records::Recorder,
    running::Running,
};
use master_core::{allocator::Amounts, placement::Placement};
use proto::model::ResourceName;
use serde::Deserialize;
use simulator::engine::{Chance, Time};
use traces::model::Class;

/// What is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueingPlan {
    /// The cell, empty at the start.
    pub machines: UniformMachines,
    /// The jobs.
    pub jobs: Input,
    /// Of jobs that arrive at the same moment.
    #[serde(default)]
    pub first: First,
    /// For how long, in seconds.
    pub until_s: f64,
    /// Who decides, and how it becomes true.
    pub architecture: Architecture,
    /// How long it takes to decide about a batch job.
    pub batch: Decision,
    /// How long it takes to decide about a service job.
    pub service: Decision,
    /// Schedulers that share the batch jobs in turn; for `shared` alone.
    #[serde(default = "one")]
    pub batch_schedulers: u32,
    /// When a commit of `shared` meets another one.
    #[serde(default)]
    pub conflict: Conflict,
    /// What becomes of a commit that does.
    #[serde(default)]
    pub commit: Commit,
    /// Which machine is best.
    #[serde(default = "random")]
    pub policy: String,
    /// Which of equals.
    #[serde(default)]
    pub tie: TieRule,
}

/// What may become another in the middle of a run.
pub(super) const MAY_CHANGE: [&str; 8] = [
    "queueing.policy",
    "queueing.tie",
    "queueing.conflict",
    "queueing.commit",
    "queueing.batch.job_s",
    "queueing.batch.task_s",
    "queueing.service.job_s",
    "queueing.service.task_s",
];

fn one() -> u32 {
    1
}

fn random() -> String {
    "random".to_owned()
}

/// Machines that are all alike.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UniformMachines {
    /// How many.
    pub count: u32,
    /// Cores of each.
    pub cpus: u32,
    /// MiB of each.
    pub mem: u32,
}

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// One scheduler for everything.
    Monolithic,
    /// A scheduler for service jobs and some for batch jobs, on one cell, with commits.
    Shared,
    /// Two frameworks with exclusive offers, as in Google's simulator.
    Compat,
}

/// How long a decision takes: `job_s + task_s × tasks that are not placed yet`, in seconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// For the job.
    pub job_s: f64,
    /// For each task.
    pub task_s: f64,
}

/// Which jobs come first when several arrive at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum First {
    /// As they are listed.
    #[default]
    Listed,
    /// Batch jobs.
    Batch,
    /// Service jobs.
    Service,
}

/// What makes a commit fail at a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// The task does not fit there any more.
    #[default]
    Fine,
    /// Anybody has placed anything there since.
    Coarse,
}

/// What becomes of a commit of which a part fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Commit {
    /// The rest is placed.
    #[default]
    Incremental,
    /// Nothing is.
    AllOrNothing,
}

impl Decision {
    /// How long it takes about so many tasks.
    pub(super) fn time(self, tasks: u32) -> Time {
        seconds(self.job_s) + seconds(self.task_s).times(u64::from(tasks))
    }
}

/// Whole nanoseconds, rounded; nothing for what is negative or no number.
fn seconds(seconds: f64) -> Time {
    // A cast of floats saturates; half of all time is as good as all of it.
    Time(((seconds * 1e9).round() as u64).min(u64::MAX / 2))
}

impl UniformMachines {
    fn cell(self) -> Cell {
        let mut total = Amounts::new();
        total.set(&ResourceName::CPUS, u128::from(self.cpus) * 1_000);
        total.set(&ResourceName::MEM, u128::from(self.mem) * 1_000);
        let machine = Machine { total, ..Machine::default() };
        Cell::new((0..self.count).map(|_| machine.clone()))
    }
}

impl QueueingPlan {
    /// One run of a study of this, in which nothing has happened yet.
    ///
    /// # Errors
    /// When the policy is unknown, there are too many of something, or the jobs cannot be read.
    pub(crate) fn begin<'a>(
        &'a self,
        study: &Study,
        list: &'a JobList,
        policies: &Policies,
        recorder: &'a mut Recorder,
    ) -> Result<Box<dyn Running + 'a>, RunError> {
        within("queueing.machines.count", self.machines.count.into(), MACHINES_MAX)?;
        within("queueing.batch_schedulers", self.batch_schedulers.into(), SCHEDULERS_MAX)?;
        let cell = self.machines.cell();
        let tie = Tie::new(self.tie, &cell, study.seed);
        let finder = Finder::new(self.placement(study, policies)?, tie);
        let until = seconds(self.until_s);
        Ok(match self.architecture {
            Architecture::Monolithic | Architecture::Shared => {
                let world = World::new(cell, finder, list, until, recorder)?;
                Box::new(Schedulers::new(world, self))
            }
            Architecture::Compat => {
                let world = World::new(cell, finder, list, until, recorder)?;
                Box::new(Allocator::new(world, self))
            }
        })
    }

    /// The policy of a run.
    pub(super) fn placement(
        &self,
        study: &Study,
        policies: &Policies,
    ) -> Result<Box<dyn Placement>, PlanError> {
        let kind = policies.find(study, &self.policy)?;
        let seed = Chance::of(study.seed, "policy", 0).number();
        Ok(kind.make(seed, &[]))
    }

    pub(super) fn decision(&self, class: Class) -> Decision {
        match class {
            Class::Batch => self.batch,
            Class::Service => self.service,
        }
    }
}
