//! All links, those of clients too, are cut for a second and whole for a second, again and again.
//!
//! A second is as long as followers wait at least before they ask for votes, so the leader may
//! change; but not each time, and work goes on while links are whole.

use super::{
    Order,
    leader_isolated::LIMITS,
    links::{Elections, Watch},
    stage::Stage,
};
use crate::{
    cluster::Shape, figures::Report, load::Plan, network::Party, patience::pause_until,
    verdict::Ends,
};
use std::time::{Duration, Instant};

const CUT: Duration = Duration::from_secs(1);
const WHOLE: Duration = Duration::from_secs(1);
const ELECTIONS: Elections = Elections::PerMinute(2);

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let lasting = order.lasting.unwrap_or(CUT);
    let shape = Shape { wires: order.wires, ..Shape::emulated(8, 300) };
    let stage = Stage::start(order, &shape, &Plan::steady())?;
    let mut watch = Watch::begin(&stage)?;
    let round = |stage: &mut Stage, _| {
        stage.harm();
        let network = stage.cluster.network()?;
        for master in stage.cluster.masters.keys() {
            for other in stage.cluster.others(*master) {
                network.cut_between(Party::Master(*master), other)?;
            }
        }
        let cut = Instant::now();
        pause_until(cut + lasting);
        watch.heal(stage)?;
        pause_until(cut + lasting + WHOLE);
        watch.look(stage)
    };
    let mut report = stage.perform("links-flap", order, Ends::Finished, LIMITS, round)?;
    watch.judge(&mut report, ELECTIONS);
    Ok(report)
}
