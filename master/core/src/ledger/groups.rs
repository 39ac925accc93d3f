//! The rows of task groups, and what it means for a task to be of one.
//!
//! The order in which a group's tasks begin and end is its agent's business. What is kept here is
//! which tasks are together, what each holds, and because of which of them the group does not
//! finish: enough to tell its state, to end it as one, and never to end a part of it for others. A
//! row stays as long as that of any of its tasks.

use super::{Kill, Ledger, Task};
use proto::model::{
    AgentId, Duration, FrameworkId, GroupId, GroupKey, GroupState, OnFailure, Reason, Refusal,
    Resources, Role, StatusReason, TaskGroup, TaskId, TaskKey, TaskState, task_group::Part,
};
use std::{borrow::Cow, collections::BTreeSet};

/// One group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Which.
    pub key: GroupKey,
    /// Where.
    pub agent: AgentId,
    /// On whose share.
    pub role: Role,
    /// What the failure of one task means for the others.
    pub on_failure: OnFailure,
    /// Its tasks, in order; rows of ended ones may be forgotten.
    pub members: Vec<(TaskId, Part)>,
    /// The first task because of which it does not finish, and how that one ended.
    pub failed: Option<(TaskId, TaskState)>,
}

/// What a task is in its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// In which group of its framework.
    pub group: GroupId,
    /// As what.
    pub part: Part,
    /// Of an init task: what it holds, which is not what it asks for.
    pub share: Option<Resources>,
}

/// How a task of a group ended.
#[derive(Debug, Clone, Copy)]
struct End {
    part: Part,
    state: TaskState,
    reason: StatusReason,
    /// Whether a main task waits for its turn, or was ended before it came.
    main_never_ran: bool,
}

impl Group {
    /// A group that is launched.
    pub(super) fn new(framework: FrameworkId, role: &Role, info: &TaskGroup) -> Self {
        let first = info.members.first().expect("a group that was checked has tasks");
        let members = info.members.iter();
        Self {
            key: GroupKey { framework, group: info.id.clone() },
            agent: first.task.agent.clone(),
            role: role.clone(),
            on_failure: info.on_failure,
            members: members.map(|member| (member.task.id.clone(), member.part)).collect(),
            failed: None,
        }
    }

    /// The tasks' full names, in order.
    pub fn tasks(&self) -> impl Iterator<Item = TaskKey> {
        let framework = self.key.framework;
        self.members.iter().map(move |(task, _)| TaskKey { framework, task: task.clone() })
    }

    /// Notes the end of a task, if because of it the group does not finish. What was ended for the
    /// group is not what it failed for.
    fn note_end(&mut self, id: &TaskId, end: &End) {
        let End { part, state, reason, main_never_ran } = *end;
        let is_cause = match part {
            _ if reason == StatusReason::GroupEnded => false,
            Part::Init | Part::Main => state != TaskState::Finished,
            Part::Sidecar => {
                let is_failure = !matches!(state, TaskState::Finished | TaskState::Killed);
                is_failure && (self.on_failure == OnFailure::EndGroup || main_never_ran)
            }
        };
        if is_cause && self.failed.is_none() {
            self.failed = Some((id.clone(), state));
        }
    }
}

impl Task {
    /// The group that it is of.
    pub fn group(&self) -> Option<GroupKey> {
        let group = self.member.as_ref()?.group.clone();
        Some(GroupKey { framework: self.key.framework, group })
    }

    /// What it is in its group.
    pub fn part(&self) -> Option<Part> {
        self.member.as_ref().map(|member| member.part)
    }

    /// What it takes from its agent while it lives.
    pub fn held(&self) -> &Resources {
        let share = self.member.as_ref().and_then(|member| member.share.as_ref());
        share.unwrap_or(&self.info.resources)
    }

    /// What of that is of no reservation; nothing of a group's is reserved.
    pub fn held_unreserved(&self) -> Cow<'_, Resources> {
        match self.info.reserved.is_empty() {
            true => Cow::Borrowed(self.held()),
            false => self.info.unreserved(),
        }
    }
}

impl Ledger {
    /// Task groups, those included all of whose tasks have ended.
    pub fn groups(&self) -> &super::Table<GroupKey, Group> {
        &self.groups
    }

    /// One task group.
    pub fn group(&self, key: &GroupKey) -> Option<&Group> {
        self.groups.get(key)
    }

    /// Those of a group's tasks that have not ended.
    pub fn live_tasks_of_group(&self, group: &Group) -> impl Iterator<Item = &Task> {
        group.tasks().filter_map(|key| self.tasks.get(&key)).filter(|task| !task.is_terminal())
    }

