//! The leading master hears everybody and is not heard; then the next one is heard and hears
//! nobody.
//!
//! Connections last as long as somebody believes in them: in the end no call gets through, since it
//! needs both directions.

use super::{
    Order,
    leader_isolated::LIMITS,
    links::{Elections, GIVEN_UP_AFTER, Watch},
    stage::Stage,
};
use crate::{
    cluster::Shape, figures::Report, load::Plan, network::Party, patience::pause_until,
    verdict::Ends,
};
use std::time::{Duration, Instant};

/// Between the end of one cut and the next.
const WHOLE: Duration = Duration::from_secs(3);

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let lasting = order.lasting.unwrap_or(GIVEN_UP_AFTER);
    let shape = Shape { wires: order.wires, ..Shape::emulated(8, 300) };
    let stage = Stage::start(order, &shape, &Plan::steady())?;
    let mut watch = Watch::begin(&stage)?;
    let round = |stage: &mut Stage, _| {
        for is_heard in [false, true] {
            let leader = stage.cluster.leader()?;
            stage.harm();
            let network = stage.cluster.network()?;
            for other in stage.cluster.others(leader) {
                match is_heard {
                    false => network.cut(Party::Master(leader), other)?,
                    true => network.cut(other, Party::Master(leader))?,
                }
            }
            pause_until(Instant::now() + lasting);
            watch.heal(stage)?;
            pause_until(Instant::now() + WHOLE);
            stage.cluster.caught_up(leader)?;
        }
        watch.look(stage)
    };
    let mut report = stage.perform("one-way", order, Ends::Finished, LIMITS, round)?;
    watch.judge(&mut report, Elections::PerFault(1));
    Ok(report)
}
