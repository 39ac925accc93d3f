//! What the scheduler has said that it wants, so that a new subscription can be told again.
//!
//! The master forgets it with the connection. What was launched since it was said is wanted no
//! longer: the counts go down as the master's do, one piece for each task of an accept, so that
//! what is said again is what is left.

use crate::model::{AgentId, DemandId, Offer, OfferId, Role, StatedDemand, TaskInfo};
use crate::scheduler::CallId;
use std::collections::BTreeMap;

/// An offer that was made for what was stated.
#[derive(Debug)]
struct ForDemand {
    role: Role,
    agent: AgentId,
    pieces: Vec<(DemandId, u32)>,
}

/// What is wanted, by role.
#[derive(Debug, Default)]
pub(super) struct Stated {
    roles: BTreeMap<Role, Vec<StatedDemand>>,
    offers: BTreeMap<OfferId, ForDemand>,
    /// Pieces that accepts which are not answered will have used.
    accepting: BTreeMap<CallId, Vec<(Role, DemandId, u32)>>,
}

impl Stated {
    /// The scheduler says something else of a role; `None` is that it takes what comes.
    pub(super) fn state(&mut self, role: &Role, demands: Option<Vec<StatedDemand>>) {
        match demands {
            Some(demands) => drop(self.roles.insert(role.clone(), demands)),
            None => drop(self.roles.remove(role)),
        }
        // Offers from before are for what was said before.
        self.offers.retain(|_, offer| offer.role != *role);
        self.accepting.values_mut().for_each(|used| used.retain(|(of, ..)| of != role));
    }

    /// Offers have come.
    pub(super) fn offered(&mut self, offers: &[Offer]) {
        for offer in offers.iter().filter(|offer| self.roles.contains_key(&offer.role)) {
            let (role, agent) = (offer.role.clone(), offer.agent.clone());
            let pieces = offer.pieces.clone();
            self.offers.insert(offer.id, ForDemand { role, agent, pieces });
        }
    }

    /// Offers are declined or void.
    pub(super) fn over(&mut self, offers: &[OfferId]) {
        for id in offers {
            self.offers.remove(id);
        }
    }

    /// An accept is asked.
    pub(super) fn accept(&mut self, call: CallId, offers: &[OfferId], tasks: &[TaskInfo]) {
        let mut launched: BTreeMap<&AgentId, u32> = BTreeMap::new();
        tasks.iter().for_each(|task| *launched.entry(&task.agent).or_default() += 1);
        let mut used = Vec::new();
        for offer in offers.iter().filter_map(|id| self.offers.remove(id)) {
            let Some(left) = launched.get_mut(&offer.agent) else { continue };
            for (demand, count) in offer.pieces {
                let taken = count.min(*left);
                *left -= taken;
                used.push((offer.role.clone(), demand, taken));
            }
        }
        if !used.is_empty() {
            self.accepting.insert(call, used);
        }
    }

    /// An accept is answered.
    pub(super) fn answered(&mut self, call: CallId, has_launched: bool) {
        let used = self.accepting.remove(&call).unwrap_or_default();
        for (role, demand, count) in used.into_iter().filter(|_| has_launched) {
            let Some(demands) = self.roles.get_mut(&role) else { continue };
            for entry in demands.iter_mut().filter(|entry| entry.id == demand) {
                entry.count = entry.count.saturating_sub(count);
            }
            demands.retain(|entry| entry.count > 0);
        }
    }

    /// A gang did not come together.
    pub(super) fn failed(&mut self, role: &Role, demand: &DemandId) {
        if let Some(demands) = self.roles.get_mut(role) {
            demands.retain(|entry| entry.id != *demand);
        }
    }

    /// Every offer is void.
    pub(super) fn disconnected(&mut self) {
        self.offers.clear();
    }

    /// The roles of which something was said.
    pub(super) fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.keys()
    }

    /// What is left of what was said of a role.
    pub(super) fn of(&self, role: &Role) -> Option<&Vec<StatedDemand>> {
        self.roles.get(role)
    }
}