    /// How far a group is.
    pub fn group_state(&self, group: &Group) -> GroupState {
        let mut live = self.live_tasks_of_group(group).peekable();
        if live.peek().is_none() {
            return match &group.failed {
                None => GroupState::Finished,
                Some((_, TaskState::Killed)) => GroupState::Killed,
                Some((_, TaskState::Gone)) => GroupState::Gone,
                Some(_) => GroupState::Failed,
            };
        }
        let live: Vec<&Task> = live.collect();
        let ends = group.failed.is_some() && group.on_failure == OnFailure::EndGroup;
        let lives = |part: Part| live.iter().any(|task| task.part() == Some(part));
        let only_sidecars = !lives(Part::Init) && !lives(Part::Main);
        match () {
            () if live.iter().any(|task| task.state() == TaskState::Unreachable) => {
                GroupState::Unreachable
            }
            () if ends || only_sidecars || live.iter().any(|task| task.kill.is_some()) => {
                GroupState::Ending
            }
            () if live.len() == group.members.len()
                && live.iter().all(|task| task.state() == TaskState::Staging) =>
            {
                GroupState::Staging
            }
            () if lives(Part::Init) => GroupState::Initializing,
            () => GroupState::Running,
        }
    }

    /// What ends when this task is ended: itself, if it lives, or all of its group that lives.
    pub(super) fn ends_with(&self, task: &Task) -> Vec<TaskKey> {
        match task.group().and_then(|key| self.groups.get(&key)) {
            None if task.is_terminal() => Vec::new(),
            None => vec![task.key.clone()],
            Some(group) => self.live_tasks_of_group(group).map(|task| task.key.clone()).collect(),
        }
    }

    /// Groups of an agent none of whose tasks it has said anything of: it may not know them.
    pub(crate) fn groups_to_launch(&self, agent: &AgentId) -> BTreeSet<GroupKey> {
        let is_new = |task: &Task| task.state() == TaskState::Staging && task.agent_sequence == 0;
        let tasks = self.tasks_of_agent(agent).filter(|task| is_new(task));
        let keys: BTreeSet<GroupKey> = tasks.filter_map(Task::group).collect();
        let all_new = |key: &GroupKey| {
            let group = self.groups.get(key).expect("G1: a task's group has a row");
            group.tasks().all(|task| self.tasks.get(&task).is_some_and(is_new))
        };
        keys.into_iter().filter(all_new).collect()
    }

    /// How long a task that is told to end waits for others to end first: a sidecar for those that
    /// it serves.
    pub(crate) fn ends_behind(&self, task: &Task) -> Duration {
        let group = task.group().filter(|_| task.part() == Some(Part::Sidecar));
        let Some(group) = group.and_then(|key| self.groups.get(&key)) else { return Duration(0) };
        let live = self.live_tasks_of_group(group);
        let served = live.filter(|task| task.part() != Some(Part::Sidecar));
        served.map(|task| task.info.grace_period()).max().unwrap_or(Duration(0))
    }

    /// A task of a group has ended.
    pub(super) fn note_end_in_group(&mut self, key: &TaskKey) {
        let Some(task) = self.tasks.get(key) else { return };
        let (Some(group), Some(part)) = (task.group(), task.part()) else { return };
        let row = self.groups.get(&group).expect("G1: a task's group has a row");
        // Also who is only told yet: a main task's group ends before it only where that never ran,
        // and where `OnFailure::EndGroup` counts every failure this is not asked.
        let never_ran = |task: &Task| {
            task.state() == TaskState::Staging || task.status.reason == StatusReason::GroupEnded
        };
        let main = |task: &Task| task.part() == Some(Part::Main);
        let main_never_ran = row
            .tasks()
            .filter_map(|key| self.tasks.get(&key))
            .any(|task| main(task) && never_ran(task));
        let (state, reason) = (task.state(), task.status.reason);
        let end = End { part, state, reason, main_never_ran };
        let row = self.groups.get_mut(&group).expect("G1: a task's group has a row");
        row.note_end(&key.task, &end);
    }

    /// A task's row was forgotten: with the last one goes that of the group.
    pub(super) fn forget_in_group(&mut self, task: &Task) {
        let Some(key) = task.group() else { return };
        let group = self.groups.get(&key).expect("G1: a task's group has a row");
        if group.tasks().all(|task| !self.tasks.contains_key(&task)) {
            self.groups.remove(&key);
        }
    }

    /// Tells a task to end, for this reason unless there was one before.
    pub(super) fn wish_end(&mut self, key: &TaskKey, kill: Kill) {
        let task = self.tasks.get_mut(key).expect("a known task");
        let own = task.info.grace_period();
        let wish = task.kill.get_or_insert(kill);
        if kill.grace_period.unwrap_or(own) < wish.grace_period.unwrap_or(own) {
            wish.grace_period = kill.grace_period;
        }
    }
}

pub(super) fn group_exists(id: &GroupId) -> Refusal {
    Refusal::new(Reason::GroupExists, format!("the group id {id} is in use")).at("group_id")
}
