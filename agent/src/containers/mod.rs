//! Containers: what the core wants started, stopped and removed, and what becomes of them.
//!
//! A containerizer never blocks its caller and never answers it: what happens comes back as inputs
//! of the core, from tasks of its own. Whether a task may run, or how its end is told, is not known
//! here.

pub(crate) mod emulated;
pub(crate) mod filters;
mod mounts;
pub(crate) mod observe;
pub(crate) mod plan;
pub(crate) mod prepare;
pub(crate) mod reports;
pub(crate) mod supervised;
pub(crate) mod sweep;
pub(crate) mod user_namespaces;

use agent_core::ContainerId;
use proto::model::{Duration, OwnerId, Resources, TaskInfo, TaskKey};

/// A container to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StartRequest {
    /// Its name; never used before.
    pub(crate) container: ContainerId,
    /// Whose task.
    pub(crate) key: TaskKey,
    /// Who may read its sandbox besides operators.
    pub(crate) owner: Option<OwnerId>,
    /// The task.
    pub(crate) task: Box<TaskInfo>,
}

/// Another size for a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Size {
    /// To be said with the result.
    pub(crate) version: u64,
    /// What it has.
    pub(crate) from: Resources,
    /// What it is to have.
    pub(crate) to: Resources,
}

/// Something that runs tasks.
pub(crate) trait Containerizer: Send + Sync {
    /// Sets a container up and runs the task in it. Ends in `ContainerStarted` and
    /// `ContainerExited`, or in `ContainerFailed`.
    fn start(&self, request: StartRequest);

    /// Ends a container, also one that is still being set up: TERM and, after the grace period,
    /// KILL; without a grace period all at once. Repeating it can only make the end come sooner.
    fn stop(&self, container: &ContainerId, grace_period: Option<Duration>);

    /// Gives a container that runs the limits of another size, or leaves it those that it has. Ends
    /// in `ContainerResized`.
    fn resize(&self, container: &ContainerId, size: Size);

    /// Watches a container that an earlier life of the agent started. Ends in `ContainerExited`.
    fn adopt(&self, container: &ContainerId);

    /// Removes all that is left of a container except its sandbox; destroys it first if it still
    /// runs. Repeating it does no harm.
    fn remove(&self, container: &ContainerId);
}
