//! The leading master is cut off from all others, and comes back when another leads.
//!
//! Those who ask it on its own host still reach it: it must not answer them as a leader.

use super::{
    Order,
    links::{Elections, GIVEN_UP_AFTER, Watch},
    stage::{Limits, Stage},
};
use crate::{
    cluster::Shape, figures::Report, load::Plan, network::Party, patience::pause_until,
    verdict::Ends,
};
use std::time::{Duration, Instant};

/// Between the end of one cut and the next.
const WHOLE: Duration = Duration::from_secs(3);
/// Nobody hears a leader go that is cut off; frameworks and agents ask others once it is silent.
/// One way only, several elections were seen to take seven seconds. The rest is for busy machines.
const LEFT: Duration = Duration::from_secs(15);
pub(super) const LIMITS: Limits =
    Limits { gap_p99: LEFT, gap_max: LEFT, resumed_max: Duration::MAX };

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let lasting = order.lasting.unwrap_or(GIVEN_UP_AFTER);
    let shape = Shape { wires: order.wires, ..Shape::emulated(8, 300) };
    let stage = Stage::start(order, &shape, &Plan::steady())?;
    let mut watch = Watch::begin(&stage)?;
    let round = |stage: &mut Stage, _| {
        let leader = stage.cluster.leader()?;
        stage.harm();
        let network = stage.cluster.network()?;
        for other in stage.cluster.others(leader) {
            network.cut_between(Party::Master(leader), other)?;
        }
        pause_until(Instant::now() + lasting);
        watch.heal(stage)?;
        pause_until(Instant::now() + WHOLE);
        stage.cluster.caught_up(leader)?;
        watch.look(stage)
    };
    let mut report = stage.perform("leader-isolated", order, Ends::Finished, LIMITS, round)?;
    watch.judge(&mut report, Elections::PerFault(1));
    Ok(report)
}
