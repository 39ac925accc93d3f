//! Changes of the masters as bytes and back; rows in a dump; what a restore from a backup changes.

use super::{
    disk::{dump_of, restore},
    group::{cluster, info},
};
use master_core::{
    Ledger,
    ledger::{
        Command, MemberChange, Stamp,
        codec::{Batch, decode_batch, encode_batch},
        digest::digest,
        invariants,
    },
};
use proto::model::{Instant, NodeId, Reason, WallTime};

fn every_change() -> Vec<MemberChange> {
    vec![
        MemberChange::Found(vec![info(1), info(2)]),
        MemberChange::AddLearner { info: info(4), replaces: None },
        MemberChange::Promote(NodeId(4)),
        MemberChange::AddLearner { info: info(5), replaces: Some(NodeId(1)) },
        MemberChange::Promote(NodeId(5)),
        MemberChange::Settle,
        MemberChange::Remove(NodeId(2)),
        MemberChange::Settle,
        MemberChange::Moved(proto::model::MasterInfo { address: "new:1".to_owned(), ..info(4) }),
        MemberChange::AddLearner { info: info(6), replaces: Some(NodeId(4)) },
    ]
}

fn applied(changes: &[MemberChange]) -> Ledger {
    let mut ledger = Ledger::new(cluster());
    for (index, change) in (1..).zip(changes) {
        let stamp = Stamp { index, term: 1, time: Instant(index), wall: WallTime(0) };
        let command = Command::ChangeMembers(change.clone());
        ledger.apply(stamp, &command, &mut Vec::new()).expect("in this order");
        assert_eq!(invariants::check(&ledger), [], "after {change:?}");
    }
    ledger
}

#[test]
fn nobody_founds_no_cluster() {
    let mut ledger = Ledger::new(cluster());
    let stamp = Stamp { index: 1, term: 1, time: Instant(1), wall: WallTime(0) };
    let first = MemberChange::AddLearner { info: info(2), replaces: None };
    for (change, expected) in [
        (MemberChange::Found(vec![]), (Reason::InvalidField, "members")),
        (first, (Reason::MembershipUnsafe, "")),
    ] {
        let command = Command::ChangeMembers(change);
        let no = ledger.apply(stamp, &command, &mut Vec::new()).expect_err("nobody could vote");
        assert_eq!((no.reason, &*no.field), expected);
        assert_eq!(invariants::check(&ledger), []);
    }
}

#[test]
fn every_change_is_read_as_it_was_written() {
    let commands: Vec<Command> = every_change().into_iter().map(Command::ChangeMembers).collect();
    let batch = Batch { time: Instant(7), wall: WallTime(8), commands };
    assert_eq!(decode_batch(&encode_batch(&batch)).expect("our own"), batch);
}

#[test]
fn members_survive_a_dump_at_every_point() {
    let changes = every_change();
    for count in 0..=changes.len() {
        let ledger = applied(&changes[..count]);
        let again = restore(&dump_of(&ledger));
        assert_eq!(digest(&again), digest(&ledger), "after {count} changes");
        assert_eq!(again.members(), ledger.members());
    }
}

#[test]
fn nobody_is_again_whom_it_was_before() {
    let ledger = applied(&every_change());
    for node in [1, 2, 3] {
        assert!(ledger.members().is_retired(NodeId(node)), "{node} was a member, or skipped");
    }
    for node in [4, 5, 6, 7] {
        assert!(!ledger.members().is_retired(NodeId(node)), "{node} is a member, or may be one");
    }
}

#[test]
fn another_incarnation_goes_on_far_above() {
    let before = applied(&every_change());
    let mut after = before.clone();
    after.reincarnate(&[info(1), info(2), info(3)]);
    assert_eq!(invariants::check(&after), []);
    assert_eq!(after.members().incarnation(), before.members().incarnation() + 1);
    assert!(after.applied().index >= before.applied().index + (1 << 32));
    assert!(after.applied().term > before.applied().term + 1_000);
    assert_eq!(after.members().last_node(), 6, "ids of the old cluster stay used");
    assert!(after.members().get(NodeId(4)).is_none());
    assert_eq!(digest(&restore(&dump_of(&after))), digest(&after));
}
