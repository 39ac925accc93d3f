//! The examples of "Dominant Resource Fairness" (Ghodsi et al., NSDI'11), sections 4 and 5, worked
//! by hand and played through repeated offers: each framework launches one task of what it is
//! offered and hands back the rest; what holds no task of its, it refuses.
//!
//! Those of section 5 are where other policies (asset fairness, competitive equilibrium from equal
//! incomes) fail a property that DRF has. Tasks are whole here, and what one framework cannot use
//! in the end another may.

use crate::world::{World, resources, role};
use proto::model::{FrameworkId, Resources};
use std::collections::BTreeMap;

/// Plays until nobody can launch anything; who launched, in order.
fn play(world: &mut World, tasks: &BTreeMap<FrameworkId, Resources>) -> Vec<FrameworkId> {
    let mut launched = Vec::new();
    loop {
        let offers = world.offer();
        let Some(offer) = offers.first() else { return launched };
        assert_eq!(offers.len(), 1, "one agent is one offer");
        let task = &tasks[&offer.framework];
        if offer.resources.contains(task) {
            assert!(world.launch(offer, task.clone(), 0));
            launched.push(offer.framework);
        } else {
            world.decline(offer, 60_000);
        }
        world.check();
    }
}

/// 9 CPUs and 18 GB; tasks of A take 1 CPU and 4 GB, tasks of B 3 CPUs and 1 GB.
///
/// Shares after each task (A's is memory, B's CPUs; ties go to A):
///
/// | launches | A    | B   |
/// |----------|------|-----|
/// | A        | 2/9  | 0   |
/// | B        | 2/9  | 1/3 |
/// | A        | 4/9  | 1/3 |
/// | B        | 4/9  | 2/3 |
/// | A        | 2/3  | 2/3 |
///
/// Then no CPU is left: 3 tasks and 2 tasks.
#[test]
fn the_example_of_the_paper() {
    let mut world = World::new(&[]);
    world.agent(1, resources(9_000, 18_000, 0));
    let a = world.framework(&["*"], &[]);
    let b = world.framework(&["*"], &[]);
    let tasks = BTreeMap::from([(a, resources(1_000, 4_000, 0)), (b, resources(3_000, 1_000, 0))]);
    assert_eq!(play(&mut world, &tasks), [a, b, a, b, a]);
    let ledger = &world.ledger;
    let allocated = |id| ledger.framework(id).unwrap().allocated[&role("*")].clone();
    assert_eq!(allocated(a), resources(3_000, 12_000, 0));
    assert_eq!(allocated(b), resources(6_000, 2_000, 0));
}

/// The same as two roles, of which A's weighs 2: A's share counts half.
///
/// | launches | A / 2 | B   |
/// |----------|-------|-----|
/// | A        | 1/9   | 0   |
/// | B        | 1/9   | 1/3 |
/// | A        | 2/9   | 1/3 |
/// | A        | 1/3   | 1/3 |
/// | A (tie)  | 4/9   | 1/3 |
///
/// 7 CPUs and 17 GB are used; neither fits what is left.
#[test]
fn the_example_with_weights() {
    let mut world = World::new(&[("a", 2_000)]);
    world.agent(1, resources(9_000, 18_000, 0));
    let a = world.framework(&["a"], &[]);
    let b = world.framework(&["b"], &[]);
    let tasks = BTreeMap::from([(a, resources(1_000, 4_000, 0)), (b, resources(3_000, 1_000, 0))]);
    assert_eq!(play(&mut world, &tasks), [a, b, a, a, a]);
    let used = &world.ledger.agent(&crate::world::agent_id(1)).unwrap().allocated;
    assert_eq!(*used, resources(7_000, 17_000, 0));
}

/// How many tasks each framework has launched when nobody can launch any more: of one agent with so
/// many CPUs and GB of either, tasks of so many (CPUs, GB).
fn play_equal<const N: usize>(each: i64, tasks: [(i64, i64); N]) -> [usize; N] {
    let mut world = World::new(&[]);
    world.agent(1, resources(1_000 * each, 1_000 * each, 0));
    let of = |(cpus, gb)| resources(1_000 * cpus, 1_000 * gb, 0);
    let tasks = tasks.map(|task| (world.framework(&["*"], &[]), of(task)));
    let launched = play(&mut world, &BTreeMap::from(tasks.clone()));
    tasks.map(|(framework, _)| launched.iter().filter(|who| **who == framework).count())
}

/// Section 5.1: of 30 CPUs and 30 GB, tasks of A take 1 CPU and 3 GB, tasks of B one of each.
///
/// Asset fairness gives them equal sums, 4 for each task of A and 2 for each of B: 6 tasks and 12,
/// so that B has 12 of 30 of everything, less than its half. With DRF 3 `a` = `b`, and 3 `a` + `b`
/// = 30 GB: 5 tasks, and 15, which is what half of the cluster would hold.
#[test]
fn sharing_is_worth_as_much_as_a_part_of_ones_own() {
    assert_eq!(play_equal(30, [(1, 3), (1, 1)]), [5, 15]);
}

