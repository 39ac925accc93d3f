//! The leading master hears everybody and is not heard; then the next one is heard and hears
//! nobody.
//!
//! Connections last as long as somebody believes in them: in the end no call gets through, since it
//! needs both directions.

use super::{
    Order,
    links::{self, Elections, GIVEN_UP_AFTER, LIMITS, WHOLE},
};
use crate::{figures::Report, network::Party};

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let lasting = order.lasting.unwrap_or(GIVEN_UP_AFTER);
    links::perform("one-way", order, LIMITS, Elections::PerFault(1), |stage, watch| {
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
            watch.sit_out(stage, lasting, WHOLE)?;
            stage.cluster.caught_up(leader)?;
        }
        Ok(())
    })
}
