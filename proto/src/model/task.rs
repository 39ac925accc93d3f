//! A task as a framework describes it, after validation.

use super::{
    ids::{AgentId, TaskId},
    kill_policy::KillPolicy,
    priority::Priority,
    reservation::ReservedPart,
    resources::Resources,
    time::Duration,
    volume::VolumeMount,
};
use std::borrow::Cow;

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
    /// How it is ended when that is asked for.
    pub kill_policy: KillPolicy,
    /// Keys and values, shown and not interpreted.
    pub labels: Vec<(String, String)>,
    /// Who goes first.
    pub priority: Priority,
    /// How long its framework is told before it is ended for others; `None` is not at all.
    pub preemption_notice: Option<Duration>,
    /// It is ended, and has failed, when it has run for so long; `None` lets it run.
    pub max_completion_time: Option<Duration>,
    /// It may be ended whatever its priority when others have a claim on its place.
    pub revocable: bool,
    /// Which parts of its resources come from which reservations, each named once; together no more
    /// than the resources.
    pub reserved: Vec<ReservedPart>,
    /// Each at a place of its own; at most [`super::limits::VOLUMES_PER_TASK_MAX`].
    pub volumes: Vec<VolumeMount>,
    /// Whose root file system it sees; `None` is the host's. What a name means is the agent's
    /// affair: here it is of letters, digits and `._-/:@`, at most
    /// [`super::limits::IMAGE_NAME_BYTES_MAX`] bytes.
    pub image: Option<String>,
}

impl TaskInfo {
    /// A task that asks for nothing but to be run: named like its id, with default policies.
    pub fn new(id: TaskId, agent: AgentId, resources: Resources, command: Command) -> Self {
        Self {
            name: id.to_string(),
            id,
            agent,
            resources,
            command,
            kill_policy: KillPolicy::default(),
            labels: Vec::new(),
            priority: Priority::DEFAULT,
            preemption_notice: None,
            max_completion_time: None,
            revocable: false,
            reserved: Vec::new(),
            volumes: Vec::new(),
            image: None,
        }
    }

    /// What of its resources is from no reservation.
    pub fn unreserved(&self) -> Cow<'_, Resources> {
        match self.reserved.is_empty() {
            true => Cow::Borrowed(&self.resources),
            false => Cow::Owned(self.reserved.iter().fold(self.resources.clone(), |rest, part| {
                // A task that was launched holds its parts; of any other, what can be is taken out.
                rest.checked_sub(&part.resources).unwrap_or(rest)
            })),
        }
    }

    /// Between the first signal and KILL, with the default applied.
    pub fn grace_period(&self) -> Duration {
        self.kill_policy.grace_period()
    }
}
