//! Jobs: what is known of one that is listed, and how far one that has arrived has come.

use crate::cell::RequestId;
use simulator::engine::Time;
use traces::model::Class;

/// Attempts after which a job of which no task was placed is given up.
const ATTEMPTS_WITHOUT_A_TASK: u32 = 100;
/// Attempts after which every job is given up.
const ATTEMPTS_MAX: u32 = 1_000;

/// A job of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    /// Its place in the list.
    pub(super) number: u32,
    pub(crate) at: Time,
    pub(crate) class: Class,
    pub(crate) request: RequestId,
    pub(crate) tasks: u32,
    /// Of each task; none for those that never end.
    pub(crate) duration: Option<Time>,
}

/// A job that has arrived and is not done with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) listed: Listed,
    /// Tasks that are not placed yet.
    pub(super) waiting: u32,
    pub(super) attempts: u32,
    /// Attempts that met a conflict.
    pub(super) conflicts: u32,
    /// When the first one began.
    pub(super) first_attempt: Option<Time>,
    /// Since when it is in a queue.
    pub(super) queued_at: Time,
    /// How long it was in queues, all together.
    pub(super) queued_for: Time,
}

impl Job {
    pub(super) fn new(listed: Listed) -> Self {
        Self {
            listed,
            waiting: listed.tasks,
            attempts: 0,
            conflicts: 0,
            first_attempt: None,
            queued_at: listed.at,
            queued_for: Time::ZERO,
        }
    }

    /// Whether it is given up, after an attempt that did not place all of it.
    pub(super) fn is_hopeless(&self) -> bool {
        is_hopeless(self.attempts, self.waiting, self.listed.tasks)
    }
}

/// Whether a job is given up after so many attempts, of which so many tasks of all are not placed,
/// as in Google's simulator of the Omega paper.
pub(crate) fn is_hopeless(attempts: u32, waiting: u32, tasks: u32) -> bool {
    (attempts > ATTEMPTS_WITHOUT_A_TASK && waiting == tasks) || attempts > ATTEMPTS_MAX
}
