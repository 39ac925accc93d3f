//! A leader whose own disk is what all wait for leaves to one with a faster disk, and to nobody
//! where it would be no better.

use super::group::Group;

fn term(group: &Group) -> u64 {
    group.master(group.leader().expect("a leader")).term()
}

#[test]
fn a_leader_with_a_slow_disk_leaves_to_a_faster_one() {
    let mut group = Group::of(3);
    let (slow, first) = (group.leader().unwrap(), term(&group));
    group.hang(slow, |_| true);
    group.write();
    group.pass(25);
    assert_eq!(group.leader(), Some(slow), "for one late write nobody leaves");
    group.until("another leads", |group| group.leader().is_some_and(|node| node != slow));
    let next = group.leader();
    for _ in 0..100 {
        group.write();
        group.pass(3);
    }
    group.unhang(slow);
    group.pass(300);
    assert_eq!((group.leader(), term(&group)), (next, first + 1), "and it does not come back");
}

#[test]
fn who_leads_before_its_disk_has_the_first_entry_leaves_as_well() {
    let mut group = Group::of(3);
    let first = group.leader().unwrap();
    let slow = first % 3 + 1;
    group.hang(slow, |persist| !persist.entries.is_empty());
    let to = master_core::input::OperatorCall::TransferLeadership(Some(proto::model::NodeId(slow)));
    group.call(to);
    group.until("the slow one leads", |group| group.master(slow).leads());
    assert_eq!(group.leader(), None, "it cannot serve");
    group.until("another serves", |group| group.leader().is_some_and(|node| node != slow));
}

#[test]
fn where_it_would_be_no_better_nobody_leaves() {
    let mut group = Group::of(3);
    let (leader, first) = (group.leader().unwrap(), term(&group));
    let other = leader % 3 + 1;
    // The third alone is no quorum.
    [leader, other].into_iter().for_each(|node| group.hang(node, |_| true));
    group.write();
    group.pass(100);
    assert_eq!((group.leader(), term(&group)), (Some(leader), first), "nobody else has it");
    group.unhang(other);
    group.pass(100);
    assert_eq!((group.leader(), term(&group)), (Some(leader), first), "others needed half as long");
    group.unhang(leader);
    for _ in 0..20 {
        (1..=3).for_each(|node| group.hang(node, |_| true));
        group.write();
        group.pass(8);
        (1..=3).for_each(|node| group.unhang(node));
    }
    assert_eq!((group.leader(), term(&group)), (Some(leader), first), "all are alike");
}
