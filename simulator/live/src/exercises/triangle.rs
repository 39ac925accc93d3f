//! The leader and one follower are cut off from each other; both reach the third master.
//!
//! The follower that hears of no leader must not unseat the one that serves, however long it asks.

use super::{
    Order,
    links::{self, Elections, WHOLE},
    stage::Limits,
};
use crate::{figures::Report, network::Party};
use anyhow::Context as _;
use std::time::Duration;

const CUT: Duration = Duration::from_secs(60);
/// The leader has a majority all the time.
const LIMITS: Limits = Limits {
    gap_p99: Duration::from_secs(3),
    gap_max: Duration::from_secs(3),
    resumed_max: Duration::MAX,
};

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let lasting = order.lasting.unwrap_or(CUT);
    links::perform("triangle", order, LIMITS, Elections::PerMinute(2), |stage, watch| {
        let leader = stage.cluster.leader()?;
        let mut followers = stage.cluster.masters.keys().filter(|id| **id != leader);
        let follower = *followers.next().context("a leader has followers")?;
        stage.harm();
        let network = stage.cluster.network()?;
        network.cut_between(Party::Master(leader), Party::Master(follower))?;
        watch.sit_out(stage, lasting, WHOLE)?;
        stage.cluster.caught_up(follower)
    })
}
