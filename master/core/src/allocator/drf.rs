//! Weighted dominant-resource fairness over roles, then over the frameworks of a role.
//!
//! For each agent with something free: of the bidders that are eligible for it, the first in the
//! order of shares gets all of it in one offer, and moves back in the order. The rule is as simple
//! as if all agents and all bidders were looked at each time. What makes it cheap is that each plan
//! leaves no agent with an eligible bidder, so that the next one needs to look only at
//!
//! - agents on which something became free: any bidder may get them;
//! - bidders that became eligible everywhere (came, revived): they alone may get the other agents;
//! - pairs of the two that became eligible (a filter ended).
//!
//! Agents are taken by id, starting after the one that began the plan before: with a fixed start,
//! the same framework would be shown the same agent first each time.

use super::{
    Allocator, Amounts, Bidder, Demand, Explanation, Plan, PlannedOffer, Share, View,
    demand::DemandChange,
    filters::Filter,
    order::{Order, Rank},
    view::ViewChange,
};
use proto::model::{AgentId, Instant, Milli, ResourceName, Resources, Role};
use std::collections::{BTreeMap, BTreeSet};

/// The allocator. Begins together with its view and demand and is used with no others.
#[derive(Debug, Default)]
pub struct Drf {
    /// All who want offers, by the shares as of the last plan.
    order: Order,
    /// How far the logs of view and demand were read.
    read: Option<(u64, u64)>,
    /// Offers of the last plan: should one not have been carried out, it is planned again.
    unsettled: Vec<(AgentId, Bidder)>,
    /// The agent that the last plan began with.
    start: Option<AgentId>,
}

/// What the next plan needs to look at.
#[derive(Debug, Default)]
struct Scope {
    /// Agents for which anybody may be eligible.
    freed: BTreeSet<AgentId>,
    /// All agents are such.
    all_freed: bool,
    /// Bidders that may be eligible for any agent.
    renewed: BTreeSet<Bidder>,
    /// Bidders that may be eligible for this agent.
    reopened: BTreeMap<AgentId, BTreeSet<Bidder>>,
    /// Bidders whose share, or wish, may be another.
    moved: BTreeSet<Bidder>,
    /// All shares are other ones.
    all_moved: bool,
}

/// One plan in the making.
#[derive(Debug)]
struct Round<'a> {
    now: Instant,
    view: &'a View,
    demand: &'a Demand,
    order: &'a mut Order,
    /// The part of `order` that was renewed.
    renewed: Order,
    /// What this plan gave, on top of what the view knows.
    given: BTreeMap<Bidder, Amounts>,
    given_roles: BTreeMap<Role, Amounts>,
    plan: Plan,
}

/// All that is free on one agent, and who refused some of it.
#[derive(Debug)]
struct Lot<'a> {
    free: &'a Resources,
    filters: Option<&'a BTreeMap<Bidder, Filter>>,
    now: Instant,
}

impl Drf {
    /// An allocator that has not planned yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what has changed since the last plan.
    fn scope(&mut self, view: &View, demand: &Demand) -> Scope {
        let mut scope = Scope::default();
        let (view_end, demand_end) = self.read.unzip();
        match view_end.and_then(|end| view.changes().since(end)) {
            Some(changes) => changes.for_each(|change| match change {
                ViewChange::Freed(agent) => drop(scope.freed.insert(agent.clone())),
                ViewChange::Used(bidder) => drop(scope.moved.insert(bidder.clone())),
                ViewChange::Totals => scope.all_moved = true,
            }),
            None => (scope.all_freed, scope.all_moved) = (true, true),
        }
        match demand_end.and_then(|end| demand.changes().since(end)) {
            Some(changes) => changes.for_each(|change| match change {
                DemandChange::Renewed(bidder) => {
                    scope.renewed.insert(bidder.clone());
                    scope.moved.insert(bidder.clone());
                }
                DemandChange::Withdrawn(bidder) => drop(scope.moved.insert(bidder.clone())),
                DemandChange::Reopened(bidder, agent) => {
                    scope.reopened.entry(agent.clone()).or_default().insert(bidder.clone());
                }
            }),
            None => (scope.all_freed, scope.all_moved) = (true, true),
        }
        for (agent, bidder) in self.unsettled.drain(..) {
            scope.freed.insert(agent);
            scope.moved.insert(bidder);
        }
        self.read = Some((view.changes().end(), demand.changes().end()));
        scope
    }

    /// Brings the order up to date.
    fn reorder(&mut self, scope: &Scope, view: &View, demand: &Demand) {
        if scope.all_moved {
            self.order = Order::default();
            demand.bidders().for_each(|bidder| place(&mut self.order, &bidder, view, demand));
        } else {
            scope.moved.iter().for_each(|bidder| place(&mut self.order, bidder, view, demand));
        }
    }

    /// The agents to look at, in order.
    fn agents<'a>(&self, scope: &'a Scope, view: &'a View) -> Vec<&'a AgentId> {
        let offerable = view.offerable();
        let mut agents: Vec<&AgentId> = match scope.all_freed || !scope.renewed.is_empty() {
            true => offerable.iter().collect(),
            false => {
                let some: BTreeSet<_> = scope.freed.iter().chain(scope.reopened.keys()).collect();
                some.into_iter().filter(|agent| offerable.contains(*agent)).collect()
            }
        };
        let before = |agent: &&AgentId| self.start.as_ref().is_some_and(|start| *agent <= start);
        let after_start = agents.partition_point(before);
        agents.rotate_left(after_start);
        agents
    }
}

