//! `[cluster]` of a study.

use super::{
    frameworks,
    jobs::{Asks, JobsPlan, PlannedJobs},
    operators::{self, RolePlan},
    world::World,
};
use crate::{
    error::RunError,
    limits::{FRAMEWORKS_MAX, MACHINES_MAX, within},
    plan::{Input, PlanError, Study},
    queueing::JobList,
    records::Recorder,
    running::Running,
};
use batch::{Job, TaskSpec};
use proto::model::{Duration, Milli, PlacementPolicy, Principal, Resources, Role};
use serde::Deserialize;
use simulator::engine::{Chance, Time};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// What is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterPlan {
    /// For how long, in seconds; it ends before when all jobs are done.
    pub until_s: u64,
    /// The agents.
    pub agents: AgentsPlan,
    /// Groups of frameworks that are alike, by name.
    #[serde(default)]
    pub frameworks: BTreeMap<String, FrameworksPlan>,
    /// Frameworks with queues of jobs, by name.
    #[serde(default)]
    pub jobs: BTreeMap<String, JobsPlan>,
    /// What an operator says of roles, by name.
    #[serde(default)]
    pub roles: BTreeMap<String, RolePlan>,
    /// How roles are placed, as for `bourse master --placement`.
    #[serde(default)]
    pub placement: Placement,
    /// What roles weigh that do not weigh 1.
    #[serde(default)]
    pub weights: BTreeMap<String, f64>,
    /// From which second on shares are judged; not at all when it is not said.
    #[serde(default)]
    pub shares_from_s: Option<f64>,
    /// Milliseconds that every message takes.
    #[serde(default = "one")]
    pub network_ms: u64,
    /// Milliseconds until an entry of the master's log is on disk.
    #[serde(default = "one")]
    pub commit_ms: u64,
    /// Milliseconds until a container runs.
    #[serde(default)]
    pub start_ms: u64,
    /// Seconds after which an offer that nobody answers is taken back; none for ever.
    #[serde(default = "offer_timeout")]
    pub offer_timeout_s: Option<u64>,
}

fn one() -> u64 {
    1
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn offer_timeout() -> Option<u64> {
    Some(60)
}

/// A placement policy, by the name that it has everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Placement(pub PlacementPolicy);

impl TryFrom<String> for Placement {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|problem| format!("`{text}`: {problem}"))
    }
}

/// Agents that are all alike.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentsPlan {
    /// How many.
    pub count: u32,
    /// Cores of each.
    pub cpus: f64,
    /// MiB of each.
    pub mem: f64,
    /// Seconds until they come.
    #[serde(default)]
    pub start_s: f64,
}

/// Frameworks that are all alike: the shipped batch framework, each with a job of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameworksPlan {
    /// How many.
    pub count: u32,
    /// Their role.
    #[serde(default = "any_role")]
    pub role: String,
    /// Tasks of each one's job.
    pub tasks: u32,
    /// Cores of each task.
    pub cpus: f64,
    /// MiB of each task.
    pub mem: f64,
    /// Seconds that tasks run, in the mean.
    pub run_s: f64,
    /// The standard deviation of that; what would be less than nothing is a millisecond.
    #[serde(default)]
    pub run_deviation_s: f64,
    /// All tasks of a job begin together, and are given up when there is no room for them after so
    /// many seconds; 0 when each begins by itself.
    #[serde(default)]
    pub gang_s: f64,
    /// Seconds from the start to the first one's subscription.
    #[serde(default)]
    pub start_s: f64,
    /// Seconds from each one's subscription to the next one's.
    #[serde(default)]
    pub every_s: f64,
    /// Seconds for which a framework is busy for every accept; it hears nothing meanwhile.
    #[serde(default)]
    pub decide_s: f64,
    /// The same for every task of it.
    #[serde(default)]
    pub decide_task_s: f64,
}

fn any_role() -> String {
    "*".to_owned()
}

/// One framework of a plan.
#[derive(Debug)]
pub(super) struct Planned {
    /// Its group.
    pub(super) group: usize,
    pub(super) name: String,
    pub(super) principal: Principal,
    pub(super) role: Role,
    pub(super) starts: Time,
    pub(super) task: Task,
}

/// What it does.
#[derive(Debug)]
pub(super) enum Task {
    /// One job, by the shipped batch framework.
    Batch(Box<Job>),
    /// A queue of jobs.
    Jobs(PlannedJobs),
}

