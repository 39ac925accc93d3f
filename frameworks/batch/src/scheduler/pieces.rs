//! What an instance is launched as: one task, or a task group.

use crate::group::member_id;
use crate::job::TaskSpec;
use crate::queue::{InstanceId, Queue};
use bourse_sdk::TaskBuilder;
use bourse_sdk::model::{AgentId, Operation, Resources, TaskGroup, TaskInfo, VolumeMount};

/// One instance, ready to be launched.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Task(Box<TaskInfo>),
    Group(TaskGroup),
}

impl Piece {
    /// The operation that launches it alone.
    pub(super) fn into_operation(self) -> Operation {
        match self {
            Piece::Task(task) => Operation::Launch { tasks: vec![*task] },
            Piece::Group(group) => Operation::LaunchGroup(group),
        }
    }
}

/// What launches these: tasks that follow each other by one operation, each group by its own.
pub(super) fn together(pieces: Vec<Piece>) -> Vec<Operation> {
    let mut operations: Vec<Operation> = Vec::new();
    for piece in pieces {
        match (piece, operations.last_mut()) {
            (Piece::Task(task), Some(Operation::Launch { tasks })) => tasks.push(*task),
            (piece, _) => operations.push(piece.into_operation()),
        }
    }
    operations
}

/// An instance as it is launched on an agent; `resources` are what a task takes there, `mounts`
/// which volumes each of its tasks uses.
pub(super) fn piece(
    queue: &Queue,
    id: InstanceId,
    agent: &AgentId,
    resources: &Resources,
    mounts: Vec<Vec<VolumeMount>>,
) -> Piece {
    let (news, spec) = (queue.news(id), queue.spec(id));
    let mut mounts = mounts.into_iter();
    let Some(group) = &spec.group else {
        let task = TaskBuilder::new(news.task.as_str()).name(&news.name);
        let task = task_info(task, spec, spec, resources);
        let task = mounts.next().into_iter().flatten().fold(task, TaskBuilder::mount);
        let task = task.build(agent).expect(CHECKED);
        return Piece::Task(Box::new(task));
    };
    let mut member = |member: &TaskSpec| {
        let id = member_id(&news.task, &member.name);
        let task = TaskBuilder::new(id.as_str()).name(&member.name);
        let task = task_info(task, member, spec, &member.resources);
        let task = mounts.next().into_iter().flatten().fold(task, TaskBuilder::mount);
        task.build(agent).expect(CHECKED)
    };
    let tasks = group.members.iter().map(|it| member(&it.task)).collect();
    Piece::Group(group.group(&news.task, tasks))
}

const CHECKED: &str = "a job's tasks were checked when it was made";

/// What one task runs, and what is said of all that are launched with it.
fn task_info(
    task: TaskBuilder,
    spec: &TaskSpec,
    whole: &TaskSpec,
    resources: &Resources,
) -> TaskBuilder {
    let mut task = task
        .resources(resources)
        .command(spec.command.iter().cloned())
        .user(&spec.user)
        .priority(whole.priority);
    for (name, value) in &spec.environment {
        task = task.environment(name, value);
    }
    task = task.kill_policy(spec.kill_policy.clone());
    if let Some(limit) = spec.max_completion_time {
        task = task.max_completion_time(limit);
    }
    if spec.revocable {
        task = task.revocable();
    }
    if let Some(image) = &spec.image {
        task = task.image(image);
    }
    if let Some(notice) = whole.preemption_notice {
        task = task.preemption_notice(notice);
    }
    task
}
