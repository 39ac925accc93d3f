//! The disk of the leading master is slow, then that of a follower: each sync takes up to seconds.
//!
//! A leader speaks to the others from memory, so that nobody else stands; but it answers only what
//! its own disk has too (raft applies nothing else), so that each answer may wait for the sync that
//! is under way and the next one. Once that takes seconds it hands leadership over, once. A
//! follower's disk keeps nobody waiting.

use super::{
    Order,
    stage::{Limits, Stage},
};
use crate::{
    cluster::{Cluster, Shape},
    figures::{Figure, Report},
    load::Plan,
    lossy_disk,
    node::Node,
    patience::pause_until,
    verdict::Ends,
};
use anyhow::Context as _;
use std::time::{Duration, Instant};

/// How long a disk is slow.
const LASTING: Duration = Duration::from_secs(15);
/// How long a sync takes then.
const SYNC_MS: std::ops::RangeInclusive<u64> = 100..=5_000;
/// Two syncs of which each is just not slow enough for a change of leader, or such a change, after
/// three seconds; and a second for a busy machine.
const NOTICED: Duration = Duration::from_secs(7);

const LIMITS: Limits = Limits { gap_p99: NOTICED, gap_max: NOTICED, resumed_max: Duration::MAX };

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    lossy_disk::check()?;
    let mut cluster = Cluster::prepare(&order.program, &Shape::emulated(2, 200))?;
    cluster.masters.values_mut().try_for_each(Node::put_on_disk)?;
    let plan = Plan { accepts_per_second: 50, frameworks: 2, ..Plan::steady() };
    let stage = Stage::on(cluster, &plan)?;
    let first = stage.cluster.operator.cluster()?.term;
    let (mut last, mut slowest) = (first, Duration::ZERO);
    let mut report =
        stage.perform("disk-slow", order, Ends::Finished, LIMITS, |stage, round| {
            let leader = stage.cluster.leader()?;
            let mut followers = stage.cluster.masters.keys().filter(|id| **id != leader);
            let follower = followers.next().context("there are others")?;
            let slow = if round % 2 == 0 { leader } else { *follower };
            let takes = Duration::from_millis(rand::random_range(SYNC_MS));
            slowest = slowest.max(takes);
            stage.harm();
            syncs_take(stage, slow, takes)?;
            pause_until(Instant::now() + LASTING);
            syncs_take(stage, slow, Duration::ZERO)?;
            stage.cluster.caught_up(slow)?;
            last = stage.cluster.operator.cluster()?.term;
            Ok(())
        })?;
    let terms = usize::try_from(last - first)?;
    let leaders = usize::try_from(report.rounds.div_ceil(2))?;
    if terms > leaders {
        report.violations.push(format!("{terms} new terms for {leaders} leaders with slow disks"));
    }
    report.figures.push(Figure::count("new terms", terms));
    report.figures.push(Figure::seconds("slowest sync", slowest));
    Ok(report)
}

fn syncs_take(stage: &mut Stage, master: u64, time: Duration) -> anyhow::Result<()> {
    let disk = stage.cluster.master(master)?.disk.as_ref().context("it is on a disk of ours")?;
    disk.trouble(|troubles| troubles.sync_takes = time);
    Ok(())
}
