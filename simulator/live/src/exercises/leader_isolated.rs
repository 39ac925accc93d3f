//! The leading master is cut off from all others, and comes back when another leads.
//!
//! Those who ask it on its own host still reach it: it must not answer them as a leader.

use super::{
    Order,
    links::{self, Elections, GIVEN_UP_AFTER, LIMITS, WHOLE},
};
use crate::{figures::Report, network::Party};

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let lasting = order.lasting.unwrap_or(GIVEN_UP_AFTER);
    links::perform("leader-isolated", order, LIMITS, Elections::PerFault(1), |stage, watch| {
        let leader = stage.cluster.leader()?;
        stage.harm();
        let network = stage.cluster.network()?;
        for other in stage.cluster.others(leader) {
            network.cut_between(Party::Master(leader), other)?;
        }
        watch.sit_out(stage, lasting, WHOLE)?;
        stage.cluster.caught_up(leader)
    })
}
