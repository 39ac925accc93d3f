//! `[backfilling]` of a study.

use super::{jobs::RigidJobs, run::Run};
use crate::{error::RunError, plan::Input, records::Recorder, running::Running};
use serde::Deserialize;

/// What is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackfillingPlan {
    /// The jobs.
    pub jobs: Input,
    /// How many processors there are.
    pub processors: u64,
    /// Who goes before whom.
    pub discipline: Discipline,
    /// What is known of how long jobs run.
    #[serde(default)]
    pub estimates: Estimates,
}

/// Who goes before whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discipline {
    /// Nobody.
    Fcfs,
    /// Whoever does not put off the first one.
    Easy,
    /// Whoever puts off nobody.
    Conservative,
}

/// What is known of how long jobs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimates {
    /// What their users said.
    #[default]
    User,
    /// How long they will run.
    Exact,
}

impl BackfillingPlan {
    /// One run of a study of this, in which nothing has happened yet.
    ///
    /// # Errors
    /// When the jobs cannot be read again.
    pub(crate) fn begin<'a>(
        &'a self,
        list: &'a RigidJobs,
        recorder: &'a mut Recorder,
    ) -> Result<impl Running + 'a, RunError> {
        Run::new(self, list, recorder)
    }
}
