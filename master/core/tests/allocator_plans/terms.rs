//! Frameworks that want only some plain offers: of which agents, and how large.

use crate::world::{World, agent_id, resources, role};
use proto::model::{Offer, OfferTerms, Resources, Role, offer_terms::OfferGroup};

/// Terms of several kinds; kind 0 has none.
pub(crate) fn of_kind(role: Role, kind: usize) -> Option<OfferTerms> {
    let group = |text: &str, offered| OfferGroup {
        constraints: vec![text.parse().expect("a constraint")],
        offered,
    };
    let all = Resources::new;
    let revocable = kind > 4;
    let (groups, least) = match kind {
        0 => return None,
        1 => (vec![], vec![resources(2_000, 0, 0)]),
        2 => (vec![group("hostname in host-1,host-2", all())], vec![]),
        3 => (vec![group("total cpus >= 3", all()), group("id in agent-001", all())], vec![]),
        5 => (vec![], vec![]),
        6 => (vec![], vec![resources(1_000, 0, 0)]),
        _ => {
            let half = group("hostname not in host-3", resources(1_000, 500, 0));
            (vec![half], vec![resources(500, 0, 0), resources(0, 2_000, 0)])
        }
    };
    Some(OfferTerms { role, groups, least, revocable })
}

fn agents(offers: &[Offer]) -> Vec<String> {
    let mut agents: Vec<_> = offers.iter().map(|offer| offer.agent.to_string()).collect();
    agents.sort();
    agents
}

#[test]
fn only_what_meets_the_terms_is_offered_and_the_rest_goes_to_others() {
    let mut world = World::new(&[]);
    let picky = world.framework(&["a"], &[]);
    world.terms(picky, of_kind(role("a"), 2).into_iter().collect());
    for number in 1..=4 {
        world.agent(number, resources(4_000, 4_000, 0));
    }
    let offers = world.offer();
    assert_eq!(agents(&offers), ["agent-001", "agent-002"]);
    let modest = world.framework(&["b"], &[]);
    let others = world.offer();
    assert_eq!(agents(&others), ["agent-003", "agent-004"]);
    assert!(others.iter().all(|offer| offer.framework == modest));
    world.check();
}

#[test]
fn an_offer_is_as_large_as_is_asked_for_or_is_not_made() {
    let mut world = World::new(&[]);
    let framework = world.framework(&["a"], &[]);
    world.terms(framework, of_kind(role("a"), 1).into_iter().collect());
    world.agent(1, resources(1_999, 4_000, 0));
    world.agent(2, resources(3_000, 4_000, 0));
    let offers = world.offer();
    assert_eq!(agents(&offers), ["agent-002"]);
    // Half of it is used, and what is left is too small.
    assert!(world.launch(&offers[0], resources(1_500, 100, 0), 0));
    assert_eq!(world.offer(), []);
    let task = world.live_tasks().remove(0);
    world.finish(&task);
    assert_eq!(world.offer()[0].agent, agent_id(2), "large enough again");
    world.check();
}

#[test]
fn terms_that_change_are_looked_at_at_once() {
    let mut world = World::new(&[]);
    let framework = world.framework(&["a"], &[]);
    world.terms(framework, of_kind(role("a"), 2).into_iter().collect());
    world.agent(3, resources(4_000, 4_000, 0));
    assert_eq!(world.offer(), [], "it is host-3");
    world.terms(framework, of_kind(role("a"), 3).into_iter().collect());
    assert_eq!(world.offer().len(), 1, "it has four CPUs");
    world.check();
}
