//! What happens when, word for word.

use super::group::{Group, info};
use master_core::{Input, input::OperatorCall, ledger::digest::digest};
use proto::model::NodeId;
use raft::eraftpb::{Message, MessageType};

#[test]
fn one_becomes_three_becomes_one() {
    let mut group = Group::of(1);
    for node in [2, 3] {
        group.tell(&format!("a second machine, {node}, starts and is added"));
        group.start_joining(node);
        group.add(node);
        let all = (1..=node).map(|id| id.to_string()).collect::<Vec<_>>().join(" ");
        group.settles(&all);
    }
    group.tell("and back, the first one first");
    for node in [1, 2] {
        group.call(OperatorCall::RemoveMaster(NodeId(node)));
        let all = (node + 1..=3).map(|id| id.to_string()).collect::<Vec<_>>().join(" ");
        group.settles(&all);
        group.until("end of the removed", |group| !group.runs(node));
    }
    group.write();
    group.matches("one_three_one");
}

#[test]
fn a_learner_waits_for_its_machine() {
    let mut group = Group::of(3);
    group.tell("added before it is there");
    group.add(4);
    group.pass(30);
    group.tell("another one meanwhile");
    group.add(5);
    group.tell("now it starts");
    group.start_joining(4);
    group.settles("1 2 3 4");
    group.matches("learner_waits");
}

#[test]
fn a_learner_that_never_comes_is_taken_back() {
    let mut group = Group::of(1);
    group.add(2);
    group.pass(20);
    group.call(OperatorCall::RemoveMaster(NodeId(2)));
    group.settles("1");
    group.tell("its id is used up");
    group.add(2);
    group.start_joining(2);
    group.until("end of the removed", |group| !group.runs(2));
    group.add(3);
    group.start_joining(3);
    group.settles("1 3");
    group.matches("learner_taken_back");
}

#[test]
fn a_member_takes_anothers_place() {
    let mut group = Group::of(3);
    let (leader, follower) = (group.leader().unwrap(), (group.leader().unwrap() % 3) + 1);
    group.tell("a follower's machine is lost, and replaced");
    group.stop(follower);
    group.start_joining(4);
    group.call(OperatorCall::ReplaceMaster { old: NodeId(follower), info: info(4) });
    group.until("the joint change to end", |group| group.members().get(NodeId(follower)).is_none());
    group.tell("and now the leader is replaced");
    group.start_joining(5);
    group.call(OperatorCall::ReplaceMaster { old: NodeId(leader), info: info(5) });
    group.until("the joint change to end", |group| {
        group.leader().is_some() && group.members().get(NodeId(leader)).is_none()
    });
    group.until("end of the removed", |group| !group.runs(leader));
    group.write();
    group.matches("replaced");
}

#[test]
fn a_lone_master_is_replaced() {
    let mut group = Group::of(1);
    group.start_joining(2);
    group.call(OperatorCall::ReplaceMaster { old: NodeId(1), info: info(2) });
    group.settles("2");
    group.until("end of the removed", |group| !group.runs(1));
    group.write();
    group.matches("lone_replaced");
}

#[test]
fn leadership_is_handed_over() {
    let mut group = Group::of(3);
    let leader = group.leader().unwrap();
    let other = (leader % 3) + 1;
    group.call(OperatorCall::TransferLeadership(Some(NodeId(other))));
    group.until("the other leads", |group| group.leader() == Some(other));
    group.tell("to whoever is best");
    group.call(OperatorCall::TransferLeadership(None));
    group.until("another leads", |group| group.leader().is_some_and(|node| node != other));
    group.matches("handed_over");
}

#[test]
fn a_leader_that_ends_hands_over_first() {
    let mut group = Group::of(3);
    let leader = group.leader().unwrap();
    let host = group.hosts.get_mut(&leader).unwrap().master.as_mut().unwrap();
    assert!(host.hand_over(), "there is somebody");
    // Less than any election timeout: nobody had to miss the old one.
    group.pass(3);
    let next = group.leader().expect("at once");
    assert_ne!(next, leader);
    let mut lone = Group::of(1);
    let host = lone.hosts.get_mut(&1).unwrap().master.as_mut().unwrap();
    assert!(!host.hand_over(), "nobody is there to lead");
}

#[test]
fn a_restart_takes_the_members_from_the_disk() {
    let mut group = Group::of(1);
    group.start_joining(2);
    group.add(2);
    group.settles("1 2");
    group.start_joining(3);
    group.add(3);
    group.settles("1 2 3");
    group.tell("all end; the first one's settings still say that it is alone");
    for node in [1, 2, 3] {
        group.stop(node);
    }
    for node in [1, 2] {
        group.restart(node);
    }
    group.until("a leader", |group| group.leader().is_some());
    group.write();
    assert_eq!(Group::shown(group.members()), "1 2 3");
    group.matches("restarted");
}

#[test]
fn a_member_that_joins_late_gets_a_snapshot_that_knows_it() {
    let mut group = Group::of(1);
    group.snapshot_entries = 20;
    group.stop(1);
    group.restart(1);
    group.until("a leader", |group| group.leader().is_some());
    (0..50).for_each(|_| group.write());
    group.start_joining(2);
    group.add(2);
    group.settles("1 2");
    (0..50).for_each(|_| group.write());
    group.tell("restarted from the snapshot, they are still two");
    for node in [1, 2] {
        group.stop(node);
        group.restart(node);
    }
    group.until("a leader", |group| group.leader().is_some());
    assert_eq!(Group::shown(group.members()), "1 2");
    group.pass(5);
    let digests = [1, 2].map(|node| digest(group.master(node).ledger()));
    assert_eq!(digests[0], digests[1]);
}

