//! The view against what it is a view of, worked out from definitions: tasks and offers, one by
//! one, and none of the ledger's own sums. Any difference is a bug (A7). For tests and checks: it
//! costs as much as there is.

use super::{Amounts, Bidder, Charge, Fairness, View, bundle::is_enough};
use crate::{
    ledger::{AgentState, Ledger},
    offers::Book,
};
use proto::model::{AgentId, Resources, Role};
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
    /// How much a framework uses in a role.
    Used {
        /// Who.
        bidder: Bidder,
        /// In the view.
        view: Amounts,
        /// By definition.
        expected: Amounts,
    },
    /// What of a framework's use in a role is revocable.
    Revocable {
        /// Who.
        bidder: Bidder,
        /// In the view.
        view: Amounts,
        /// By definition.
        expected: Amounts,
    },
    /// What revocable work holds on an agent and could be had back.
    Lent {
        /// Which agent.
        agent: AgentId,
        /// In the view.
        view: Amounts,
        /// By definition.
        expected: Amounts,
    },
    /// What of reservations counts towards a role's quota.
    Charge {
        /// Whose.
        role: Role,
        /// In the view.
        view: Box<Charge>,
        /// By definition.
        expected: Box<Charge>,
    },
    /// The view keeps an entry for a user that uses nothing.
    Leftover {
        /// Who.
        bidder: Bidder,
    },
}

/// What the view should hold.
#[derive(Debug, Default)]
struct Expected {
    free: BTreeMap<AgentId, Resources>,
    held: BTreeMap<AgentId, Resources>,
    totals: Amounts,
    used: BTreeMap<Bidder, Amounts>,
    revocable: BTreeMap<Bidder, Amounts>,
    lent: BTreeMap<AgentId, Amounts>,
}

/// Every difference between the view and its sources.
pub fn compare(view: &View, ledger: &Ledger, book: &Book) -> Vec<Difference> {
    let mut expected = expect(ledger, book, view.fairness());
    let changing = expected.free.iter_mut().filter(|(agent, _)| view.is_changing(agent));
    changing.for_each(|(_, free)| *free = Resources::new());
    let mut differences = Vec::new();
    compare_agents(view, &expected, &mut differences);
    if *view.totals() != expected.totals {
        let (view, expected) = (view.totals().clone(), expected.totals.clone());
        differences.push(Difference::Totals { view, expected });
    }
    compare_usage(view, &expected, &mut differences);
    compare_lent(view, ledger, &expected, &mut differences);
    for (role, _) in ledger.roles().quotas() {
        let (view, expected) = (view.charge(role).clone(), Charge::by_definition(ledger, role));
        if view != expected {
            let (view, expected) = (Box::new(view), Box::new(expected));
            differences.push(Difference::Charge { role: role.clone(), view, expected });
        }
    }
    differences
}

