//! What is free, and who uses how much: the ledger and the book, indexed for planning.
//!
//! free = total − allocated − held, where *held* is what live offers and accepts under way hold.
//! A fact from the ledger makes the view read the rows concerned again instead of applying the
//! fact, so that it does not matter whether later facts are in the ledger already. Between the fact
//! that an accept's tasks exist and the release of what was held for it, both count: nothing is
//! free then that is not.

use super::{Amounts, Bidder, CPUS_MIN, MEM_MIN, Share, changes::Changes, share::WEIGHT_DEFAULT};
use crate::{
    ledger::{AgentState, Event, Ledger},
    offers::Book,
};
use proto::model::{AgentId, FrameworkId, Milli, ResourceName, Resources, Role};
use std::collections::{BTreeMap, BTreeSet};

/// Changes kept for an allocator to read; one that is later looks at everything.
const CHANGES_MAX: usize = 65_536;

static NOTHING: Resources = Resources::new();

/// Something that an allocator must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewChange {
    /// Something is free on the agent that was not.
    Freed(AgentId),
    /// It uses another amount.
    Used(Bidder),
    /// The cluster has another size: every share is another.
    Totals,
}

/// The view.
#[derive(Debug, Clone)]
pub struct View {
    agents: BTreeMap<AgentId, AgentRow>,
    /// Also of agents that are gone, until it is released.
    held: BTreeMap<AgentId, Resources>,
    /// Agents with enough free to make an offer of.
    offerable: BTreeSet<AgentId>,
    usage: BTreeMap<FrameworkId, BTreeMap<Role, Usage>>,
    roles: BTreeMap<Role, Amounts>,
    totals: Amounts,
    changes: Changes<ViewChange>,
}

#[derive(Debug, Clone)]
struct AgentRow {
    registered: bool,
    total: Amounts,
    /// What no task takes.
    available: Resources,
    /// What is not held either; nothing while the agent is out of contact.
    free: Resources,
}

#[derive(Debug, Clone, Default)]
struct Usage {
    allocated: Amounts,
    held: Amounts,
}

impl View {
    /// The view of a ledger and a book.
    pub fn rebuild(ledger: &Ledger, book: &Book) -> Self {
        let mut view = Self {
            agents: BTreeMap::new(),
            held: BTreeMap::new(),
            offerable: BTreeSet::new(),
            usage: BTreeMap::new(),
            roles: BTreeMap::new(),
            totals: Amounts::new(),
            changes: Changes::new(CHANGES_MAX),
        };
        for offer in book.holding() {
            view.add_held(&offer.agent, &offer.role, offer.framework, &offer.resources);
        }
        for (agent, _) in ledger.agents().iter() {
            view.read_agent(ledger, agent);
        }
        for (framework, _) in ledger.frameworks().iter() {
            view.read_framework(ledger, *framework);
        }
        view
    }

    /// Follows a fact; `ledger` as it is after the fact, or later.
    pub fn note(&mut self, ledger: &Ledger, event: &Event) {
        match event {
            Event::AgentRegistered(agent)
            | Event::AgentUnreachable(agent)
            | Event::AgentRemoved(agent) => self.read_agent(ledger, agent),
            Event::FrameworkSubscribed(framework)
            | Event::FrameworkDisconnected(framework)
            | Event::FrameworkRemoved(framework) => self.read_framework(ledger, *framework),
            Event::TaskAdded(key) => {
                // A task that is gone again has freed its agent by a later fact.
                if let Some(task) = ledger.task(key) {
                    self.read_agent(ledger, &task.info.agent);
                }
                self.read_framework(ledger, key.framework);
            }
            Event::TaskUpdated { framework, status, freed: true } => {
                self.read_agent(ledger, &status.agent);
                self.read_framework(ledger, *framework);
            }
            Event::TaskUpdated { freed: false, .. }
            | Event::BarrierPassed { .. }
            | Event::AgentTaskUnknown { .. }
            | Event::KillRequested(_)
            | Event::UpdateCommitted { .. }
            | Event::UpdatesAcknowledged { .. }
            | Event::TaskForgotten(_) => {}
        }
    }

