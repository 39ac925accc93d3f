//! `[scheduling]` of a study.

use super::{run::Run, work::Work};
use crate::{
    cell::{Finder, Tie, TieRule},
    error::RunError,
    limits::{MACHINES_MAX, within},
    plan::{Input, PlanError, Policies, Study},
    records::Recorder,
    running::Running,
};
use proto::model::limits::PRIORITY_MAX;
use serde::Deserialize;
use simulator::engine::Chance;
use std::collections::BTreeMap;

/// What is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchedulingPlan {
    /// The machines, empty at the start.
    pub machines: Input,
    /// What machines have that their list does not say, by a property that they have; `*` is all.
    #[serde(default)]
    pub properties: BTreeMap<String, Vec<String>>,
    /// The jobs.
    pub jobs: Input,
    /// Jobs that are there before those.
    pub prefill: Option<Input>,
    /// From the lowest to the highest; without them all are one.
    #[serde(default)]
    pub bands: Vec<Band>,
    /// Whether tasks end others of lower bands, when there is no room for them.
    #[serde(default)]
    pub preemption: bool,
    /// Machines on which somebody could give way that are compared for one task.
    #[serde(default = "looked_at")]
    pub looked_at: u32,
    /// Whole seconds at whose multiples the queue is gone through after something was freed; 0 is
    /// at once.
    #[serde(default)]
    pub every_s: u32,
    /// For how long, in seconds; otherwise until nothing more happens.
    pub until_s: Option<u32>,
    /// Which machine is best.
    pub policy: String,
    /// Which of equals.
    #[serde(default)]
    pub tie: TieRule,
}

/// Priorities that count as one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// What it is called.
    pub name: String,
    /// Its lowest priority, in the trace's numbers; the first band has all below as well.
    pub from: i32,
}

fn looked_at() -> u32 {
    16
}

impl SchedulingPlan {
    /// Begins one run of a study of this.
    ///
    /// # Errors
    /// When the policy is unknown, bands are not in order, there are too many of something, or the
    /// jobs cannot be read again.
    pub(crate) fn begin<'a>(
        &'a self,
        study: &Study,
        work: &'a Work,
        policies: &Policies,
        recorder: &'a mut Recorder,
    ) -> Result<impl Running + 'a, RunError> {
        self.check()?;
        let kind = policies.find(study, &self.policy)?;
        let tie = Tie::new(self.tie, work.cell(), study.seed);
        let seed = Chance::of(study.seed, "policy", 0).number();
        let finder = Finder::new(kind.make(seed, &[]), tie);
        Run::new(self, work, finder, study.seed, recorder)
    }

    fn check(&self) -> Result<(), PlanError> {
        within("scheduling.looked_at", self.looked_at.into(), MACHINES_MAX)?;
        within("scheduling.bands", self.bands.len() as u64, u64::from(PRIORITY_MAX) + 1)?;
        match self.bands.is_sorted_by(|one, next| one.from < next.from) {
            true => Ok(()),
            false => Err(PlanError::Value {
                table: "scheduling.bands".to_owned(),
                problem: "each begins above the one before it".to_owned(),
            }),
        }
    }

    /// The band of a priority, from 0.
    pub(super) fn band(&self, priority: i32) -> u8 {
        let above_first = self.bands.iter().skip(1);
        let reached = above_first.take_while(|band| band.from <= priority).count();
        u8::try_from(reached).expect("there are ten at most")
    }

    /// How many bands there are.
    pub(super) fn band_count(&self) -> usize {
        self.bands.len().max(1)
    }
}
