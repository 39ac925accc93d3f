//! One round: something goes wrong in a part of a node's life, and the next life is looked at.

use super::{Part, Step, party::Party};
use crate::{
    cluster::{Cluster, Shape},
    exercises::stage::Stage,
    home::Home,
    node::Node,
    patience::holds,
    process::Process,
    tracer::{Harm, Injection, Seen, Tracer},
};
use anyhow::Context as _;
use std::{
    collections::BTreeMap, fs, os::unix::process::ExitStatusExt as _, path::PathBuf,
    process::ExitStatus, time::Instant,
};

/// Accepts that are some work.
const WORK: usize = 2;

/// What is needed to harm somebody, and what was found.
#[derive(Debug)]
pub(super) struct Rig {
    program: PathBuf,
    shape: Shape,
    /// What undisturbed lives did.
    seen: BTreeMap<(&'static str, &'static str), Seen>,
    pub(super) violations: Vec<String>,
}

/// A part of a life under the tracer.
#[derive(Debug)]
struct Life {
    seen: Seen,
    /// How it ended by itself, if it did.
    status: Option<ExitStatus>,
    /// What its log says of this part.
    said: String,
    has_failed_one: bool,
    /// What it did to a file after it could not be synced.
    went_on: Option<String>,
}

/// How a round went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The node ended for what was done to it.
    Died,
    /// A call failed, and the node went on.
    Survived,
    /// This life had no such call.
    Missed,
}

impl Rig {
    pub(super) fn new(program: PathBuf, shape: Shape) -> Self {
        Self { program, shape, seen: BTreeMap::new(), violations: Vec::new() }
    }

    /// What an undisturbed life does.
    pub(super) fn count(
        &mut self,
        stage: &mut Stage,
        party: Party,
        part: Part,
    ) -> anyhow::Result<Seen> {
        let seen = self.live(stage, party, part, None)?.seen;
        self.seen.insert(key(party, part), seen.clone());
        Ok(seen)
    }

    pub(super) fn perform(
        &mut self,
        stage: &mut Stage,
        number: usize,
        step: Step,
    ) -> anyhow::Result<Outcome> {
        let Step { party, part, injection } = step;
        let life = self.live(stage, party, part, Some(injection))?;
        let wrong = life.wrong(injection.harm).into_iter();
        self.violations.extend(wrong.map(|wrong| format!("step {number}, {step}: {wrong}")));
        Ok(life.outcome())
    }

    /// Has a node live a part of its life under the tracer, and sees that the next life is well.
    fn live(
        &self,
        stage: &mut Stage,
        party: Party,
        part: Part,
        injection: Option<Injection>,
    ) -> anyhow::Result<Life> {
        let seen = self.seen.get(&key(party, part)).cloned().unwrap_or_default();
        if part == Part::Founding {
            let mut cluster = Cluster::prepare(&self.program, &self.shape)?;
            let result = found(&mut cluster, party, injection, &seen);
            let life = result.map_err(|error| error.context(cluster.log_ends()))?;
            return cluster.finish().map(|()| life);
        }
        stage.harm();
        let cluster = &mut stage.cluster;
        let tracer = party.tracer(cluster)?;
        let log = Log::of(&cluster.home, party);
        let status = if part == Part::Start {
            party.node(cluster)?.take()?.kill()?;
            start_traced(cluster, party, &tracer, injection, &seen)?
        } else {
            let pid = party.node(cluster)?.process()?.pid();
            let mut command = tracer.attach(pid, injection, &seen);
            cluster.home.clean(&mut command);
            let attached = Process::start(command, &cluster.home.log("tracer"))?;
            traced_or_gone(party.node(cluster)?)?;
            work(stage, party)?;
            drop(attached);
            let node = party.node(&mut stage.cluster)?;
            last_moments(node, party, &tracer, injection)?
        };
        let life = Life::of(&tracer, status, &log)?;
        stage.cluster.start_all()?;
        stage.resumes(Instant::now())?;
        Ok(life)
    }
}

fn key(party: Party, part: Part) -> (&'static str, &'static str) {
    let part = match part {
        Part::Founding => "founding",
        Part::Start => "start",
        Part::Work => "work",
    };
    (party.name(), part)
}

/// The first life of a cluster, in which one party is traced, and the second one.
fn found(
    cluster: &mut Cluster,
    party: Party,
    injection: Option<Injection>,
    seen: &Seen,
) -> anyhow::Result<Life> {
    if party == Party::Agent {
        cluster.start_master(1)?;
        cluster.operator.cluster()?;
    }
    let tracer = party.tracer(cluster)?;
    let log = Log::of(&cluster.home, party);
    let status = start_traced(cluster, party, &tracer, injection, seen)?;
    let life = Life::of(&tracer, status, &log)?;
    cluster.start_all()?;
    Ok(life)
}

