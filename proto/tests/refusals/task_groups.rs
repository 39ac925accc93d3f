//! Task groups: launched, ordered, ended, written down.

use super::{accept, check, tasks::task};
use proto::{
    convert::{calls::read_kill, orders::read_master_message, task_group::read_task_group},
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit, limits},
    wire::v1::{self, task_group_info::Member},
};

fn member(id: &str, part: v1::GroupPart) -> Member {
    let task = v1::TaskInfo { task_id: id.to_owned(), resources: cpus(1_000), ..task() };
    Member { part: part.into(), task: Some(task) }
}

fn cpus(milli: i64) -> Vec<v1::Resource> {
    let value = Some(v1::resource::Value::Scalar(v1::Scalar { milli }));
    vec![v1::Resource { name: "cpus".to_owned(), value }]
}

/// Half of a task.
fn reserved() -> Vec<v1::ReservedPart> {
    let known = v1::reservation_ref::Reservation::ReservationId("reservation-1".to_owned());
    let from = Some(v1::ReservationRef { reservation: Some(known) });
    vec![v1::ReservedPart { from, resources: cpus(500) }]
}

fn ports(begin: u64, end: u64) -> v1::Resource {
    let ranges = v1::Ranges { ranges: vec![v1::Range { begin, end }] };
    v1::Resource { name: "ports".to_owned(), value: Some(v1::resource::Value::Ranges(ranges)) }
}

fn group() -> v1::TaskGroupInfo {
    v1::TaskGroupInfo {
        group_id: "web".to_owned(),
        members: vec![
            member("fetch", v1::GroupPart::Init),
            member("proxy", v1::GroupPart::Sidecar),
            member("serve", v1::GroupPart::Main),
        ],
        on_failure: v1::GroupOnFailure::LetRun.into(),
    }
}

fn of(group: &mut v1::TaskGroupInfo, index: usize) -> &mut v1::TaskInfo {
    group.members[index].task.as_mut().expect("it has one")
}

#[test]
fn groups() {
    check(
        &group(),
        read_task_group,
        &[
            (|g| g.group_id.clear(), "group_id", Invalid),
            (|g| g.members.clear(), "members", Invalid),
            (|g| g.on_failure = 7, "on_failure", Invalid),
            (|g| g.members[0].part = 0, "members[0].part", Invalid),
            (|g| g.members[0].part = 9, "members[0].part", Invalid),
            (|g| g.members[1].task = None, "members[1].task", Invalid),
            (|g| of(g, 2).command = None, "members[2].task.command", Invalid),
            (|g| of(g, 2).resources.clear(), "members[2].task.resources", Invalid),
            (|g| of(g, 1).agent_id = "other".to_owned(), "members[1].task.agent_id", Invalid),
            (|g| of(g, 2).priority = Some(1), "members[2].task.priority", Invalid),
            (|g| of(g, 1).revocable = true, "members[1].task.revocable", Invalid),
            (|g| of(g, 2).reserved = reserved(), "members[2].task.reserved", Invalid),
            (|g| of(g, 2).task_id = "fetch".to_owned(), "members[2].task.task_id", Invalid),
            // Nothing that it would be there for.
            (|g| drop(g.members.pop()), "members", Invalid),
            (
                |g| {
                    of(g, 1).resources.push(ports(1, 2));
                    of(g, 2).resources.push(ports(2, 3));
                },
                "members",
                Invalid,
            ),
            (
                |g| {
                    let more = limits::TASKS_PER_GROUP_MAX - 2;
                    let name = |n: usize| member(&format!("n{n}"), v1::GroupPart::Main);
                    g.members.extend((0..more).map(name));
                },
                "members",
                Limit,
            ),
        ],
    );
    accept(
        &group(),
        read_task_group,
        &[
            |g| g.on_failure = 0,
            |g| drop(g.members.drain(..2)),
            // An init task may use what those that follow hold.
            |g| {
                of(g, 0).resources.push(ports(1, 9));
                of(g, 2).resources.push(ports(2, 3));
            },
        ],
    );
}

#[test]
fn orders() {
    let order = v1::MasterMessage {
        term: 3,
        message: Some(v1::master_message::Message::LaunchGroup(v1::LaunchGroup {
            framework_id: "framework-1".to_owned(),
            group: Some(group()),
            owner: String::new(),
        })),
    };
    fn launch(order: &mut v1::MasterMessage) -> &mut v1::LaunchGroup {
        match order.message.as_mut() {
            Some(v1::master_message::Message::LaunchGroup(launch)) => launch,
            other => panic!("{other:?} launches no group"),
        }
    }
    check(
        &order,
        read_master_message,
        &[
            (|o| launch(o).framework_id.clear(), "launch_group.framework_id", Invalid),
            (|o| launch(o).owner = "a b".to_owned(), "launch_group.owner", Invalid),
            (|o| launch(o).group = None, "launch_group.group", Invalid),
            (
                |o| launch(o).group.as_mut().expect("one").group_id.clear(),
                "launch_group.group.group_id",
                Invalid,
            ),
        ],
    );
}

#[test]
fn kills() {
    let framework_id = "framework-1".to_owned();
    let kill = v1::KillRequest {
        session: Some(v1::FrameworkSession { framework_id, epoch: 1 }),
        group_id: "web".to_owned(),
        ..v1::KillRequest::default()
    };
    check(
        &kill,
        read_kill,
        &[
            (|k| k.group_id = "../web".to_owned(), "group_id", Invalid),
            (|k| k.task_id = "serve".to_owned(), "group_id", Invalid),
            (|k| k.group_id.clear(), "task_id", Invalid),
        ],
    );
}
