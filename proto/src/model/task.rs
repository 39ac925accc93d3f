//! A task as a framework describes it, after validation.

use super::{
    ids::{AgentId, TaskId},
    limits,
    priority::Priority,
    resources::Resources,
    time::Duration,
};

/// What a task runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// The program and its arguments; at least one, none with a NUL byte.
    pub arguments: Vec<String>,
    /// Names and values; names are unique, not empty, without `=` and NUL.
    pub environment: Vec<(String, String)>,
    /// Account on the agent's host; empty means the agent's default.
    pub user: String,
}

/// A task to launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskInfo {
    /// Unique within its framework.
    pub id: TaskId,
    /// For people.
    pub name: String,
    /// Where to run.
    pub agent: AgentId,
    /// What it takes from the agent while it is not terminal; not empty.
    pub resources: Resources,
    /// What it runs.
    pub command: Command,
    /// Between TERM and KILL; `None` means [`limits::GRACE_PERIOD_DEFAULT`].
    pub grace_period: Option<Duration>,
    /// Keys and values, shown and not interpreted.
    pub labels: Vec<(String, String)>,
    /// Who goes first.
    pub priority: Priority,
    /// How long its framework is told before it is ended for others; `None` is not at all.
    pub preemption_notice: Option<Duration>,
}

impl TaskInfo {
    /// Between TERM and KILL, with the default applied.
    pub fn grace_period(&self) -> Duration {
        self.grace_period.unwrap_or(limits::GRACE_PERIOD_DEFAULT)
    }
}
