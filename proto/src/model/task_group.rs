//! Task groups: tasks that run on one agent, begin in an order, and end together.
//!
//! ```text
//!  init 0 ─▶ init 1 ─▶ … ─▶ all sidecars ─▶ all main tasks ─▶ end of the sidecars
//! ```
//!
//! # What a group holds
//!
//! Init tasks are over before the others begin, so that a group holds the larger of both: of what
//! sidecars and main tasks need together, and of what each init task needs by itself. It is held by
//! its tasks: a sidecar or main task holds what it asks for from the launch until its end; what
//! init tasks need beyond that ([`TaskGroup::shares`]) is held by the last of them and free when it
//! has ended; the init tasks before it hold nothing of their own.

use super::{
    ids::{GroupId, TaskId},
    limits,
    resources::{ResourceError, Resources},
    task::TaskInfo,
};
use std::{collections::BTreeSet, fmt};

/// Tasks that are launched all or none, on one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskGroup {
    /// Unique within the framework.
    pub id: GroupId,
    /// In the order in which init tasks run.
    pub members: Vec<Member>,
    /// What the failure of one means for the others.
    pub on_failure: OnFailure,
}

/// A task of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// When it begins and ends.
    pub part: Part,
    /// The task.
    pub task: TaskInfo,
}

/// What a task is in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Part {
    /// Must finish before the next one begins, and before all sidecars and main tasks.
    Init,
    /// Runs before the first main task begins, and until the last one has ended.
    Sidecar,
    /// What the group is there for.
    #[default]
    Main,
}

/// What the failure of a main task or a sidecar means for the others. Without one of its init tasks
/// a group never goes on, and without a sidecar its main tasks do not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum OnFailure {
    /// They are ended.
    #[default]
    EndGroup,
    /// Those that run, run on.
    LetRun,
}

/// How far a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupState {
    /// None of its tasks has begun.
    Staging,
    /// Its init tasks run.
    Initializing,
    /// Its sidecars and main tasks run, or begin.
    Running,
    /// What lives of it is being ended.
    Ending,
    /// Its agent is out of contact.
    Unreachable,
    /// Every init and main task finished.
    Finished,
    /// One of it failed.
    Failed,
    /// It was ended before it was done.
    Killed,
    /// It is gone with its agent.
    Gone,
}

/// Why tasks are no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// Nothing that the group would be there for.
    #[error("has no main task")]
    NoMain,
    /// More than a group may have.
    #[error("has {count} tasks, more than {}", limits::TASKS_PER_GROUP_MAX)]
    TooMany {
        /// How many.
        count: usize,
    },
    /// A group is on one agent, and gives way as one.
    #[error("{field} is not the same as that of the group's first task")]
    Differs {
        /// Of which task.
        index: usize,
        /// Its field.
        field: &'static str,
    },
    /// What is lent is taken back task by task.
    #[error("is revocable, which no task of a group can be")]
    Revocable {
        /// Which task.
        index: usize,
    },
    /// What is reserved is taken by one task, and what a group holds is that of no single one.
    #[error("are not for the tasks of a group, which hold what is unreserved")]
    Reserved {
        /// Which task.
        index: usize,
    },
    /// The same task twice.
    #[error("is given twice")]
    Twice {
        /// The second.
        index: usize,
    },
    /// What they need cannot be had together.
    #[error("cannot be held together")]
    Resources(#[source] ResourceError),
}

impl TaskGroup {
    /// A group without tasks as yet, which ends when one of them fails.
    pub fn new(id: GroupId) -> Self {
        Self { id, members: Vec::new(), on_failure: OnFailure::default() }
    }

    /// With another init task, behind those that it has.
    #[must_use]
    pub fn init(self, task: TaskInfo) -> Self {
        self.with(Part::Init, task)
    }

    /// With another sidecar.
    #[must_use]
    pub fn sidecar(self, task: TaskInfo) -> Self {
        self.with(Part::Sidecar, task)
    }

    /// With another main task.
    #[must_use]
    pub fn main(self, task: TaskInfo) -> Self {
        self.with(Part::Main, task)
    }

    /// With another task.
    #[must_use]
    pub fn with(mut self, part: Part, task: TaskInfo) -> Self {
        self.members.push(Member { part, task });
        self
    }

    /// With another word on what a failure means.
    #[must_use]
    pub fn on_failure(self, on_failure: OnFailure) -> Self {
        Self { on_failure, ..self }
    }