    /// Resources are in an offer from now on.
    ///
    /// # Panics
    /// When they are not free: in another offer (A2), in use (A1), of an agent that is out of
    /// contact or gone (A6).
    pub fn hold(
        &mut self,
        agent: &AgentId,
        role: &Role,
        framework: FrameworkId,
        resources: &Resources,
    ) {
        assert!(self.free(agent).contains(resources), "A2, A6: only what is free is offered");
        self.add_held(agent, role, framework, resources);
        self.settle(agent);
    }

    /// Resources are in an offer or an accept no longer.
    ///
    /// # Panics
    /// When they were not held (A2).
    pub fn release(
        &mut self,
        agent: &AgentId,
        role: &Role,
        framework: FrameworkId,
        resources: &Resources,
    ) {
        let held = self.held.get_mut(agent).expect("A2: what was held is released once");
        *held = held.checked_sub(resources).expect("A2: what was held is released once");
        if held.is_empty() {
            self.held.remove(agent);
        }
        self.change_usage(framework, role, |usage| usage.held.subtract(resources));
        self.settle(agent);
    }

    /// What is free on an agent; nothing when it is not known, removed or out of contact.
    pub fn free(&self, agent: &AgentId) -> &Resources {
        self.agents.get(agent).map_or(&NOTHING, |row| &row.free)
    }

    /// What offers and accepts hold of an agent.
    pub fn held(&self, agent: &AgentId) -> Option<&Resources> {
        self.held.get(agent)
    }

    /// Whether the agent is known and not removed.
    pub fn knows(&self, agent: &AgentId) -> bool {
        self.agents.contains_key(agent)
    }

    /// Agents that are known and not removed.
    pub fn agents(&self) -> impl Iterator<Item = &AgentId> {
        self.agents.keys()
    }

    /// Agents with enough free to make an offer of, by id.
    pub fn offerable(&self) -> &BTreeSet<AgentId> {
        &self.offerable
    }

    /// What all agents have that are not removed. Those out of contact count: so do their tasks.
    pub fn totals(&self) -> &Amounts {
        &self.totals
    }

    /// Thousandths of one resource that a framework uses in a role, allocated and held.
    pub fn used(&self, bidder: &Bidder, name: &ResourceName) -> u128 {
        let usage = self.usage.get(&bidder.framework).and_then(|roles| roles.get(&bidder.role));
        usage.map_or(0, |usage| usage.allocated.get(name) + usage.held.get(name))
    }

    /// Thousandths of one resource that all frameworks use in a role, allocated and held.
    pub fn role_used(&self, role: &Role, name: &ResourceName) -> u128 {
        self.roles.get(role).map_or(0, |amounts| amounts.get(name))
    }

    /// Frameworks in roles that use anything.
    pub fn users(&self) -> impl Iterator<Item = Bidder> {
        self.usage.iter().flat_map(|(framework, roles)| {
            roles.keys().map(|role| Bidder { framework: *framework, role: role.clone() })
        })
    }

