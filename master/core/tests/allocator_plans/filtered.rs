//! Filters, suppression and revival.

use crate::world::{World, agent_id, resources, role};
use master_core::allocator::{Bidder, Bundle, filters::Refused};
use proto::model::{DeclineReason, Duration, FrameworkId, Instant, Reason, RequestId};

/// One agent of 4 CPUs, all of it refused by one framework for ten seconds.
fn refused() -> (World, FrameworkId) {
    let mut world = World::new(&[]);
    world.agent(1, resources(4_000, 4_000, 4));
    let framework = world.framework(&["a", "b"], &["b"]);
    let offer = world.offer().remove(0);
    world.decline(&offer, 10_000);
    assert_eq!(world.offer(), []);
    (world, framework)
}

#[test]
fn a_filter_ends_on_time() {
    let (mut world, _) = refused();
    let end = world.now + Duration(10_000);
    assert_eq!(world.demand.next_expiry(), Some(end));
    world.now = Instant(end.0 - 1);
    assert_eq!(world.offer(), []);
    world.now = end;
    assert_eq!(world.offer().len(), 1);
    assert_eq!(world.demand.next_expiry(), None);
    assert!(world.demand.filters().is_empty());
}

#[test]
fn more_than_was_refused_is_offered_at_once() {
    let mut world = World::new(&[]);
    world.agent(1, resources(4_000, 4_000, 4));
    let framework = world.framework(&["a"], &[]);
    let offer = world.offer().remove(0);
    // Uses half and refuses the rest: nothing, until the half is free again.
    assert!(world.launch(&offer, resources(2_000, 2_000, 2), 10_000));
    assert_eq!(world.offer(), []);
    let task = world.live_tasks().remove(0);
    world.finish(&task);
    let offers = world.offer();
    assert_eq!(offers[0].resources, resources(4_000, 4_000, 4));
    assert_eq!(offers[0].framework, framework);
}

#[test]
fn less_than_was_refused_is_not_offered() {
    let (mut world, framework) = refused();
    let other = world.framework(&["a"], &[]);
    let offer = world.offer().remove(0);
    assert_eq!(offer.framework, other);
    assert!(world.launch(&offer, resources(1_000, 1_000, 0), 0));
    // The other one's share is larger now, and still it is the one that is offered the rest.
    assert_eq!(world.offer()[0].framework, other);
    assert!(world.demand.active(&Bidder { framework, role: role("a") }).is_some());
}

#[test]
fn a_filter_counts_for_its_role_only() {
    let (mut world, framework) = refused();
    world.revive(framework, &[role("b")]);
    let offer = world.offer().remove(0);
    assert_eq!((offer.framework, offer.role), (framework, role("b")));
}

#[test]
fn revive_clears_filters_and_suppression() {
    let (mut world, framework) = refused();
    world.revive(framework, &[role("a")]);
    assert!(world.demand.filters().is_empty());
    let offer = world.offer().remove(0);
    assert_eq!(offer.role, role("a"));
    world.suppress(framework, &[]);
    world.decline(&offer, 0);
    assert_eq!(world.offer(), []);
    world.revive(framework, &[]);
    assert_eq!(world.offer().len(), 1);
}

#[test]
fn a_new_subscription_has_no_filters() {
    let (mut world, framework) = refused();
    let again = RequestId::new("again").unwrap();
    world.subscribe(Some(framework), again, &["a"], &[]);
    assert_eq!(world.offer().len(), 1);
    world.disconnect(framework);
    assert_eq!(world.offer(), []);
    world.check();
}

#[test]
fn suppress_and_revive_refuse_what_is_not_the_frameworks() {
    let (mut world, framework) = refused();
    let before = format!("{:?}", world.demand);
    let refusal = world.demand.suppress(framework, &[role("a"), role("c")]).unwrap_err();
    assert_eq!((refusal.reason, refusal.field.as_str()), (Reason::InvalidField, "roles[1]"));
    let refusal = world.demand.revive(framework, &[role("c")]).unwrap_err();
    assert_eq!((refusal.reason, refusal.field.as_str()), (Reason::InvalidField, "roles[0]"));
    let stranger = FrameworkId(99);
    assert_eq!(world.demand.revive(stranger, &[]).unwrap_err().reason, Reason::NotSubscribed);
    assert_eq!(world.demand.suppress(stranger, &[]).unwrap_err().reason, Reason::NotSubscribed);
    let (place, until) = (world.view.place(&agent_id(1)).unwrap(), Instant(u64::MAX));
    let bundle = Bundle::new(resources(1, 1, 0));
    let all = Refused { bundle, until, reason: DeclineReason::Busy };
    world.demand.refuse(stranger, &role("a"), place, all.clone());
    world.demand.refuse(framework, &role("c"), place, all);
    assert_eq!(format!("{:?}", world.demand), before, "nothing has changed");
}
