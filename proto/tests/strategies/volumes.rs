//! Volumes, and operations that are about them.

use super::{agent_id, labels, message, reservations};
use proptest::{collection, prelude::*};
use proto::model::{
    Milli, OfferedVolume, Operation, ReservationId, VolumeId, VolumeInfo, VolumeName, VolumePlan,
    VolumeRef, VolumeResize, VolumeState, limits,
};

pub(crate) const STATES: [VolumeState; 7] = [
    VolumeState::Creating,
    VolumeState::Active,
    VolumeState::Resizing,
    VolumeState::Destroying,
    VolumeState::Failed,
    VolumeState::Lost,
    VolumeState::Gone,
];

pub(crate) fn reference() -> impl Strategy<Value = VolumeRef> {
    prop_oneof![
        any::<u64>().prop_map(|id| VolumeRef::Known(VolumeId(id))),
        any::<u32>().prop_map(VolumeRef::Made),
    ]
}

pub(crate) fn name() -> impl Strategy<Value = VolumeName> {
    "[A-Za-z0-9_:@+-][A-Za-z0-9._:@+-]{0,20}"
        .prop_map(|text| VolumeName::new(&text).expect("an id"))
}

pub(crate) fn size() -> impl Strategy<Value = Milli> {
    (limits::VOLUME_SIZE_MIN.0..=limits::MILLI_MAX).prop_map(Milli)
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let plan = (reservations::reference(), name(), size(), any::<bool>(), labels());
    let resize = || (reference(), size()).prop_map(|(volume, size)| VolumeResize { volume, size });
    prop_oneof![
        plan.prop_map(|(reservation, name, size, shared, labels)| {
            Operation::CreateVolume(VolumePlan { reservation, name, size, shared, labels })
        }),
        resize().prop_map(Operation::GrowVolume),
        resize().prop_map(Operation::ShrinkVolume),
        reference().prop_map(Operation::DestroyVolume),
    ]
}

pub(crate) fn info() -> impl Strategy<Value = VolumeInfo> {
    let ids = (any::<u64>(), agent_id(), any::<u64>(), reservations::reserved_role());
    let made = ("[a-z]{0,8}", name(), size(), any::<bool>(), labels());
    let life = (proptest::sample::select(&STATES[..]), size(), message());
    let counts = any::<(u64, u64, u64)>();
    (ids, made, life, counts).prop_map(|(ids, made, life, counts)| {
        let (id, agent, reservation, role) = ids;
        let (owner, name, size, shared, labels) = made;
        let (state, other, message) = life;
        let (version, incarnation, task_count) = counts;
        VolumeInfo {
            id: VolumeId(id),
            agent,
            reservation: ReservationId(reservation),
            role,
            owner,
            name,
            size,
            shared,
            labels,
            state,
            resizing_to: (state == VolumeState::Resizing).then_some(other),
            message,
            version,
            incarnation,
            task_count,
        }
    })
}

/// What an offer says, each id once.
pub(crate) fn offered() -> impl Strategy<Value = Vec<OfferedVolume>> {
    let volume = (name(), reservations::reserved_role(), size(), any::<bool>());
    collection::btree_map(any::<u64>(), volume, 0..3).prop_map(|volumes| {
        let volume = |(id, (name, role, size, shared))| OfferedVolume {
            id: VolumeId(id),
            name,
            role,
            size,
            shared,
        };
        volumes.into_iter().map(volume).collect()
    })
}
