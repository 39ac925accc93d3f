//! Reservations, and operations that are about them.

use super::{agent_id, labels, resources, role};
use proptest::{collection, option, prelude::*};
use proto::model::{
    DeclaredReservation, Operation, ReservationId, ReservationPlan, ReservationRef, ReservedPart,
    Resources, Role, Unreserve,
};

pub(crate) fn reference() -> impl Strategy<Value = ReservationRef> {
    prop_oneof![
        any::<u64>().prop_map(|id| ReservationRef::Known(ReservationId(id))),
        any::<u32>().prop_map(ReservationRef::Made),
    ]
}

fn some_resources() -> impl Strategy<Value = Resources> {
    resources().prop_filter("something", |resources| !resources.is_empty())
}

pub(crate) fn reserved_role() -> impl Strategy<Value = Role> {
    role().prop_filter("somebody's", |role| *role != Role::any())
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let plan = (agent_id(), reserved_role(), some_resources(), labels(), option::of(reference()));
    prop_oneof![
        plan.prop_map(|(agent, role, resources, labels, parent)| {
            Operation::Reserve(ReservationPlan { agent, role, resources, labels, parent })
        }),
        (reference(), option::of(some_resources())).prop_map(|(reservation, resources)| {
            Operation::Unreserve(Unreserve { reservation, resources })
        }),
        (reference(), reserved_role())
            .prop_map(|(reservation, role)| Operation::MoveReservation { reservation, role }),
    ]
}

/// What an agent that has this declares: some entries of it, each for another role.
pub(crate) fn declared_of(
    resources: &Resources,
) -> impl Strategy<Value = Vec<DeclaredReservation>> + use<> {
    let roles = collection::btree_set(reserved_role(), 0..4);
    (parts_of(resources), roles, labels()).prop_map(|(parts, roles, labels)| {
        let declared = |(part, role): (ReservedPart, Role)| DeclaredReservation {
            role,
            resources: part.resources,
            labels: labels.clone(),
        };
        parts.into_iter().zip(roles).map(declared).collect()
    })
}

/// Parts of a bag: each entry of it from a reservation of its own, or unreserved.
pub(crate) fn parts_of(resources: &Resources) -> impl Strategy<Value = Vec<ReservedPart>> + use<> {
    let entries: Vec<_> =
        resources.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    collection::vec(any::<bool>(), entries.len()).prop_map(move |chosen| {
        let entries = entries.iter().cloned().zip(&chosen).filter(|(_, chosen)| **chosen);
        let part = |(index, (entry, _))| ReservedPart {
            from: ReservationRef::Known(ReservationId(index as u64)),
            resources: Resources::from_entries([entry]).expect("one entry of a bag"),
        };
        entries.enumerate().map(part).collect()
    })
}
