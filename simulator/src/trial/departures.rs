//! What frameworks say when they are asked to leave an agent: anything, to something that is over
//! now and then.
//!
//! Answers decide nothing, so that there is little to be seen from outside: an inverse offer is of
//! one agent for as long as it stands, it asks for tasks, and its deadline is not before it begins.

use super::world::World;
use proto::model::{InverseAnswer, InverseOffer, InverseOfferId, SchedulerCall};

impl World {
    /// Inverse offers reached a framework; others are over.
    pub(crate) fn asked_to_leave(
        &mut self,
        framework: usize,
        offers: &[InverseOffer],
        over: &[InverseOfferId],
    ) {
        let asked = &mut self.frameworks[framework].asked;
        let was_asked: Vec<InverseOfferId> =
            over.iter().copied().filter(|id| asked.remove(id).is_some()).collect();
        for offer in offers {
            assert!(!offer.tasks.is_empty(), "nobody without tasks is asked: {offer:?}");
            assert!(offer.begins_in <= offer.deadline, "it ends before it begins: {offer:?}");
            let known = asked.insert(offer.id, offer.agent.clone());
            assert!(known.is_none_or(|agent| agent == offer.agent), "it was of another: {offer:?}");
        }
        if !was_asked.is_empty() {
            self.sometimes.note("inverse offer taken back");
        }
        let ids: Vec<InverseOfferId> = offers.iter().map(|offer| offer.id).collect();
        let stubborn = self.chance.frameworks.per_mille(100);
        let offers = if stubborn && !was_asked.is_empty() { was_asked } else { ids };
        if offers.is_empty() || self.chance.frameworks.per_mille(300) {
            return;
        }
        let answer = match self.chance.frameworks.per_mille(500) {
            true => InverseAnswer::Accept,
            false => InverseAnswer::Decline { message: "not now".to_owned() },
        };
        self.call(framework, SchedulerCall::AnswerInverse { offers, answer });
    }
}
