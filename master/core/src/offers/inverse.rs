//! The book of inverse offers: who was asked to leave which agent, by when, and what it said.
//!
//! As with offers, only a leader has one, for one term, and ids carry the term. A framework has at
//! most one inverse offer of an agent. It stays, with its answer, however often it is made again
//! for the same reason; for another reason, or by another deadline, a new one takes its place. An
//! answer may be changed until the offer is over. Nothing is decided by it: the book does not know
//! what becomes of tasks.

use crate::{ledger::Departure, table::CopyOnWrite};
use proto::model::{AgentId, FrameworkId, InverseAnswer, InverseOfferId, Reason, Refusal};
use std::collections::{BTreeMap, BTreeSet};

/// Who was asked to leave which agent.
pub(crate) type Asked = BTreeMap<AgentId, BTreeMap<FrameworkId, Request>>;

/// One inverse offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Which.
    pub(crate) id: InverseOfferId,
    /// Why and by when.
    pub(crate) departure: Departure,
    /// What the framework said last.
    pub(crate) answer: Option<InverseAnswer>,
}

/// One term's inverse offers.
#[derive(Debug, Clone)]
pub(crate) struct InverseBook {
    term: u64,
    made: u64,
    asked: CopyOnWrite<Asked>,
    by_id: BTreeMap<InverseOfferId, (AgentId, FrameworkId)>,
}

impl InverseBook {
    /// An empty book for a leader's term.
    pub(crate) fn new(term: u64) -> Self {
        let (asked, by_id) = (CopyOnWrite::default(), BTreeMap::new());
        Self { term, made: 0, asked, by_id }
    }

    /// What is asked of whom, as of now. A copy costs nothing and stays as it is.
    pub(crate) fn asked(&self) -> &CopyOnWrite<Asked> {
        &self.asked
    }

    /// Whether anybody was asked to leave an agent.
    pub(crate) fn is_asked_of(&self, agent: &AgentId) -> bool {
        self.asked.contains_key(agent)
    }

    /// Asks a framework to leave an agent. Says by which id, and which earlier one is over by that.
    pub(crate) fn ask(
        &mut self,
        agent: &AgentId,
        framework: FrameworkId,
        departure: Departure,
    ) -> (InverseOfferId, Option<InverseOfferId>) {
        let known = self.asked.get(agent).and_then(|asked| asked.get(&framework));
        let same = known.filter(|known| known.departure.is_same(&departure));
        if let Some(id) = same.map(|known| known.id) {
            let request = self.asked.get_mut(agent).and_then(|asked| asked.get_mut(&framework));
            request.expect("was found").departure = departure;
            return (id, None);
        }
        let over = self.withdraw(agent, framework);
        self.made += 1;
        let id = InverseOfferId { term: self.term, number: self.made };
        let request = Request { id, departure, answer: None };
        self.asked.entry(agent.clone()).or_default().insert(framework, request);
        self.by_id.insert(id, (agent.clone(), framework));
        (id, over)
    }

    /// A framework need not leave an agent; the id that is over by that.
    pub(crate) fn withdraw(
        &mut self,
        agent: &AgentId,
        framework: FrameworkId,
    ) -> Option<InverseOfferId> {
        let id = self.asked.get(agent)?.get(&framework)?.id;
        let asked = self.asked.get_mut(agent).expect("was found");
        asked.remove(&framework);
        if asked.is_empty() {
            self.asked.remove(agent);
        }
        self.by_id.remove(&id);
        Some(id)
    }

    /// Nobody need leave an agent, or it is gone.
    pub(crate) fn forget_agent(&mut self, agent: &AgentId) {
        // Looked at first: a removal would copy what is being read elsewhere.
        if self.is_asked_of(agent) {
            let asked = self.asked.remove(agent).expect("was found");
            asked.values().for_each(|request| drop(self.by_id.remove(&request.id)));
        }
    }

    /// A framework is gone for good.
    pub(crate) fn forget_framework(&mut self, framework: FrameworkId) {
        let of = self.by_id.values().filter(|(_, other)| *other == framework);
        let agents: Vec<AgentId> = of.map(|(agent, _)| agent.clone()).collect();
        for agent in &agents {
            self.withdraw(agent, framework);
        }
    }

