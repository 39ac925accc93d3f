//! The book: who may answer which offer, once, in time; and that nothing is lost or counted twice.

use master_core::{
    allocator::{Bundle, Place, PlannedOffer},
    offers::{Book, Returned},
};
use proptest::prelude::*;
use proto::model::{
    AgentId, Attribute, AttributeValue, Duration, FrameworkId, Instant, Offer, OfferId, Ranges,
    Reason, Refusal, ResourceName, Resources, Role, Value,
};
use std::collections::BTreeMap;

const MINE: FrameworkId = FrameworkId(1);
const OTHER: FrameworkId = FrameworkId(2);

fn agent(number: u64) -> AgentId {
    AgentId::new(&format!("agent-{number}")).unwrap()
}

fn planned(framework: FrameworkId, role: &str, on: u64) -> PlannedOffer {
    let (role, resources) = (Role::new(role).unwrap(), Resources::cpus_mem(1_000, 64));
    let (place, resources) = (Place::at(0), Bundle::new(resources));
    PlannedOffer {
        framework,
        role,
        agent: agent(on),
        place,
        resources,
        pieces: Vec::new(),
        revocable: false,
    }
}

fn issue(book: &mut Book, framework: FrameworkId, role: &str, on: u64) -> OfferId {
    let expires_in = Some(Duration::from_seconds(60));
    book.issue(&planned(framework, role, on), "host", &[], Instant(0), expires_in).id
}

fn ids(returned: Vec<Returned>) -> Vec<OfferId> {
    returned.into_iter().map(|offer| offer.offer).collect()
}

/// Asserts that neither an accept nor a decline is possible, and why, and that nothing changed.
fn assert_refused(book: &mut Book, offers: &[OfferId], reason: Reason, field: &str) {
    let before = format!("{book:?}");
    let accept = book.begin_accept(MINE, offers, Instant(0)).map(drop).unwrap_err();
    let decline = book.decline(MINE, offers).map(drop).unwrap_err();
    for Refusal { reason: why, field: at, .. } in [accept, decline] {
        assert_eq!((why, at.as_str()), (reason, field));
    }
    assert_eq!(format!("{book:?}"), before, "a refusal changes nothing");
}

#[test]
fn an_offer_says_what_was_planned() {
    let mut book = Book::new(7);
    let rack = Attribute { name: "rack".to_owned(), value: AttributeValue::Text("r1".to_owned()) };
    let plan = planned(MINE, "a", 1);
    let expires_in = Some(Duration(500));
    let offer = book.issue(&plan, "host-1", std::slice::from_ref(&rack), Instant(100), expires_in);
    let expected = Offer {
        reserved: Vec::new(),
        id: OfferId { term: 7, number: 1 },
        framework: MINE,
        role: plan.role,
        agent: plan.agent,
        hostname: "host-1".to_owned(),
        resources: plan.resources.resources().clone(),
        attributes: vec![rack],
        domain: None,
        expires_in,
        unavailability: None,
        pieces: Vec::new(),
        revocable: false,
        volumes: Vec::new(),
    };
    assert_eq!(offer, expected);
    assert_eq!(book.live(&offer.id), Some(&expected));
    assert_eq!(book.iter(None).collect::<Vec<_>>(), [&expected]);
    assert_eq!(book.iter(Some(offer.id)).count(), 0);
    assert_eq!((book.live_count(), book.term()), (1, 7));
    assert_eq!(book.next_deadline(), Some(Instant(600)));
}

#[test]
fn each_refusal_names_the_offer() {
    let mut book = Book::new(7);
    let mine = issue(&mut book, MINE, "a", 1);
    let foreign = issue(&mut book, OTHER, "a", 2);
    let used = issue(&mut book, MINE, "a", 3);
    let declined = issue(&mut book, MINE, "a", 4);
    book.begin_accept(MINE, &[used], Instant(0)).unwrap();
    book.decline(MINE, &[declined]).unwrap();
    let unknown = OfferId { term: 7, number: 99 };
    let other_term = OfferId { term: 6, number: 1 };
    for bad in [foreign, used, declined, unknown, other_term] {
        assert_refused(&mut book, &[mine, bad], Reason::OfferInvalid, "offer_ids[1]");
        assert_refused(&mut book, &[bad], Reason::OfferInvalid, "offer_ids[0]");
    }
    assert_refused(&mut book, &[mine, mine], Reason::InvalidField, "offer_ids[1]");
    let empty = book.begin_accept(MINE, &[], Instant(0)).unwrap_err();
    assert_eq!((empty.reason, empty.field.as_str()), (Reason::InvalidField, "offer_ids"));
    assert!(book.live(&mine).is_some() && book.live(&used).is_none());
}

