//! `[cluster.jobs.NAME]` of a study.

use crate::{
    cluster::plan::seconds,
    plan::{Input, PlanError},
    queueing::JobList,
};
use proto::model::{Duration, Instant, ResourceName, Resources, Role};
use serde::Deserialize;
use simulator::engine::{Chance, Time};
use std::sync::Arc;
use traces::model::Class;

/// Frameworks that share a list of jobs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobsPlan {
    /// How many; jobs go to them in turn.
    #[serde(default = "one")]
    pub count: u32,
    /// Their role.
    pub role: String,
    /// The jobs.
    pub jobs: Input,
    /// Of which class those jobs are that these decide about; none for all of them.
    #[serde(default)]
    pub class: Option<Class>,
    /// Seconds that tasks run of which the list does not say it: between nothing and twice as long,
    /// each as likely.
    #[serde(default)]
    pub run_s: Option<f64>,
    /// How they come to resources.
    #[serde(default)]
    pub asks: Asks,
    /// Seconds from the start to their subscription.
    #[serde(default)]
    pub start_s: f64,
    /// Seconds to decide about a job.
    #[serde(default)]
    pub decide_s: f64,
    /// Seconds more for every task of it that is not placed yet.
    #[serde(default)]
    pub decide_task_s: f64,
    /// Seconds for which what was declined is not offered again; for `plain` alone.
    #[serde(default = "refuse")]
    pub refuse_s: f64,
}

fn one() -> u32 {
    1
}

fn refuse() -> f64 {
    5.0
}

/// How a framework comes to resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asks {
    /// It says what it wants.
    #[default]
    Demand,
    /// It takes any offers.
    Plain,
    /// It is shown what is free.
    Shared,
}

/// A job of a list, as its framework sees it.
#[derive(Debug, Clone)]
pub(in crate::cluster) struct Listed {
    /// By the master's clock.
    pub(in crate::cluster) at: Instant,
    pub(in crate::cluster) each: Resources,
    pub(in crate::cluster) tasks: u32,
    /// Of each task; none for those that never end.
    pub(in crate::cluster) duration: Option<Time>,
}

/// What one framework is to do.
#[derive(Debug, Clone)]
pub(in crate::cluster) struct PlannedJobs {
    pub(in crate::cluster) role: Role,
    pub(in crate::cluster) asks: Asks,
    /// By when they arrive.
    pub(in crate::cluster) jobs: Arc<[Listed]>,
    pub(in crate::cluster) decide: Time,
    pub(in crate::cluster) decide_task: Time,
    pub(in crate::cluster) refuse: Duration,
    pub(in crate::cluster) seed: u64,
}

impl JobsPlan {
    /// The jobs of each framework, in turn.
    ///
    /// # Errors
    /// When a job asks for something that no agent of a study has.
    pub(in crate::cluster) fn shares(
        &self,
        name: &str,
        list: &JobList,
        seed: u64,
    ) -> Result<Vec<Arc<[Listed]>>, PlanError> {
        let mut chance = Chance::of(seed, name, 1);
        let most = self.run_s.map(|mean| seconds(mean).0.saturating_mul(2));
        let mut shares = vec![Vec::new(); self.count as usize];
        let own =
            list.held().iter().filter(|job| self.class.is_none_or(|class| job.class == class));
        for (number, job) in own.enumerate() {
            let shape = &list.request(job.request).shape;
            let is_known =
                |name: &ResourceName| [ResourceName::CPUS, ResourceName::MEM].contains(name);
            if let Some((other, _)) = shape.iter().find(|(name, _)| !is_known(name)) {
                return Err(PlanError::Value {
                    table: format!("cluster.jobs.{name}.jobs"),
                    problem: format!("a job asks for {other}, which no agent of a study has"),
                });
            }
            let amount = |name| i64::try_from(shape.get(name)).unwrap_or(i64::MAX);
            let each = Resources::cpus_mem(
                amount(&ResourceName::CPUS),
                amount(&ResourceName::MEM).saturating_add(999) / 1_000,
            );
            let turn = number % shares.len().max(1);
            shares[turn].push(Listed {
                at: Instant(job.at.0 / Time::milliseconds(1).0),
                each,
                tasks: job.tasks,
                duration: job.duration.or_else(|| Some(Time(1 + chance.below(most?.max(1))))),
            });
        }
        Ok(shares.into_iter().map(Into::into).collect())
    }
}
