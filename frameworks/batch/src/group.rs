//! Task groups of a job: what an instance is when it is several tasks together.
//!
//! A group is a task of the job like any other, with instances, retries and dependencies. Its
//! resources are what its members hold together; its instance succeeds when all of its init and
//! main members have finished.

use crate::job::{JobError, NAME_BYTES_MAX, TaskSpec, check_single};
use crate::packing::CALL_BYTES;
use bourse_sdk::model::{
    AgentId, GroupId, OnFailure, ResourceName, Resources, TaskGroup, TaskId, TaskInfo, limits,
    task_group::{GroupError, Member, Part},
};
use std::collections::BTreeSet;

/// Operations of one call that launch groups, and tasks in them, with room to spare.
const GROUPS_PER_CALL: usize = 90;
const MEMBERS_PER_CALL: usize = 900;
const _: () = assert!(GROUPS_PER_CALL < limits::OPERATIONS_PER_ACCEPT_MAX);
const _: () = assert!(MEMBERS_PER_CALL < limits::TASKS_PER_ACCEPT_MAX);

/// What stands between the id of a group's instance and a member's name; no name has it.
const SEPARATOR: char = ':';

/// The members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSpec {
    /// In the order in which init members run.
    pub members: Vec<MemberSpec>,
    /// What the failure of one means for the others.
    pub on_failure: OnFailure,
}

/// One member: of its description only what one run of it needs counts, not how often it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSpec {
    /// When it begins and ends.
    pub part: Part,
    /// What it runs, on what.
    pub task: TaskSpec,
}

impl GroupSpec {
    /// What its members hold together; wrong members are refused when the job is made.
    pub fn holds(&self) -> Resources {
        self.sample().holds().unwrap_or_default()
    }

    /// About how long its description is, or as long as keeps a call within what it may launch.
    pub(crate) fn size_bytes(&self) -> usize {
        let texts = self.members.iter().map(|member| member.task.size_bytes()).sum::<usize>();
        let share = CALL_BYTES * self.members.len() / MEMBERS_PER_CALL;
        texts.max(share).max(CALL_BYTES / GROUPS_PER_CALL)
    }

    /// Whether a member is one of those that must finish.
    pub(crate) fn must_finish(&self, member: &str) -> bool {
        let part = self.part_of(member);
        part.is_some_and(|part| part != Part::Sidecar)
    }

    /// What a member is in the group.
    pub(crate) fn part_of(&self, member: &str) -> Option<Part> {
        let member = self.members.iter().find(|it| it.task.name == member)?;
        Some(member.part)
    }

    /// The members' names.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.members.iter().map(|member| member.task.name.clone()).collect()
    }

    /// The group of an instance, of the tasks that its members become.
    pub(crate) fn group(&self, instance: &TaskId, tasks: Vec<TaskInfo>) -> TaskGroup {
        let group = TaskGroup::new(group_id(instance)).on_failure(self.on_failure);
        let parts = self.members.iter().map(|member| member.part);
        parts.zip(tasks).fold(group, |group, (part, task)| group.with(part, task))
    }

    /// A group of these members, for what can be said of it without an agent.
    fn sample(&self) -> TaskGroup {
        let agent = AgentId::new("a").expect("a valid id");
        let member = |member: &MemberSpec| {
            let id = TaskId::new(&member.task.name).ok()?;
            let (resources, command) = (member.task.resources.clone(), Default::default());
            let task = TaskInfo::new(id, agent.clone(), resources, command);
            Some(Member { part: member.part, task })
        };
        let members = self.members.iter().filter_map(member).collect();
        let group = TaskGroup::new(GroupId::new("g").expect("a valid id"));
        TaskGroup { members, ..group }
    }
}

/// Checks a group at its place in the job.
pub(crate) fn check_group(
    index: usize,
    spec: &TaskSpec,
    group: &GroupSpec,
) -> Result<(), JobError> {
    let refuse =
        |problem: String| Err(JobError::Group { task: index, name: spec.name.clone(), problem });
    for member in &group.members {
        check_single(index, &member.task)?;
        let name = &member.task.name;
        if spec.name.len() + name.len() + SEPARATOR.len_utf8() > NAME_BYTES_MAX {
            return refuse(format!("has a name that is too long together with {name:?}"));
        }
        if member.task.resources.get(&ResourceName::GPUS).is_some() {
            return refuse(format!(
                "asks for gpus in {name:?}, which a group of a job cannot have"
            ));
        }
    }
    match group.sample().check() {
        Ok(()) => Ok(()),
        Err(GroupError::Twice { index }) => {
            refuse(format!("names {:?} twice", group.members[index].task.name))
        }
        Err(error) => refuse(error.to_string()),
    }
}

/// A group's id is that of its instance.
pub(crate) fn group_id(instance: &TaskId) -> GroupId {
    GroupId::new(instance.as_str()).expect("both kinds of id have one rule")
}

/// The id of a member of an instance.
pub(crate) fn member_id(instance: &TaskId, member: &str) -> TaskId {
    let id = TaskId::new(&format!("{instance}{SEPARATOR}{member}"));
    id.expect("the names were checked together")
}

/// The instance and the member's name that a task's id is made of.
pub(crate) fn split_member(task: &TaskId) -> Option<(TaskId, &str)> {
    let (instance, member) = task.as_str().split_once(SEPARATOR)?;
    Some((TaskId::new(instance).ok()?, member))
}
