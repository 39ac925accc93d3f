//! Why, and by when, an agent is to be left: because it drains, or because a window is planned.
//!
//! Worked out from the rows that drains and windows have anyway. It does not know who is told.

use super::{Agent, Ledger};
use proto::model::{Instant, WindowId};

/// That an agent is to be left. Times are on the cluster's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// Before that nothing is done.
    pub begins: Instant,
    /// At the latest; not before it begins.
    pub deadline: Instant,
    /// Whether tasks are ended for it.
    pub ends_tasks: bool,
    /// Because of this window; `None` when an operator drains the agent.
    pub window: Option<WindowId>,
    /// Once empty, the agent is gone for good.
    pub agent_goes: bool,
}

impl Departure {
    /// Whether who was asked to leave for the one was asked for the other: for the same window, or
    /// by the same word of an operator.
    pub fn is_same(&self, other: &Departure) -> bool {
        match (self.window, other.window) {
            (Some(window), Some(other)) => window == other,
            (None, None) => (self.deadline, self.agent_goes) == (other.deadline, other.agent_goes),
            _ => false,
        }
    }
}

impl Ledger {
    /// Why and by when an agent is to be left, if it is: a drain before a window that is to come,
    /// of windows the first.
    pub fn departure(&self, agent: &Agent) -> Option<Departure> {
        if let Some(drain) = &agent.drain {
            return Some(Departure {
                begins: drain.since,
                deadline: drain.deadline,
                ends_tasks: true,
                window: drain.window,
                agent_goes: drain.mark_gone,
            });
        }
        let window = self.windows_of(&agent.info).min_by_key(|window| (window.start, window.id))?;
        // One that has begun and drains nobody here, drains nobody here any more.
        let drain = window.drain.filter(|_| !window.started);
        let deadline = drain.map_or(window.start, |plan| window.start + plan.deadline);
        Some(Departure {
            begins: window.start,
            deadline,
            ends_tasks: drain.is_some(),
            window: Some(window.id),
            agent_goes: false,
        })
    }
}
