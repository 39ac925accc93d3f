//! What is durable: who the agent is, one row per task from the intent to launch it until its
//! terminal update is committed, and one per volume until its data are deleted.
//!
//! A record is a whole row, not a change to one: replaying it twice does no harm, and a reader
//! needs no history.

use super::volume_row::VolumeRow;
use proto::model::{
    ClusterId, Duration, GroupId, GroupKey, IdError, OnFailure, OwnerId, Resources, StatusReason,
    TaskId, TaskInfo, TaskKey, TaskState, TaskStatus, VolumeKey, resize::larger,
    resources::ResourceError, task_group::Part,
};
use std::fmt;

/// The name of one container: in the journal, in the runtime directory, in the cgroup tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(String);

/// Who this agent is; one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The agent's id; a journal belongs to one agent for ever.
    pub agent: proto::model::AgentId,
    /// The cluster it registered in first; another one is refused.
    pub cluster: Option<ClusterId>,
    /// Drawn when the journal was made: tells the master that no task was forgotten.
    pub incarnation: u64,
    /// Boot of the host when the journal was last opened.
    pub boot_id: String,
    /// Highest term that an order was taken from.
    pub term: u64,
}

/// A task, as far as it must survive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// Which task.
    pub key: TaskKey,
    /// Its description; `None` for a task that was killed before this agent ever heard of it.
    pub task: Option<Box<TaskInfo>>,
    /// Its container; `None` if it was refused and never got one, or is of a group and its turn has
    /// not come.
    pub container: Option<ContainerId>,
    /// `Staging` until the container runs; `Killing` from the kill order on.
    pub state: TaskState,
    /// Number of the last update made.
    pub sequence: u64,
    /// Updates that the master has not confirmed, oldest first.
    pub pending: Vec<TaskStatus>,
    /// The kill order, once there was one.
    pub kill: Option<Kill>,
    /// Who may read its sandbox besides operators; `None` is nobody, as in rows of agents that were
    /// not told.
    pub owner: Option<OwnerId>,
    /// When its program was seen to run, as time since the host's boot; only of tasks that may run
    /// for so long and no longer.
    pub started_after_boot: Option<Duration>,
    /// Version of the last size that was dealt with; 0 is the one that it was launched with. The
    /// description has the size in force.
    pub size_version: u64,
    /// A size that is being applied.
    pub resizing: Option<Resizing>,
    /// What it is in its group; `None` is a task of its own.
    pub membership: Option<Box<Membership>>,
}

/// What a task is in its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// In which group of its framework.
    pub group: GroupId,
    /// As what.
    pub part: Part,
    /// Where it stands in the group's order.
    pub place: u32,
    /// What the failure of one means for the others.
    pub on_failure: OnFailure,
    /// Of an init task: what it holds, which is not what it asks for.
    pub share: Option<Resources>,
}

/// A size that is being applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resizing {
    /// Above the row's version.
    pub version: u64,
    /// All that the task is to hold.
    pub resources: Resources,
}

/// An order to end a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// Between TERM and KILL.
    pub grace_period: Duration,
    /// Who asked, in the words of the update that will say so.
    pub reason: StatusReason,
}

/// One durable fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The identity is now this.
    Identity(Identity),
    /// The task's row is now this.
    Task(Box<TaskRow>),
    /// The task's row is gone.
    Forget(TaskKey),
    /// The volume's row is now this.
    Volume(Box<VolumeRow>),
    /// The volume's row is gone, after its data.
    ForgetVolume(VolumeKey),
}

/// Which row a record is about.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RowKey {
    Identity,
    Task(TaskKey),
    Volume(VolumeKey),
}

impl ContainerId {
    /// Checks the text: it must be fit for a file name, under the rule for task ids.
    pub fn new(text: &str) -> Result<Self, IdError> {
        TaskId::new(text).map(|id| Self(id.as_str().to_owned()))
    }

    pub(crate) fn numbered(number: u64) -> Self {
        Self(format!("c{number:016x}"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TaskRow {
    /// A row that says nothing yet but which task it is of, and its state.
    pub fn new(key: TaskKey, state: TaskState) -> Self {
        Self {
            key,
            task: None,
            container: None,
            state,
            sequence: 0,
            pending: Vec::new(),
            kill: None,
            owner: None,
            started_after_boot: None,
            size_version: 0,
            resizing: None,
            membership: None,
        }
    }

    /// The group that it is of.
    pub fn group(&self) -> Option<GroupKey> {
        let group = self.membership.as_ref()?.group.clone();
        Some(GroupKey { framework: self.key.framework, group })
    }

    /// What it is in its group.
    pub fn part(&self) -> Option<Part> {
        self.membership.as_ref().map(|member| member.part)
    }

    /// What it takes from the agent while it is live: while its size changes, the larger of both.
    pub fn held(&self) -> Result<Resources, ResourceError> {
        if let Some(share) = self.membership.as_ref().and_then(|member| member.share.as_ref()) {
            return Ok(share.clone());
        }
        match (&self.task, &self.resizing) {
            (None, _) => Ok(Resources::new()),
            (Some(task), None) => Ok(task.resources.clone()),
            (Some(task), Some(resizing)) => larger(&task.resources, &resizing.resources),
        }
    }

    /// Whether a container may exist for it.
    pub fn is_live(&self) -> bool {
        !self.state.is_terminal()
    }
}

impl Record {
    /// The row that it is about.
    pub(crate) fn key(&self) -> RowKey {
        match self {
            Record::Identity(_) => RowKey::Identity,
            Record::Task(row) => RowKey::Task(row.key.clone()),
            Record::Forget(key) => RowKey::Task(key.clone()),
            Record::Volume(row) => RowKey::Volume(row.key),
            Record::ForgetVolume(key) => RowKey::Volume(*key),
        }
    }
}