#[test]
fn an_accept_has_one_role() {
    let mut book = Book::new(1);
    let (first, second) = (issue(&mut book, MINE, "a", 1), issue(&mut book, MINE, "b", 2));
    let refusal = book.begin_accept(MINE, &[first, second], Instant(0)).unwrap_err();
    assert_eq!((refusal.reason, refusal.field.as_str()), (Reason::InvalidField, "offer_ids[1]"));
    assert_eq!(book.live_count(), 2);
    assert_eq!(ids(book.decline(MINE, &[second, first]).unwrap()), [second, first]);
}

#[test]
fn an_accept_uses_its_offers_up_once() {
    let mut book = Book::new(1);
    let offers = [1, 2, 1].map(|on| issue(&mut book, MINE, "a", on));
    let accepting = book.begin_accept(MINE, &offers[..], Instant(59_999)).unwrap();
    assert_eq!((accepting.framework, accepting.offers.as_slice()), (MINE, &offers[..]));
    let resources = &accepting.resources;
    assert_eq!(resources[&agent(1)], Resources::cpus_mem(2_000, 128));
    assert_eq!(resources[&agent(2)], Resources::cpus_mem(1_000, 64));
    // No longer live, still held, and nothing takes them away.
    assert_eq!((book.live_count(), book.holding().count()), (0, 3));
    assert_eq!(book.next_deadline(), None);
    assert_eq!(book.expire(Instant(u64::MAX)), []);
    assert_eq!(book.rescind_agent(&agent(1)), []);
    assert_eq!(book.rescind_framework(MINE), []);
    assert_eq!(ids(book.end_accept(accepting.id)), offers);
    assert_eq!(book.holding().count(), 0);
}

#[test]
#[should_panic(expected = "an accept ends once")]
fn an_accept_ends_once() {
    let mut book = Book::new(1);
    let offer = issue(&mut book, MINE, "a", 1);
    let accepting = book.begin_accept(MINE, &[offer], Instant(0)).unwrap();
    book.end_accept(accepting.id);
    book.end_accept(accepting.id);
}

#[test]
#[should_panic(expected = "A2")]
fn a_port_is_in_one_offer() {
    let mut book = Book::new(1);
    let ports = Value::Ranges(Ranges::new(vec![(80, 90)]).unwrap());
    let resources = Resources::from_entries([(ResourceName::PORTS, ports)]).unwrap();
    let resources = Bundle::new(resources);
    let planned = PlannedOffer { resources, ..planned(MINE, "a", 1) };
    book.issue(&planned, "host", &[], Instant(0), None);
    book.issue(&planned, "host", &[], Instant(0), None);
}

#[test]
fn an_offer_expires_at_its_deadline() {
    let mut book = Book::new(1);
    let minute = Some(Duration::from_seconds(60));
    let plan = planned(MINE, "a", 1);
    let second = book.issue(&plan, "host", &[], Instant(10), minute).id;
    let first = book.issue(&plan, "host", &[], Instant(5), minute).id;
    let endless = book.issue(&plan, "host", &[], Instant(0), None).id;
    assert_eq!(book.next_deadline(), Some(Instant(60_005)));
    assert_eq!(book.expire(Instant(60_004)), []);
    // Whoever is late is refused even if nobody has looked at the deadlines yet (A3).
    let late = book.begin_accept(MINE, &[endless, first], Instant(60_005)).unwrap_err();
    assert_eq!((late.reason, late.field.as_str()), (Reason::OfferInvalid, "offer_ids[1]"));
    assert_eq!(ids(book.expire(Instant(60_010))), [first, second]);
    assert_eq!(book.next_deadline(), None);
    assert_eq!(book.iter(None).map(|offer| offer.id).collect::<Vec<_>>(), [endless]);
}

