//! What may run now: dependencies, retries with growing pauses, timeouts, and the end of each
//! instance.
//!
//! Every instance ends exactly once. An attempt that fails is repeated as often as the task allows;
//! an attempt that the cluster loses (agent gone, never launched) is nobody's fault and is repeated
//! on its own, larger account. Pure: knows no offers, no calls, no clock.

use crate::group::member_id;
use crate::instance::{Instance, KillCause, Phase};
use crate::job::{Job, TaskSpec, task_id};
use crate::observer::{Progress, Skip, TaskNews};
use bourse_sdk::jitter::{Backoff, Jitter};
use bourse_sdk::model::{
    AgentId, Duration, Instant, OfferId, StatusReason, TaskId, TaskState, TaskStatus,
};
pub(crate) use groups::GroupProgress;
pub use launch::Launch;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Pauses before an attempt is repeated.
const BACKOFF: Backoff = Backoff { min: Duration(500), max: Duration(60_000) };

/// How often one instance may be lost by the cluster before that counts as its failure.
pub const LOSSES_MAX: u32 = 20;

/// Names one instance: its place in the order of submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceId(pub(crate) u32);

/// How an attempt, and in the end an instance, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Exit code 0.
    Succeeded,
    /// Any other end of its own.
    Failed,
    /// Killed since it ran longer than its timeout, or than it may.
    TimedOut,
    /// Killed by an operator, or since the job was stopped.
    Killed,
    /// The cluster lost it: its agent is gone, or it never got there.
    Lost,
    /// The cluster refuses to run what is described.
    Refused,
    /// Never tried: something that it waits for did not succeed, or the job was stopped.
    Skipped,
}

/// All instances of a job and where each stands.
#[derive(Debug)]
pub struct Queue {
    job: Job,
    instances: Vec<Instance>,
    ready: BTreeSet<InstanceId>,
    /// How many of them each task has; those that have none are not here.
    ready_counts: BTreeMap<usize, u32>,
    by_name: BTreeMap<String, usize>,
    /// Not before a time.
    delayed: BTreeSet<(Instant, InstanceId)>,
    /// Those among the delayed that the role's quota holds back.
    held: BTreeSet<InstanceId>,
    timeouts: BTreeSet<(Instant, InstanceId)>,
    /// Current attempts that may be known to the cluster.
    by_task: BTreeMap<TaskId, InstanceId>,
    /// For each task: instances that have not succeeded, and tasks that it still waits for.
    unfinished: Vec<u32>,
    waits: Vec<usize>,
    dependents: Vec<Vec<usize>>,
    /// For each task its first instance.
    first: Vec<u32>,
    open: usize,
    is_stopping: bool,
    is_newly_ready: bool,
    kills: Vec<TaskId>,
    launches: u32,
    began: Instant,
    jitter: Jitter,
}

impl Queue {
    /// A queue whose time begins now.
    pub fn new(job: Job, now: Instant, seed: u64) -> Self {
        let tasks = job.tasks().len();
        let mut dependents = vec![Vec::new(); tasks];
        let mut first = Vec::with_capacity(tasks);
        let mut instances = Vec::with_capacity(job.instance_count());
        for (task, spec) in job.tasks().iter().enumerate() {
            job.dependencies(task).iter().for_each(|&on| dependents[on].push(task));
            first.push(u32::try_from(instances.len()).expect("a job's instances are bounded"));
            instances.extend((0..spec.instances).map(|index| Instance::new(task, index)));
        }
        let names = job.tasks().iter().enumerate().map(|(task, spec)| (spec.name.clone(), task));
        let by_name = names.collect();
        let mut queue = Self {
            unfinished: job.tasks().iter().map(|task| task.instances).collect(),
            waits: (0..tasks).map(|task| job.dependencies(task).len()).collect(),
            open: instances.len(),
            job,
            instances,
            dependents,
            first,
            ready: BTreeSet::new(),
            ready_counts: BTreeMap::new(),
            by_name,
            delayed: BTreeSet::new(),
            held: BTreeSet::new(),
            timeouts: BTreeSet::new(),
            by_task: BTreeMap::new(),
            is_stopping: false,
            is_newly_ready: false,
            kills: Vec::new(),
            launches: 0,
            began: now,
            jitter: Jitter::new(seed),
        };
        for task in 0..tasks {
            if queue.waits[task] == 0 {
                queue.unblock(task, now);
            }
        }
        queue
    }

