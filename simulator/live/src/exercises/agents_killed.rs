//! Agents are killed again and again, and come back at once; their tasks are real processes.
//!
//! A task that has begun must not notice. One whose agent dies in the midst of its launch runs or
//! is said not to have run, and which of the two is the truth.

use super::{
    Order,
    stage::{Limits, Stage},
};
use crate::{
    cluster::{Cluster, Isolation, Shape},
    figures::{Figure, Report, percentile},
    load::Plan,
    metrics_page,
    patience::{eventually, pause_until},
    verdict::Ends,
    witness,
};
use anyhow::Context as _;
use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

const EVERY: Duration = Duration::from_secs(2);
/// From the start of an agent until it has its containers again.
const ADOPTED_MAX: Duration = Duration::from_secs(2);

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let shape = Shape { masters: 1, isolation: Isolation::Best, ..Shape::emulated(4, 0) };
    // About 20 tasks on each agent at any time; each sees its agent die about once.
    let script = witness::script(7);
    let plan = Plan { accepts_per_second: 10, frameworks: 2, script, mem_mib: 16 };
    let stage = Stage::start(order, &shape, &plan)?;
    let (begun, mut times, mut adopted) = (Instant::now(), Vec::new(), 0);
    let mut report =
        stage.perform("agents-killed", order, Ends::Witnessed, Limits::NONE, |stage, round| {
            stage.harm();
            let id = kill_one(&mut stage.cluster)?;
            let started = Instant::now();
            stage.cluster.start_agent(&id)?;
            let since = has_its_containers(stage.cluster.agent(&id)?.metrics)?;
            times.push(since.duration_since(started));
            adopted = adoptions(&stage.cluster)?;
            pause_until(begun + EVERY * (u32::try_from(round)? + 1));
            Ok(())
        })?;
    times.sort();
    report.figures.push(Figure::count("containers adopted", adopted));
    report.figures.extend(Figure::spread("adopted after", &times));
    let longest = percentile(&times, 100).unwrap_or_default();
    if longest > ADOPTED_MAX {
        report.violations.push(format!("adopted after {longest:.1?}, not {ADOPTED_MAX:?}"));
    }
    if adopted == 0 {
        report.violations.push("no container was ever adopted".to_owned());
    }
    Ok(report)
}

fn kill_one(cluster: &mut Cluster) -> anyhow::Result<String> {
    let chosen = rand::random_range(..cluster.agents.len());
    let id = cluster.agents.keys().nth(chosen).context("there is an agent")?.clone();
    cluster.agent(&id)?.take()?.kill()?;
    Ok(id)
}

/// When a new life of an agent has its containers again: it counts its tasks for the first time
/// after it has adopted what still runs.
fn has_its_containers(metrics: SocketAddr) -> anyhow::Result<Instant> {
    eventually("an agent that was killed has its containers again", || {
        let page = metrics_page::read(metrics).ok()?;
        metrics_page::value(&page, "bourse_agent_tasks").map(|_| Instant::now())
    })
}

/// How many containers all agents have adopted so far, as their logs say.
fn adoptions(cluster: &Cluster) -> anyhow::Result<usize> {
    let logs = cluster.agents.keys().map(|id| {
        let log = fs::read_to_string(cluster.home.log(id))?;
        Ok(log.matches("adopting a container").count())
    });
    logs.sum()
}
