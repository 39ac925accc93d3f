//! Operations of an accept, and their results.

use super::{
    form::{self, Read},
    refusal::{read_refusal, write_refusal},
    reservation::{
        read_move, read_reservation_plan, read_unreserve, write_move, write_reservation_plan,
        write_unreserve,
    },
    resources::write_resources,
    task::{read_task_info, read_task_resources, write_task_info},
    task_group::{read_task_group, write_task_group},
    volume::{
        read_volume_destroy, read_volume_plan, read_volume_resize, write_volume_destroy,
        write_volume_plan, write_volume_resize,
    },
};
use crate::model::{
    Operation, OperationResult, Refusal, Resize, TaskGroup, TaskInfo, limits,
    operation::only_launch,
};
use crate::wire::v1::{
    self,
    operation::{self as wire, Operation as Kind},
    operation_result::{self, Result as ResultKind},
};

/// Reads what an accept does, from the shorthand or from the list.
pub(super) fn read_operations(
    tasks: Vec<v1::TaskInfo>,
    operations: Vec<v1::Operation>,
) -> Read<Vec<Operation>> {
    if !tasks.is_empty() {
        if !operations.is_empty() {
            return Err(Refusal::invalid("operations", "are given beside tasks"));
        }
        let tasks = read_tasks(tasks)?;
        form::distinct(&tasks, |task| &task.id, |index| format!("tasks[{index}].task_id"))?;
        return Ok(Operation::launch(tasks));
    }
    let limit = limits::OPERATIONS_PER_ACCEPT_MAX;
    let operations = form::each("operations", operations, limit, read_operation)?;
    let mut all: Vec<(&TaskInfo, (usize, usize))> = Vec::new();
    for (place, operation) in operations.iter().enumerate() {
        let tasks = operation.tasks().enumerate();
        all.extend(tasks.map(|(index, task)| (task, (place, index))));
    }
    form::at_most("operations", all.len(), limits::TASKS_PER_ACCEPT_MAX)?;
    form::distinct(
        &all,
        |(task, _)| &task.id,
        |index| {
            let (place, index) = all[index].1;
            match &operations[place] {
                Operation::LaunchGroup(_) => {
                    format!("operations[{place}].launch_group.group.members[{index}].task.task_id")
                }
                _ => format!("operations[{place}].launch.tasks[{index}].task_id"),
            }
        },
    )?;
    Ok(operations)
}

/// Writes what an accept does: by the shorthand when that can say it, which masters that know no
/// operations understand.
pub(super) fn write_operations(
    operations: &[Operation],
    partial: bool,
) -> (Vec<v1::TaskInfo>, Vec<v1::Operation>) {
    match only_launch(operations, partial) {
        Some(tasks) => (tasks.iter().map(write_task_info).collect(), Vec::new()),
        None => (Vec::new(), operations.iter().map(write_operation).collect()),
    }
}

/// Reads one operation.
pub fn read_operation(operation: v1::Operation) -> Result<Operation, Refusal> {
    match form::required("operation", operation.operation)? {
        Kind::Launch(launch) => {
            let tasks = form::some("tasks", launch.tasks).and_then(read_tasks);
            Ok(Operation::Launch { tasks: tasks.map_err(|no| no.under("launch"))? })
        }
        Kind::LaunchGroup(launch) => {
            let group = form::required("group", launch.group).and_then(read_group);
            Ok(Operation::LaunchGroup(group.map_err(|no| no.under("launch_group"))?))
        }
        Kind::Resize(resize) => {
            let resize = read_resize(resize).map_err(|no| no.under("resize"))?;
            Ok(Operation::Resize(resize))
        }
        Kind::Reserve(plan) => {
            let plan = read_reservation_plan(plan).map_err(|no| no.under("reserve"))?;
            Ok(Operation::Reserve(plan))
        }
        Kind::Unreserve(plan) => {
            let plan = read_unreserve(plan).map_err(|no| no.under("unreserve"))?;
            Ok(Operation::Unreserve(plan))
        }
        Kind::MoveReservation(plan) => {
            let read = read_move(plan).map_err(|no| no.under("move_reservation"));
            let (reservation, role) = read?;
            Ok(Operation::MoveReservation { reservation, role })
        }
        Kind::CreateVolume(plan) => {
            let plan = read_volume_plan(plan).map_err(|no| no.under("create_volume"))?;
            Ok(Operation::CreateVolume(plan))
        }
        Kind::GrowVolume(plan) => {
            let resize = read_volume_resize(plan).map_err(|no| no.under("grow_volume"))?;
            Ok(Operation::GrowVolume(resize))
        }
        Kind::ShrinkVolume(plan) => {
            let resize = read_volume_resize(plan).map_err(|no| no.under("shrink_volume"))?;
            Ok(Operation::ShrinkVolume(resize))
        }
        Kind::DestroyVolume(plan) => {
            let volume = read_volume_destroy(plan).map_err(|no| no.under("destroy_volume"))?;
            Ok(Operation::DestroyVolume(volume))
        }
    }
}

