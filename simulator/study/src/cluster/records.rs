//! What is told of tasks on request, and how things stand: everything that only lookers-on need.

use super::{agents::OnAgent, world::World};
use crate::{
    error::RunError,
    measures::Measures,
    records::{Outcome, TaskRecord},
    running::{Resource, Running, State, Waiting},
};
use proto::model::{ResourceName, TaskKey, TaskState};
use simulator::engine::Time;

impl Running for World<'_> {
    fn run(&mut self, until: Option<Time>) {
        self.go_on(until);
    }

    fn is_over(&self) -> bool {
        self.ended == self.frameworks.len()
            || self.queue.next_at().is_none_or(|next| next >= self.until)
    }

    fn span(&self) -> (Time, Time) {
        let all_are_done = self.ended == self.frameworks.len();
        (Time::ZERO, if all_are_done { self.queue.now() } else { self.until })
    }

    /// Tasks of jobs that have begun, less those that were launched.
    fn waiting(&self) -> Vec<Waiting> {
        let now = self.queue.now();
        let groups = self.plan.frameworks.iter().enumerate();
        let waiting = groups.map(|(group, (name, plan))| {
            let begun = self.frameworks.iter().filter(|it| it.group == group && it.starts < now);
            let asked = begun.count() as u64 * u64::from(plan.tasks);
            let count = asked.saturating_sub(self.results.launched_by(group));
            Waiting { queue: name.clone(), count, come: asked }
        });
        let first = self.plan.frameworks.len();
        let queues = self.plan.jobs.keys().enumerate().map(|(number, name)| {
            let own = self.frameworks.iter().filter(|it| it.group == first + number);
            let (mut count, mut come) = (0, 0);
            for jobs in own.filter_map(|it| it.jobs()) {
                count += jobs.waiting();
                come += jobs.results().arrived;
            }
            Waiting { queue: name.clone(), count, come }
        });
        waiting.chain(queues).collect()
    }

    fn state(&self) -> State {
        let agents = &self.plan.agents;
        let capacity = |each: f64| milli(each) * u128::from(agents.count);
        let mut cpus = Resource { capacity: capacity(agents.cpus), ..Resource::default() };
        let mut mem = Resource { capacity: capacity(agents.mem), ..Resource::default() };
        let mut groups = vec![(0, 0); self.plan.names().count()];
        let mut running = 0;
        for (key, it) in self.agents.tasks() {
            let Some(framework) = self.owners.get(&key.framework) else { continue };
            let group = self.frameworks[*framework].group;
            let runs = u128::from(it.since.is_some());
            let (of_cpus, of_mem) = it.takes;
            cpus.allocated += of_cpus;
            cpus.used += of_cpus * runs;
            mem.allocated += of_mem;
            mem.used += of_mem * runs;
            running += u64::from(it.since.is_some());
            groups[group].0 += of_cpus;
            groups[group].1 += of_mem;
        }
        let part = |amount: u128, capacity: u128| amount as f64 / capacity.max(1) as f64;
        let names = self.plan.names();
        let shares = names.zip(groups).map(|(name, (of_cpus, of_mem))| {
            let share = part(of_cpus, cpus.capacity).max(part(of_mem, mem.capacity));
            (name.clone(), share)
        });
        State {
            at: self.queue.now(),
            shares: shares.collect(),
            resources: [
                (ResourceName::CPUS.to_string(), cpus),
                (ResourceName::MEM.to_string(), mem),
            ]
            .into(),
            running,
            digest: self.results.digest(),
        }
    }

    /// A cluster is measured from its start.
    fn count_from(&mut self, _: Time) {}

    fn finish(mut self: Box<Self>) -> Result<Measures, RunError> {
        if self.recorder.wants_tasks() {
            let open: Vec<_> = self.agents.tasks().map(|(key, it)| (key.clone(), *it)).collect();
            open.iter().for_each(|(key, it)| self.record(key, it, None));
        }
        let names: Vec<&str> = self.plan.names().map(String::as_str).collect();
        let mut measures = self.results.measures(self.queue.now(), &names, &self.frameworks);
        let shares = self.shares.iter().filter_map(|shares| shares.numbers()).flatten();
        measures.scalars.extend(shares.map(|(name, number)| (name.to_owned(), number)));
        Ok(measures)
    }
}

impl World<'_> {
    /// A task that was launched has ended, or has not when all is over.
    pub(super) fn record(&mut self, key: &TaskKey, it: &OnAgent, end: Option<(Time, TaskState)>) {
        if !self.recorder.wants_tasks() {
            return;
        }
        let Some(number) = self.owners.get(&key.framework) else { return };
        let framework = &self.frameworks[*number];
        let kind = self.plan.names().nth(framework.group).map_or("", String::as_str);
        let outcome = match (end, it.since) {
            (Some((_, TaskState::Finished)), _) => Outcome::Finished,
            (Some(_), _) => Outcome::Killed,
            (None, Some(_)) => Outcome::Running,
            (None, None) => Outcome::Placed,
        };
        let (task, attempt) = numbers(key.task.as_str());
        let job = framework.jobs().and_then(|jobs| jobs.job_of(&key.task));
        let (job, came) =
            job.map_or((*number as u64, framework.starts), |(job, at)| (job as u64, at));
        let record = TaskRecord {
            task,
            cpus_milli: u64::try_from(it.takes.0).unwrap_or(u64::MAX),
            mem_mib: u64::try_from(it.takes.1.div_ceil(1_000)).unwrap_or(u64::MAX),
            first_attempt: framework.first_offer,
            placed: Some(it.launched),
            start: it.since,
            end: end.map(|(at, _)| at),
            machine: u32::try_from(it.agent).ok(),
            attempts: attempt + 1,
            outcome,
            ..TaskRecord::new(job, kind, came)
        };
        self.recorder.task(&record);
    }
}

/// Thousandths; what a plan says was checked.
fn milli(amount: f64) -> u128 {
    (amount * 1_000.0).round() as u128
}

/// Which instance of its job a task is, and which attempt at it, both from 0: the batch framework
/// calls them `task-7` and `task-7.1`.
fn numbers(task: &str) -> (u64, u64) {
    let number = task.rsplit_once('-').map_or(task, |(_, number)| number);
    let (instance, attempt) = number.split_once('.').unwrap_or((number, "0"));
    (instance.parse().unwrap_or(0), attempt.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_says_which_one_it_is() {
        assert_eq!(numbers("task-7"), (7, 0));
        assert_eq!(numbers("task-12.3"), (12, 3));
    }
}
