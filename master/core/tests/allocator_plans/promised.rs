//! Trees of roles and quota, worked by hand.

use crate::world::{World, resources};
use proto::model::{FrameworkId, Milli, Offer, ResourceName, Resources, Value};

fn cpus_of(offers: &[Offer], framework: FrameworkId) -> i64 {
    let own = offers.iter().filter(|offer| offer.framework == framework);
    own.map(|offer| offer.resources.scalar(&ResourceName::CPUS).0 / 1_000).sum()
}

fn limit(cpus: i64) -> Vec<(ResourceName, Milli)> {
    vec![(ResourceName::CPUS, Milli(1_000 * cpus))]
}

/// `a` weighs 3, `b` 1; in `a`, `x` weighs 2 and `y` 1: of 12 agents `a` gets 9, of which `x` gets
/// 6.
#[test]
fn shares_are_fair_at_each_level() {
    let mut world = World::new(&[("a", 3_000), ("a/x", 2_000)]);
    let (x, y) = (world.framework(&["a/x"], &[]), world.framework(&["a/y"], &[]));
    let b = world.framework(&["b"], &[]);
    (0..12).for_each(|number| world.agent(number, resources(1_000, 1_000, 0)));
    let offers = world.offer();
    assert_eq!((cpus_of(&offers, x), cpus_of(&offers, y), cpus_of(&offers, b)), (6, 3, 3));
}

/// Frameworks directly in a role are together one child of it: two of them get what `a/x` gets.
#[test]
fn frameworks_of_a_role_compete_with_its_child_roles_as_one() {
    let mut world = World::new(&[]);
    let (first, second) = (world.framework(&["a"], &[]), world.framework(&["a"], &[]));
    let x = world.framework(&["a/x"], &[]);
    (0..8).for_each(|number| world.agent(number, resources(1_000, 1_000, 0)));
    let offers = world.offer();
    let got = [first, second, x].map(|framework| cpus_of(&offers, framework));
    assert_eq!(got, [2, 2, 4]);
}

#[test]
fn a_weight_counts_from_when_it_is_set() {
    let mut world = World::new(&[]);
    let (a, b) = (world.framework(&["a"], &[]), world.framework(&["b"], &[]));
    (0..8).for_each(|number| world.agent(number, resources(1_000, 1_000, 0)));
    let offers = world.offer();
    assert_eq!((cpus_of(&offers, a), cpus_of(&offers, b)), (4, 4));
    offers.iter().for_each(|offer| world.decline(offer, 0));
    world.weight("a", Some(3_000));
    let offers = world.offer();
    assert_eq!((cpus_of(&offers, a), cpus_of(&offers, b)), (6, 2));
}

/// What is offered counts: not even offers exceed a limit, that of the role above either.
#[test]
fn a_limit_is_never_exceeded() {
    let mut world = World::new(&[]);
    let (x, y) = (world.framework(&["a/x"], &[]), world.framework(&["a/y"], &[]));
    assert!(world.quota("a", resources(0, 0, 0), limit(5), None));
    assert!(world.quota("a/x", resources(0, 0, 0), limit(2), None));
    (0..4).for_each(|number| world.agent(number, resources(4_000, 4_000, 0)));
    let offers = world.offer();
    assert_eq!((cpus_of(&offers, x), cpus_of(&offers, y)), (2, 3));
    world.remove_quota("a");
    world.remove_quota("a/x");
    let more = world.offer();
    assert_eq!(cpus_of(&more, x) + cpus_of(&more, y), 11, "all that is left");
}

/// Who is promised something comes first, until it has that; then shares decide.
#[test]
fn a_guarantee_comes_before_shares() {
    let mut world = World::new(&[("other", 100_000)]);
    let (sure, other) = (world.framework(&["sure"], &[]), world.framework(&["other"], &[]));
    assert!(world.quota("sure", resources(6_000, 6_000, 0), Vec::new(), None));
    (0..5).for_each(|number| world.agent(number, resources(2_000, 2_000, 0)));
    let offers = world.offer();
    assert_eq!((cpus_of(&offers, sure), cpus_of(&offers, other)), (6, 4));
}

/// What is promised is kept while nobody takes it, in whole pieces on agents that hold one.
#[test]
fn a_guarantee_is_kept_as_pieces() {
    let mut world = World::new(&[]);
    let piece = resources(4_000, 4_000, 0);
    assert!(world.quota("sure", resources(8_000, 8_000, 0), Vec::new(), Some(piece.clone())));
    let other = world.framework(&["other"], &[]);
    (0..4).for_each(|number| world.agent(number, resources(2_000, 2_000, 0)));
    assert_eq!(cpus_of(&world.offer(), other), 8, "no agent of two CPUs holds a piece of four");
    world.agent(4, resources(5_000, 5_000, 0));
    world.agent(5, resources(4_000, 4_000, 0));
    world.agent(6, resources(4_000, 4_000, 0));
    let offers = world.offer();
    assert_eq!(cpus_of(&offers, other), 5, "the fifth CPU of one agent, and the third agent");
    let sure = world.framework(&["sure"], &[]);
    let offers = world.offer();
    assert_eq!(cpus_of(&offers, sure), 8);
    assert!(offers.iter().all(|offer| offer.resources == piece));
}

/// A quota that is removed frees what was kept, at once.
#[test]
fn what_is_promised_no_longer_is_kept_no_longer() {
    let mut world = World::new(&[]);
    let other = world.framework(&["other"], &[]);
    assert!(world.quota("sure", resources(2_000, 2_000, 0), Vec::new(), None));
    world.agent(1, resources(2_000, 2_000, 0));
    assert_eq!(world.offer(), []);
    world.remove_quota("sure");
    assert_eq!(cpus_of(&world.offer(), other), 2);
}

/// Ports count by number: no more of them are offered than a limit leaves, and a guarantee keeps
/// some back. They are no reason to be behind others.
#[test]
fn ports_are_promised_and_limited_by_number() {
    let number = |count: i64| (ResourceName::PORTS, Value::Scalar(Milli(1_000 * count)));
    let ports = |offers: &[Offer], framework| -> u64 {
        let own = offers.iter().filter(|offer| offer.framework == framework);
        own.map(|offer| offer.resources.count(&ResourceName::PORTS).0.unsigned_abs() / 1_000).sum()
    };
    let mut world = World::new(&[]);
    world.agent(1, resources(4_000, 4_000, 8));
    let few = world.framework(&["few"], &[]);
    assert!(world.quota("few", Resources::new(), vec![(ResourceName::PORTS, Milli(2_500))], None));
    let offers = world.offer();
    assert_eq!(ports(&offers, few), 2, "half a port is none");
    assert!(world.launch(&offers[0], resources(1_000, 1_000, 2), 60_000));
    let offers = world.offer();
    assert_eq!(ports(&offers, few), 0, "{offers:?}");
    for offer in &offers {
        world.decline(offer, 60_000);
    }
    let guarantee =
        Resources::from_entries([(ResourceName::CPUS, Value::Scalar(Milli(1_000))), number(5)]);
    assert!(world.quota("web", guarantee.unwrap(), vec![], None));
    let other = world.framework(&["other"], &[]);
    let offers = world.offer();
    assert_eq!(ports(&offers, other), 1, "of six that are left five are promised");
    let web = world.framework(&["web"], &[]);
    let offers = world.offer();
    assert_eq!(ports(&offers, web), 5);
    world.check();
}
