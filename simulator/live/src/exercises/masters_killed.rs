//! All masters are killed at once, and started again: what was acknowledged lies on their disks.

use super::{
    Order,
    stage::{Limits, Stage},
};
use crate::{cluster::Shape, figures::Report, load::Plan, verdict::Ends};
use std::time::{Duration, Instant};

const LIMITS: Limits = Limits {
    gap_p99: Duration::from_secs(6),
    gap_max: Duration::from_secs(6),
    resumed_max: Duration::from_secs(5),
};
/// Accepts under each set of lives.
const ACCEPTS: usize = 400;

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let stage = Stage::start(order, &Shape::emulated(8, 300), &Plan::steady())?;
    stage.perform("masters-killed", order, Ends::Finished, LIMITS, |stage, _| {
        stage.harm();
        let ids: Vec<u64> = stage.cluster.masters.keys().copied().collect();
        ids.iter().try_for_each(|id| stage.cluster.kill_master(*id))?;
        ids.iter().try_for_each(|id| stage.cluster.start_master(*id))?;
        stage.resumes(Instant::now())?;
        stage.load.makes_progress(ACCEPTS, Duration::from_secs(60))
    })
}
