//! How roles are served, told as stories: what is set, inherited and reset; and the bytes of it.

use crate::{build::*, histories::restore, roles::golden};
use master_core::ledger::{
    Command, Event, LogVersion,
    codec::{Batch, decode_batch, encode_batch},
    digest::digest,
    dump::records,
};
use proto::model::{
    Change, Instant, Milli, OfferMode, PlacementPolicy, Priority, Reason, RoleSettings,
    RoleSettingsChange, WallTime, limits,
};

fn configure(name: &str, change: RoleSettingsChange) -> Command {
    Command::ConfigureRole { role: role(name), change }
}

fn placement(policy: PlacementPolicy) -> RoleSettingsChange {
    RoleSettingsChange { placement: Change::Set(policy), ..RoleSettingsChange::default() }
}

fn offers(mode: OfferMode) -> RoleSettingsChange {
    RoleSettingsChange { offer_mode: Change::Set(mode), ..RoleSettingsChange::default() }
}

fn priority(most: Priority) -> RoleSettingsChange {
    RoleSettingsChange { priority_max: Change::Set(most), ..RoleSettingsChange::default() }
}

fn in_force(world: &World, name: &str) -> String {
    world.ledger.roles().settings(&role(name)).to_string()
}

#[test]
fn each_setting_comes_from_the_nearest_role_that_has_it() {
    let mut world = World::newest();
    assert_eq!(in_force(&world, "eng/search"), "", "nobody has said anything");
    let changed = |name: &str| vec![Event::RoleChanged(role(name))];
    assert_eq!(
        world.done(&configure("eng", placement(PlacementPolicy::Pack))),
        changed("eng"),
        "those below are not told of one by one"
    );
    world.done(&configure("eng", priority(Priority::MAX)));
    world.done(&configure("eng/search", offers(OfferMode::Shared)));
    let batch = "placement pack, offers shared, priority-max 9";
    assert_eq!(in_force(&world, "eng/search/batch"), batch);
    assert_eq!(in_force(&world, "eng"), "placement pack, priority-max 9");
    assert_eq!(in_force(&world, "engine"), "");
    world.done(&configure("eng/search/batch", placement(PlacementPolicy::FirstFit)));
    world.done(&configure("eng/search/batch", priority(Priority::MIN)));
    let own = "placement first-fit, offers shared, priority-max 0";
    assert_eq!(in_force(&world, "eng/search/batch"), own);
    let own = world.ledger.roles().row(&role("eng/search/batch")).settings;
    assert_eq!(own.to_string(), "placement first-fit, priority-max 0");
}

#[test]
fn settings_wait_for_the_version_that_has_them() {
    let mut world = World::new();
    let pack = configure("eng", placement(PlacementPolicy::Pack));
    assert_eq!(world.apply(&pack).expect_err("is refused").reason, Reason::VersionTooLow);
    world.done(&Command::RaiseVersion(LogVersion::CURRENT));
    world.done(&pack);
}

#[test]
fn what_is_so_already_makes_no_fact_and_what_says_nothing_no_row() {
    let mut world = World::newest();
    let empty = digest(&world.ledger);
    let pack = configure("eng", placement(PlacementPolicy::Pack));
    world.done(&pack);
    let set = digest(&world.ledger);
    assert_ne!(set, empty);
    assert_eq!(world.done(&pack), []);
    assert_eq!(world.done(&configure("eng", RoleSettingsChange::default())), []);
    let reset = RoleSettingsChange { placement: Change::Reset, ..RoleSettingsChange::default() };
    assert_eq!(world.done(&configure("ops", reset)), [], "nothing to reset");
    // The weight is none of its business, and the other way round.
    world.done(&Command::SetWeight { role: role("eng"), weight: Some(Milli(2_000)) });
    assert_eq!(in_force(&world, "eng"), "placement pack");
    world.done(&configure("eng", reset));
    assert_eq!(world.ledger.roles().weight(&role("eng")), Some(Milli(2_000)));
    world.done(&Command::SetWeight { role: role("eng"), weight: None });
    assert_eq!(world.ledger.roles().iter().len(), 0);
}

#[test]
fn rows_with_settings_are_bounded_like_all_others() {
    let mut world = World::newest();
    let mut events = Vec::new();
    for n in 0..limits::ROLES_CONFIGURED_MAX {
        world.stamp.index += 1;
        let command = configure(&format!("role-{n}"), offers(OfferMode::Shared));
        world.ledger.apply(world.stamp, &command, &mut events).expect("there is room");
    }
    let more = configure("one-more", offers(OfferMode::Shared));
    assert_eq!(world.apply(&more).expect_err("is refused").field, "role");
}

#[test]
fn a_restored_ledger_has_the_same_settings() {
    let mut world = World::newest();
    world.done(&configure("eng", placement(PlacementPolicy::Fgd)));
    world.done(&configure("eng/search", priority(Priority::MIN)));
    let restored = restore(&world.ledger);
    assert_eq!(digest(&restored), digest(&world.ledger));
    let settings = restored.roles().settings(&role("eng/search"));
    let expected = RoleSettings {
        placement: Some(PlacementPolicy::Fgd),
        offer_mode: None,
        priority_max: Some(Priority::MIN),
    };
    assert_eq!(settings, expected);
}

#[test]
fn commands_and_rows_of_settings_of_version_1() {
    let reset = RoleSettingsChange {
        placement: Change::Reset,
        offer_mode: Change::Reset,
        priority_max: Change::Reset,
    };
    let mut commands: Vec<_> = PlacementPolicy::ALL.map(placement).into();
    commands.extend(OfferMode::ALL.map(offers));
    commands.extend([priority(Priority::MIN), priority(Priority::MAX), reset]);
    commands.push(RoleSettingsChange::default());
    let commands = commands.into_iter().map(|change| configure("eng/batch", change)).collect();
    let batch = Batch { time: Instant(12), wall: WallTime(34), commands };
    let bytes = golden("batch-role-settings-v1.bin", &encode_batch(&batch));
    assert_eq!(decode_batch(&bytes), Ok(batch.clone()));
    assert_eq!(encode_batch(&batch), bytes);

    let mut world = World::newest();
    world.done(&configure("eng", placement(PlacementPolicy::DotProduct)));
    world.done(&configure("eng/search", offers(OfferMode::Exclusive)));
    world.done(&configure("eng/search", priority(Priority::MIN)));
    let rows: Vec<Vec<u8>> = records(&world.ledger).skip(1).take(2).collect();
    assert_eq!(golden("rows-role-settings-v1.bin", &rows.concat()), rows.concat());
}
