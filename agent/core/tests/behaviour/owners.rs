//! Whose task it is: told with the launch, started with, kept in the journal, never changed.

use crate::stage::{Disk, Stage, key, launch, owner, task};
use agent_core::{Effect, Observation, Record, journal::codec};
use prost::Message as _;
use proto::{
    model::{Order, OwnerId},
    wire::journal::v1,
};

fn owner_in_journal(disk: &Disk) -> Option<OwnerId> {
    disk.rows[&key("t")].owner.clone()
}

#[test]
fn the_owner_is_kept_with_the_task() {
    let mut stage = Stage::registered();
    let effects = stage.order(launch("t", 1));
    let started = |effect: &Effect| match effect {
        Effect::StartContainer { owner, .. } => owner.clone(),
        _ => None,
    };
    assert_eq!(effects.iter().find_map(started), Some(owner()));
    assert_eq!(owner_in_journal(&stage.disk), Some(owner()));
    stage.crash_and_recover(Observation::Running);
    let row = stage.agent.task(&key("t")).expect("it runs on");
    assert_eq!(row.owner, Some(owner()));
}

/// An order that is repeated by whomever cannot hand a task that exists to somebody else.
#[test]
fn the_first_order_decides() {
    for first in [None, Some(owner())] {
        let mut stage = Stage::registered();
        let framework = key("t").framework;
        stage.order(Order::Launch { framework, owner: first.clone(), task: task("t", 1) });
        for second in [None, Some("another".parse().expect("an id"))] {
            let order = Order::Launch { framework, owner: second, task: task("t", 1) };
            assert!(stage.order(order).is_empty());
            assert_eq!(owner_in_journal(&stage.disk), first);
        }
    }
}

#[test]
fn a_row_from_before_owners_were_told_has_none() {
    let mut stage = Stage::registered();
    let effects = stage.order(launch("t", 1));
    let Some(Effect::Journal(records)) = effects.first() else { panic!("{effects:?}") };
    let [Record::Task(row)] = &records[..] else { panic!("{records:?}") };
    let rewritten = |owner: &str| {
        let mut wire = v1::TaskRow::decode(&*codec::encode_row(row)).expect("own bytes");
        owner.clone_into(&mut wire.owner);
        codec::decode_row(&wire.encode_to_vec())
    };
    let old = rewritten("").expect("an old row is a row");
    assert_eq!((old.owner, &old.task), (None, &row.task));
    assert_eq!(rewritten("another").expect("a row").owner.expect("one").as_str(), "another");
    let codec::JournalError::Field { source, .. } = rewritten("no id").expect_err("damage") else {
        panic!("the bytes are a message");
    };
    assert_eq!(source.field, "owner");
}

/// A kill of what was never launched leaves a row that belongs to nobody.
#[test]
fn a_row_that_only_refuses_has_no_owner() {
    let mut stage = Stage::registered();
    let reason = proto::model::StatusReason::KilledByFramework;
    stage.order(Order::Kill { key: key("t"), grace_period: None, reason });
    assert_eq!(owner_in_journal(&stage.disk), None);
}
