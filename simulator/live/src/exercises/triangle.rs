//! The leader and one follower are cut off from each other; both reach the third master.
//!
//! The follower that hears of no leader must not unseat the one that serves, however long it asks.

use super::{
    Order,
    links::{Elections, Watch},
    stage::{Limits, Stage},
};
use crate::{
    cluster::Shape, figures::Report, load::Plan, network::Party, patience::pause_until,
    verdict::Ends,
};
use anyhow::Context as _;
use std::time::{Duration, Instant};

const CUT: Duration = Duration::from_secs(60);
/// Between the end of one cut and the next.
const WHOLE: Duration = Duration::from_secs(3);
/// The leader has a majority all the time.
const LIMITS: Limits = Limits {
    gap_p99: Duration::from_secs(3),
    gap_max: Duration::from_secs(3),
    resumed_max: Duration::MAX,
};
const ELECTIONS: Elections = Elections::PerMinute(2);

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let lasting = order.lasting.unwrap_or(CUT);
    let shape = Shape { wires: order.wires, ..Shape::emulated(8, 300) };
    let stage = Stage::start(order, &shape, &Plan::steady())?;
    let mut watch = Watch::begin(&stage)?;
    let round = |stage: &mut Stage, _| {
        let leader = stage.cluster.leader()?;
        let mut followers = stage.cluster.masters.keys().filter(|id| **id != leader);
        let follower = *followers.next().context("a leader has followers")?;
        stage.harm();
        let network = stage.cluster.network()?;
        network.cut_between(Party::Master(leader), Party::Master(follower))?;
        pause_until(Instant::now() + lasting);
        watch.heal(stage)?;
        pause_until(Instant::now() + WHOLE);
        stage.cluster.caught_up(follower)?;
        watch.look(stage)
    };
    let mut report = stage.perform("triangle", order, Ends::Finished, LIMITS, round)?;
    watch.judge(&mut report, ELECTIONS);
    Ok(report)
}