impl Allocator for Drf {
    fn plan(&mut self, now: Instant, view: &View, demand: &Demand) -> Plan {
        let scope = self.scope(view, demand);
        self.reorder(&scope, view, demand);
        if self.order.is_empty() {
            let free_agents = view.offerable().len();
            let explanation = Explanation { free_agents, ..Explanation::default() };
            return Plan { offers: Vec::new(), explanation };
        }
        let agents = self.agents(&scope, view);
        let mut renewed = Order::default();
        if !scope.all_freed {
            scope.renewed.iter().for_each(|bidder| place(&mut renewed, bidder, view, demand));
        }
        let mut round = Round {
            now,
            view,
            demand,
            order: &mut self.order,
            renewed,
            given: BTreeMap::new(),
            given_roles: BTreeMap::new(),
            plan: Plan::default(),
        };
        round.plan.explanation.free_agents = view.offerable().len();
        round.plan.explanation.agents_examined = agents.len();
        for agent in &agents {
            let anybody = scope.all_freed || scope.freed.contains(*agent);
            let bidder = match anybody {
                true => round.first_of_all(agent),
                false => round.first_of_new(agent, scope.reopened.get(*agent)),
            };
            if let Some(bidder) = bidder {
                round.give(agent, bidder);
            }
        }
        let plan = round.plan;
        if let Some(first) = plan.offers.first() {
            self.start = Some(first.agent.clone());
        }
        let given = plan.offers.iter().map(|offer| (offer.agent.clone(), offer.bidder()));
        self.unsettled.extend(given);
        plan
    }
}

impl Lot<'_> {
    /// Whether the bidder has not refused it.
    fn suits(&self, bidder: &Bidder) -> bool {
        let filter = self.filters.and_then(|filters| filters.get(bidder));
        filter.is_none_or(|filter| !filter.matches(self.free, self.now))
    }
}

impl<'a> Round<'a> {
    /// The first of all bidders that is eligible for the agent.
    fn first_of_all(&mut self, agent: &AgentId) -> Option<Bidder> {
        let lot = self.lot(agent);
        let explanation = &mut self.plan.explanation;
        let first = first_eligible(self.order.walk(), |bidder| {
            let eligible = lot.suits(bidder);
            if !eligible {
                explanation.pass_over(bidder);
            }
            eligible
        });
        first.map(|(_, bidder)| bidder)
    }

    /// The first that is eligible of the bidders for whom something has changed.
    fn first_of_new(
        &mut self,
        agent: &AgentId,
        reopened: Option<&BTreeSet<Bidder>>,
    ) -> Option<Bidder> {
        let lot = self.lot(agent);
        let renewed = first_eligible(self.renewed.walk(), |bidder| lot.suits(bidder));
        let reopened = reopened.into_iter().flatten().filter(|bidder| lot.suits(bidder));
        let reopened =
            reopened.filter_map(|bidder| Some((self.order.rank(bidder)?, bidder.clone())));
        reopened.chain(renewed).min().map(|(_, bidder)| bidder)
    }

    /// What is to be given away of an agent.
    fn lot(&self, agent: &AgentId) -> Lot<'a> {
        let filters = self.demand.filters().of_agent(agent);
        Lot { free: self.view.free(agent), filters, now: self.now }
    }

    /// Plans an offer of all that is free on the agent.
    fn give(&mut self, agent: &AgentId, bidder: Bidder) {
        let resources = self.view.free(agent).clone();
        let given = self.given.entry(bidder.clone()).or_default();
        given.add(&resources);
        let used = |name: &ResourceName| self.view.used(&bidder, name) + given.get(name);
        let share = Share::dominant(self.view.totals(), Milli(1), used);
        let given = self.given_roles.entry(bidder.role.clone()).or_default();
        given.add(&resources);
        let used = |name: &ResourceName| self.view.role_used(&bidder.role, name) + given.get(name);
        let weight = self.demand.weight(&bidder.role);
        let role_share = Share::dominant(self.view.totals(), weight, used);
        self.order.set(&bidder, role_share, share);
        match self.renewed.contains(&bidder) {
            true => self.renewed.set(&bidder, role_share, share),
            false => self.renewed.set_role(&bidder.role, role_share),
        }
        let Bidder { framework, role } = bidder;
        let offer = PlannedOffer { framework, role, agent: agent.clone(), resources };
        self.plan.explanation.serve(&offer);
        self.plan.offers.push(offer);
    }
}

/// The first bidder in an order that is eligible, with its rank.
fn first_eligible(
    walk: impl Iterator<Item = Rank>,
    mut eligible: impl FnMut(&Bidder) -> bool,
) -> Option<(Rank, Bidder)> {
    walk.map(|rank| {
        let bidder = Bidder { framework: rank.3, role: rank.1.clone() };
        (rank, bidder)
    })
    .find(|(_, bidder)| eligible(bidder))
}

/// Puts a bidder into an order, or takes it out when it wants nothing.
fn place(order: &mut Order, bidder: &Bidder, view: &View, demand: &Demand) {
    let role_share = view.role_share(&bidder.role, demand.weight(&bidder.role));
    match demand.is_active(bidder) {
        true => order.set(bidder, role_share, view.share(bidder)),
        false => {
            order.remove(bidder);
            order.set_role(&bidder.role, role_share);
        }
    }
}
