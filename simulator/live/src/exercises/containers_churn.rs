//! Thousands of containers are launched and end, and nothing may be left of them: no process, no
//! cgroup, no mount, which is looked for in the end, and no descriptor or memory of the agent's and
//! the master's.
//!
//! What a process needs for its work is not what it holds when it is new: the second quarter of the
//! rounds is compared with the last one. A run of few rounds says nothing of that.

use super::{
    Order,
    stage::{Limits, Stage},
};
use crate::{
    cluster::{Isolation, Shape},
    figures::{Figure, Report},
    load::Plan,
    node::Node,
    verdict::Ends,
};
use anyhow::Context as _;
use std::{fs, time::Duration};

/// Launches of a round.
const LAUNCHES: usize = 100;
/// Of which a round takes no longer.
const ROUND: Duration = Duration::from_secs(300);
/// Fewer are not compared.
const ROUNDS_MIN: usize = 20;
/// So much more is no growth.
const PERCENT_MAX: usize = 5;

/// What a process holds.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    descriptors: usize,
    threads: usize,
    memory_kib: usize,
}

/// Something that it holds.
type Kind = fn(&Held) -> usize;

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let shape = Shape { masters: 1, isolation: Isolation::Best, ..Shape::emulated(1, 0) };
    let plan = Plan { accepts_per_second: 50, frameworks: 2, script: "exit 0".into(), mem_mib: 8 };
    let stage = Stage::start(order, &shape, &plan)?;
    let (mut masters, mut agents) = (Vec::new(), Vec::new());
    let mut report =
        stage.perform("containers-churn", order, Ends::Finished, Limits::NONE, |stage, _| {
            stage.load.makes_progress(LAUNCHES, ROUND)?;
            masters.push(Held::by(stage.cluster.master(1)?)?);
            agents.push(Held::by(stage.cluster.agent("agent-1")?)?);
            Ok(())
        })?;
    compare(&mut report, "master", &masters);
    compare(&mut report, "agent", &agents);
    Ok(report)
}

fn compare(report: &mut Report, who: &str, held: &[Held]) {
    let quarter = (held.len() / 4).max(1);
    let early = held.get(quarter..2 * quarter).unwrap_or(held);
    let late = &held[held.len().saturating_sub(quarter)..];
    let kinds: [(&str, Kind); 3] = [
        ("descriptors", |held| held.descriptors),
        ("threads", |held| held.threads),
        ("memory, KiB", |held| held.memory_kib),
    ];
    for (what, of) in kinds {
        let (before, after) = (median(early, of), median(late, of));
        report.figures.push(Figure::count(&format!("{who}: {what}, early"), before));
        report.figures.push(Figure::count(&format!("{who}: {what}, late"), after));
        // A descriptor more or less is a connection.
        let most = before + (before * PERCENT_MAX / 100).max(2);
        if held.len() >= ROUNDS_MIN && after > most {
            report.violations.push(format!("{who}: {what} grew from {before} to {after} (H3)"));
        }
    }
}

fn median(held: &[Held], of: Kind) -> usize {
    let mut values: Vec<usize> = held.iter().map(of).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

impl Held {
    fn by(node: &Node) -> anyhow::Result<Self> {
        let process = format!("/proc/{}", node.process()?.pid());
        let status = fs::read_to_string(format!("{process}/status"))?;
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').split_whitespace().next()?.parse().ok()
        };
        Ok(Self {
            descriptors: fs::read_dir(format!("{process}/fd"))?.count(),
            threads: value("Threads").context("a process has threads")?,
            memory_kib: value("VmRSS").context("a process has memory")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(memory_kib: impl Fn(usize) -> usize, rounds: usize) -> usize {
        let held = |round| Held { descriptors: 20, threads: 5, memory_kib: memory_kib(round) };
        let held: Vec<Held> = (0..rounds).map(held).collect();
        let mut report = Report {
            exercise: "test",
            rounds: 0,
            elapsed: Duration::ZERO,
            figures: Vec::new(),
            violations: Vec::new(),
            logs: String::new(),
        };
        compare(&mut report, "agent", &held);
        report.violations.len()
    }

    #[test]
    fn growth_is_seen_and_a_new_process_is_not_compared() {
        assert_eq!(violations(|round| 1_000 * (round + 1).min(4), 40), 0, "it has settled");
        assert_eq!(violations(|round| 10_000 + 100 * round, 40), 1, "it grows");
        assert_eq!(violations(|round| 10_000 + 100 * round, 4), 0, "few rounds say nothing");
        assert_eq!(violations(|round| 10_000 + 100 * round, 0), 0);
    }
}
