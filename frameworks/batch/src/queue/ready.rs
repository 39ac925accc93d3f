//! Ready instances by task, and what becomes of those that nobody has room for.

use super::{InstanceId, Outcome, Phase, Progress, Queue};
use bourse_sdk::model::{AgentId, Instant};

impl Queue {
    /// Tasks that have ready instances, in order, and how many.
    pub fn ready_by_task(&self) -> impl Iterator<Item = (usize, u32)> {
        self.ready_counts.iter().map(|(task, count)| (*task, *count))
    }

    /// How many instances of a task are ready.
    pub fn ready_count(&self, task: usize) -> u32 {
        self.ready_counts.get(&task).copied().unwrap_or(0)
    }

    /// The first ready instance of a task.
    pub fn first_ready(&self, task: usize) -> Option<InstanceId> {
        let first = self.first[task];
        let end = first + self.job.tasks()[task].instances;
        self.ready.range(InstanceId(first)..InstanceId(end)).next().copied()
    }

    /// The ready instances of a task, in order.
    pub fn ready_of(&self, task: usize) -> impl Iterator<Item = InstanceId> {
        let first = self.first[task];
        let end = first + self.job.tasks()[task].instances;
        self.ready.range(InstanceId(first)..InstanceId(end)).copied()
    }

    /// The place of a task in the job.
    pub fn task_named(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The place of an instance's task in the job.
    pub fn task_of(&self, id: InstanceId) -> usize {
        self.instance(id).task
    }

    /// Whether an attempt of an instance is asked for, or has begun and not ended.
    pub(crate) fn is_live(&self, id: InstanceId) -> bool {
        matches!(self.instance(id).phase, Phase::Launching | Phase::Live { .. })
    }

    /// The agent of an instance's last launch.
    pub fn agent_of(&self, id: InstanceId) -> Option<AgentId> {
        self.instance(id).agent.clone()
    }

    /// The agents of a task's live instances, one for each.
    pub(crate) fn agents_of(&self, task: usize) -> impl Iterator<Item = &AgentId> {
        let first = self.first[task];
        let instances = (first..first + self.job.tasks()[task].instances).map(InstanceId);
        instances.filter(|id| self.is_live(*id)).filter_map(|id| self.instance(id).agent.as_ref())
    }

    /// The cluster has no room for all ready instances of a task together: it is not tried again.
    pub fn give_up(&mut self, now: Instant, task: usize, message: &str) -> Vec<Progress> {
        let mut progress = Vec::new();
        while let Some(id) = self.first_ready(task) {
            self.take_ready(id);
            progress.extend(self.end(now, id, Outcome::Refused, message));
        }
        progress
    }

    pub(super) fn make_ready(&mut self, id: InstanceId) {
        let instance = self.instance_mut(id);
        instance.phase = Phase::Ready;
        let task = instance.task;
        self.ready.insert(id);
        *self.ready_counts.entry(task).or_default() += 1;
        self.is_newly_ready = true;
    }

    /// A ready instance is so no longer.
    pub(super) fn take_ready(&mut self, id: InstanceId) {
        assert!(self.ready.remove(&id), "only what is ready is launched");
        let task = self.instance(id).task;
        let count = self.ready_counts.get_mut(&task).expect("it counts the ready");
        *count -= 1;
        if *count == 0 {
            self.ready_counts.remove(&task);
        }
    }
}