/// Raft looks at entries that are not applied before it stands, and those are gone by then: the
/// member ended its process.
#[test]
fn a_member_does_not_stand_before_its_snapshot_is_on_disk() {
    let mut group = Group::of(3);
    group.snapshot_entries = 20;
    for node in 1..=3 {
        group.stop(node);
        group.restart(node);
    }
    group.until("a leader", |group| group.leader().is_some());
    let slow = (group.leader().unwrap() % 3) + 1;
    group.cut(slow);
    (0..50).for_each(|_| group.write());
    group.hang(slow, |persist| persist.install.is_some());
    group.mend(slow);
    group.until("a snapshot", |group| group.hangs(slow));
    group.cut(slow);
    group.pass(100);
    assert!(group.runs(slow) && group.hangs(slow));
    group.unhang(slow);
    group.mend(slow);
    group.write();
    group.until("equal ledgers", |group| {
        let digests = [1, 2, 3].map(|node| digest(group.master(node).ledger()));
        digests.iter().all(|digest| *digest == digests[0])
    });
}

/// Made a voter on its word, it came back without its right to vote, and nobody was ever elected.
#[test]
fn a_learner_is_made_a_voter_once_its_right_to_vote_is_on_disk() {
    let mut group = Group::of(1);
    group.start_joining(2);
    group.hang(2, |persist| persist.voter);
    group.add(2);
    group.until("a right to vote", |group| group.hangs(2));
    group.pass(50);
    for node in [1, 2] {
        group.stop(node);
    }
    for node in [1, 2] {
        group.restart(node);
    }
    group.settles("1 2");
}

/// Elected by itself alone, it leads at once: had it told of a term that its disk did not keep, it
/// would have made other entries in the same term in its next life, and the learner had both.
#[test]
fn the_only_voter_tells_nobody_of_a_term_before_its_disk_has_it() {
    let mut group = Group::of(1);
    group.add(2);
    group.pass(5);
    group.stop(1);
    group.restart(1);
    group.start_joining(2);
    group.hang(1, |persist| persist.entries.iter().any(|entry| entry.term == 2));
    group.until("an election", |group| group.hangs(1));
    group.pass(5);
    group.stop(1);
    group.restart(1);
    group.settles("1 2");
}

/// Raft takes it for impossible that a candidate wins while entries are on their way to its disk;
/// it ended the process.
#[test]
fn the_only_voter_does_not_stand_before_its_entries_are_on_disk() {
    let mut group = Group::of(1);
    group.add(2);
    group.pass(5);
    group.hang(1, |persist| !persist.entries.is_empty());
    group.write();
    assert!(group.hangs(1), "an entry is on its way");
    let later = Message {
        msg_type: MessageType::MsgHeartbeat,
        term: 7,
        from: 2,
        to: 1,
        ..Message::default()
    };
    group.ask(1, Input::Peer(later));
    assert_eq!(group.leader(), None, "somebody else led since");
    group.pass(100);
    assert!(group.runs(1) && group.hangs(1));
    group.unhang(1);
    group.start_joining(2);
    group.settles("1 2");
}

#[test]
fn a_removed_member_that_was_away_learns_it_when_it_comes_back() {
    let mut group = Group::of(3);
    let away = (group.leader().unwrap() % 3) + 1;
    group.cut(away);
    group.pass(30);
    group.call(OperatorCall::RemoveMaster(NodeId(away)));
    group.until("its removal", |group| group.members().get(NodeId(away)).is_none());
    group.pass(100);
    group.tell("it comes back");
    group.mend(away);
    group.until("end of the removed", |group| !group.runs(away));
    group.matches("removed_away");
}

#[test]
fn a_wiped_member_that_joined_comes_back_without_voting_first() {
    let mut group = Group::of(3);
    group.start_joining(4);
    group.add(4);
    group.settles("1 2 3 4");
    group.stop(4);
    group.wipe(4);
    group.restart(4);
    assert!(group.master(4).is_joining());
    group.until("a vote again", |group| !group.master(4).is_joining());
    group.settles("1 2 3 4");
}

#[test]
fn who_notices_that_the_leader_has_ended_does_not_wait_for_a_timeout() {
    let mut group = Group::of(3);
    group.write();
    let ended = group.leader().unwrap();
    group.stop(ended);
    for node in (1..=3).filter(|node| *node != ended) {
        group.notices(node, ended);
    }
    // The shortest timeout has ten ticks.
    let ticks = (1..10).find(|_| {
        group.pass(1);
        group.leader().is_some()
    });
    assert!(ticks.is_some(), "{}", group.transcript);
    group.restart(ended);
    group.write();
}

#[test]
fn a_leader_whose_connection_ends_keeps_its_office() {
    let mut group = Group::of(3);
    let leader = group.leader().unwrap();
    let (term, other) = (group.master(leader).term(), leader % 3 + 1);
    for _ in 0..20 {
        group.notices(other, leader);
        assert_eq!(group.master(other).leader(), None);
        group.pass(4);
    }
    assert_eq!((group.leader(), group.master(leader).term()), (Some(leader), term));
    assert_eq!(group.master(other).leader(), Some(NodeId(leader)));
    group.tell("what is said of others, or of itself, changes nothing");
    group.notices(leader, other);
    group.notices(leader, leader);
    group.notices(other, other % 3 + 1);
    assert_eq!((group.leader(), group.master(leader).term()), (Some(leader), term));
}

#[test]
fn a_founder_that_was_told_of_others_stops() {
    // Its list has a fourth member, which the others have never heard of.
    let mut group = Group::with_founders(&[3, 3, 4]);
    group.until("its end", |group| !group.runs(3));
    assert!(group.transcript.contains("master 3 finds OtherFounders and ends"));
    group.write();
    assert_eq!(Group::shown(group.members()), "1 2 3");
}
