//! All links, those of clients too, are cut for a second and whole for a second, again and again.
//!
//! A second is as long as followers wait at least before they ask for votes, so the leader may
//! change; but not each time, and work goes on while links are whole.

use super::{
    Order,
    links::{self, Elections, LIMITS},
};
use crate::{figures::Report, network::Party};
use std::time::Duration;

const CUT: Duration = Duration::from_secs(1);
const WHOLE: Duration = Duration::from_secs(1);

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let lasting = order.lasting.unwrap_or(CUT);
    links::perform("links-flap", order, LIMITS, Elections::PerMinute(2), |stage, watch| {
        stage.harm();
        let network = stage.cluster.network()?;
        for master in stage.cluster.masters.keys() {
            for other in stage.cluster.others(*master) {
                network.cut_between(Party::Master(*master), other)?;
            }
        }
        watch.sit_out(stage, lasting, WHOLE)
    })
}