    /// A framework answers, all or none; a refusal changes nothing.
    pub(crate) fn answer(
        &mut self,
        framework: FrameworkId,
        offers: &[InverseOfferId],
        answer: &InverseAnswer,
    ) -> Result<(), Refusal> {
        let mut named = BTreeSet::new();
        let mut agents = Vec::with_capacity(offers.len());
        for (index, id) in offers.iter().enumerate() {
            let field = format!("inverse_offer_ids[{index}]");
            if !named.insert(id) {
                return Err(Refusal::invalid(field, format!("{id} is named twice")));
            }
            let refused = |problem: &str| {
                Refusal::new(Reason::OfferInvalid, format!("{id} {problem}")).at(field.clone())
            };
            if id.term != self.term {
                return Err(refused("was made by another leader; a new leader makes its own"));
            }
            // Whose it is, is not told to others.
            match self.by_id.get(id).filter(|(_, owner)| *owner == framework) {
                Some((agent, _)) => agents.push(agent.clone()),
                None => {
                    return Err(refused("is not an inverse offer to this framework that stands"));
                }
            }
        }
        for agent in &agents {
            let asked = self.asked.get_mut(agent).and_then(|asked| asked.get_mut(&framework));
            asked.expect("both indexes hold an offer").answer = Some(answer.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::model::{Instant, WindowId};

    const MINE: FrameworkId = FrameworkId(1);
    const OTHER: FrameworkId = FrameworkId(2);

    fn drain(deadline: u64) -> Departure {
        Departure {
            begins: Instant(100),
            deadline: Instant(deadline),
            ends_tasks: true,
            window: None,
            agent_goes: false,
        }
    }

    fn window(number: u64, deadline: u64) -> Departure {
        Departure { window: Some(WindowId(number)), ..drain(deadline) }
    }

    fn agent(name: &str) -> AgentId {
        AgentId::new(name).unwrap()
    }

    fn said(book: &InverseBook, name: &str, framework: FrameworkId) -> Option<InverseAnswer> {
        book.asked().get(&agent(name))?.get(&framework)?.answer.clone()
    }

    #[test]
    fn the_same_request_keeps_its_answer_and_another_takes_its_place() {
        let mut book = InverseBook::new(7);
        let a = agent("a");
        let (first, over) = book.ask(&a, MINE, drain(500));
        assert_eq!((first.to_string().as_str(), over), ("inverse-7-1", None));
        book.answer(MINE, &[first], &InverseAnswer::Accept).unwrap();
        assert_eq!(book.ask(&a, MINE, drain(500)), (first, None));
        assert_eq!(said(&book, "a", MINE), Some(InverseAnswer::Accept));
        // Another deadline is another question.
        let (second, over) = book.ask(&a, MINE, drain(400));
        assert_eq!((second.number, over), (2, Some(first)));
        assert_eq!(said(&book, "a", MINE), None);
        // A window's drain begins a little late: it is the same window.
        let (third, over) = book.ask(&a, MINE, window(1, 900));
        assert_eq!((third.number, over), (3, Some(second)));
        assert_eq!(book.ask(&a, MINE, window(1, 950)), (third, None));
        assert_eq!(book.ask(&a, MINE, window(2, 950)).1, Some(third));
    }

    #[test]
    fn each_refusal_names_the_offer_and_changes_nothing() {
        let mut book = InverseBook::new(7);
        let (mine, _) = book.ask(&agent("a"), MINE, drain(500));
        let (other, _) = book.ask(&agent("a"), OTHER, drain(500));
        let (over, _) = book.ask(&agent("b"), MINE, drain(500));
        book.forget_agent(&agent("b"));
        let foreign = InverseOfferId { term: 8, ..mine };
        let unknown = InverseOfferId { number: 99, ..mine };
        let decline = InverseAnswer::Decline { message: "no".to_owned() };
        for bad in [other, over, foreign, unknown] {
            let refusal = book.answer(MINE, &[mine, bad], &decline).unwrap_err();
            let named = (refusal.reason, refusal.field.as_str());
            assert_eq!(named, (Reason::OfferInvalid, "inverse_offer_ids[1]"), "{bad}");
        }
        let twice = book.answer(MINE, &[mine, mine], &decline).unwrap_err();
        assert_eq!(twice.reason, Reason::InvalidField);
        assert_eq!(said(&book, "a", MINE), None);
        book.answer(MINE, &[mine], &decline).unwrap();
        book.answer(MINE, &[mine], &InverseAnswer::Accept).unwrap();
        assert_eq!(said(&book, "a", MINE), Some(InverseAnswer::Accept), "the last one counts");
    }

    #[test]
    fn nothing_is_left_of_who_is_gone() {
        let mut book = InverseBook::new(7);
        for name in ["a", "b"] {
            book.ask(&agent(name), MINE, drain(500));
            book.ask(&agent(name), OTHER, drain(500));
        }
        let copy = book.asked().clone();
        book.forget_framework(MINE);
        assert!(book.is_asked_of(&agent("a")));
        assert_eq!(book.withdraw(&agent("a"), MINE), None);
        assert!(book.withdraw(&agent("a"), OTHER).is_some());
        assert!(!book.is_asked_of(&agent("a")));
        book.forget_agent(&agent("b"));
        assert!(book.asked().is_empty() && book.by_id.is_empty());
        assert_eq!(copy.len(), 2, "a copy stays as it is");
    }
}
