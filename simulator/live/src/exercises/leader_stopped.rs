//! The leading master's time stands still, and goes on when another leads.
//!
//! When it wakes up it believes for a moment that it still leads. Whatever it says then, no reader
//! may hear of the past, and no agent may follow its orders.

use super::{
    Order,
    stage::{Limits, Stage},
};
use crate::{cluster::Shape, figures::Report, load::Plan, patience::pause_until, verdict::Ends};
use std::time::{Duration, Instant};

const STOPPED: Duration = Duration::from_secs(15);
/// Between waking one up and stopping the next.
const AWAKE: Duration = Duration::from_secs(3);
/// Nobody hears a stopped process end. Frameworks and agents leave a leader that was silent for
/// three heartbeats of five seconds, and no earlier.
const LIMITS: Limits = Limits {
    gap_p99: Duration::from_secs(20),
    gap_max: Duration::from_secs(20),
    resumed_max: Duration::MAX,
};

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let lasting = order.lasting.unwrap_or(STOPPED);
    let stage = Stage::start(order, &Shape::emulated(8, 300), &Plan::steady())?;
    stage.perform("leader-stopped", order, Ends::Finished, LIMITS, |stage, _| {
        let leader = stage.cluster.leader()?;
        stage.harm();
        let stopped = Instant::now();
        stage.cluster.master(leader)?.process()?.stop()?;
        pause_until(stopped + lasting);
        stage.cluster.master(leader)?.process()?.resume()?;
        pause_until(stopped + lasting + AWAKE);
        stage.cluster.caught_up(leader)
    })
}
