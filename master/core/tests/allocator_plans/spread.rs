//! Demands whose pieces are spread over fault domains.

use crate::world::{World, agent_id, resources};
use proptest::{collection, prelude::*};
use proto::model::{Domain, Offer, StatedDemand};
use std::collections::{BTreeMap, BTreeSet};

/// Agents with room for four pieces each, in these domains.
fn cluster(domains: &[&str]) -> World {
    let mut world = World::new(&[]);
    for (number, domain) in (1..).zip(domains) {
        world.agent_in(number, resources(4_000, 4_000, 0), domain);
    }
    world
}

fn spread(count: u32, spread: &[&str]) -> StatedDemand {
    let spread = spread.iter().map(|text| text.parse().expect("a spread")).collect();
    StatedDemand { spread, ..crate::demanded::pieces(count, 1_000, 1_000) }
}

/// Pieces by agent.
fn pieces(offers: &[Offer]) -> BTreeMap<String, u32> {
    let mut pieces = BTreeMap::new();
    for offer in offers {
        let count: u32 = offer.pieces.iter().map(|(_, count)| count).sum();
        *pieces.entry(offer.agent.to_string()).or_default() += count;
    }
    pieces
}

fn of(world: &World, pieces: &BTreeMap<String, u32>, level: u8) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for (agent, count) in pieces {
        let row = world.ledger.agents().iter().find(|(id, _)| id.as_str() == agent);
        let domain = row.and_then(|(_, row)| row.info.domain.clone()).expect("only with a domain");
        let domain = domain.at_level(level).expect("deep enough");
        *counts.entry(domain.to_string()).or_default() += count;
    }
    counts
}

#[test]
fn no_domain_gets_more_than_its_share() {
    let mut world = cluster(&["eu/a", "eu/a", "eu/b", "us/c", "", "us"]);
    let framework = world.framework(&["work"], &[]);
    world.state(framework, "work", vec![spread(9, &["at most 2 per level 2"])]);
    let offers = world.offer();
    let pieces = pieces(&offers);
    let by_zone = of(&world, &pieces, 2);
    let expected = [("eu/a", 2), ("eu/b", 2), ("us/c", 2)];
    assert_eq!(by_zone, expected.map(|(zone, count)| (zone.to_owned(), count)).into());
}

#[test]
fn levels_are_bounded_each() {
    let mut world = cluster(&["eu/a", "eu/b", "eu/c", "us/a"]);
    let framework = world.framework(&["work"], &[]);
    let demand = spread(9, &["at most 2 per level 2", "at most 3 per level 1"]);
    world.state(framework, "work", vec![demand]);
    let pieces = pieces(&world.offer());
    assert_eq!(of(&world, &pieces, 1), [("eu".to_owned(), 3), ("us".to_owned(), 2)].into());
}

#[test]
fn an_even_part_follows_the_domains_that_there_are() {
    let mut world = cluster(&["eu/a", "eu/a", "us/b"]);
    let framework = world.framework(&["work"], &[]);
    world.state(framework, "work", vec![spread(5, &["even over level 1"])]);
    let offers = world.offer();
    let pieces = pieces(&offers);
    // Three each would be allowed, and five are wanted.
    assert_eq!(pieces.values().sum::<u32>(), 5);
    assert!(of(&world, &pieces, 1).values().all(|count| *count <= 3));
    offers.iter().for_each(|offer| world.decline(offer, 0));
    world.lose_agent(3);
    let pieces = crate::spread::pieces(&world.offer());
    // One domain is left, and it may have all.
    assert_eq!(of(&world, &pieces, 1), [("eu".to_owned(), 5)].into());
}

#[test]
fn domains_where_nothing_fits_the_constraints_count_for_nothing() {
    let mut world = cluster(&["eu/a", "us/b", "asia/c"]);
    let framework = world.framework(&["work"], &[]);
    let constraints = vec!["domain in eu,us".parse().expect("a constraint")];
    let demand = StatedDemand { constraints, ..spread(4, &["even over level 1"]) };
    world.state(framework, "work", vec![demand]);
    let pieces = pieces(&world.offer());
    assert_eq!(of(&world, &pieces, 1), [("eu".to_owned(), 2), ("us".to_owned(), 2)].into());
}