    /// Roles in which anything is used.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.keys()
    }

    /// A framework's dominant share in a role.
    pub fn share(&self, bidder: &Bidder) -> Share {
        Share::dominant(&self.totals, Milli(1), |name| self.used(bidder, name))
    }

    /// A role's dominant share over its weight.
    pub fn role_share(&self, role: &Role, weight: Milli) -> Share {
        Share::dominant(&self.totals, weight, |name| self.role_used(role, name))
    }

    /// A role's dominant share over its weight, in millionths, rounded down: for people.
    pub fn weighted_share_ppm(&self, role: &Role, weight: Milli) -> u64 {
        self.role_share(role, weight).millionths(WEIGHT_DEFAULT)
    }

    /// The log of changes.
    pub fn changes(&self) -> &Changes<ViewChange> {
        &self.changes
    }

    /// Reads an agent's row again.
    fn read_agent(&mut self, ledger: &Ledger, id: &AgentId) {
        let agent = ledger.agent(id).filter(|agent| agent.state != AgentState::Removed);
        let (total, available, registered) = match agent {
            Some(agent) => {
                let registered = agent.state == AgentState::Registered;
                (Amounts::of(&agent.info.resources), agent.free(), registered)
            }
            None => (Amounts::new(), Resources::new(), false),
        };
        let previous = self.agents.get(id).map_or(&Amounts::new(), |row| &row.total).clone();
        if previous != total {
            self.totals.subtract_amounts(&previous);
            self.totals.add_amounts(&total);
            self.changes.note(ViewChange::Totals);
        }
        match (agent, self.agents.get_mut(id)) {
            (None, _) => drop(self.agents.remove(id)),
            (Some(_), Some(row)) => {
                (row.total, row.available, row.registered) = (total, available, registered);
            }
            (Some(_), None) => {
                let row = AgentRow { registered, total, available, free: Resources::new() };
                self.agents.insert(id.clone(), row);
            }
        }
        self.settle(id);
    }

    /// Works out again what is free on an agent.
    fn settle(&mut self, id: &AgentId) {
        let Some(row) = self.agents.get_mut(id) else {
            self.offerable.remove(id);
            return;
        };
        let free = match (row.registered, self.held.get(id)) {
            (false, _) => Resources::new(),
            (true, None) => row.available.clone(),
            // Fails while an accept's tasks are allocated and its offers still held.
            (true, Some(held)) => row.available.checked_sub(held).unwrap_or_default(),
        };
        if !row.free.contains(&free) {
            self.changes.note(ViewChange::Freed(id.clone()));
        }
        match is_enough(&free) {
            true => drop(self.offerable.insert(id.clone())),
            false => drop(self.offerable.remove(id)),
        }
        row.free = free;
    }

    /// Reads again what a framework's tasks take.
    fn read_framework(&mut self, ledger: &Ledger, id: FrameworkId) {
        let empty = BTreeMap::new();
        let allocated = ledger.framework(id).map_or(&empty, |framework| &framework.allocated);
        let known = self.usage.get(&id).into_iter().flat_map(BTreeMap::keys);
        let roles: BTreeSet<Role> = known.chain(allocated.keys()).cloned().collect();
        for role in roles {
            let amounts = allocated.get(&role).map_or_else(Amounts::new, Amounts::of);
            let usage = self.usage.get(&id).and_then(|usage| usage.get(&role));
            if usage.is_none_or(|usage| usage.allocated != amounts) {
                self.change_usage(id, &role, |usage| usage.allocated = amounts);
            }
        }
    }

    fn add_held(
        &mut self,
        agent: &AgentId,
        role: &Role,
        framework: FrameworkId,
        resources: &Resources,
    ) {
        let held = self.held.entry(agent.clone()).or_default();
        *held = held.checked_add(resources).expect("A2: nothing is in two offers");
        self.change_usage(framework, role, |usage| usage.held.add(resources));
    }

    /// Changes what a framework uses in a role, and the role's sum with it.
    fn change_usage(
        &mut self,
        framework: FrameworkId,
        role: &Role,
        change: impl FnOnce(&mut Usage),
    ) {
        let usage = self.usage.entry(framework).or_default().entry(role.clone()).or_default();
        let sum = self.roles.entry(role.clone()).or_default();
        sum.subtract_amounts(&usage.allocated);
        sum.subtract_amounts(&usage.held);
        change(usage);
        sum.add_amounts(&usage.allocated);
        sum.add_amounts(&usage.held);
        if sum.is_empty() {
            self.roles.remove(role);
        }
        if usage.allocated.is_empty() && usage.held.is_empty() {
            let roles = self.usage.get_mut(&framework).expect("was just there");
            roles.remove(role);
            if roles.is_empty() {
                self.usage.remove(&framework);
            }
        }
        self.changes.note(ViewChange::Used(Bidder { framework, role: role.clone() }));
    }
}

/// Whether an offer of this is worth making.
pub(super) fn is_enough(free: &Resources) -> bool {
    free.scalar(&ResourceName::CPUS) >= CPUS_MIN || free.scalar(&ResourceName::MEM) >= MEM_MIN
}
