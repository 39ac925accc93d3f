//! Supervisors of containers are killed in each of the calls of a launch and of an end, by
//! `strace`, and calls of theirs fail.
//!
//! What they supervise ends with them, wherever that is; each task is reported to have ended, once,
//! and as finished only if it was; and nothing is left behind. The agent lives on all the time.

use super::{
    Order, Steps,
    stage::{Limits, Stage},
};
use crate::{
    cluster::{Cluster, Isolation, Shape},
    figures::{Figure, Report},
    load::Plan,
    patience::{eventually, holds},
    tracer::{self, Harm, Injection, OfLaunch},
    verdict::Ends,
    witness,
};
use anyhow::Context as _;
use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

/// Launches that are harmed in the same way.
const ENDS: usize = 2;

/// A program between the agent and its supervisors, which has them traced when it is told to.
#[derive(Debug)]
struct Wrapper {
    /// The tracer's words, or an empty line.
    words: PathBuf,
    /// A trace for each supervisor.
    traces: PathBuf,
}

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    tracer::check()?;
    let shape = Shape { masters: 1, isolation: Isolation::Best, ..Shape::emulated(1, 0) };
    let mut cluster = Cluster::prepare(&order.program, &shape)?;
    let wrapper = Wrapper::between(&mut cluster, order)?;
    let script = witness::script(1);
    let plan = Plan { accepts_per_second: 4, frameworks: 1, script, mem_mib: 16 };
    let stage = Stage::on(cluster, &plan)?;
    let seen = wrapper.count()?;
    let mut steps = Vec::new();
    for (call, count) in seen.calls {
        let one = |harm| move |number| Injection { call, number, harm };
        steps.extend((1..=count).map(one(Harm::Kill)));
        if tracer::CHANGES.contains(&call) {
            steps.extend((1..=count).map(one(Harm::Full)));
        }
    }
    let count = steps.len();
    let steps = Steps::of(steps, order)?;
    let shortened = steps.shorten(order);
    let ends = Ends::IfSaid;
    let mut report =
        stage.perform("launch-calls", &shortened, ends, Limits::NONE, |stage, round| {
            let (number, injection) = steps.at(round);
            stage.harm();
            wrapper.harm(stage, injection).with_context(|| format!("step {number}, {injection}"))
        })?;
    report.figures.push(Figure::count("calls of undisturbed launches", count));
    Ok(report)
}

impl Wrapper {
    fn between(cluster: &mut Cluster, order: &Order<'_>) -> anyhow::Result<Self> {
        let place = cluster.home.path().join("tmp");
        let (words, traces) = (place.join("words"), place.join("traces"));
        fs::create_dir(&traces)?;
        fs::write(&words, "\n")?;
        let wrapper = place.join("jail");
        let (words_text, traces_text) = (words.display(), traces.display());
        let program = order.program.display();
        // The tracer is no child of the supervisor, and has nothing of its pipes. Nothing is
        // started while the shell waits for it, as that would be traced as well.
        let script = format!(
            "#!/bin/sh\n\
             read -r words < {words_text}\n\
             if [ -n \"$words\" ]; then\n\
             ( $words -o {traces_text}/$$ -p $$ </dev/null >/dev/null 2>&1 & )\n\
             until [ \"${{tracer:-0}}\" != 0 ]; do\n\
             while read -r name tracer && [ \"$name\" != TracerPid: ]; do :; done \
             </proc/$$/status\n\
             done\n\
             fi\n\
             exec {program} jail\n"
        );
        fs::write(&wrapper, script)?;
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o700))?;
        for agent in cluster.agents.values_mut() {
            agent.flags.push(format!("--jail-program={}", wrapper.display()));
        }
        Ok(Self { words, traces })
    }

    /// What one undisturbed launch, and end, calls.
    fn count(&self) -> anyhow::Result<OfLaunch> {
        self.say(&tracer::of_supervisor(None))?;
        let seen = eventually("a task under a tracer ends", || {
            self.texts().iter().map(|text| OfLaunch::of(text)).find(|seen| seen.is_whole)
        })?;
        self.say("")?;
        Ok(seen)
    }

    /// Does harm to the supervisors that are started until two tasks more have ended.
    fn harm(&self, stage: &mut Stage, injection: Injection) -> anyhow::Result<()> {
        self.say(&tracer::of_supervisor(Some(injection)))?;
        let before: BTreeSet<String> = stage.load.history().accepts.keys().cloned().collect();
        holds("tasks of harmed supervisors end", || {
            let history = stage.load.history();
            let later = history.accepts.iter().filter(|(task, _)| !before.contains(*task));
            later.filter(|(_, accept)| accept.end().is_some()).count() >= ENDS
        })?;
        self.say("")
    }

    fn say(&self, words: &str) -> anyhow::Result<()> {
        // Whole or not at all: somebody may read it at any time.
        let new = self.words.with_extension("new");
        fs::write(&new, format!("{words}\n"))?;
        Ok(fs::rename(new, &self.words)?)
    }

    fn texts(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.traces).into_iter().flatten().flatten();
        entries.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect()
    }
}