#[test]
fn used_pieces_stay_counted_and_others_come_back() {
    let mut world = cluster(&["eu/a", "us/b"]);
    let framework = world.framework(&["work"], &[]);
    world.state(framework, "work", vec![spread(4, &["at most 1 per level 1"])]);
    let offers = world.offer();
    assert_eq!(offers.len(), 2);
    world.use_up(&offers[0], &resources(1_000, 1_000, 0));
    world.decline(&offers[1], 0);
    let again = world.offer();
    let agents: Vec<_> = again.iter().map(|offer| offer.agent.clone()).collect();
    assert_eq!(agents, [offers[1].agent.clone()], "the other's domain is full");
}

#[test]
fn a_gang_is_spread_as_a_whole() {
    let mut world = cluster(&["eu/a", "eu/b", "us/a"]);
    let framework = world.framework(&["work"], &[]);
    let gang = |count| StatedDemand {
        gang_timeout: Some(proto::model::Duration::from_seconds(60)),
        ..spread(count, &["at most 2 per level 1"])
    };
    world.state(framework, "work", vec![gang(5)]);
    assert_eq!(world.offer(), [], "there is room for four");
    world.state(framework, "work", vec![gang(4)]);
    let pieces = pieces(&world.offer());
    assert_eq!(of(&world, &pieces, 1), [("eu".to_owned(), 2), ("us".to_owned(), 2)].into());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Whatever agents there are and whatever becomes of offers, no domain has more than it may.
    #[test]
    fn shares_are_never_exceeded(
        homes in collection::vec((0..3_u8, 0..3_u8), 1..8),
        (count, most) in (1..20_u32, 1..5_u32),
        used in collection::vec(any::<bool>(), 64),
    ) {
        let domains: Vec<String> =
            homes.iter().map(|(region, zone)| format!("r{region}/z{zone}")).collect();
        let mut world = cluster(&domains.iter().map(String::as_str).collect::<Vec<_>>());
        let framework = world.framework(&["work"], &[]);
        let said = format!("at most {most} per level 2");
        let stated = spread(count, &[&said, "even over level 1"]);
        world.state(framework, "work", vec![stated]);
        let regions: BTreeSet<_> = homes.iter().map(|(region, _)| region).collect();
        let part = count.div_ceil(u32::try_from(regions.len()).expect("few"));
        let (mut launched, mut used) = (BTreeMap::new(), used.into_iter());
        for _ in 0..4 {
            let offers = world.offer();
            let mut out = launched.clone();
            for (agent, count) in pieces(&offers) {
                *out.entry(agent).or_default() += count;
            }
            prop_assert!(of(&world, &out, 2).values().all(|count| *count <= most));
            prop_assert!(of(&world, &out, 1).values().all(|count| *count <= part));
            prop_assert!(out.values().sum::<u32>() <= count);
            for offer in offers {
                match used.next().unwrap_or(false) {
                    true => {
                        world.use_up(&offer, &resources(1_000, 1_000, 0));
                        let count: u32 = offer.pieces.iter().map(|(_, count)| count).sum();
                        *launched.entry(offer.agent.to_string()).or_default() += count;
                    }
                    false => world.decline(&offer, 0),
                }
            }
                }
    }
}

#[test]
fn an_agent_without_a_domain_is_named_by_no_path() {
    let mut world = cluster(&["", "eu/a"]);
    let framework = world.framework(&["work"], &[]);
    let constraints = vec!["domain not in eu".parse().expect("a constraint")];
    let demand = StatedDemand { constraints, ..spread(1, &[]) };
    world.state(framework, "work", vec![demand]);
    assert_eq!(world.offer()[0].agent, agent_id(1));
    assert_eq!("".parse::<Domain>().ok(), None);
}
