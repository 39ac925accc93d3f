//! A leader that has fallen silent: doubted, asked about, and left if another one has its place.
//!
//! What a doubt is, [`Doubt`] knows. Here is what an agent expects of its leader: the answer to a
//! heartbeat, and the confirmation of updates that are under way.
//!
//! [`Doubt`]: proto::model::Doubt

use crate::{
    agent::Agent,
    outbox::{Effect, Outbox},
};
use proto::model::{Instant, Leadership};

impl Agent {
    /// Asks another master, if it is time for that.
    pub(crate) fn run_doubt(&mut self, now: Instant, outbox: &mut Outbox) {
        let waits = self.delivery.under_way() > 0;
        self.session.expects(now, waits);
        if let Some(question) = self.session.doubt.tick(now, &mut self.jitter) {
            outbox.push(Effect::FindLeader { session: self.session.number(), question });
        }
    }

    /// Another master was asked who leads, and has answered or not.
    pub(crate) fn leader_found(
        &mut self,
        question: u64,
        answer: Option<Leadership>,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let doubt = &mut self.session.doubt;
        if let Some(leader) = doubt.answered(now, question, answer, &mut self.jitter) {
            self.leave(now, false, outbox);
            self.session.named(leader);
        }
    }
}
