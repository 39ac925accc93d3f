//! Every no that a change of the masters can get, and that it changes nothing.

use super::group::{Group, info};
use master_core::input::OperatorCall;
use proto::model::{MasterInfo, NodeId, Reason, limits};

fn remove(node: u64) -> OperatorCall {
    OperatorCall::RemoveMaster(NodeId(node))
}

fn followers(group: &Group) -> [u64; 2] {
    let leader = group.leader().unwrap();
    let others: Vec<u64> = (1..=3).filter(|node| *node != leader).collect();
    [others[0], others[1]]
}

#[test]
fn additions() {
    let mut group = Group::of(3);
    let no = group.refused(OperatorCall::AddMaster(info(2)));
    assert_eq!((no.reason, &*no.field), (Reason::MemberExists, "node_id"));
    let no =
        group.refused(OperatorCall::AddMaster(MasterInfo { address: info(1).address, ..info(4) }));
    assert_eq!((no.reason, &*no.field), (Reason::MemberExists, "address"));
    let no = group.refused(OperatorCall::AddMaster(MasterInfo {
        peer_address: info(1).peer_address,
        ..info(4)
    }));
    assert_eq!((no.reason, &*no.field), (Reason::MemberExists, "peer_address"));
    group.add(9);
    let no = group.refused(OperatorCall::AddMaster(info(10)));
    assert_eq!(no.reason, Reason::MembershipChanging);
    group.call(remove(9));
    group.settles("1 2 3");
    for used in [9, 4] {
        let no = group.refused(OperatorCall::AddMaster(info(used)));
        assert_eq!((no.reason, &*no.field), (Reason::MemberRemoved, "node_id"), "{used}");
    }
}

#[test]
fn removals() {
    let mut group = Group::of(3);
    let [other, third] = followers(&group);
    let no = group.refused(remove(77));
    assert_eq!((no.reason, &*no.field), (Reason::MemberUnknown, "node_id"));
    group.stop(third);
    group.pass(30);
    let no = group.refused(remove(other));
    assert_eq!((no.reason, &*no.field), (Reason::MembershipUnsafe, "node_id"));
    group.call(remove(third));
    group.until("its end", |group| group.members().get(NodeId(third)).is_none());
    let no = group.refused(remove(third));
    assert_eq!((no.reason, &*no.field), (Reason::MemberRemoved, "node_id"));
    let mut lone = Group::of(1);
    let no = lone.refused(remove(1));
    assert_eq!((no.reason, &*no.field), (Reason::MembershipUnsafe, "node_id"));
}

#[test]
fn replacements() {
    let mut group = Group::of(3);
    let replace = |old, new| OperatorCall::ReplaceMaster { old: NodeId(old), info: info(new) };
    let no = group.refused(replace(8, 9));
    assert_eq!((no.reason, &*no.field), (Reason::MemberUnknown, "old_node_id"));
    let no = group.refused(replace(1, 2));
    assert_eq!((no.reason, &*no.field), (Reason::MemberExists, "node_id"));
    group.call(replace(1, 4));
    let no = group.refused(replace(2, 5));
    assert_eq!(no.reason, Reason::MembershipChanging);
    let no = group.refused(remove(2));
    assert_eq!(no.reason, Reason::MembershipChanging);
}

#[test]
fn transfers() {
    let mut group = Group::of(3);
    let [other, third] = followers(&group);
    let to = |node| OperatorCall::TransferLeadership(Some(NodeId(node)));
    assert_eq!(group.refused(to(9)).reason, Reason::MemberUnknown);
    let leader = group.leader().unwrap();
    assert_eq!(group.refused(to(leader)).reason, Reason::MemberExists);
    group.add(4);
    assert_eq!(group.refused(to(4)).reason, Reason::MembershipUnsafe, "it does not vote");
    group.stop(other);
    group.pass(30);
    assert_eq!(group.refused(to(other)).reason, Reason::MembershipUnsafe, "it is not there");
    let _ = third;
    let mut lone = Group::of(1);
    let anybody = OperatorCall::TransferLeadership(None);
    assert_eq!(lone.refused(anybody).reason, Reason::MembershipUnsafe);
}

#[test]
fn a_full_cluster_takes_no_more() {
    let mut group = Group::of(limits::VOTERS_MAX as u64);
    let no = group.refused(OperatorCall::AddMaster(info(8)));
    assert_eq!((no.reason, &*no.field), (Reason::LimitExceeded, "node_id"));
    group.start_joining(8);
    group.call(OperatorCall::ReplaceMaster { old: NodeId(1), info: info(8) });
    group.settles("2 3 4 5 6 7 8");
}

#[test]
fn only_operators_may() {
    let mut group = Group::of(1);
    for who in ["framework/f", "agent/a", "master/1"] {
        let calls = [
            OperatorCall::AddMaster(info(2)),
            remove(1),
            OperatorCall::ReplaceMaster { old: NodeId(1), info: info(2) },
            OperatorCall::TransferLeadership(None),
        ];
        for call in calls {
            group.call_as(who, call);
        }
    }
    assert_eq!(group.transcript.matches("refused NotAuthorized").count(), 12);
    assert_eq!(Group::shown(group.members()), "1");
}