    /// Its tasks, in order.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskInfo> {
        self.members.iter().map(|member| &member.task)
    }

    /// Whether these tasks can be a group.
    pub fn check(&self) -> Result<(), GroupError> {
        let count = self.members.len();
        if count > limits::TASKS_PER_GROUP_MAX {
            return Err(GroupError::TooMany { count });
        }
        if !self.members.iter().any(|member| member.part == Part::Main) {
            return Err(GroupError::NoMain);
        }
        let first = &self.members[0].task;
        let mut ids: BTreeSet<&TaskId> = BTreeSet::new();
        for (index, task) in self.tasks().enumerate() {
            if task.agent != first.agent {
                return Err(GroupError::Differs { index, field: "agent_id" });
            }
            if task.priority != first.priority {
                return Err(GroupError::Differs { index, field: "priority" });
            }
            if task.revocable {
                return Err(GroupError::Revocable { index });
            }
            if !task.reserved.is_empty() {
                return Err(GroupError::Reserved { index });
            }
            if !ids.insert(&task.id) {
                return Err(GroupError::Twice { index });
            }
        }
        self.shares().map(drop).map_err(GroupError::Resources)
    }

    /// All that it holds, until its init tasks have ended.
    pub fn holds(&self) -> Result<Resources, ResourceError> {
        let init = self.members.iter().filter(|member| member.part == Part::Init);
        let mut holds = self.holds_when_running()?;
        for member in init {
            holds = holds.covering(&member.task.resources)?;
        }
        Ok(holds)
    }

    /// What each task holds, in order; the sum is what the group holds.
    pub fn shares(&self) -> Result<Vec<Resources>, ResourceError> {
        let beyond = self.holds()?.checked_sub(&self.holds_when_running()?)?;
        let last_init = self.members.iter().rposition(|member| member.part == Part::Init);
        let share = |(index, member): (usize, &Member)| match member.part {
            Part::Init if Some(index) == last_init => beyond.clone(),
            Part::Init => Resources::new(),
            Part::Sidecar | Part::Main => member.task.resources.clone(),
        };
        Ok(self.members.iter().enumerate().map(share).collect())
    }

    fn holds_when_running(&self) -> Result<Resources, ResourceError> {
        let running = self.members.iter().filter(|member| member.part != Part::Init);
        running
            .map(|member| &member.task.resources)
            .try_fold(Resources::new(), |sum, more| sum.checked_add(more))
    }
}

impl GroupState {
    /// Every state, in the order of a group's life.
    pub const ALL: [GroupState; 9] = [
        GroupState::Staging,
        GroupState::Initializing,
        GroupState::Running,
        GroupState::Ending,
        GroupState::Unreachable,
        GroupState::Finished,
        GroupState::Failed,
        GroupState::Killed,
        GroupState::Gone,
    ];
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Part::Init => "init",
            Part::Sidecar => "sidecar",
            Part::Main => "main",
        })
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            GroupState::Staging => "STAGING",
            GroupState::Initializing => "INITIALIZING",
            GroupState::Running => "RUNNING",
            GroupState::Ending => "ENDING",
            GroupState::Unreachable => "UNREACHABLE",
            GroupState::Finished => "FINISHED",
            GroupState::Failed => "FAILED",
            GroupState::Killed => "KILLED",
            GroupState::Gone => "GONE",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AgentId, Command, Ranges, ResourceName, Value};

    fn member(part: Part, id: &str, resources: Resources) -> Member {
        let (id, agent) = (TaskId::new(id).unwrap(), AgentId::new("a1").unwrap());
        let command = Command { arguments: vec!["true".to_owned()], ..Command::default() };
        Member { part, task: TaskInfo::new(id, agent, resources, command) }
    }

    fn group(members: Vec<Member>) -> TaskGroup {
        let id = GroupId::new("g").unwrap();
        TaskGroup { id, members, on_failure: OnFailure::default() }
    }

    fn bag(cpus: i64, mem: i64) -> Resources {
        Resources::cpus_mem(cpus, mem)
    }

    fn ports(begin: u64, end: u64) -> Resources {
        let ranges = Ranges::new(vec![(begin, end)]).unwrap();
        Resources::from_entries([(ResourceName::PORTS, Value::Ranges(ranges))]).unwrap()
    }

    /// By hand, as Kubernetes' pages on init containers count: the larger of each resource.
    #[test]
    fn a_group_holds_the_larger_of_its_init_tasks_and_all_others_together() {
        let group = group(vec![
            member(Part::Init, "fetch", bag(3_000, 64)),
            member(Part::Main, "serve", bag(1_000, 128)),
            member(Part::Init, "unpack", bag(500, 512)),
            member(Part::Sidecar, "proxy", bag(500, 64)),
        ]);
        assert_eq!(group.check(), Ok(()));
        assert_eq!(group.holds(), Ok(bag(3_000, 512)));
        let shares = group.shares().unwrap();
        let expected = [bag(0, 0), bag(1_000, 128), bag(1_500, 320), bag(500, 64)];
        assert_eq!(shares, expected, "the last init task holds what is beyond the others");
    }

    #[test]
    fn init_tasks_use_the_ports_of_those_that_follow() {
        let group = group(vec![
            member(Part::Init, "i", ports(80, 90)),
            member(Part::Main, "m", ports(85, 95)),
        ]);
        assert_eq!(group.holds(), Ok(ports(80, 95)));
        assert_eq!(group.shares(), Ok(vec![ports(80, 84), ports(85, 95)]));
    }

    #[test]
    fn what_is_no_group() {
        let init = || member(Part::Init, "i", bag(1, 1));
        let main = |id: &str| member(Part::Main, id, bag(1, 1));
        assert_eq!(group(vec![]).check(), Err(GroupError::NoMain));
        assert_eq!(group(vec![init()]).check(), Err(GroupError::NoMain));
        assert_eq!(group(vec![main("a"), main("a")]).check(), Err(GroupError::Twice { index: 1 }));
        let many = (0..65).map(|index| main(&format!("t{index}"))).collect();
        assert_eq!(group(many).check(), Err(GroupError::TooMany { count: 65 }));
        let mut elsewhere = main("b");
        elsewhere.task.agent = AgentId::new("a2").unwrap();
        let differs = GroupError::Differs { index: 1, field: "agent_id" };
        assert_eq!(group(vec![init(), elsewhere]).check(), Err(differs));
        let (one, two) =
            (member(Part::Main, "a", ports(1, 2)), member(Part::Main, "b", ports(2, 3)));
        assert!(matches!(group(vec![one, two]).check(), Err(GroupError::Resources(_))));
    }
}
