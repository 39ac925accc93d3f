//! Volumes: made, listed, destroyed, and destroyed once more.

use super::rig::{Rig, accept_operations, register};
use master_core::input::{OperatorCall, Page};
use proto::model::{
    AgentCall, AgentId, Milli, Operation, ReservationId, ReservationPlan, ReservationRef,
    ResourceName, Resources, Role, VolumeId, VolumeKey, VolumeName, VolumePlan, VolumeRef,
    VolumeReport, VolumeResize, resources::Value,
};

pub(crate) fn disk(mib: i64) -> Resources {
    let entry = (ResourceName::DISK, Value::Scalar(Milli(mib * 1_000)));
    Resources::from_entries([entry]).expect("an amount")
}

pub(crate) fn with_disk() -> AgentCall {
    match register("a", 7) {
        AgentCall::Register { mut info, incarnation, tasks, volumes } => {
            info.resources = info.resources.checked_add(&disk(1_000)).expect("fits");
            AgentCall::Register { info, incarnation, tasks, volumes }
        }
        other => other,
    }
}

pub(crate) fn plan(reservation: ReservationRef, name: &str) -> VolumePlan {
    VolumePlan {
        reservation,
        name: VolumeName::new(name).expect("a name"),
        size: Milli(64_000),
        shared: false,
        labels: Vec::new(),
    }
}

pub(crate) fn reserve() -> ReservationPlan {
    ReservationPlan {
        agent: AgentId::new("a").expect("an id"),
        role: Role::new("eng").expect("a role"),
        resources: disk(500),
        labels: Vec::new(),
        parent: None,
    }
}

pub(crate) fn list() -> OperatorCall {
    let page = Page { size: 100, after: None };
    OperatorCall::ListVolumes { page, agent: None, role: None, volume: None }
}

/// What agent a says of the first volume.
pub(crate) fn report(version: u64, failed: Option<&str>) -> AgentCall {
    let key = VolumeKey { id: VolumeId(1), incarnation: 1 };
    AgentCall::Volume(VolumeReport { key, version, failed: failed.map(str::to_owned) })
}

#[test]
fn a_volume_destroyed_twice() {
    let mut rig = Rig::serving();
    rig.watch(9, None);
    rig.agent(1, "a", with_disk());
    rig.operator(OperatorCall::Reserve(reserve()));
    let of = ReservationRef::Known(ReservationId(1));
    rig.operator(OperatorCall::CreateVolume(plan(of, "data")));
    rig.tell("repeated: there is one of this name");
    rig.operator(OperatorCall::CreateVolume(plan(of, "data")));
    rig.tell("it is not there yet");
    let volume = VolumeRef::Known(VolumeId(1));
    let size = Milli(128_000);
    rig.operator(OperatorCall::GrowVolume(VolumeResize { volume, size }));
    rig.operator(list());
    rig.tell("destroyed, and once more: the first is under way");
    rig.operator(OperatorCall::DestroyVolume(VolumeId(1)));
    rig.operator(OperatorCall::DestroyVolume(VolumeId(1)));
    rig.operator(list());
    rig.tell("the agent cannot as yet, says so again, and then it has");
    rig.agent(1, "a", report(2, Some("busy")));
    rig.agent(1, "a", report(2, Some("busy")));
    rig.operator(OperatorCall::DestroyVolume(VolumeId(1)));
    rig.agent(1, "a", report(2, None));
    rig.operator(list());
    rig.tell("and once more: it is gone");
    rig.operator(OperatorCall::DestroyVolume(VolumeId(1)));
    rig.agent(1, "a", report(2, None));
    rig.operator(OperatorCall::CreateVolume(plan(of, "data")));
    rig.matches("volume_destroyed_twice");
}

#[test]
fn reserved_and_a_volume_made_in_one_accept() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", with_disk());
    rig.subscribe_in(2, "eng", &["eng"]);
    let offer = rig.offers[0].id;
    let operations = vec![
        Operation::Reserve(reserve()),
        Operation::CreateVolume(plan(ReservationRef::Made(0), "data")),
    ];
    rig.call("eng", accept_operations(&[offer], operations, false));
    rig.operator(list());
    rig.tell("what is not offered cannot be made a volume of; its end needs no offer");
    let of = ReservationRef::Known(ReservationId(1));
    let volume = VolumeRef::Known(VolumeId(1));
    let operations =
        vec![Operation::CreateVolume(plan(of, "more")), Operation::DestroyVolume(volume)];
    rig.call("eng", accept_operations(&[], operations, true));
    rig.call("eng", accept_operations(&[], vec![Operation::DestroyVolume(volume)], false));
    rig.tell("until it is gone its reservation shows its disk as used");
    let page = Page { size: 100, after: None };
    rig.operator(OperatorCall::ListReservations { page, agent: None, role: None });
    rig.matches("volume_in_one_accept");
}
