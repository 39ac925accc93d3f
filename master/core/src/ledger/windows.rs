//! Maintenance windows: the rows, and which agents they concern.
//!
//! A window names agents by a selector, not one by one: whoever comes back during it with matching
//! attributes is away as well. Times are on the cluster's clock.

use super::{Agent, AgentState, Ledger};
use proto::model::{
    AgentId, AgentInfo, DrainPlan, Instant, Reason, Refusal, Selector, Unavailability, WindowId,
};
use std::ops::Bound;

/// One window that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Which.
    pub id: WindowId,
    /// Whose.
    pub selector: Selector,
    /// When it begins.
    pub start: Instant,
    /// When it ends.
    pub end: Instant,
    /// Whether it has begun.
    pub started: bool,
    /// How agents are emptied when it begins.
    pub drain: Option<DrainPlan>,
    /// For people.
    pub comment: String,
}

impl Window {
    /// When it begins or ends, whichever is next.
    pub fn turns_at(&self) -> Instant {
        if self.started { self.end } else { self.start }
    }

    /// What it means for its agents, as seen at a time.
    pub fn unavailability(&self, now: Instant) -> Unavailability {
        let begins = self.start.max(now);
        Unavailability {
            starts_in: begins.since(now),
            duration: self.end.since(begins),
            drains: self.drain.is_some(),
        }
    }
}

impl Ledger {
    /// Whether an agent may be given new tasks: it is there, and nobody has said otherwise.
    pub fn takes_tasks(&self, agent: &Agent) -> bool {
        let is_away = || {
            let mut begun = self.windows().filter(|window| window.started);
            begun.any(|window| window.selector.matches(&agent.info))
        };
        agent.state == AgentState::Registered
            && !agent.deactivated
            && agent.drain.is_none()
            && !is_away()
    }

    /// Windows that have not ended, by id.
    pub fn windows(&self) -> impl Iterator<Item = &Window> {
        self.windows.iter().map(|(_, window)| window)
    }

    /// As [`Self::windows`], those of a range.
    pub fn windows_from(
        &self,
        ids: (Bound<WindowId>, Bound<WindowId>),
    ) -> impl Iterator<Item = &Window> {
        self.windows.range(ids).map(|(_, window)| window)
    }

    /// One window.
    pub fn window(&self, id: WindowId) -> Option<&Window> {
        self.windows.get(&id)
    }

    /// The windows that concern an agent.
    pub fn windows_of(&self, agent: &AgentInfo) -> impl Iterator<Item = &Window> {
        self.windows().filter(move |window| window.selector.matches(agent))
    }

    /// The agents that a window concerns, removed ones left out.
    pub fn agents_of_window<'a>(&'a self, window: &'a Window) -> impl Iterator<Item = &'a AgentId> {
        let there = self.agents.iter().filter(|(_, row)| row.state != AgentState::Removed);
        there.filter(|(_, row)| window.selector.matches(&row.info)).map(|(id, _)| id)
    }

    /// The next time that an agent is away, or the one that has begun.
    pub fn unavailability(&self, agent: &AgentInfo, now: Instant) -> Option<Unavailability> {
        let next = self.windows_of(agent).min_by_key(|window| (window.start, window.id))?;
        Some(next.unavailability(now))
    }
}

pub(super) fn window_unknown(id: WindowId) -> Refusal {
    Refusal::new(Reason::WindowUnknown, format!("there is no {id}, or it has ended"))
}
