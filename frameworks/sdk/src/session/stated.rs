//! What the scheduler has said that it wants, so that a new subscription can be told again.
//!
//! The master forgets it with the connection. What was launched since it was said is wanted no
//! longer: the counts go down as the master's do, one piece for each task of an accept, so that
//! what is said again is what is left.

use crate::model::{AgentId, DemandId, Offer, OfferId, Operation, Role, StatedDemand, TaskId};
use crate::scheduler::CallId;
use std::collections::{BTreeMap, BTreeSet};

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
    /// Accepts that are not answered.
    accepting: BTreeMap<CallId, Accepting>,
}

/// What an accept may use up of what was stated.
#[derive(Debug)]
struct Accepting {
    offers: Vec<ForDemand>,
    tasks: Vec<(TaskId, AgentId)>,
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
        for accepting in self.accepting.values_mut() {
            accepting.offers.retain(|offer| offer.role != *role);
        }
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
    pub(super) fn accept(&mut self, call: CallId, offers: &[OfferId], operations: &[Operation]) {
        let offers: Vec<_> = offers.iter().filter_map(|id| self.offers.remove(id)).collect();
        if !offers.is_empty() {
            let tasks = operations.iter().flat_map(Operation::tasks);
            let tasks = tasks.map(|task| (task.id.clone(), task.agent.clone())).collect();
            self.accepting.insert(call, Accepting { offers, tasks });
        }
    }

    /// An accept is answered: these tasks it launched, perhaps none.
    pub(super) fn answered(&mut self, call: CallId, launched: &[TaskId]) {
        let Some(Accepting { offers, tasks }) = self.accepting.remove(&call) else { return };
        let launched: BTreeSet<&TaskId> = launched.iter().collect();
        let mut left: BTreeMap<&AgentId, u32> = BTreeMap::new();
        for (_, agent) in tasks.iter().filter(|(task, _)| launched.contains(task)) {
            *left.entry(agent).or_default() += 1;
        }
        for offer in offers {
            let Some(left) = left.get_mut(&offer.agent) else { continue };
            let Some(demands) = self.roles.get_mut(&offer.role) else { continue };
            for (demand, count) in offer.pieces {
                let taken = count.min(*left);
                *left -= taken;
                for entry in demands.iter_mut().filter(|entry| entry.id == demand) {
                    entry.count = entry.count.saturating_sub(taken);
                }
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
