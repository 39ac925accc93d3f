//! Agents whose pools are about to change: an operator has said something about their reservations
//! that is on its way to the log. Nothing of them is free until it is applied, or what is taken
//! meanwhile would be of another pool by then.

use super::View;
use proto::model::AgentId;
use std::collections::BTreeMap;

/// How many changes of which agents are on their way.
#[derive(Debug, Clone, Default)]
pub(super) struct Changing(BTreeMap<AgentId, u32>);

impl Changing {
    pub(super) fn has(&self, agent: &AgentId) -> bool {
        !self.0.is_empty() && self.0.contains_key(agent)
    }
}

impl View {
    /// A change of an agent's pools is on its way.
    pub fn begin_change(&mut self, agent: &AgentId) {
        *self.changing.0.entry(agent.clone()).or_default() += 1;
        self.place(agent).into_iter().for_each(|place| self.settle(place));
    }

    /// It is applied, or will not be.
    ///
    /// # Panics
    /// When none has begun.
    pub fn end_change(&mut self, agent: &AgentId) {
        let changes = self.changing.0.get_mut(agent).expect("a change ends once");
        *changes -= 1;
        if *changes == 0 {
            self.changing.0.remove(agent);
        }
        self.place(agent).into_iter().for_each(|place| self.settle(place));
    }

    /// Whether one is on its way.
    pub fn is_changing(&self, agent: &AgentId) -> bool {
        self.changing.has(agent)
    }
}
