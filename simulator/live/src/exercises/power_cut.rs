//! The power is cut, again and again: a master or an agent, or both, are gone at once, and of what
//! they wrote is left what they had synced, and of the rest what chance wants.
//!
//! There is one master, so that everything that was acknowledged lies on its disk and nowhere else;
//! and each time it starts without help.

use super::{
    Order,
    stage::{Limits, Stage},
};
use crate::{
    cluster::{Cluster, Shape},
    figures::{Figure, Report},
    load::Plan,
    lossy_disk::{self, LossyDisk},
    patience::pause_until,
    verdict::Ends,
};
use std::time::{Duration, Instant};

/// Between two cuts, at most, once the load goes on.
const BETWEEN_MS: u64 = 500;

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let mut stage = on_lossy_disks(order)?;
    let syncs = |stage: &Stage| -> u64 {
        let nodes = stage.cluster.masters.values().chain(stage.cluster.agents.values());
        nodes.filter_map(|node| node.disk.as_ref()).map(LossyDisk::syncs).sum()
    };
    let (before, mut after) = (syncs(&stage), 0);
    stage.harm();
    let mut report =
        stage.perform("power-cut", order, Ends::Somehow, Limits::NONE, |stage, _| {
            let wait = Duration::from_millis(rand::random_range(..=BETWEEN_MS));
            pause_until(Instant::now() + wait);
            stage.harm();
            let whose: u32 = rand::random_range(1..4);
            let masters = stage.cluster.masters.values_mut().filter(|_| whose & 1 != 0);
            let agents = stage.cluster.agents.values_mut().filter(|_| whose & 2 != 0);
            masters.chain(agents).try_for_each(|node| node.cut_power())?;
            stage.cluster.start_all()?;
            after = syncs(stage);
            stage.resumes(Instant::now())
        })?;
    let syncs = usize::try_from(after - before)?;
    report.figures.push(Figure::count("syncs between the cuts", syncs));
    Ok(report)
}

/// One master and one agent, each on a disk that loses what it may.
pub(super) fn on_lossy_disks(order: &Order<'_>) -> anyhow::Result<Stage> {
    lossy_disk::check()?;
    // A snapshot for every few accepts.
    let master_flags = ["--snapshot-entries=200", "--log-tail-entries=50"].map(str::to_owned);
    let shape =
        Shape { masters: 1, master_flags: master_flags.to_vec(), ..Shape::emulated(1, 200) };
    let mut cluster = Cluster::prepare(&order.program, &shape)?;
    for node in cluster.masters.values_mut().chain(cluster.agents.values_mut()) {
        node.put_on_disk()?;
    }
    Stage::on(cluster, &Plan { accepts_per_second: 50, frameworks: 2, ..Plan::steady() })
}
