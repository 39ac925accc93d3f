//! The leading master is killed again and again, and comes back each time.
//!
//! Agents are never touched, so every acknowledged task must finish, once.

use super::{
    Order,
    stage::{Limits, Stage},
};
use crate::{cluster::Shape, figures::Report, load::Plan, patience::pause_until, verdict::Ends};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(5);
/// What a service manager takes to notice.
const RESTART_AFTER: Duration = Duration::from_millis(500);
const LIMITS: Limits = Limits {
    gap_p99: Duration::from_secs(3),
    gap_max: Duration::from_secs(6),
    resumed_max: Duration::MAX,
};

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let stage = Stage::start(order, &Shape::emulated(8, 300), &Plan::steady())?;
    let begun = Instant::now();
    stage.perform("leader-killed", order, Ends::Finished, LIMITS, |stage, round| {
        let leader = stage.cluster.leader()?;
        stage.harm();
        stage.cluster.kill_master(leader)?;
        pause_until(Instant::now() + RESTART_AFTER);
        stage.cluster.start_master(leader)?;
        let round = u32::try_from(round)?;
        pause_until(begun + EVERY * (round + 1));
        Ok(())
    })
}
