//! The view against what it is a view of, worked out from definitions: tasks and offers, one by
//! one, and none of the ledger's own sums. Any difference is a bug (A7). For tests and checks: it
//! costs as much as there is.

use super::{Amounts, Bidder, View, view::is_enough};
use crate::{
    ledger::{AgentState, Ledger},
    offers::Book,
};
use proto::model::{AgentId, FrameworkId, ResourceName, Resources, Role};
use std::collections::{BTreeMap, BTreeSet};

/// Where the view is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// What is free on an agent; `None` means that it is not known.
    Free {
        /// Which agent.
        agent: AgentId,
        /// In the view.
        view: Option<Resources>,
        /// By definition.
        expected: Option<Resources>,
    },
    /// What offers and accepts hold of an agent.
    Held {
        /// Which agent.
        agent: AgentId,
        /// In the view.
        view: Option<Resources>,
        /// By definition.
        expected: Option<Resources>,
    },
    /// Whether the agent has enough free for an offer.
    Offerable {
        /// Which agent.
        agent: AgentId,
        /// In the view.
        view: bool,
    },
    /// What all agents have.
    Totals {
        /// In the view.
        view: Amounts,
        /// By definition.
        expected: Amounts,
    },
    /// How much of a resource a framework uses in a role.
    Used {
        /// Who.
        bidder: Bidder,
        /// Of what.
        name: ResourceName,
        /// In the view.
        view: u128,
        /// By definition.
        expected: u128,
    },
    /// How much of a resource is used in a role.
    RoleUsed {
        /// Which role.
        role: Role,
        /// Of what.
        name: ResourceName,
        /// In the view.
        view: u128,
        /// By definition.
        expected: u128,
    },
    /// The view keeps an entry for a user or role that uses nothing.
    Leftover {
        /// Who.
        role: Role,
        /// Of which framework; `None` for the role itself.
        framework: Option<FrameworkId>,
    },
}

/// What the view should hold.
#[derive(Debug, Default)]
struct Expected {
    free: BTreeMap<AgentId, Resources>,
    held: BTreeMap<AgentId, Resources>,
    totals: Amounts,
    used: BTreeMap<Bidder, Amounts>,
    roles: BTreeMap<Role, Amounts>,
}

/// Every difference between the view and its sources.
pub fn compare(view: &View, ledger: &Ledger, book: &Book) -> Vec<Difference> {
    let expected = expect(ledger, book);
    let mut differences = Vec::new();
    compare_agents(view, &expected, &mut differences);
    if *view.totals() != expected.totals {
        let (view, expected) = (view.totals().clone(), expected.totals.clone());
        differences.push(Difference::Totals { view, expected });
    }
    compare_usage(view, &expected, ledger, &mut differences);
    differences
}

fn expect(ledger: &Ledger, book: &Book) -> Expected {
    let mut expected = Expected::default();
    let mut taken: BTreeMap<AgentId, Resources> = BTreeMap::new();
    let use_up = |taken: &mut BTreeMap<AgentId, Resources>, agent: &AgentId, resources| {
        let sum = taken.entry(agent.clone()).or_default();
        *sum = sum.checked_add(resources).expect("A1, A2: nothing is used twice");
    };
    for offer in book.holding() {
        use_up(&mut expected.held, &offer.agent, &offer.resources);
        let bidder = Bidder { framework: offer.framework, role: offer.role.clone() };
        expected.used.entry(bidder).or_default().add(&offer.resources);
        expected.roles.entry(offer.role.clone()).or_default().add(&offer.resources);
    }
    for (key, task) in ledger.tasks().iter() {
        if task.status.state.is_terminal() {
            continue;
        }
        use_up(&mut taken, &task.info.agent, &task.info.resources);
        let bidder = Bidder { framework: key.framework, role: task.role.clone() };
        expected.used.entry(bidder).or_default().add(&task.info.resources);
        expected.roles.entry(task.role.clone()).or_default().add(&task.info.resources);
    }
    for (id, agent) in ledger.agents().iter() {
        if agent.state == AgentState::Removed {
            continue;
        }
        expected.totals.add(&agent.info.resources);
        let nothing = Resources::new();
        let parts = [taken.get(id).unwrap_or(&nothing), expected.held.get(id).unwrap_or(&nothing)];
        let all = Ok(agent.info.resources.clone());
        let rest = parts.iter().fold(all, |rest, part| rest?.checked_sub(part).map_err(drop));
        let free = match agent.state {
            AgentState::Registered => rest.unwrap_or_default(),
            AgentState::Unreachable | AgentState::Removed => Resources::new(),
        };
        expected.free.insert(id.clone(), free);
    }
    expected
}

fn compare_agents(view: &View, expected: &Expected, differences: &mut Vec<Difference>) {
    let known = expected.free.keys().chain(expected.held.keys()).chain(view.agents());
    let agents: BTreeSet<&AgentId> = known.chain(view.offerable()).collect();
    for agent in agents {
        let free = view.knows(agent).then(|| view.free(agent));
        if free != expected.free.get(agent) {
            let (view, expected) = (free.cloned(), expected.free.get(agent).cloned());
            differences.push(Difference::Free { agent: agent.clone(), view, expected });
        }
        let pair = (view.held(agent), expected.held.get(agent));
        if pair.0 != pair.1 {
            let (view, expected) = (pair.0.cloned(), pair.1.cloned());
            differences.push(Difference::Held { agent: agent.clone(), view, expected });
        }
        let offerable = view.offerable().contains(agent);
        if offerable != expected.free.get(agent).is_some_and(is_enough) {
            differences.push(Difference::Offerable { agent: agent.clone(), view: offerable });
        }
    }
}

fn compare_usage(
    view: &View,
    expected: &Expected,
    ledger: &Ledger,
    differences: &mut Vec<Difference>,
) {
    let mut names: BTreeSet<ResourceName> = BTreeSet::new();
    let used = expected.used.values().flat_map(Amounts::iter).map(|(name, _)| name);
    names.extend(used.cloned());
    let agents = ledger.agents().iter();
    names.extend(agents.flat_map(|(_, agent)| agent.info.resources.iter()).map(|(n, _)| n.clone()));
    let users: BTreeSet<Bidder> = view.users().chain(expected.used.keys().cloned()).collect();
    for bidder in users {
        let amounts = expected.used.get(&bidder);
        for name in &names {
            let (view, expected) =
                (view.used(&bidder, name), amounts.map_or(0, |amounts| amounts.get(name)));
            if view != expected {
                let (bidder, name) = (bidder.clone(), name.clone());
                differences.push(Difference::Used { bidder, name, view, expected });
            }
        }
        if amounts.is_none_or(Amounts::is_empty) {
            let Bidder { framework, role } = bidder;
            differences.push(Difference::Leftover { role, framework: Some(framework) });
        }
    }
    let roles: BTreeSet<&Role> = view.roles().chain(expected.roles.keys()).collect();
    for role in roles {
        let amounts = expected.roles.get(role);
        for name in &names {
            let (view, expected) =
                (view.role_used(role, name), amounts.map_or(0, |amounts| amounts.get(name)));
            if view != expected {
                let (role, name) = (role.clone(), name.clone());
                differences.push(Difference::RoleUsed { role, name, view, expected });
            }
        }
        if amounts.is_none_or(Amounts::is_empty) {
            differences.push(Difference::Leftover { role: role.clone(), framework: None });
        }
    }
}