    /// The job.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// When the job began.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Whether every instance has ended.
    pub fn is_over(&self) -> bool {
        self.open == 0
    }

    /// Whether an attempt may be known to the cluster and has not ended.
    pub fn has_live(&self) -> bool {
        !self.by_task.is_empty()
    }

    /// Instances that may be launched now, in order.
    #[cfg(test)]
    pub fn ready(&self) -> impl Iterator<Item = (InstanceId, &TaskSpec)> {
        self.ready.iter().map(|id| (*id, self.spec(*id)))
    }

    /// Whether anything may be launched now.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether something became ready since this was last asked.
    pub fn take_newly_ready(&mut self) -> bool {
        std::mem::take(&mut self.is_newly_ready)
    }

    /// Whether the attempt of this name is one at a task group.
    pub fn is_group(&self, task: &TaskId) -> bool {
        self.by_task.get(task).is_some_and(|id| self.spec(*id).group.is_some())
    }

    /// Attempts that are to be killed now.
    pub fn take_kills(&mut self) -> Vec<TaskId> {
        std::mem::take(&mut self.kills)
    }

    /// When [`Queue::tick`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        let delayed = self.delayed.first().map(|(at, _)| *at);
        let timeout = self.timeouts.first().map(|(at, _)| *at);
        [delayed, timeout].into_iter().flatten().min()
    }

    /// Each instance with its task, in order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&TaskSpec, &Instance)> {
        self.instances.iter().map(|instance| (&self.job.tasks()[instance.task], instance))
    }

    /// The task of an instance.
    pub fn spec(&self, id: InstanceId) -> &TaskSpec {
        &self.job.tasks()[self.instance(id).task]
    }

    fn instance(&self, id: InstanceId) -> &Instance {
        &self.instances[id.0 as usize]
    }

    fn instance_mut(&mut self, id: InstanceId) -> &mut Instance {
        &mut self.instances[id.0 as usize]
    }

    /// What an observer is told about an instance.
    pub fn news(&self, id: InstanceId) -> TaskNews {
        let instance = self.instance(id);
        let spec = self.spec(id);
        let task = task_id(&spec.name, instance.index, instance.attempt)
            .expect("a job's names and bounds make good ids");
        let members = spec.group.iter().flat_map(|group| &group.members);
        TaskNews {
            members: members.map(|member| member_id(&task, &member.task.name)).collect(),
            task,
            name: spec.name.clone(),
            instance: instance.index,
            attempt: instance.attempt,
            agent: instance.agent.clone(),
        }
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Instant) {
        while let Some((at, id)) = self.delayed.first().copied()
            && at <= now
        {
            self.delayed.remove(&(at, id));
            self.held.remove(&id);
            self.make_ready(id);
        }
        while let Some((at, id)) = self.timeouts.first().copied()
            && at <= now
        {
            self.timeouts.remove(&(at, id));
            self.kill(id, KillCause::Timeout);
        }
    }

    fn unblock(&mut self, task: usize, now: Instant) {
        let at = self.began + self.job.tasks()[task].submit_at;
        for index in 0..self.job.tasks()[task].instances {
            let id = InstanceId(self.first[task] + index);
            if self.instance(id).phase == Phase::Blocked {
                match at <= now {
                    true => self.make_ready(id),
                    false => self.delay(id, at),
                }
            }
        }
    }

    fn delay(&mut self, id: InstanceId, until: Instant) {
        self.instance_mut(id).phase = Phase::Delayed(until);
        self.delayed.insert((until, id));
    }

    fn kill(&mut self, id: InstanceId, cause: KillCause) {
        let task = self.news(id).task;
        let instance = self.instance_mut(id);
        instance.kill_cause.get_or_insert(cause);
        // An accept that is still open is killed when it is known to have happened.
        if matches!(instance.phase, Phase::Live { .. }) {
            self.kills.push(task);
        }
    }

    /// A ready instance was fitted into an offer and is asked for.
    pub fn launch(&mut self, now: Instant, id: InstanceId, agent: AgentId, offer: OfferId) {
        self.take_ready(id);
        self.launches += 1;
        let number = self.launches;
        let instance = self.instance_mut(id);
        instance.launched(now, number, agent, offer);
        let group = self.spec(id).group.as_ref().map(|group| GroupProgress::new(group.names()));
        self.instance_mut(id).group = group;
        let task = self.news(id).task;
        self.by_task.insert(task, id);
    }

    /// The launch is committed.
    pub fn accepted(&mut self, id: InstanceId) {
        let instance = self.instance_mut(id);
        if instance.phase == Phase::Launching {
            instance.phase = Phase::Live { is_running: false };
            if let Some(cause) = instance.kill_cause {
                self.kill(id, cause);
            }
        }
    }

    /// The launch did not happen. With a message it never will: the description is refused.
    pub fn refused(&mut self, now: Instant, id: InstanceId, fatal: Option<&str>) -> Vec<Progress> {
        let news = self.news(id);
        if self.instance(id).phase != Phase::Launching {
            return Vec::new();
        }
        self.by_task.remove(&news.task);
        match fatal {
            None if self.is_stopping => self.end(now, id, Outcome::Skipped, "the job was stopped"),
            None => {
                self.instance_mut(id).take_back();
                self.make_ready(id);
                Vec::new()
            }
            Some(message) => self.end(now, id, Outcome::Refused, message),
        }
    }

    /// News of a task; what they mean for the job.
    pub fn status(&mut self, now: Instant, status: &TaskStatus) -> Vec<Progress> {
        let Some(id) = self.by_task.get(&status.task).copied() else {
            return self.member_status(now, status).unwrap_or_default();
        };
        self.accepted(id);
        match status.state {
            TaskState::Running => self.running(now, id),
            TaskState::Staging
            | TaskState::Starting
            | TaskState::Killing
            // It may come back; running it a second time meanwhile would be worse than waiting.
            | TaskState::Unreachable => Vec::new(),
            state => {
                self.by_task.remove(&status.task);
                self.release_held();
                let instance = self.instance_mut(id);
                instance.take_status(status);
                let outcome = match status.reason {
                    // The cluster took its agent away, or gave its place to others, which is
                    // no end of its own.
                    StatusReason::AgentDraining | StatusReason::Preempted
                        if instance.kill_cause.is_none() =>
                    {
                        Outcome::Lost
                    }
                    StatusReason::MaxCompletionTime => Outcome::TimedOut,
                    _ => outcome(state, instance.kill_cause),
                };
                self.attempt_ended(now, id, outcome, &status.message)
            }
        }
    }

    fn running(&mut self, now: Instant, id: InstanceId) -> Vec<Progress> {
        let timeout = self.spec(id).timeout;
        let instance = self.instance_mut(id);
        if instance.phase != (Phase::Live { is_running: false }) {
            return Vec::new();
        }
        instance.phase = Phase::Live { is_running: true };
        instance.started = Some(now);
        if let Some(timeout) = timeout {
            instance.times_out = Some(now + timeout);
            self.timeouts.insert((now + timeout, id));
        }
        vec![Progress::Started(self.news(id))]
    }

    fn attempt_ended(
        &mut self,
        now: Instant,
        id: InstanceId,
        outcome: Outcome,
        message: &str,
    ) -> Vec<Progress> {
        let retries = self.spec(id).retries;
        let is_stopping = self.is_stopping;
        let instance = self.instance_mut(id);
        let times_out = instance.times_out.take();
        let again = match outcome {
            Outcome::Lost => {
                instance.losses += 1;
                instance.losses <= LOSSES_MAX
            }
            Outcome::Failed | Outcome::TimedOut => {
                instance.failures += 1;
                instance.failures <= retries
            }
            _ => false,
        };
        let repeats = (instance.failures + instance.losses).saturating_sub(1);
        if let Some(at) = times_out {
            self.timeouts.remove(&(at, id));
        }
        if !again || is_stopping {
            return self.end(now, id, outcome, message);
        }
        let news = self.news(id);
        let pause = self.jitter.pause(BACKOFF, repeats);
        self.instance_mut(id).next_attempt();
        self.delay(id, now + pause);
        let message = message.to_owned();
        vec![Progress::Ended { news, outcome, message, retry_in: Some(pause) }]
    }

    /// The end of an instance, and of those that waited for it in vain.
    fn end(
        &mut self,
        now: Instant,
        id: InstanceId,
        outcome: Outcome,
        message: &str,
    ) -> Vec<Progress> {
        let news = self.news(id);
        let instance = self.instance_mut(id);
        assert!(!matches!(instance.phase, Phase::Ended(_)), "an instance ends once");
        instance.end(now, outcome, message);
        let task = instance.task;
        self.open -= 1;
        let mut progress = match outcome {
            Outcome::Skipped => vec![Progress::Skipped { news, because: Skip::Stopped }],
            _ => {
                let message = message.to_owned();
                vec![Progress::Ended { news, outcome, message, retry_in: None }]
            }
        };
        if outcome == Outcome::Succeeded {
            self.unfinished[task] -= 1;
            if self.unfinished[task] == 0 {
                for dependent in self.dependents[task].clone() {
                    self.waits[dependent] -= 1;
                    if self.waits[dependent] == 0 {
                        self.unblock(dependent, now);
                    }
                }
            }
            return progress;
        }
        // Everything downstream, without recursion: chains may be long.
        let mut doomed = self.dependents[task].clone();
        while let Some(task) = doomed.pop() {
            let skipped = self.skip(now, task);
            if !skipped.is_empty() {
                doomed.extend(&self.dependents[task]);
            }
            progress.extend(skipped);
        }
        progress
    }

    fn skip(&mut self, now: Instant, task: usize) -> Vec<Progress> {
        let mut progress = Vec::new();
        for index in 0..self.job.tasks()[task].instances {
            let id = InstanceId(self.first[task] + index);
            if self.instance(id).phase == Phase::Blocked {
                self.instance_mut(id).end(now, Outcome::Skipped, "");
                self.open -= 1;
                let because = Skip::Dependency;
                progress.push(Progress::Skipped { news: self.news(id), because });
            }
        }
        progress
    }

    /// Starts nothing more and kills what runs.
    pub fn stop(&mut self, now: Instant) -> Vec<Progress> {
        let mut progress = vec![Progress::Stopping];
        self.is_stopping = true;
        let all = 0..u32::try_from(self.instances.len()).expect("a job's instances are bounded");
        for id in all.map(InstanceId) {
            match self.instance(id).phase {
                Phase::Blocked | Phase::Ready | Phase::Delayed(_) => {
                    self.instance_mut(id).end(now, Outcome::Skipped, "the job was stopped");
                    self.open -= 1;
                    let because = Skip::Stopped;
                    progress.push(Progress::Skipped { news: self.news(id), because });
                }
                Phase::Launching | Phase::Live { .. } => self.kill(id, KillCause::Stop),
                Phase::Ended(_) => {}
            }
        }
        self.ready.clear();
        self.ready_counts.clear();
        self.delayed.clear();
        self.held.clear();
        self.timeouts.clear();
        progress
    }

    /// Nobody will wait for what still runs.
    pub fn abandon(&mut self, now: Instant) -> Vec<Progress> {
        let live = std::mem::take(&mut self.by_task);
        let message = "torn down before its end was known";
        live.into_values().flat_map(|id| self.end(now, id, Outcome::Killed, message)).collect()
    }
}

fn outcome(state: TaskState, cause: Option<KillCause>) -> Outcome {
    match (state, cause) {
        (TaskState::Finished, _) => Outcome::Succeeded,
        (TaskState::Killed | TaskState::Failed, Some(KillCause::Timeout)) => Outcome::TimedOut,
        (TaskState::Killed, _) | (TaskState::Failed, Some(KillCause::Stop)) => Outcome::Killed,
        (TaskState::Error, _) => Outcome::Refused,
        (TaskState::Gone | TaskState::Dropped | TaskState::Unknown, Some(KillCause::Stop)) => {
            Outcome::Killed
        }
        (TaskState::Gone | TaskState::Dropped | TaskState::Unknown, _) => Outcome::Lost,
        _ => Outcome::Failed,
    }
}

mod groups;
mod launch;
mod quota;
mod ready;
#[cfg(test)]
mod tests;
