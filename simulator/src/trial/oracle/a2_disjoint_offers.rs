//! A1, A2, A3, A6: what clients hold of an agent at one time, in one leader's term, is there; an
//! offer is used by one accept, and made only of agents that take tasks.

use master_core::{Ledger, input::StreamId};
use proto::model::{AgentId, FrameworkId, Offer, OfferId, RequestId};
use std::collections::BTreeMap;

/// What an accept is known by across its repetitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AcceptName {
    Request(RequestId),
    Call(u64),
}

/// Offers as their receivers see them.
#[derive(Debug, Default)]
pub(crate) struct DisjointOffers {
    /// Sent and neither taken back nor answered.
    held: BTreeMap<OfferId, (StreamId, Offer)>,
    /// All that were ever made.
    made: BTreeMap<OfferId, (FrameworkId, AgentId)>,
    used: BTreeMap<OfferId, AcceptName>,
    taken_back: BTreeMap<OfferId, ()>,
}

impl DisjointOffers {
    /// A leader makes offers; its ledger says what tasks take.
    pub(crate) fn made(&mut self, stream: StreamId, offers: &[Offer], ledger: &Ledger) {
        for offer in offers {
            let facts = (offer.framework, offer.agent.clone());
            let twice = self.made.insert(offer.id, facts);
            assert!(twice.is_none(), "A3: {} is made twice", offer.id);
            self.held.insert(offer.id, (stream, offer.clone()));
        }
        for offer in offers {
            let agent = ledger.agent(&offer.agent).expect("an offer is of a known agent");
            assert!(ledger.takes_tasks(agent), "A6: {} is offered", offer.agent);
            let same =
                |other: &&Offer| other.agent == offer.agent && other.id.term == offer.id.term;
            let held = self.held.values().map(|(_, held)| held).filter(same);
            let mut sum = agent.allocated.clone();
            for other in held {
                sum = sum.checked_add(&other.resources).unwrap_or_else(|problem| {
                    panic!("A2: {} of {} is held twice: {problem}", other.id, offer.agent)
                });
            }
            let total = &agent.info.resources;
            let there = total.contains(&sum);
            assert!(there, "A2: of {}, {sum} is taken or held, it has {total}", offer.agent);
        }
    }

    /// What is sent of an agent and neither taken back nor answered.
    pub(crate) fn held_of(&self, agent: &AgentId) -> impl Iterator<Item = (StreamId, &OfferId)> {
        let of_agent = self.held.iter().filter(move |(_, (_, offer))| offer.agent == *agent);
        of_agent.map(|(id, (stream, _))| (*stream, id))
    }

    pub(crate) fn rescinded(&mut self, offers: &[OfferId]) {
        for offer in offers {
            self.held.remove(offer);
            self.taken_back.insert(*offer, ());
        }
    }

    /// Offers were answered; whether any of them had been taken back.
    pub(crate) fn answered(&mut self, offers: &[OfferId]) -> bool {
        for offer in offers {
            self.held.remove(offer);
        }
        offers.iter().any(|offer| self.taken_back.contains_key(offer))
    }

    /// An accept launched tasks on these.
    pub(crate) fn used(&mut self, framework: FrameworkId, offers: &[OfferId], by: &AcceptName) {
        for offer in offers {
            let whose = self.made.get(offer).map(|(framework, _)| *framework);
            assert_eq!(whose, Some(framework), "A3: {framework} uses {offer}");
            let first = self.used.entry(*offer).or_insert_with(|| by.clone());
            assert_eq!(first, by, "A3: {offer} is used twice");
        }
    }

    /// Whether an accept comes after another one that used the same offer.
    pub(crate) fn used_by_another(&self, offers: &[OfferId], by: &AcceptName) -> bool {
        offers.iter().any(|offer| self.used.get(offer).is_some_and(|first| first != by))
    }

    /// A stream has ended: what was held over it is void.
    pub(crate) fn stream_closed(&mut self, stream: StreamId) {
        self.held.retain(|_, (over, _)| *over != stream);
    }

    /// A framework has ended, or subscribed anew: it holds nothing.
    pub(crate) fn void(&mut self, framework: FrameworkId) {
        self.held.retain(|_, (_, offer)| offer.framework != framework);
    }
}
