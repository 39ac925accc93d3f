//! Volumes, and operations that are about them.

use super::{agent_id, labels, message, reservations};
use proptest::{collection, option, prelude::*};
use proto::model::{
    Milli, OfferedVolume, Operation, Order, ReservationId, VolumeAction, VolumeId, VolumeInfo,
    VolumeKey, VolumeMount, VolumeName, VolumePlan, VolumeRef, VolumeReport, VolumeResize,
    VolumeState, limits,
};
use std::collections::BTreeMap;

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

pub(crate) fn key() -> impl Strategy<Value = VolumeKey> {
    any::<(u64, u64)>().prop_map(|(id, incarnation)| VolumeKey { id: VolumeId(id), incarnation })
}

pub(crate) fn report() -> impl Strategy<Value = VolumeReport> {
    (key(), 1..=u64::MAX, option::of(message())).prop_map(|(key, version, failed)| VolumeReport {
        key,
        version,
        failed,
    })
}

pub(crate) fn order() -> impl Strategy<Value = Order> {
    let make = (reservations::reserved_role(), name(), size(), any::<bool>());
    let action = prop_oneof![
        make.prop_map(|(role, name, size, shared)| VolumeAction::Make { role, name, size, shared }),
        size().prop_map(VolumeAction::Resize),
        Just(VolumeAction::Delete),
    ];
    (key(), 1..=u64::MAX, action).prop_map(|(key, version, action)| Order::Volume {
        key,
        version,
        action,
    })
}

/// Of one task: each of another volume, none below another.
pub(crate) fn mounts() -> impl Strategy<Value = Vec<VolumeMount>> {
    let mount =
        (reference(), "[a-z.]{0,3}[a-z]/[^\\pC/.][a-z. ]{0,5}", any::<bool>(), any::<u64>());
    collection::vec(mount, 0..4).prop_map(|list| {
        let numbered = list.into_iter().enumerate().map(|(index, mount)| {
            let (volume, path, read_only, incarnation) = mount;
            (volume, VolumeMount { volume, path: format!("{index}{path}"), read_only, incarnation })
        });
        numbered.collect::<BTreeMap<_, _>>().into_values().collect()
    })
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
