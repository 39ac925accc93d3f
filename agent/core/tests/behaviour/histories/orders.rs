//! What the master of the histories orders.

use super::Committed;
use crate::stage::{key, launch_of, owner, task};
use proto::model::{
    Duration, OnFailure, Order, Resources, StatusReason, TaskGroup, TaskKey,
    task_group::{Member, Part},
};

/// The tasks of a group; the second init task needs more than the others hold.
pub(super) const PARTS: [(&str, Part); 5] = [
    ("i0", Part::Init),
    ("i1", Part::Init),
    ("s", Part::Sidecar),
    ("m0", Part::Main),
    ("m1", Part::Main),
];

/// Every other task may run for so long only that some are ended for it.
pub(super) fn launch_order(key: &TaskKey) -> Order {
    let mut task = task(key.task.as_str(), 1);
    let is_limited = ["t1", "t3", "t5"].contains(&key.task.as_str());
    task.max_completion_time = is_limited.then_some(Duration(15_000));
    launch_of(task)
}

/// One group ends when one of it fails, the other does not.
pub(super) fn group_order(group: u8) -> Order {
    let member = |(name, part): (&str, Part)| {
        let mut task = *task(&format!("g{group}-{name}"), 1);
        let cpus = if name == "i1" { 1_500 } else { 300 };
        task.resources = Resources::cpus_mem(cpus, 1);
        Member { part, task }
    };
    let on_failure = if group == 0 { OnFailure::EndGroup } else { OnFailure::LetRun };
    let members = PARTS.into_iter().map(member).collect();
    let id = format!("g{group}").parse().expect("an id");
    let group = Box::new(TaskGroup { id, members, on_failure });
    Order::LaunchGroup { framework: key("t0").framework, owner: Some(owner()), group }
}

pub(super) fn resize_order(key: &TaskKey, committed: &Committed) -> Order {
    let resources = Resources::cpus_mem(100 + 10 * i64::from(committed.cpus), 1);
    Order::Resize { key: key.clone(), resources, version: committed.sizes.0 }
}

pub(super) fn kill_order(key: &TaskKey) -> Order {
    let reason = StatusReason::KilledByFramework;
    Order::Kill { key: key.clone(), grace_period: None, reason }
}
