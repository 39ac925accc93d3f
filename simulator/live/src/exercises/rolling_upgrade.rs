//! Masters are upgraded one by one, and go back, under a load.
//!
//! There is one program: a master of before is one that is told to write nothing that its
//! predecessor could not read. As long as one of these is there the others write as it does, so
//! that they may go back; in the last round all are upgraded, and the log's version rises. What an
//! older program makes of a newer one's files is for tests with golden files.

use super::{
    Length, Order,
    stage::{Limits, Stage},
};
use crate::{
    cluster::{Shape, registered},
    figures::{Figure, Report},
    load::Plan,
    patience::holds,
    verdict::Ends,
};
use anyhow::Context as _;
use std::time::{Duration, Instant};

/// Of a master of before.
const BEFORE: &str = "--log-version-max=1";

/// A leader that ends in order is followed at once.
const LIMITS: Limits = Limits {
    gap_p99: Duration::from_secs(3),
    gap_max: Duration::from_secs(6),
    resumed_max: Duration::MAX,
};

/// What was done and seen.
#[derive(Debug, Default)]
struct Seen {
    restarts: u64,
    first_term: u64,
    last_term: u64,
    version: u32,
}

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let shape = Shape { master_flags: vec![BEFORE.to_owned()], ..Shape::emulated(8, 300) };
    let stage = Stage::start(order, &shape, &Plan::steady())?;
    let mut seen = Seen { first_term: stage.cluster.operator.cluster()?.term, ..Seen::default() };
    let mut report =
        stage.perform("rolling-upgrade", order, Ends::Finished, LIMITS, |stage, round| {
            let is_last = matches!(order.length, Length::Rounds(rounds) if round + 1 == rounds);
            seen.round(stage, round, is_last)
        })?;
    let terms = seen.last_term - seen.first_term;
    if terms > seen.restarts {
        let restarts = seen.restarts;
        report.violations.push(format!("{terms} new terms, more than {restarts} restarts"));
    }
    report.figures.push(Figure::count("restarts", usize::try_from(seen.restarts)?));
    report.figures.push(Figure::count("new terms", usize::try_from(terms)?));
    report.figures.push(Figure::count("version of the log", usize::try_from(seen.version)?));
    Ok(report)
}

impl Seen {
    /// Upgrades all masters but one, and brings them back; or upgrades all for good.
    fn round(&mut self, stage: &mut Stage, round: u64, is_last: bool) -> anyhow::Result<()> {
        let mut ids: Vec<u64> = stage.cluster.masters.keys().copied().collect();
        // Each has its turn to be the one that stays, the leader as well.
        let stays = usize::try_from(round)? % ids.len();
        ids.rotate_left(stays);
        let upgraded = if is_last { &ids[..] } else { &ids[1..] };
        for id in upgraded {
            self.restart(stage, *id, false)?;
        }
        if is_last {
            holds("the version of the log rises", || {
                let answer = stage.cluster.operator.cluster_now();
                self.version = answer.map_or(self.version, |answer| answer.log_version);
                self.version > 1
            })?;
        } else {
            self.version = stage.cluster.operator.cluster()?.log_version;
            anyhow::ensure!(self.version == 1, "version {} although one is old", self.version);
            for id in upgraded {
                self.restart(stage, *id, true)?;
            }
        }
        self.last_term = stage.cluster.operator.cluster()?.term;
        Ok(())
    }

    fn restart(&mut self, stage: &mut Stage, id: u64, is_old: bool) -> anyhow::Result<()> {
        let flags = &mut stage.cluster.master(id)?.flags;
        flags.retain(|flag| flag != BEFORE);
        flags.extend(is_old.then(|| BEFORE.to_owned()));
        stage.harm();
        let process = stage.cluster.master(id)?.take()?;
        process.terminate().with_context(|| format!("master {id}"))?;
        stage.cluster.start_master(id)?;
        self.restarts += 1;
        // As an operator does: the next one has its turn when all are back. Agents and frameworks
        // that meet one change of leader after another rightly wait longer each time.
        stage.cluster.caught_up(id)?;
        for (agent, node) in &stage.cluster.agents {
            registered(agent, node)?;
        }
        stage.resumes(Instant::now())
    }
}