fn expect(ledger: &Ledger, book: &Book, fairness: &Fairness) -> Expected {
    let mut expected = Expected::default();
    let mut taken: BTreeMap<AgentId, Resources> = BTreeMap::new();
    let use_up =
        |taken: &mut BTreeMap<AgentId, Resources>, agent: &AgentId, resources: &Resources| {
            let sum = taken.entry(agent.clone()).or_default();
            *sum = sum.checked_add(resources).expect("A1, A2: nothing is used twice");
        };
    for offer in book.holding() {
        let held = offer.unreserved();
        if held.is_empty() {
            continue;
        }
        use_up(&mut expected.held, &offer.agent, &held);
        let bidder = Bidder { framework: offer.framework, role: offer.role.clone() };
        let amounts = Amounts::of(&held);
        if offer.revocable {
            expected.revocable.entry(bidder.clone()).or_default().add(&amounts);
            expected.lent.entry(offer.agent.clone()).or_default().add(&amounts);
        }
        expected.used.entry(bidder).or_default().add(&amounts);
    }
    for (key, task) in ledger.tasks().iter() {
        if task.status.state.is_terminal() {
            continue;
        }
        let besides = task.info.reserved.iter().fold(task.held().clone(), |rest, part| {
            rest.checked_sub(&part.resources).expect("A1: parts are of the task's resources")
        });
        use_up(&mut taken, &task.info.agent, &besides);
        let bidder = Bidder { framework: key.framework, role: task.role.clone() };
        let amounts = Amounts::of(task.held());
        if task.info.revocable {
            expected.revocable.entry(bidder.clone()).or_default().add(&amounts);
        }
        if task.info.revocable && task.preempted.is_none() {
            expected.lent.entry(task.info.agent.clone()).or_default().add(&amounts);
        }
        expected.used.entry(bidder).or_default().add(&amounts);
    }
    for (_, row) in ledger.reservations().iter() {
        use_up(&mut taken, &row.agent, &row.resources);
    }
    for (id, agent) in ledger.agents().iter() {
        if agent.state == AgentState::Removed {
            continue;
        }
        let mut total = Amounts::of_measured(&agent.info.resources);
        fairness.unshared.iter().for_each(|name| total.set(name, 0));
        expected.totals.add(&total);
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
    let offerable = view.offerable().iter().map(|place| view.agent(place));
    let agents: BTreeSet<&AgentId> = known.chain(offerable).collect();
    for agent in agents {
        let free = view.knows(agent).then(|| view.free(agent).resources());
        if free != expected.free.get(agent) {
            let (view, expected) = (free.cloned(), expected.free.get(agent).cloned());
            differences.push(Difference::Free { agent: agent.clone(), view, expected });
        }
        let pair = (view.held(agent), expected.held.get(agent));
        if pair.0 != pair.1 {
            let (view, expected) = (pair.0.cloned(), pair.1.cloned());
            differences.push(Difference::Held { agent: agent.clone(), view, expected });
        }
        let offerable = view.place(agent).is_some_and(|place| view.offerable().contains(place));
        let enough = |free: &Resources| is_enough(&Amounts::of(free));
        if offerable != expected.free.get(agent).is_some_and(enough) {
            differences.push(Difference::Offerable { agent: agent.clone(), view: offerable });
        }
    }
}

fn compare_lent(
    view: &View,
    ledger: &Ledger,
    expected: &Expected,
    differences: &mut Vec<Difference>,
) {
    let users: BTreeSet<&Bidder> = view.users().chain(expected.revocable.keys()).collect();
    for bidder in users {
        let amounts = expected.revocable.get(bidder).cloned().unwrap_or_default();
        if view.revocable(bidder) != amounts {
            let (bidder, view) = (bidder.clone(), view.revocable(bidder));
            differences.push(Difference::Revocable { bidder, view, expected: amounts });
        }
    }
    for (id, agent) in ledger.agents().iter().filter(|(_, it)| it.state != AgentState::Removed) {
        let there = ledger.takes_tasks(agent).then(|| expected.lent.get(id)).flatten();
        let expected = there.cloned().unwrap_or_default();
        let lent = view.place(id).map_or_else(Amounts::new, |place| view.revocable_at(place));
        if lent != expected {
            differences.push(Difference::Lent { agent: id.clone(), view: lent, expected });
        }
    }
}

fn compare_usage(view: &View, expected: &Expected, differences: &mut Vec<Difference>) {
    let users: BTreeSet<Bidder> = view.users().chain(expected.used.keys()).cloned().collect();
    for bidder in users {
        let (used, amounts) = (view.used(&bidder), expected.used.get(&bidder));
        let amounts = amounts.cloned().unwrap_or_default();
        if amounts.is_empty() {
            differences.push(Difference::Leftover { bidder: bidder.clone() });
        }
        if used != amounts {
            differences.push(Difference::Used { bidder, view: used, expected: amounts });
        }
    }
}