impl ClusterPlan {
    /// One run of a study of this, in which nothing has happened yet.
    ///
    /// # Errors
    /// When a name, a role or an amount is none, there are too many of something, or a list of jobs
    /// cannot be read.
    pub(crate) fn begin<'a>(
        &'a self,
        study: &Study,
        list: &dyn Fn(&Input) -> Result<Arc<JobList>, RunError>,
        recorder: &'a mut Recorder,
    ) -> Result<impl Running + use<'a>, RunError> {
        within("cluster.agents.count", self.agents.count.into(), MACHINES_MAX)?;
        let mut planned = self.planned()?;
        for (number, (name, plan)) in self.jobs.iter().enumerate() {
            within(&format!("cluster.jobs.{name}.count"), plan.count.into(), FRAMEWORKS_MAX)?;
            let group = self.frameworks.len() + number;
            let list = list(&plan.jobs)?;
            planned.extend(planned_jobs((group, name), plan, &list, study.seed)?);
        }
        self.check_shares()?;
        let said = operators::said(self)?;
        let weights = self.weights.iter().map(|(role, weight)| {
            let role = role_of("weights", role)?;
            Ok((role, Milli(milli("weights", *weight)?)))
        });
        let weights = weights.collect::<Result<_, PlanError>>()?;
        let each = resources("agents", self.agents.cpus, self.agents.mem)?;
        let mut world = World::new(self, planned, weights, &each, study.seed, recorder);
        said.into_iter().for_each(|call| world.operate(call));
        Ok(world)
    }

    /// Shares are those of roles which have one group each and count alike, and whoever waits is
    /// known by the demand that it states.
    fn check_shares(&self) -> Result<(), PlanError> {
        let roles: BTreeSet<&String> = self.jobs.values().map(|plan| &plan.role).collect();
        if self.shares_from_s.is_none() {
            return Ok(());
        }
        let problem = if !self.frameworks.is_empty() {
            "shares are judged of `jobs`, not of `frameworks`"
        } else if !self.weights.is_empty() || !self.roles.is_empty() {
            "shares are judged where roles have neither weights nor quotas"
        } else if self.jobs.values().any(|plan| plan.asks != Asks::Demand) {
            "shares are judged of jobs that ask by stated demand: `asks = \"demand\"`"
        } else if roles.len() < self.jobs.len() || roles.iter().any(|role| role.contains('/')) {
            "shares are judged where each group of jobs has a role of its own, and none is in another"
        } else {
            return Ok(());
        };
        Err(PlanError::Value {
            table: "cluster.shares_from_s".to_owned(),
            problem: problem.to_owned(),
        })
    }

    /// All frameworks, by group and number.
    fn planned(&self) -> Result<Vec<Planned>, PlanError> {
        let mut planned = Vec::new();
        for (group, (name, plan)) in self.frameworks.iter().enumerate() {
            within(&format!("cluster.frameworks.{name}.count"), plan.count.into(), FRAMEWORKS_MAX)?;
            let role = role_of(name, &plan.role)?;
            let each = resources(name, plan.cpus, plan.mem)?;
            for number in 0..plan.count {
                let name = format!("{name}-{number}");
                // Agents of a study run nothing; how long it takes is the plan's.
                let command = vec!["study".to_owned()];
                let wait =
                    (plan.gang_s > 0.0).then(|| Duration(seconds(plan.gang_s).0 / MILLISECOND));
                let task = TaskSpec {
                    instances: plan.tasks,
                    gang_timeout: wait,
                    ..TaskSpec::new("task", command, each.clone())
                };
                let wrong = |problem: &dyn fmt::Display| PlanError::Value {
                    table: name.clone(),
                    problem: problem.to_string(),
                };
                let job = Job::new(name.clone(), role.clone(), vec![task]);
                let job = job.map_err(|problem| wrong(&problem))?;
                let principal = frameworks::principal(&name).map_err(|problem| wrong(&problem))?;
                let starts = seconds(plan.start_s) + seconds(plan.every_s).times(number.into());
                let (role, task) = (role.clone(), Task::Batch(Box::new(job)));
                planned.push(Planned { group, name, principal, role, starts, task });
            }
        }
        Ok(planned)
    }

    /// The names of all groups, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.frameworks.keys().chain(self.jobs.keys())
    }
}

/// The frameworks that share a list of jobs.
fn planned_jobs(
    (group, name): (usize, &str),
    plan: &JobsPlan,
    list: &JobList,
    seed: u64,
) -> Result<Vec<Planned>, PlanError> {
    let role = role_of(name, &plan.role)?;
    let shares = plan.shares(name, list, seed)?.into_iter().enumerate();
    let planned = shares.map(|(number, jobs)| {
        let name = format!("{name}-{number}");
        let principal = frameworks::principal(&name).map_err(|problem| PlanError::Value {
            table: format!("cluster.jobs.{name}"),
            problem: problem.to_string(),
        })?;
        let (role, starts) = (role.clone(), seconds(plan.start_s));
        let task = Task::Jobs(PlannedJobs {
            role: role.clone(),
            asks: plan.asks,
            jobs,
            decide: seconds(plan.decide_s),
            decide_task: seconds(plan.decide_task_s),
            refuse: Duration(seconds(plan.refuse_s).0 / MILLISECOND),
            seed: Chance::of(seed, &name, 0).number(),
        });
        Ok(Planned { group, name, principal, role, starts, task })
    });
    planned.collect()
}

const MILLISECOND: u64 = Time::milliseconds(1).0;

/// Whole milliseconds: the cores count in these.
pub(super) fn seconds(seconds: f64) -> Time {
    // A cast of floats saturates; a century is enough.
    Time::milliseconds(((seconds * 1e3).round() as u64).min(3_155_760_000_000))
}

pub(super) fn role_of(table: &str, text: &str) -> Result<Role, PlanError> {
    let problem = |problem: &dyn fmt::Display| PlanError::Value {
        table: table.to_owned(),
        problem: format!("the role `{text}`: {problem}"),
    };
    Role::new(text).map_err(|error| problem(&error))
}

pub(super) fn milli(table: &str, amount: f64) -> Result<i64, PlanError> {
    let milli = (amount * 1_000.0).round();
    match (0.0..1e15).contains(&milli) {
        true => Ok(milli as i64),
        false => Err(PlanError::Value {
            table: table.to_owned(),
            problem: format!("{amount} is no amount: 0 to 10^12"),
        }),
    }
}

fn resources(table: &str, cpus: f64, mem: f64) -> Result<Resources, PlanError> {
    let (cpus, mem) = (milli(table, cpus)?, milli(table, mem)?);
    Ok(Resources::cpus_mem(cpus, mem / 1_000))
}
