//! N5: no more agents are given up in a minute than may be, however many are silent, and whoever
//! leads.

use proto::model::{AgentId, Duration, Instant};
use std::collections::VecDeque;

/// What surely lies within one minute of the leaders': a clock may be a tenth too fast, and what
/// was proposed last may take a while until it is applied.
const WINDOW: Duration = Duration::from_seconds(40);

/// Who was given up lately, and is not back.
#[derive(Debug, Default)]
pub(crate) struct LossesPerMinute {
    lately: VecDeque<Loss>,
}

#[derive(Debug)]
struct Loss {
    at: Instant,
    agent: AgentId,
    /// The newest entry of the log that the leader had applied.
    index: u64,
}

impl LossesPerMinute {
    /// A leader tells a framework that an agent is silent; it tells all of them.
    pub(crate) fn lost(&mut self, agent: &AgentId, index: u64, now: Instant, most: u32) {
        while self.lately.front().is_some_and(|loss| now.since(loss.at) >= WINDOW) {
            self.lately.pop_front();
        }
        if self.lately.iter().any(|loss| loss.agent == *agent) {
            return;
        }
        self.lately.push_back(Loss { at: now, agent: agent.clone(), index });
        let count = self.lately.len();
        assert!(
            count <= most as usize,
            "N5: {count} agents are given up within {WINDOW}, and may be {most} in a minute"
        );
    }

    /// A leader has applied the log up to this entry, and knows that these are there. They are
    /// back, whether they have heard of it or not: a leader that begins now need not know that they
    /// were away. One that does not know of the loss yet says nothing.
    pub(crate) fn look(&mut self, index: u64, is_registered: impl Fn(&AgentId) -> bool) {
        self.lately.retain(|loss| index <= loss.index || !is_registered(&loss.agent));
    }
}