/// Section 5.2: of 100 CPUs and 100 GB, tasks of A take 16 CPUs and 1 GB, tasks of B 1 and 2.
///
/// Equal incomes (the greatest product of utilities) give A 100/31 tasks, and 25/6 when A pretends
/// that each needs 8 GB. With DRF 16 `a` = 2 `b`, and 16 `a` + `b` = 100 CPUs: 4 tasks and 32, and
/// of the 4 CPUs that are left B uses all. A's pretence takes 28 GB from B, to no use of its own.
#[test]
fn to_ask_for_more_than_one_needs_gains_nothing() {
    assert_eq!(play_equal(100, [(16, 1), (1, 2)]), [4, 36]);
    assert_eq!(play_equal(100, [(16, 8), (1, 2)]), [4, 34]);
}

/// Section 5.2: of 100 CPUs and 100 GB, tasks of (4, 1), (1, 16) and (16, 1).
///
/// Equal incomes give 11.3, 5.4 and 3.1 tasks; when the third leaves, 23.8 and 4.8: the second
/// loses. With DRF 12, 3 and 3 tasks have 48 of 100 each and 1 CPU is left, which the second uses;
/// without the third, 20 and 5 tasks have 80 of 100 each.
#[test]
fn nobody_loses_when_somebody_leaves() {
    assert_eq!(play_equal(100, [(4, 1), (1, 16), (16, 1)]), [12, 4, 3]);
    assert_eq!(play_equal(100, [(4, 1), (1, 16)]), [20, 5]);
}

/// Roles come first: two frameworks in one role get together what the one in the other role gets.
#[test]
fn roles_share_before_frameworks_do() {
    let mut world = World::new(&[]);
    (0..12).for_each(|number| world.agent(number, resources(4_000, 4_000, 0)));
    let first = world.framework(&["crowd"], &[]);
    let second = world.framework(&["crowd"], &[]);
    let single = world.framework(&["single"], &[]);
    let offers = world.offer();
    let count = |id| offers.iter().filter(|offer| offer.framework == id).count();
    assert_eq!((count(first), count(second), count(single)), (3, 3, 6));
}

/// A role with three times the weight gets three times as much, whatever a thousandth is.
#[test]
fn weights_divide_shares() {
    let mut world = World::new(&[("heavy", 1_500), ("light", 500)]);
    (0..12).for_each(|number| world.agent(number, resources(4_000, 4_000, 0)));
    let light = world.framework(&["light"], &[]);
    let heavy = world.framework(&["heavy"], &[]);
    let offers = world.offer();
    let count = |id| offers.iter().filter(|offer| offer.framework == id).count();
    assert_eq!((count(light), count(heavy)), (3, 9));
}

/// Mesos' minimum: either of 0.01 CPUs and 32 MiB is enough, less of both is not.
#[test]
fn crumbs_are_not_offered() {
    let mut world = World::new(&[]);
    world.framework(&["*"], &[]);
    world.agent(1, resources(9, 31, 500));
    assert_eq!(world.offer(), []);
    world.agent(2, resources(10, 0, 0));
    world.agent(3, resources(0, 32, 0));
    let agents: Vec<_> = world.offer().into_iter().map(|offer| offer.agent).collect();
    assert_eq!(agents, [2, 3].map(crate::world::agent_id));
}

/// A6: an agent that is out of contact or gone is not offered; one that is back is, at once.
#[test]
fn only_registered_agents_are_offered() {
    let mut world = World::new(&[]);
    world.framework(&["*"], &[]);
    world.agent(1, resources(1_000, 1_000, 0));
    assert_eq!(world.offer().len(), 1);
    world.lose_agent(1);
    assert_eq!(world.offer(), []);
    world.agent(1, resources(1_000, 1_000, 0));
    assert_eq!(world.offer().len(), 1);
    world.lose_agent(1);
    world.remove_agent(1);
    assert_eq!(world.offer(), []);
    world.check();
}

/// An agent that comes back smaller while an accept of the larger one is under way: the sum is more
/// than there is, nothing is offered, and the view is right again when the accept has ended.
#[test]
fn a_shrunken_agent_offers_nothing_until_it_fits() {
    let mut world = World::new(&[]);
    world.framework(&["*"], &[]);
    world.agent(1, resources(4_000, 4_000, 0));
    let offer = world.offer().remove(0);
    world.begin_accept(&offer, resources(3_000, 3_000, 0));
    world.agent(1, resources(2_000, 2_000, 0));
    assert!(world.view.free(&offer.agent).is_empty());
    assert_eq!(
        master_core::allocator::compare::compare(&world.view, &world.ledger, &world.book),
        []
    );
    assert!(!world.end_accept(0, 0), "the ledger checks again");
    world.check();
    assert_eq!(world.offer()[0].resources, resources(2_000, 2_000, 0));
}
