//! What is seen of the view by those who are shown everything that is free: which agents are seen
//! differently than before, and the versions of what is free on them.
//!
//! Nothing is remembered while nobody watches.

use super::{Place, View};
use proto::model::AgentId;
use std::collections::BTreeSet;

/// What is seen differently than when this was last taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Places that agents have left for good.
    pub left: Vec<(Place, AgentId)>,
    /// Agents that describe themselves differently.
    pub described: BTreeSet<Place>,
    /// Agents on which something else is free.
    pub free: BTreeSet<Place>,
    /// Agents on which something else was free at some time since the versions were settled.
    pub(super) touched: BTreeSet<Place>,
}

impl View {
    /// Grows each time that something else is free at a place, also from one agent to the next; as
    /// of when the versions were settled.
    pub fn version_at(&self, place: Place) -> u64 {
        self.row(place).version
    }

    /// The version of the last change anywhere.
    pub fn newest_version(&self) -> u64 {
        self.versions
    }

    /// Gives new versions to agents on which something else is free than at their versions. What
    /// only comes and goes in between, as between the end of an accept and the count of its tasks,
    /// is no change.
    pub fn settle_versions(&mut self) {
        let Some(seen) = &mut self.seen else { return };
        for place in std::mem::take(&mut seen.touched) {
            let row = &mut self.agents[place.position()];
            if row.versioned != row.free {
                self.versions += 1;
                row.version = self.versions;
                row.versioned = row.free.clone();
                seen.free.insert(place);
            }
        }
    }

    /// Remembers from now on what is seen differently, or does not any longer.
    pub fn watch(&mut self, is_watched: bool) {
        match (is_watched, &self.seen) {
            (true, None) => {
                // Nothing was remembered: everything may be different.
                let touched = self.agents().filter_map(|agent| self.place(agent)).collect();
                self.seen = Some(Seen { touched, ..Seen::default() });
                self.settle_versions();
            }
            (false, Some(_)) => self.seen = None,
            _ => {}
        }
    }

    /// What is seen differently since this was last asked, or since somebody watches.
    pub fn take_seen(&mut self) -> Seen {
        self.settle_versions();
        self.seen.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
