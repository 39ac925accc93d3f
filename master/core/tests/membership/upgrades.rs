//! Masters of several softwares: what the log may hold follows the oldest of them.

use super::group::Group;
use master_core::ledger::LogVersion;

fn all_at(group: &Group, version: LogVersion) -> bool {
    (1..=3).all(|node| group.master(node).ledger().version() == version)
}

#[test]
fn the_version_rises_when_the_last_one_is_upgraded() {
    let mut group = Group::with_old(3, &[3]);
    group.pass(60);
    assert!(all_at(&group, LogVersion::OLDEST), "one of them could not read more");
    for node in 1..=3 {
        group.stop(node);
        group.upgrade(node);
        group.restart(node);
        group.until("a leader", |group| group.leader().is_some());
    }
    group.until("the newer version", |group| all_at(group, LogVersion::CURRENT));
    group.write();
    // It stays, whatever a master wishes later.
    group.stop(2);
    group.downgrade(2);
    group.restart(2);
    group.pass(60);
    assert!(all_at(&group, LogVersion::CURRENT));
}

#[test]
fn new_clusters_begin_with_what_all_can_read() {
    for founders in [1, 3] {
        let mut group = Group::of(founders);
        group.until("the newest version", |group| {
            let leader = group.leader().expect("nobody is lost");
            group.master(leader).ledger().version() == LogVersion::CURRENT
        });
    }
}

#[test]
fn a_learner_that_is_too_old_does_not_vote() {
    let mut group = Group::of(1);
    group.until("the newest version", |group| {
        group.master(1).ledger().version() == LogVersion::CURRENT
    });
    group.downgrade(2);
    group.start_joining(2);
    group.add(2);
    group.pass(80);
    assert_eq!(Group::shown(group.members()), "1 +2");
    group.stop(2);
    group.upgrade(2);
    group.restart(2);
    group.settles("1 2");
}

#[test]
fn an_entry_of_a_newer_software_ends_a_master_and_nothing_else() {
    let mut group = Group::of(3);
    let leader = group.leader().expect("a leader");
    let follower = leader % 3 + 1;
    group.falsify(follower);
    group.write();
    group.until("its end", |group| !group.runs(follower));
    assert!(group.transcript.contains("finds Unreadable"), "{}", group.transcript);
    group.write();
    assert_eq!(group.leader(), Some(leader), "the others go on");
}
