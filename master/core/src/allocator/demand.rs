//! Who wants offers: frameworks with a stream, in the roles that they did not suppress, of agents
//! that they did not refuse; and what a role weighs.
//!
//! Volatile, as Mesos has it: a framework that subscribes again starts without filters. It logs
//! what makes somebody eligible again, so that nothing else needs to be looked at.

use super::{
    Bidder,
    changes::Changes,
    filters::{Filter, Filters},
    share::WEIGHT_DEFAULT,
};
use proto::model::{
    AgentId, FrameworkId, Instant, Milli, Reason, Refusal, Resources, Role, limits,
};
use std::collections::BTreeMap;

/// Changes kept for an allocator to read; one that is later looks at everything.
const CHANGES_MAX: usize = 65_536;

/// Something that an allocator must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DemandChange {
    /// It may have become eligible for every agent.
    Renewed(Bidder),
    /// It is eligible for none.
    Withdrawn(Bidder),
    /// It may have become eligible for one agent.
    Reopened(Bidder, AgentId),
}

/// All demand.
#[derive(Debug, Clone)]
pub struct Demand {
    weights: BTreeMap<Role, Milli>,
    /// Subscribed frameworks, their roles, and whether these are suppressed.
    frameworks: BTreeMap<FrameworkId, BTreeMap<Role, bool>>,
    filters: Filters,
    changes: Changes<DemandChange>,
}

impl Demand {
    /// Nobody wants anything yet. Roles that are not among the weights weigh 1.
    pub fn new(weights: BTreeMap<Role, Milli>) -> Self {
        let in_range = |weight: &Milli| (1..=limits::MILLI_MAX).contains(&weight.0);
        assert!(weights.values().all(in_range), "the configuration was checked");
        let filters = Filters::new(limits::FILTERS_PER_FRAMEWORK_MAX);
        Self { weights, frameworks: BTreeMap::new(), filters, changes: Changes::new(CHANGES_MAX) }
    }

    /// A framework has a stream: it wants offers in these roles, except the suppressed ones. Also
    /// when it had one before; its filters are gone.
    pub fn set_subscribed(&mut self, framework: FrameworkId, roles: &[Role], suppressed: &[Role]) {
        self.unsubscribed(framework);
        let state = roles.iter().map(|role| (role.clone(), suppressed.contains(role)));
        let state: BTreeMap<_, _> = state.collect();
        for role in state.iter().filter(|(_, suppressed)| !**suppressed).map(|(role, _)| role) {
            self.changes.note(DemandChange::Renewed(Bidder { framework, role: role.clone() }));
        }
        self.frameworks.insert(framework, state);
    }

    /// A framework has no stream any longer.
    pub fn unsubscribed(&mut self, framework: FrameworkId) {
        for role in self.frameworks.remove(&framework).unwrap_or_default().into_keys() {
            let bidder = Bidder { framework, role };
            self.filters.clear(&bidder);
            self.changes.note(DemandChange::Withdrawn(bidder));
        }
    }

    /// No offers for these roles of a framework any longer; for all of its roles when empty.
    pub fn suppress(&mut self, framework: FrameworkId, roles: &[Role]) -> Result<(), Refusal> {
        for role in self.checked_roles(framework, roles)? {
            self.set_suppressed(framework, &role, true);
            self.changes.note(DemandChange::Withdrawn(Bidder { framework, role }));
        }
        Ok(())
    }

    /// Offers again for these roles of a framework, all of its filters there cleared; for all of
    /// its roles when empty.
    pub fn revive(&mut self, framework: FrameworkId, roles: &[Role]) -> Result<(), Refusal> {
        for role in self.checked_roles(framework, roles)? {
            let was_suppressed = self.set_suppressed(framework, &role, false);
            let bidder = Bidder { framework, role };
            if self.filters.clear(&bidder) || was_suppressed {
                self.changes.note(DemandChange::Renewed(bidder));
            }
        }
        Ok(())
    }

    /// A framework wants no offer of this agent before `until`, unless it holds more than these
    /// resources. Of no effect when the framework has lost its stream or the role meanwhile.
    pub fn refuse(
        &mut self,
        framework: FrameworkId,
        role: &Role,
        agent: &AgentId,
        resources: &Resources,
        until: Instant,
    ) {
        if self.suppressed(framework, role).is_none() {
            return;
        }
        let bidder = Bidder { framework, role: role.clone() };
        let filter = Filter { refused: resources.clone(), until };
        for agent in self.filters.refuse(&bidder, agent.clone(), filter) {
            self.changes.note(DemandChange::Reopened(bidder.clone(), agent));
        }
    }

    /// Ends the filters whose time is over.
    pub fn expire(&mut self, now: Instant) {
        for (bidder, agent) in self.filters.expire(now) {
            self.changes.note(DemandChange::Reopened(bidder, agent));
        }
    }

    /// When [`Self::expire`] next has something to do.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.filters.next_end()
    }

    /// An agent is gone for good: filters for it are of no use.
    pub fn forget_agent(&mut self, agent: &AgentId) {
        self.filters.forget_agent(agent);
    }

    /// What a role weighs.
    pub fn weight(&self, role: &Role) -> Milli {
        self.weights.get(role).copied().unwrap_or(WEIGHT_DEFAULT)
    }

    /// Whether a framework suppresses a role; `None` when it is not subscribed in it.
    pub fn suppressed(&self, framework: FrameworkId, role: &Role) -> Option<bool> {
        self.frameworks.get(&framework)?.get(role).copied()
    }

    /// Whether the bidder wants offers.
    pub fn is_active(&self, bidder: &Bidder) -> bool {
        self.suppressed(bidder.framework, &bidder.role) == Some(false)
    }

    /// Every subscribed framework in each of its roles.
    pub fn bidders(&self) -> impl Iterator<Item = Bidder> {
        self.frameworks.iter().flat_map(|(framework, roles)| {
            roles.keys().map(|role| Bidder { framework: *framework, role: role.clone() })
        })
    }

    /// The filters.
    pub fn filters(&self) -> &Filters {
        &self.filters
    }

    /// The log of changes.
    pub fn changes(&self) -> &Changes<DemandChange> {
        &self.changes
    }

    /// The roles that a call means; a refusal when one is not the framework's.
    fn checked_roles(&self, framework: FrameworkId, roles: &[Role]) -> Result<Vec<Role>, Refusal> {
        let Some(known) = self.frameworks.get(&framework) else {
            let message = format!("{framework} has no event stream; subscribe first");
            return Err(Refusal::new(Reason::NotSubscribed, message));
        };
        if roles.is_empty() {
            return Ok(known.keys().cloned().collect());
        }
        match roles.iter().position(|role| !known.contains_key(role)) {
            None => Ok(roles.to_vec()),
            Some(index) => {
                let problem = format!("{framework} did not subscribe in role {}", roles[index]);
                Err(Refusal::invalid(format!("roles[{index}]"), problem))
            }
        }
    }

    /// Sets it and says what it was.
    fn set_suppressed(&mut self, framework: FrameworkId, role: &Role, suppressed: bool) -> bool {
        let roles = self.frameworks.get_mut(&framework).expect("was checked");
        roles.insert(role.clone(), suppressed).expect("was checked")
    }
}
