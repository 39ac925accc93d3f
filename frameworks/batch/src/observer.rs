//! Live progress of a job: for whoever shows it. The scheduler does not care whether anybody looks.

use crate::queue::Outcome;
use bourse_sdk::model::{AgentId, Duration, FrameworkId, Instant, TaskId};

/// Hears of progress as it is made.
pub trait Observer: Send {
    /// Something happened. Must not block: it is called between two events of the cluster.
    fn observe(&mut self, now: Instant, progress: &Progress);
}

/// Which attempt of which instance, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskNews {
    /// Its id in the cluster: of a task, or of a group.
    pub task: TaskId,
    /// Of a group, its tasks in the order in which they were described; of a task none.
    pub members: Vec<TaskId>,
    /// The task's name in the job.
    pub name: String,
    /// Which instance, from 0.
    pub instance: u32,
    /// Which attempt, from 0.
    pub attempt: u32,
    /// Where it runs or ran.
    pub agent: Option<AgentId>,
}

/// One piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The cluster knows the job.
    Submitted {
        /// As this framework.
        framework: FrameworkId,
        /// All instances of all tasks.
        instances: usize,
    },
    /// The connection is lost; a new one is being made.
    Disconnected,
    /// The connection is back.
    Reconnected,
    /// An instance was fitted into an offer and asked for.
    Launched(TaskNews),
    /// Nothing of a task can be launched as yet.
    Waiting {
        /// The task's name in the job.
        name: String,
        /// Why.
        reason: String,
    },
    /// It runs.
    Started(TaskNews),
    /// An attempt has ended.
    Ended {
        /// Which.
        news: TaskNews,
        /// How.
        outcome: Outcome,
        /// What the cluster says about it; may be empty.
        message: String,
        /// It will be tried again after this.
        retry_in: Option<Duration>,
    },
    /// It will not run.
    Skipped {
        /// Which.
        news: TaskNews,
        /// Why.
        because: Skip,
    },
    /// The job was asked to end; what runs is being killed.
    Stopping,
}

/// Why an instance will not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// Something that it waits for did not succeed.
    Dependency,
    /// The job was stopped.
    Stopped,
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn observe(&mut self, _now: Instant, _progress: &Progress) {}
}

impl<F: FnMut(Instant, &Progress) + Send> Observer for F {
    fn observe(&mut self, now: Instant, progress: &Progress) {
        self(now, progress);
    }
}