#[test]
fn rescinding_takes_what_is_concerned() {
    let mut book = Book::new(1);
    let a1 = issue(&mut book, MINE, "a", 1);
    let b1 = issue(&mut book, MINE, "b", 1);
    let a2 = issue(&mut book, MINE, "a", 2);
    let other = issue(&mut book, OTHER, "a", 1);
    let of = |offers: Vec<&Offer>| offers.into_iter().map(|offer| offer.id).collect::<Vec<_>>();
    assert_eq!(of(book.of_agent(&agent(1)).collect()), [a1, b1, other]);
    assert_eq!(of(book.of_framework(MINE).collect()), [a1, b1, a2]);
    assert_eq!(ids(book.rescind_role(MINE, &Role::new("b").unwrap())), [b1]);
    assert_eq!(ids(book.rescind_agent(&agent(1))), [a1, other]);
    assert_eq!(ids(book.rescind_framework(MINE)), [a2]);
    assert_eq!((book.live_count(), book.next_deadline()), (0, None));
}

#[derive(Debug, Clone)]
enum Step {
    Issue(u64, u64),
    Accept(usize),
    EndAccept,
    Decline(usize),
    Expire(u64),
    RescindAgent(u64),
    RescindFramework(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..3u64, 0..4u64).prop_map(|(framework, on)| Step::Issue(framework, on)),
        2 => (0..6usize).prop_map(Step::Accept),
        2 => Just(Step::EndAccept),
        2 => (0..6usize).prop_map(Step::Decline),
        1 => (0..40_000u64).prop_map(Step::Expire),
        1 => (0..4u64).prop_map(Step::RescindAgent),
        1 => (1..3u64).prop_map(Step::RescindFramework),
    ]
}

proptest! {
    /// Every offer that was issued comes back exactly once, with what it held.
    #[test]
    fn what_goes_out_comes_back_once(steps in prop::collection::vec(step(), 0..120)) {
        let mut book = Book::new(1);
        let mut now = Instant(0);
        let mut out: BTreeMap<OfferId, PlannedOffer> = BTreeMap::new();
        let mut accepts = Vec::new();
        for step in steps {
            let nth = |book: &Book, n| book.iter(None).nth(n).map(|o: &Offer| (o.framework, o.id));
            let returned = match step {
                Step::Issue(framework, on) => {
                    let plan = planned(FrameworkId(framework), "a", on);
                    let after = Some(Duration::from_seconds(60));
                    let offer = book.issue(&plan, "host", &[], now, after);
                    prop_assert!(out.insert(offer.id, plan).is_none(), "ids are new");
                    Vec::new()
                }
                Step::Accept(n) => {
                    if let Some((framework, id)) = nth(&book, n) {
                        accepts.push(book.begin_accept(framework, &[id], now).unwrap().id);
                        prop_assert!(book.decline(framework, &[id]).is_err());
                    }
                    Vec::new()
                }
                Step::EndAccept if !accepts.is_empty() => book.end_accept(accepts.remove(0)),
                Step::EndAccept => Vec::new(),
                Step::Decline(n) => match nth(&book, n) {
                    Some((framework, id)) => book.decline(framework, &[id]).unwrap(),
                    None => Vec::new(),
                },
                Step::Expire(ms) => {
                    now = now + Duration(ms);
                    book.expire(now)
                }
                Step::RescindAgent(on) => book.rescind_agent(&agent(on)),
                Step::RescindFramework(id) => book.rescind_framework(FrameworkId(id)),
            };
            for Returned { offer, framework, role, agent, resources, pieces, .. } in returned {
                let place = Place::at(0);
                let revocable = false;
                let plan =
                    PlannedOffer { framework, role, agent, place, resources, pieces, revocable };
                prop_assert_eq!(out.remove(&offer), Some(plan));
            }
            prop_assert!(book.holding().map(|offer| &offer.id).eq(out.keys()));
            prop_assert_eq!(book.live_count(), out.len() - accepts.len());
            prop_assert_eq!(book.iter(None).count(), book.live_count());
        }
    }
}
