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
    lately: VecDeque<(Instant, AgentId)>,
}

impl LossesPerMinute {
    /// A leader tells a framework that an agent is silent; it tells all of them.
    pub(crate) fn lost(&mut self, agent: &AgentId, now: Instant, most: u32) {
        while self.lately.front().is_some_and(|(at, _)| now.since(*at) >= WINDOW) {
            self.lately.pop_front();
        }
        if self.lately.iter().any(|(_, known)| known == agent) {
            return;
        }
        self.lately.push_back((now, agent.clone()));
        let count = self.lately.len();
        assert!(
            count <= most as usize,
            "N5: {count} agents are given up within {WINDOW}, and may be {most} in a minute"
        );
    }

    /// It is back: a leader that begins now need not know that it was away.
    pub(crate) fn registered(&mut self, agent: &AgentId) {
        self.lately.retain(|(_, known)| known != agent);
    }
}
