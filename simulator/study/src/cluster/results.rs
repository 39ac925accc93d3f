//! What is measured of a cluster, for all of it and for each group of frameworks.

use super::{frameworks::Framework, jobs::JobsResults, plan::AgentsPlan};
use crate::{level::Level, measures::Measures, statistics::quantile};
use proto::model::{Offer, OfferId, ResourceName, TaskInfo};
use simulator::engine::{Digest, Time};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Results {
    pub(super) events: u64,
    offers: u64,
    pub(super) refused: u64,
    launched: u64,
    /// Of each group.
    launched_by: Vec<u64>,
    /// Of tasks that run, in thousandths of a core.
    used: Level,
    /// In offers that were made and not answered, the same.
    held: Level,
    offered: BTreeMap<OfferId, u128>,
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
    /// Of those with queues of jobs.
    jobs: Option<JobsResults>,
}

impl Results {
    pub(super) fn new(agents: AgentsPlan, groups: usize) -> Self {
        Self {
            events: 0,
            offers: 0,
            refused: 0,
            launched: 0,
            launched_by: vec![0; groups],
            used: Level::default(),
            held: Level::default(),
            offered: BTreeMap::new(),
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

    /// A task of so many thousandths of a core begins to run, or ends.
    pub(super) fn runs(&mut self, now: Time, cpus: u128, runs: bool) {
        match runs {
            true => self.used.grows(now, cpus),
            false => self.used.shrinks(now, cpus),
        }
    }

    pub(super) fn offered(&mut self, now: Time, offers: &[Offer]) {
        self.offers += offers.len() as u64;
        for offer in offers {
            let cpus = offer.resources.scalar(&ResourceName::CPUS).0.unsigned_abs().into();
            self.offered.insert(offer.id, cpus);
            self.held.grows(now, cpus);
        }
    }

    /// Offers are answered, or taken back.
    pub(super) fn over(&mut self, now: Time, offers: &[OfferId]) {
        for offer in offers {
            let cpus = self.offered.remove(offer).unwrap_or(0);
            self.held.shrinks(now, cpus);
        }
    }

    pub(super) fn ended(&mut self, now: Time, framework: &Framework) {
        self.digest.add(&[now.0, xxh3(&framework.name)]);
    }

    pub(super) fn measures(&self, end: Time, names: &[&str], all: &[Framework]) -> Measures {
        let mut measures = Measures { digest: self.digest.value(), ..Measures::default() };
        let seconds = end.as_seconds().max(1e-3);
        let capacity = f64::from(self.agents.count) * self.agents.cpus * 1e3;
        let capacity = capacity.round() as u128;
        let numbers = [
            ("end", seconds),
            ("events", self.events as f64),
            ("offers", self.offers as f64),
            ("refused", self.refused as f64),
            ("launched", self.launched as f64),
            ("cpus-used", self.used.mean(end, capacity)),
            ("cpus-held", self.held.mean(end, capacity)),
        ];
        measures.scalars.extend(numbers.map(|(name, number)| (name.to_owned(), number)));
        for (index, name) in names.iter().enumerate() {
            let mut group = Group::default();
            all.iter().filter(|it| it.group == index).for_each(|it| group.add(it, end));
            let numbers = group.numbers(seconds).into_iter();
            let named =
                numbers.filter_map(|(what, number)| Some((format!("{name}.{what}"), number?)));
            measures.scalars.extend(named);
        }
        measures
    }
}

impl Group {
    fn add(&mut self, framework: &Framework, end: Time) {
        self.frameworks += 1.0;
        // What it would still decide when all is over was not decided.
        let beyond = Time(framework.busy_until.0.saturating_sub(end.0));
        self.busy += (framework.busy - beyond).as_seconds();
        if let Some(jobs) = framework.jobs() {
            self.jobs.get_or_insert_default().add(jobs.results());
        }
        let Some(summary) = framework.summary() else { return };
        self.instances += summary.tasks.len() as f64;
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

    fn numbers(mut self, seconds: f64) -> Vec<(&'static str, Option<f64>)> {
        let busy = ("busy", Some(self.busy / (self.frameworks.max(1.0) * seconds)));
        if let Some(jobs) = &self.jobs {
            return jobs.numbers(seconds, self.frameworks).into_iter().chain([busy]).collect();
        }
        self.waits.sort_by(f64::total_cmp);
        self.delays.sort_by(f64::total_cmp);
        let mean = |numbers: &[f64]| {
            (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
        };
        vec![
            busy,
            ("started", Some(self.waits.len() as f64)),
            ("done", Some(self.ended / self.instances.max(1.0))),
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
