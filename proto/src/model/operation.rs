//! What an accept does with what was offered, one operation after the other, and what became of
//! each.

use super::{
    ids::TaskId,
    refusal::Refusal,
    reservation::{ReservationId, ReservationPlan, ReservationRef, Unreserve},
    resize::Resize,
    role::Role,
    task::TaskInfo,
    task_group::TaskGroup,
    volume::{VolumeId, VolumePlan, VolumeRef, VolumeResize},
};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Launch tasks, all or none.
    Launch {
        /// At least one.
        tasks: Vec<TaskInfo>,
    },
    /// Launch a task group: all of its tasks on one agent, or none.
    LaunchGroup(TaskGroup),
    /// Give a task that runs another size. What it grows by must have been offered.
    Resize(Resize),
    /// Keep resources for a role.
    Reserve(ReservationPlan),
    /// Keep them no longer.
    Unreserve(Unreserve),
    /// Keep them for another role.
    MoveReservation {
        /// Which.
        reservation: ReservationRef,
        /// For which role from now on; not `*`.
        role: Role,
    },
    /// Make a volume out of a reservation's disk.
    CreateVolume(VolumePlan),
    /// Give a volume more disk, of its reservation. What it grows by must have been offered.
    GrowVolume(VolumeResize),
    /// Give a volume less disk.
    ShrinkVolume(VolumeResize),
    /// Delete a volume and all that it holds.
    DestroyVolume(VolumeRef),
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationResult {
    /// The tasks exist.
    Launched {
        /// They, in the operation's order.
        tasks: Vec<TaskId>,
    },
    /// The task holds the larger of both sizes until its agent has applied the new one.
    Resizing,
    /// The reservation exists.
    Reserved(ReservationId),
    /// The volume is ordered of its agent, and may be used by operations behind this one.
    VolumeCreating(VolumeId),
    /// Done, nothing to say.
    Done,
    /// Nothing of it was done. The field is relative to the operation.
    Refused(Refusal),
}

impl Operation {
    /// The operations of an accept that launches tasks, all or none; no tasks, no operations.
    pub fn launch(tasks: Vec<TaskInfo>) -> Vec<Operation> {
        match tasks.is_empty() {
            true => Vec::new(),
            false => vec![Operation::Launch { tasks }],
        }
    }

    /// Its field's name in an accept, for refusals.
    pub const fn name(&self) -> &'static str {
        match self {
            Operation::Launch { .. } => "launch",
            Operation::LaunchGroup(_) => "launch_group",
            Operation::Resize(_) => "resize",
            Operation::Reserve(_) => "reserve",
            Operation::Unreserve(_) => "unreserve",
            Operation::MoveReservation { .. } => "move_reservation",
            Operation::CreateVolume(_) => "create_volume",
            Operation::GrowVolume(_) => "grow_volume",
            Operation::ShrinkVolume(_) => "shrink_volume",
            Operation::DestroyVolume(_) => "destroy_volume",
        }
    }

    /// What it launches.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskInfo> {
        let (tasks, group) = match self {
            Operation::Launch { tasks } => (tasks.as_slice(), None),
            Operation::LaunchGroup(group) => (&[][..], Some(group)),
            Operation::Resize(_)
            | Operation::Reserve(_)
            | Operation::Unreserve(_)
            | Operation::MoveReservation { .. }
            | Operation::CreateVolume(_)
            | Operation::GrowVolume(_)
            | Operation::ShrinkVolume(_)
            | Operation::DestroyVolume(_) => (&[][..], None),
        };
        tasks.iter().chain(group.into_iter().flat_map(TaskGroup::tasks))
    }

    /// How many tasks it launches.
    pub fn task_count(&self) -> usize {
        match self {
            Operation::Launch { tasks } => tasks.len(),
            Operation::LaunchGroup(group) => group.members.len(),
            Operation::Resize(_)
            | Operation::Reserve(_)
            | Operation::Unreserve(_)
            | Operation::MoveReservation { .. }
            | Operation::CreateVolume(_)
            | Operation::GrowVolume(_)
            | Operation::ShrinkVolume(_)
            | Operation::DestroyVolume(_) => 0,
        }
    }
}

impl OperationResult {
    /// What was launched.
    pub fn tasks(&self) -> &[TaskId] {
        match self {
            OperationResult::Launched { tasks } => tasks,
            OperationResult::Resizing
            | OperationResult::Reserved(_)
            | OperationResult::VolumeCreating(_)
            | OperationResult::Done
            | OperationResult::Refused(_) => &[],
        }
    }

    /// Why nothing of it was done.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            OperationResult::Refused(refusal) => Some(refusal),
            OperationResult::Launched { .. }
            | OperationResult::Resizing
            | OperationResult::Reserved(_)
            | OperationResult::VolumeCreating(_)
            | OperationResult::Done => None,
        }
    }
}

/// The tasks of an accept that launches them all or none and does nothing else: what most accepts
/// are, and what formats from before there were operations can hold.
pub fn only_launch(operations: &[Operation], partial: bool) -> Option<&[TaskInfo]> {
    match operations {
        [Operation::Launch { tasks }] if !partial => Some(tasks),
        _ => None,
    }
}
