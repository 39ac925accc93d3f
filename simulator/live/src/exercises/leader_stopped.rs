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
/// As when a leader is killed. Nobody hears a stopped process end: the others elect a leader after
/// one to two seconds of silence, frameworks and agents have asked for it by then.
const LIMITS: Limits = Limits {
    gap_p99: Duration::from_secs(3),
    gap_max: Duration::from_secs(6),
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
