//! One job that arrives, or the part of it whose tasks are alike.

use super::{Constraints, NameId, Shape};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Equal tasks of one job, submitted together.
///
/// A job of unequal tasks is several arrivals of one `job` and one `submit_ns`, next to each other:
/// all but the last have `more` set, so that a reader of the stream knows when a gang is whole.
/// An arrival owns no memory of its own; what is rare hangs on a shared pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The job's id in the trace, or its row, counted from 0, where it has none.
    pub job: u64,
    /// When it was submitted, in nanoseconds since the trace's start.
    pub submit_ns: u64,
    /// How many equal tasks, at least 1.
    pub tasks: u32,
    /// What each of them asks for.
    pub each: Shape,
    /// How long each of them runs once it is placed; none if the trace does not say, or if it did
    /// not end.
    pub duration_ns: Option<u64>,
    /// How long the user said that it would run.
    pub estimate_ns: Option<u64>,
    /// What kind of work it is.
    pub class: Class,
    /// Higher goes first. Which numbers there are is the trace's business, 0 if it has none.
    pub priority: i32,
    /// Who submitted it.
    pub user: Option<NameId>,
    /// Where: queue, partition, workload, class of service.
    pub queue: Option<NameId>,
    /// All tasks of the job start together or none does.
    pub gang: bool,
    /// The next arrival is another part of the same job.
    pub more: bool,
    /// When it should be done, in nanoseconds since the trace's start.
    pub deadline_ns: Option<u64>,
    /// Where its tasks may be placed; none means anywhere.
    pub constraints: Option<Arc<Constraints>>,
}

/// What kind of work it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It ends by itself.
    #[default]
    Batch,
    /// It serves until somebody stops it.
    Service,
}

impl Class {
    /// As it is written in files and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Service => "service",
        }
    }
}

impl Arrival {
    /// One task of nothing that arrives at the start: what a reader fills in.
    pub const fn new(job: u64) -> Self {
        Self {
            job,
            submit_ns: 0,
            tasks: 1,
            each: Shape::ZERO,
            duration_ns: None,
            estimate_ns: None,
            class: Class::Batch,
            priority: 0,
            user: None,
            queue: None,
            gang: false,
            more: false,
            deadline_ns: None,
            constraints: None,
        }
    }

    /// What all its tasks ask for together; no kind grows beyond `u64::MAX`.
    pub fn total(&self) -> Shape {
        self.each.times(u64::from(self.tasks))
    }
}
