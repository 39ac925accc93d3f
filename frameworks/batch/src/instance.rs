//! One instance of a task: where it stands, and what is remembered of it for the summary.

use crate::queue::{GroupProgress, Outcome};
use bourse_sdk::model::{AgentId, Instant, OfferId, TaskStatus};

/// Where an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Something that it waits for has not succeeded yet.
    Blocked,
    /// Not before this.
    Delayed(Instant),
    /// May be launched.
    Ready,
    /// Asked for; not known whether it is.
    Launching,
    /// The cluster has it.
    Live {
        /// Whether it is known to run.
        is_running: bool,
    },
    /// For good.
    Ended(Outcome),
}

/// Why an attempt was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KillCause {
    Timeout,
    Stop,
}

/// One instance.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) task: usize,
    pub(crate) index: u32,
    pub(crate) phase: Phase,
    pub(crate) attempt: u32,
    pub(crate) failures: u32,
    pub(crate) losses: u32,
    pub(crate) kill_cause: Option<KillCause>,
    pub(crate) times_out: Option<Instant>,
    /// Of the last attempt.
    pub(crate) agent: Option<AgentId>,
    pub(crate) offer: Option<OfferId>,
    /// The how-manieth launch of the job it was.
    pub(crate) launch_number: Option<u32>,
    pub(crate) launched: Option<Instant>,
    pub(crate) started: Option<Instant>,
    pub(crate) ended: Option<Instant>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) memory_peak_bytes: Option<u64>,
    pub(crate) message: String,
    /// Of an attempt at a task group: how far its members are.
    pub(crate) group: Option<GroupProgress>,
}

impl Instance {
    pub(crate) fn new(task: usize, index: u32) -> Self {
        Self {
            task,
            index,
            phase: Phase::Blocked,
            attempt: 0,
            failures: 0,
            losses: 0,
            kill_cause: None,
            times_out: None,
            agent: None,
            offer: None,
            launch_number: None,
            launched: None,
            started: None,
            ended: None,
            exit_code: None,
            signal: None,
            memory_peak_bytes: None,
            message: String::new(),
            group: None,
        }
    }

    pub(crate) fn launched(&mut self, now: Instant, number: u32, agent: AgentId, offer: OfferId) {
        self.phase = Phase::Launching;
        self.kill_cause = None;
        self.agent = Some(agent);
        self.offer = Some(offer);
        self.launch_number = Some(number);
        self.launched = Some(now);
        self.started = None;
    }

    /// The launch did not happen: it is as if it had never been asked for.
    pub(crate) fn take_back(&mut self) {
        self.agent = None;
        self.offer = None;
        self.launch_number = None;
        self.launched = None;
    }

    pub(crate) fn take_status(&mut self, status: &TaskStatus) {
        self.exit_code = status.exit_code;
        self.signal = status.signal;
        self.memory_peak_bytes = status.memory_peak_bytes;
    }

    pub(crate) fn next_attempt(&mut self) {
        self.attempt += 1;
        self.agent = None;
    }

    pub(crate) fn end(&mut self, now: Instant, outcome: Outcome, message: &str) {
        self.phase = Phase::Ended(outcome);
        self.ended = Some(now);
        self.message = message.to_owned();
    }
}