/// Starts a party under the tracer until it is well or has ended; it does not run afterwards. The
/// answer is how it ended by itself.
fn start_traced(
    cluster: &mut Cluster,
    party: Party,
    tracer: &Tracer,
    injection: Option<Injection>,
    seen: &Seen,
) -> anyhow::Result<Option<ExitStatus>> {
    let Cluster { masters, agents, home, .. } = cluster;
    let node = match party {
        Party::Master => masters.get_mut(&1),
        Party::Agent => agents.get_mut(party.name()),
    };
    let Some(node) = node else { anyhow::bail!("there is no {}", party.name()) };
    node.launcher = tracer.launcher(injection, seen);
    node.start(home)?;
    node.launcher.clear();
    holds("a node is well or has ended", || {
        !party.node(cluster).is_ok_and(Node::is_running) || party.is_up(cluster)
    })?;
    last_moments(party.node(cluster)?, party, tracer, injection)
}

/// Ends a node whose part is over. The answer is how it ended by itself, as a node must of which a
/// call has failed; but an agent without room may go on.
fn last_moments(
    node: &mut Node,
    party: Party,
    tracer: &Tracer,
    injection: Option<Injection>,
) -> anyhow::Result<Option<ExitStatus>> {
    let may_go_on = injection.is_none_or(|it| party == Party::Agent && it.harm == Harm::Full);
    let is_hit = !may_go_on && tracer.has_failed_one()?;
    let is_running = node.is_running() && !is_hit;
    let mut process = node.take()?;
    match is_running {
        // It is killed, if it does not end at this very moment.
        true => Ok(None),
        false => process.wait().map(Some).context("it goes on although a call has failed"),
    }
}

/// Until some work is done or a party has ended.
fn work(stage: &mut Stage, party: Party) -> anyhow::Result<()> {
    let before = stage.load.history().acknowledged.len();
    holds("some work is done, or a node has ended", || {
        let is_running = party.node(&mut stage.cluster).is_ok_and(Node::is_running);
        let done = stage.load.history().acknowledged.len() - before;
        !is_running || done >= WORK
    })
}

/// Waits until a node is traced. It may have come to the call in which it is killed before anybody
/// looked, and what has ended is traced no longer.
fn traced_or_gone(node: &mut Node) -> anyhow::Result<()> {
    let pid = node.process()?.pid();
    holds("a process is traced", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mut tracers = status.lines().filter_map(|line| line.strip_prefix("TracerPid:"));
        tracers.any(|tracer| tracer.trim() != "0") || !node.is_running()
    })
}

impl Life {
    fn of(tracer: &Tracer, status: Option<ExitStatus>, log: &Log) -> anyhow::Result<Self> {
        Ok(Self {
            seen: tracer.seen()?,
            status,
            said: log.since()?,
            has_failed_one: tracer.has_failed_one()?,
            went_on: tracer.after_failed_sync()?,
        })
    }

    fn outcome(&self) -> Outcome {
        match self.status {
            Some(_) => Outcome::Died,
            None if self.has_failed_one => Outcome::Survived,
            None => Outcome::Missed,
        }
    }

    /// What must not be in a life that was harmed.
    fn wrong(&self, harm: Harm) -> Vec<String> {
        let mut wrong = Vec::new();
        let Some(status) = self.status else { return wrong };
        if harm == Harm::Kill {
            wrong.extend((status.signal() != Some(9)).then(|| format!("it ended with {status}")));
            return wrong;
        }
        if status.code() != Some(1) {
            wrong.push(format!("it ended with {status}, not with code 1"));
        }
        if !self.said.contains(harm.text()) {
            wrong.push(format!("it did not say {:?}", harm.text()));
        }
        wrong.extend(self.went_on.iter().map(|call| format!("and yet {call}")));
        wrong
    }
}

/// A log, from a moment on.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    from: usize,
}

impl Log {
    fn of(home: &Home, party: Party) -> Self {
        let path = home.log(party.name());
        let from = fs::read(&path).map_or(0, |text| text.len());
        Self { path, from }
    }

    fn since(&self) -> anyhow::Result<String> {
        let text = fs::read(&self.path)?;
        Ok(String::from_utf8_lossy(text.get(self.from..).unwrap_or_default()).into_owned())
    }
}
