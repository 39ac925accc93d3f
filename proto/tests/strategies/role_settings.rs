//! Settings of roles, and changes of them.

use proptest::{option, prelude::*, sample::select};
use proto::model::{
    Change, OfferMode, PlacementPolicy, Priority, RoleSettings, RoleSettingsChange,
};

fn placement() -> impl Strategy<Value = PlacementPolicy> {
    select(PlacementPolicy::ALL.to_vec())
}

fn offer_mode() -> impl Strategy<Value = OfferMode> {
    select(OfferMode::ALL.to_vec())
}

fn priority() -> impl Strategy<Value = Priority> {
    (0..=u32::from(Priority::MAX.get())).prop_map(|it| Priority::new(it).expect("within bounds"))
}

pub(crate) fn settings() -> impl Strategy<Value = RoleSettings> {
    (option::of(placement()), option::of(offer_mode()), option::of(priority())).prop_map(
        |(placement, offer_mode, priority_max)| RoleSettings {
            placement,
            offer_mode,
            priority_max,
        },
    )
}

fn change_to<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Change<T>> {
    prop_oneof![Just(Change::Keep), Just(Change::Reset), value.prop_map(Change::Set)]
}

pub(crate) fn change() -> impl Strategy<Value = RoleSettingsChange> {
    let parts = (change_to(placement()), change_to(offer_mode()), change_to(priority()));
    parts.prop_map(|(placement, offer_mode, priority_max)| RoleSettingsChange {
        placement,
        offer_mode,
        priority_max,
    })
}
