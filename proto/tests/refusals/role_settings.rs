//! Settings of roles that are not believed.

use super::{accept, check};
use proto::{
    convert::role_settings::{read_change, read_settings},
    model::Reason::InvalidField as Invalid,
    wire::v1::{self, OfferMode, PlacementPolicy, RoleSetting},
};

fn good() -> v1::RoleSettings {
    v1::RoleSettings {
        placement: PlacementPolicy::Pack.into(),
        offer_mode: OfferMode::Shared.into(),
        priority_max: Some(9),
    }
}

#[test]
fn settings() {
    check(
        &good(),
        read_settings,
        &[
            (|s| s.placement = 7, "placement", Invalid),
            (|s| s.placement = -1, "placement", Invalid),
            (|s| s.offer_mode = 3, "offer_mode", Invalid),
            (|s| s.priority_max = Some(10), "priority_max", Invalid),
            (|s| s.priority_max = Some(u32::MAX), "priority_max", Invalid),
        ],
    );
    accept(
        &good(),
        read_settings,
        &[|s| *s = v1::RoleSettings::default(), |s| s.priority_max = Some(0)],
    );
}

#[test]
fn changes() {
    let good = v1::RoleSettingsChange {
        set: Some(v1::RoleSettings { placement: 0, ..good() }),
        reset: vec![RoleSetting::Placement.into()],
    };
    check(
        &good,
        read_change,
        &[
            (|c| c.set.as_mut().unwrap().placement = 9, "set.placement", Invalid),
            (|c| c.set.as_mut().unwrap().placement = 1, "reset[0]", Invalid),
            (|c| c.reset.push(RoleSetting::OfferMode.into()), "reset[1]", Invalid),
            (|c| c.reset.push(RoleSetting::PriorityMax.into()), "reset[1]", Invalid),
            (|c| c.reset.push(RoleSetting::Placement.into()), "reset[1]", Invalid),
            (|c| c.reset[0] = 0, "reset[0]", Invalid),
            (|c| c.reset[0] = 4, "reset[0]", Invalid),
        ],
    );
    accept(
        &good,
        read_change,
        &[|c| c.set = None, |c| c.reset.clear(), |c| *c = v1::RoleSettingsChange::default()],
    );
}
