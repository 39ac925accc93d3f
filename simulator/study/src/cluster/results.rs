//! What is measured of a cluster, for all of it and for each group of frameworks.

use super::{frameworks::Framework, plan::AgentsPlan};
use crate::{measures::Measures, statistics::quantile};
use proto::model::TaskInfo;
use simulator::engine::{Digest, Time};

#[derive(Debug)]
pub(super) struct Results {
    pub(super) events: u64,
    pub(super) offers: u64,
    pub(super) refused: u64,
    launched: u64,
    /// Of each group.
    launched_by: Vec<u64>,
    /// Cores times seconds of tasks that have ended.
    used: f64,
    agents: AgentsPlan,
    digest: Digest,
}

/// Numbers of a group's frameworks in the making.
#[derive(Debug, Default)]
struct Group {
    frameworks: f64,
    instances: f64,
    ended: f64,
    /// Seconds from a job's beginning to the running of each of its tasks.
    waits: Vec<f64>,
    /// From the decision to launch a task to its running.
    delays: Vec<f64>,
    /// From a job's beginning to its last end.
    makespans: Vec<f64>,
    busy: f64,
}

impl Results {
    pub(super) fn new(agents: AgentsPlan, groups: usize) -> Self {
        Self {
            events: 0,
            offers: 0,
            refused: 0,
            launched: 0,
            launched_by: vec![0; groups],
            used: 0.0,
            agents,
            digest: Digest::new(),
        }
    }

    pub(super) fn launched(
        &mut self,
        now: Time,
        agent: usize,
        group: Option<usize>,
        task: &TaskInfo,
    ) {
        self.launched += 1;
        if let Some(group) = group {
            self.launched_by[group] += 1;
        }
        let name = xxh3(task.id.as_str());
        self.digest.add(&[now.0, agent as u64, name]);
    }

    /// How many tasks of a group were launched.
    pub(super) fn launched_by(&self, group: usize) -> u64 {
        self.launched_by[group]
    }

    /// Of what has happened so far.
    pub(super) fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// A task of so many cores has run for so long.
    pub(super) fn has_run(&mut self, cpus: f64, time: Time) {
        self.used += cpus * time.as_seconds();
    }

    pub(super) fn ended(&mut self, now: Time, framework: &Framework) {
        self.digest.add(&[now.0, xxh3(&framework.name)]);
    }

    pub(super) fn measures(&self, end: Time, names: &[&str], all: &[Framework]) -> Measures {
        let mut measures = Measures { digest: self.digest.value(), ..Measures::default() };
        let seconds = end.as_seconds().max(1e-3);
        let capacity = f64::from(self.agents.count) * self.agents.cpus * seconds;
        let numbers = [
            ("end", seconds),
            ("events", self.events as f64),
            ("offers", self.offers as f64),
            ("refused", self.refused as f64),
            ("launched", self.launched as f64),
            ("cpus-used", self.used / capacity.max(f64::MIN_POSITIVE)),
        ];
        measures.scalars.extend(numbers.map(|(name, number)| (name.to_owned(), number)));
        for (index, name) in names.iter().enumerate() {
            let mut group = Group::default();
            all.iter().filter(|it| it.group == index).for_each(|it| group.add(it));
            let numbers = group.numbers(seconds).into_iter();
            let named =
                numbers.filter_map(|(what, number)| Some((format!("{name}.{what}"), number?)));
            measures.scalars.extend(named);
        }
        measures
    }
}

impl Group {
    fn add(&mut self, framework: &Framework) {
        let summary = framework.summary();
        self.frameworks += 1.0;
        self.instances += summary.tasks.len() as f64;
        self.busy += framework.busy.as_seconds();
        let seconds = |ms: u64| ms as f64 / 1e3;
        for row in &summary.tasks {
            self.ended += f64::from(u8::from(row.outcome.is_some()));
            let Some(started) = row.started_ms else { continue };
            self.waits.push(seconds(started));
            let launched = row.launched_ms.unwrap_or(started);
            self.delays.push(seconds(started.saturating_sub(launched)));
        }
        if summary.open == 0 {
            self.makespans.push(seconds(summary.duration_ms));
        }
    }

    fn numbers(mut self, seconds: f64) -> [(&'static str, Option<f64>); 9] {
        self.waits.sort_by(f64::total_cmp);
        self.delays.sort_by(f64::total_cmp);
        let mean = |numbers: &[f64]| {
            (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
        };
        [
            ("started", Some(self.waits.len() as f64)),
            ("done", Some(self.ended / self.instances.max(1.0))),
            ("busy", Some(self.busy / (self.frameworks.max(1.0) * seconds))),
            ("wait", mean(&self.waits)),
            ("wait-p99", quantile(&self.waits, 0.99)),
            ("delay", mean(&self.delays)),
            ("delay-p99", quantile(&self.delays, 0.99)),
            ("makespan", mean(&self.makespans)),
            ("makespan-most", self.makespans.iter().copied().reduce(f64::max)),
        ]
    }
}

/// A text as a number, for the digest.
fn xxh3(text: &str) -> u64 {
    let mut digest = Digest::new();
    text.bytes().for_each(|byte| digest.add(&[byte.into()]));
    digest.value()
}