/// Writes one operation.
pub fn write_operation(operation: &Operation) -> v1::Operation {
    let kind = match operation {
        Operation::Launch { tasks } => {
            Kind::Launch(wire::Launch { tasks: tasks.iter().map(write_task_info).collect() })
        }
        Operation::LaunchGroup(group) => {
            Kind::LaunchGroup(wire::LaunchGroup { group: Some(write_task_group(group)) })
        }
        Operation::Resize(Resize { task, resources }) => Kind::Resize(v1::Resize {
            task_id: task.to_string(),
            resources: write_resources(resources),
        }),
        Operation::Reserve(plan) => Kind::Reserve(write_reservation_plan(plan)),
        Operation::Unreserve(unreserve) => Kind::Unreserve(write_unreserve(unreserve)),
        Operation::MoveReservation { reservation, role } => {
            Kind::MoveReservation(write_move(*reservation, role))
        }
        Operation::CreateVolume(plan) => Kind::CreateVolume(write_volume_plan(plan)),
        Operation::GrowVolume(resize) => Kind::GrowVolume(write_volume_resize(*resize)),
        Operation::ShrinkVolume(resize) => Kind::ShrinkVolume(write_volume_resize(*resize)),
        Operation::DestroyVolume(volume) => Kind::DestroyVolume(write_volume_destroy(*volume)),
    };
    v1::Operation { operation: Some(kind) }
}

/// Reads what became of an operation.
pub fn read_operation_result(result: v1::OperationResult) -> Result<OperationResult, Refusal> {
    Ok(match form::required("result", result.result)? {
        ResultKind::Resizing(operation_result::Resizing {}) => OperationResult::Resizing,
        ResultKind::Refused(refusal) => OperationResult::Refused(read_refusal(refusal)),
        ResultKind::Launched(launched) => {
            let limit = limits::TASKS_PER_ACCEPT_MAX;
            let tasks = form::ids("task_ids", launched.task_ids, limit);
            OperationResult::Launched { tasks: tasks.map_err(|no| no.under("launched"))? }
        }
        ResultKind::Reserved(reserved) => {
            let field = "reserved.reservation_id";
            OperationResult::Reserved(form::id(field, &reserved.reservation_id)?)
        }
        ResultKind::VolumeCreating(creating) => {
            let field = "volume_creating.volume_id";
            OperationResult::VolumeCreating(form::id(field, &creating.volume_id)?)
        }
        ResultKind::Done(operation_result::Done {}) => OperationResult::Done,
    })
}

/// Writes what became of an operation.
pub fn write_operation_result(result: &OperationResult) -> v1::OperationResult {
    let kind = match result {
        OperationResult::Resizing => ResultKind::Resizing(operation_result::Resizing {}),
        OperationResult::Refused(refusal) => ResultKind::Refused(write_refusal(refusal)),
        OperationResult::Launched { tasks } => {
            let task_ids = tasks.iter().map(ToString::to_string).collect();
            ResultKind::Launched(operation_result::Launched { task_ids })
        }
        OperationResult::Reserved(id) => {
            let reservation_id = id.to_string();
            ResultKind::Reserved(operation_result::Reserved { reservation_id })
        }
        OperationResult::VolumeCreating(id) => {
            let volume_id = id.to_string();
            ResultKind::VolumeCreating(operation_result::VolumeCreating { volume_id })
        }
        OperationResult::Done => ResultKind::Done(operation_result::Done {}),
    };
    v1::OperationResult { result: Some(kind) }
}

/// Reads the answer to an accept.
pub fn read_accept_response(response: v1::AcceptResponse) -> Result<Vec<OperationResult>, Refusal> {
    let limit = limits::OPERATIONS_PER_ACCEPT_MAX;
    if !response.results.is_empty() || response.task_ids.is_empty() {
        return form::each("results", response.results, limit, read_operation_result);
    }
    // Of a master that knows no operations.
    let tasks = form::ids("task_ids", response.task_ids, limits::TASKS_PER_ACCEPT_MAX)?;
    Ok(vec![OperationResult::Launched { tasks }])
}

/// Writes the answer to an accept.
pub fn write_accept_response(results: &[OperationResult]) -> v1::AcceptResponse {
    let tasks = results.iter().flat_map(OperationResult::tasks);
    v1::AcceptResponse {
        task_ids: tasks.map(ToString::to_string).collect(),
        results: results.iter().map(write_operation_result).collect(),
    }
}

fn read_group(group: v1::TaskGroupInfo) -> Read<TaskGroup> {
    read_task_group(group).map_err(|no| no.under("group"))
}

fn read_resize(resize: v1::Resize) -> Read<Resize> {
    Ok(Resize {
        task: form::id("task_id", &resize.task_id)?,
        resources: read_task_resources(resize.resources)?,
    })
}

fn read_tasks(tasks: Vec<v1::TaskInfo>) -> Read<Vec<TaskInfo>> {
    form::each("tasks", tasks, limits::TASKS_PER_ACCEPT_MAX, read_task_info)
}
