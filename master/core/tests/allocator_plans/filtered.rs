//! Filters, suppression and revival.

use crate::world::{World, agent_id, resources, role};
use master_core::allocator::{
    Bidder,
    filters::{Filter, Filters},
};
use proto::model::{Duration, FrameworkId, Instant, Reason, RequestId, Resources};

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
    assert!(world.demand.is_active(&Bidder { framework, role: role("a") }));
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
    let all = resources(1, 1, 0);
    world.demand.refuse(stranger, &role("a"), &agent_id(1), &all, Instant(u64::MAX));
    world.demand.refuse(framework, &role("c"), &agent_id(1), &all, Instant(u64::MAX));
    assert_eq!(format!("{:?}", world.demand), before, "nothing has changed");
}

fn bidder(number: u64) -> Bidder {
    Bidder { framework: FrameworkId(number), role: role("a") }
}

fn filter(cpus_milli: i64, until: u64) -> Filter {
    Filter { refused: Resources::cpus_mem(cpus_milli, 0), until: Instant(until) }
}

#[test]
fn the_filter_that_ends_first_makes_room() {
    let mut filters = Filters::new(2);
    assert_eq!(filters.refuse(&bidder(1), agent_id(1), filter(1_000, 30)), []);
    assert_eq!(filters.refuse(&bidder(1), agent_id(2), filter(1_000, 20)), []);
    assert_eq!(filters.refuse(&bidder(2), agent_id(2), filter(1_000, 10)), []);
    assert_eq!(filters.refuse(&bidder(1), agent_id(3), filter(1_000, 40)), [agent_id(2)]);
    assert_eq!((filters.count(&bidder(1)), filters.count(&bidder(2)), filters.len()), (2, 1, 3));
    assert_eq!(filters.next_end(), Some(Instant(10)));
    filters.forget_agent(&agent_id(2));
    assert_eq!(filters.next_end(), Some(Instant(30)));
    assert_eq!(filters.expire(Instant(35)), [(bidder(1), agent_id(1))]);
    assert!(filters.clear(&bidder(1)));
    assert!(!filters.clear(&bidder(1)));
    assert!(filters.is_empty() && filters.next_end().is_none());
}

#[test]
fn a_newer_filter_replaces_an_older_one_unless_that_covers_it() {
    let mut filters = Filters::new(10);
    let matches = |filters: &Filters, cpus, now| {
        let filter = &filters.of_agent(&agent_id(1)).unwrap()[&bidder(1)];
        filter.matches(&Resources::cpus_mem(cpus, 0), Instant(now))
    };
    filters.refuse(&bidder(1), agent_id(1), filter(2_000, 50));
    assert_eq!(filters.refuse(&bidder(1), agent_id(1), filter(1_000, 40)), [], "is covered");
    assert!(matches(&filters, 2_000, 49));
    assert!(!matches(&filters, 2_001, 49) && !matches(&filters, 2_000, 50));
    let reopened = filters.refuse(&bidder(1), agent_id(1), filter(1_000, 60));
    assert_eq!(reopened, [agent_id(1)], "lasts longer");
    assert!(!matches(&filters, 2_000, 49) && matches(&filters, 1_000, 59));
    filters.refuse(&bidder(1), agent_id(1), filter(3_000, 20));
    assert!(matches(&filters, 3_000, 19), "is more");
    assert_eq!(filters.expire(Instant(20)), [(bidder(1), agent_id(1))]);
    assert!(filters.is_empty());
}
