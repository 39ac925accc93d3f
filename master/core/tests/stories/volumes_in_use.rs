//! Volumes that tasks use: made and used in one accept, used by one task at a time, not destroyed
//! while they are used, made smaller when the agent agrees, lost with their disk and back with it.

use super::{
    rig::{Rig, register, status, task},
    volumes::{disk, list, plan, report, reserve, with_disk},
};
use master_core::input::OperatorCall;
use proto::model::{
    AgentCall, Duration, Milli, Operation, ReservationId, ReservationRef, SchedulerCall,
    StatusReason, TaskInfo, TaskState as State, VolumeId, VolumeKey, VolumeMount, VolumeRef,
    VolumeResize, agent::AgentTask,
};

fn mount(volume: VolumeRef) -> VolumeMount {
    VolumeMount { volume, path: "data".to_owned(), read_only: false, incarnation: 0 }
}

fn using(id: &str, volume: VolumeRef) -> TaskInfo {
    TaskInfo { volumes: vec![mount(volume)], ..task(id, "a", 500) }
}

const FIRST: VolumeRef = VolumeRef::Known(VolumeId(1));

/// Agent a, which has these volumes and this task; a framework eng with an offer of all of it.
fn world() -> Rig {
    let mut rig = Rig::serving();
    rig.agent(1, "a", with_disk());
    rig.subscribe_in(2, "eng", &["eng"]);
    rig
}

/// A volume that is there.
fn with_volume() -> Rig {
    let mut rig = world();
    let operations = vec![
        Operation::Reserve(reserve()),
        Operation::CreateVolume(plan(ReservationRef::Made(0), "data")),
    ];
    operate(&mut rig, operations);
    rig.agent(1, "a", report(1, None));
    rig.transcript.clear();
    rig
}

/// Agent a comes back on another stream, with the task t1 if it runs, and with these volumes.
fn come_back(rig: &mut Rig, stream: u64, runs: bool, volumes: &[VolumeId]) {
    let AgentCall::Register { mut info, incarnation, .. } = register("a", 7) else {
        unreachable!("that is what it is")
    };
    info.resources = info.resources.checked_add(&disk(1_000)).expect("fits");
    let key = |id: &VolumeId| VolumeKey { id: *id, incarnation: 1 };
    let volumes = volumes.iter().map(key).collect();
    let tasks = match runs {
        true => {
            let key = proto::model::TaskKey {
                framework: rig.framework("eng"),
                task: task("t1", "a", 500).id,
            };
            vec![AgentTask { key, state: State::Running, sequence: 1 }]
        }
        false => vec![],
    };
    rig.agent(stream, "a", AgentCall::Register { info, incarnation, tasks, volumes });
}

/// On every live offer, once whatever can be is offered.
fn operate(rig: &mut Rig, operations: Vec<Operation>) {
    rig.call("eng", SchedulerCall::ClearFilters { roles: vec![] });
    let offers = rig.live.keys().copied().collect();
    rig.live.clear();
    let refuse = Duration(0).into();
    let accept =
        SchedulerCall::Accept { offers, operations, partial: false, refuse, request: None };
    rig.call("eng", accept);
}

fn launch(rig: &mut Rig, task: TaskInfo) {
    operate(rig, vec![Operation::Launch { tasks: vec![task] }]);
}

#[test]
fn made_and_used_in_one_accept() {
    let mut rig = world();
    let operations = vec![
        Operation::Reserve(reserve()),
        Operation::CreateVolume(plan(ReservationRef::Made(0), "data")),
        Operation::Launch { tasks: vec![using("t1", VolumeRef::Made(1))] },
    ];
    operate(&mut rig, operations);
    rig.tell("the agent comes back before it has heard: the volume first, then its task");
    rig.close(1);
    come_back(&mut rig, 3, false, &[]);
    rig.agent(3, "a", report(1, None));
    rig.update(3, "a", "eng", status("t1", "a", State::Running, 1));
    rig.operator(list());
    rig.tell("it ends: the volume is there to be used");
    rig.update(3, "a", "eng", status("t1", "a", State::Finished, 2));
    rig.operator(list());
    rig.tell("what could not be made fails the task, not the ledger");
    let of = ReservationRef::Known(ReservationId(1));
    let operations = vec![
        Operation::CreateVolume(plan(of, "more")),
        Operation::Launch { tasks: vec![using("t2", VolumeRef::Made(0))] },
    ];
    operate(&mut rig, operations);
    let key = VolumeKey { id: VolumeId(2), incarnation: 1 };
    let failed = Some("read-only file system".to_owned());
    let report = proto::model::VolumeReport { key, version: 1, failed };
    rig.agent(3, "a", AgentCall::Volume(report));
    let mut dropped = status("t2", "a", State::Dropped, 1);
    dropped.reason = StatusReason::VolumeUnavailable;
    rig.update(3, "a", "eng", dropped);
    rig.matches("volume_used_in_one_accept");
}

#[test]
fn lost_with_its_disk_and_back_with_it() {
    let mut rig = with_volume();
    rig.tell("the agent comes back without its disk");
    rig.close(1);
    come_back(&mut rig, 3, false, &[]);
    rig.operator(list());
    rig.tell("nobody uses what is lost, and nobody resizes it");
    launch(&mut rig, using("t1", FIRST));
    let size = Milli(128_000);
    rig.operator(OperatorCall::GrowVolume(VolumeResize { volume: FIRST, size }));
    rig.tell("the disk is there again, and the volume with it");
    rig.close(3);
    come_back(&mut rig, 4, false, &[VolumeId(1)]);
    launch(&mut rig, using("t1", FIRST));
    rig.update(4, "a", "eng", status("t1", "a", State::Running, 1));
    rig.tell("lost while it is used");
    rig.close(4);
    come_back(&mut rig, 5, true, &[]);
    rig.operator(OperatorCall::DestroyVolume(VolumeId(1)));
    rig.update(5, "a", "eng", status("t1", "a", State::Failed, 2));
    rig.tell("destroyed: gone when the agent has said so, as what is not lost");
    rig.operator(OperatorCall::DestroyVolume(VolumeId(1)));
    rig.agent(5, "a", report(2, None));
    rig.operator(list());
    rig.matches("volume_lost_and_back");
}

#[test]
fn grown_and_not_made_smaller_than_what_is_in_it() {
    let mut rig = with_volume();
    rig.tell("out of what is offered of its reservation");
    let resize = |mib: i64| VolumeResize { volume: FIRST, size: Milli(mib * 1_000) };
    operate(&mut rig, vec![Operation::GrowVolume(resize(200))]);
    rig.agent(1, "a", report(2, None));
    rig.tell("smaller: ordered again of an agent that comes back, which refuses");
    let shrink = vec![Operation::ShrinkVolume(resize(64))];
    operate(&mut rig, shrink.clone());
    rig.close(1);
    come_back(&mut rig, 3, false, &[VolumeId(1)]);
    rig.agent(3, "a", report(3, Some("150 MiB are used")));
    rig.operator(list());
    rig.tell("when less is used it does so");
    operate(&mut rig, shrink);
    rig.agent(3, "a", report(3, None));
    rig.agent(3, "a", report(4, None));
    rig.operator(list());
    rig.matches("volume_resized");
}

#[test]
fn used_by_one_at_a_time_and_not_destroyed_meanwhile() {
    let mut rig = with_volume();
    launch(&mut rig, using("t1", FIRST));
    rig.tell("not shared: it is offered no longer, and a second task is refused");
    launch(&mut rig, using("t2", FIRST));
    rig.tell("not destroyed while it is used, by operators as little as by its owner");
    rig.operator(OperatorCall::DestroyVolume(VolumeId(1)));
    operate(&mut rig, vec![Operation::DestroyVolume(FIRST)]);
    rig.update(1, "a", "eng", status("t1", "a", State::Finished, 1));
    rig.tell("its task has ended: now it is another's, and then destroyed");
    launch(&mut rig, using("t2", FIRST));
    rig.update(1, "a", "eng", status("t2", "a", State::Finished, 1));
    rig.operator(OperatorCall::DestroyVolume(VolumeId(1)));
    launch(&mut rig, using("t3", FIRST));
    rig.agent(1, "a", report(2, None));
    rig.matches("volume_in_use");
}
