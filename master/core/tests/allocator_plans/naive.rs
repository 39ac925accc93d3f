//! The oracle: what a plan is by definition, worked out from the ledger's tasks, the book's offers
//! and a list of filters, for every agent and everybody, each time. Shares nothing with the
//! allocator but the types of the model.

use master_core::{
    allocator::{Bidder, PlannedOffer},
    ledger::{AgentState, Ledger},
    offers::Book,
};
use proto::model::{AgentId, FrameworkId, Instant, Milli, ResourceName, Resources, Role, Value};
use std::{cmp::Ordering, collections::BTreeMap};

pub(crate) struct Naive {
    weights: BTreeMap<Role, Milli>,
    /// Who is subscribed in which role, and whether it is suppressed.
    wishes: BTreeMap<FrameworkId, BTreeMap<Role, bool>>,
    pub(crate) filters: Vec<(Bidder, AgentId, Resources, Instant)>,
    start: Option<AgentId>,
}

/// Somebody's use of an agent's resources.
struct Use {
    bidder: Bidder,
    agent: AgentId,
    resources: Resources,
}

/// A fraction of small numbers.
#[derive(Clone, Copy)]
struct Fraction(u128, u128);

impl Fraction {
    fn compare(self, other: Fraction) -> Ordering {
        (self.0 * other.1).cmp(&(other.0 * self.1))
    }
}

impl Naive {
    pub(crate) fn new(weights: BTreeMap<Role, Milli>) -> Self {
        Self { weights, wishes: BTreeMap::new(), filters: Vec::new(), start: None }
    }

    /// A new allocator begins.
    pub(crate) fn restart(&mut self) {
        self.start = None;
    }

    pub(crate) fn subscribe(&mut self, id: FrameworkId, roles: &[Role], suppressed: &[Role]) {
        self.unsubscribe(id);
        let wish = roles.iter().map(|role| (role.clone(), suppressed.contains(role))).collect();
        self.wishes.insert(id, wish);
    }

    pub(crate) fn unsubscribe(&mut self, id: FrameworkId) {
        self.wishes.remove(&id);
        self.filters.retain(|filter| filter.0.framework != id);
    }

    pub(crate) fn suppress(&mut self, id: FrameworkId, roles: &[Role]) -> bool {
        self.set_suppressed(id, roles, true)
    }

    pub(crate) fn revive(&mut self, id: FrameworkId, roles: &[Role]) -> bool {
        let done = self.set_suppressed(id, roles, false);
        let meant = |role: &Role| roles.is_empty() || roles.contains(role);
        if done {
            self.filters.retain(|(bidder, ..)| bidder.framework != id || !meant(&bidder.role));
        }
        done
    }

    fn set_suppressed(&mut self, id: FrameworkId, roles: &[Role], suppressed: bool) -> bool {
        let Some(wish) = self.wishes.get_mut(&id) else { return false };
        if !roles.iter().all(|role| wish.contains_key(role)) {
            return false;
        }
        let meant = |role: &Role| roles.is_empty() || roles.contains(role);
        wish.iter_mut().filter(|(role, _)| meant(role)).for_each(|(_, state)| *state = suppressed);
        true
    }

    pub(crate) fn refuse(&mut self, who: Bidder, agent: AgentId, what: Resources, until: Instant) {
        let subscribed = self.wishes.get(&who.framework).is_some_and(|w| w.contains_key(&who.role));
        let same = |(bidder, id, ..): &&(_, _, _, _)| *bidder == who && *id == agent;
        let known = self.filters.iter().find(same);
        let covered = known.is_some_and(|(_, _, old, end)| *end >= until && old.contains(&what));
        if subscribed && !covered {
            self.filters.retain(|(bidder, id, ..)| *bidder != who || *id != agent);
            self.filters.push((who, agent, what, until));
        }
    }

    /// The plan by definition.
    pub(crate) fn plan(&mut self, now: Instant, ledger: &Ledger, book: &Book) -> Vec<PlannedOffer> {
        let mut uses = uses(ledger, book);
        let agents: Vec<_> = ledger.agents().iter().map(|(id, _)| id.clone()).collect();
        let started = |id: &&AgentId| self.start.as_ref().is_some_and(|start| *id <= start);
        let later = agents.iter().filter(|id| !started(id));
        let mut offers = Vec::new();
        for agent in later.chain(agents.iter().filter(started)) {
            let bidders = self.eligible(now, ledger, &uses, agent);
            let rank = |a: &Bidder, b: &Bidder| self.rank(ledger, &uses, a, b);
            let Some(first) = bidders.into_iter().min_by(rank) else { continue };
            let resources = free(ledger, &uses, agent).unwrap();
            let Bidder { framework, role } = first.clone();
            uses.push(Use { bidder: first, agent: agent.clone(), resources: resources.clone() });
            offers.push(PlannedOffer { framework, role, agent: agent.clone(), resources });
        }
        self.start = offers.first().map(|offer| offer.agent.clone()).or(self.start.take());
        offers
    }

    /// Everything that could be offered now to somebody.
    pub(crate) fn possible(
        &self,
        now: Instant,
        ledger: &Ledger,
        book: &Book,
    ) -> Vec<(AgentId, Bidder)> {
        let uses = uses(ledger, book);
        let agents = ledger.agents().iter().map(|(id, _)| id.clone());
        let pairs = agents.flat_map(|agent| {
            let bidders = self.eligible(now, ledger, &uses, &agent);
            bidders.into_iter().map(move |bidder| (agent.clone(), bidder))
        });
        pairs.collect()
    }

    /// Who may be offered what is free on the agent.
    fn eligible(&self, now: Instant, ledger: &Ledger, uses: &[Use], id: &AgentId) -> Vec<Bidder> {
        let Some(free) = free(ledger, uses, id) else { return Vec::new() };
        let refused = |who: &Bidder| {
            self.filters.iter().any(|(bidder, agent, what, until)| {
                bidder == who && agent == id && *until > now && what.contains(&free)
            })
        };
        let wishes = self.wishes.iter();
        let wanted = wishes.flat_map(|(framework, roles)| {
            let wanted = roles.iter().filter(|(_, suppressed)| !**suppressed);
            wanted.map(|(role, _)| Bidder { framework: *framework, role: role.clone() })
        });
        wanted.filter(|bidder| !refused(bidder)).collect()
    }

    fn rank(&self, ledger: &Ledger, uses: &[Use], a: &Bidder, b: &Bidder) -> Ordering {
        let role_share = |role: &Role| {
            let weight = self.weights.get(role).map_or(1_000, |weight| weight.0);
            let Fraction(n, d) = share(ledger, uses, |bidder| bidder.role == *role);
            Fraction(n, d * u128::try_from(weight).unwrap())
        };
        let roles = role_share(&a.role).compare(role_share(&b.role));
        let share_of = |who: &Bidder| share(ledger, uses, |bidder| bidder == who);
        let frameworks = || share_of(a).compare(share_of(b));
        let ids = || a.framework.cmp(&b.framework);
        roles.then_with(|| a.role.cmp(&b.role)).then_with(frameworks).then_with(ids)
    }
}

fn uses(ledger: &Ledger, book: &Book) -> Vec<Use> {
    let offers = book.holding().map(|offer| Use {
        bidder: Bidder { framework: offer.framework, role: offer.role.clone() },
        agent: offer.agent.clone(),
        resources: offer.resources.clone(),
    });
    let live = ledger.tasks().iter().filter(|(_, task)| !task.status.state.is_terminal());
    let tasks = live.map(|(key, task)| Use {
        bidder: Bidder { framework: key.framework, role: task.role.clone() },
        agent: task.info.agent.clone(),
        resources: task.info.resources.clone(),
    });
    offers.chain(tasks).collect()
}

/// What is free on an agent, if it is there and that is worth an offer.
fn free(ledger: &Ledger, uses: &[Use], id: &AgentId) -> Option<Resources> {
    let agent = ledger.agent(id).filter(|agent| agent.state == AgentState::Registered)?;
    let here = uses.iter().filter(|used| used.agent == *id);
    let free = here.fold(agent.info.resources.clone(), |free, used| {
        free.checked_sub(&used.resources).expect("nothing is used twice")
    });
    let enough =
        free.scalar(&ResourceName::CPUS).0 >= 10 || free.scalar(&ResourceName::MEM).0 >= 32_000;
    enough.then_some(free)
}

/// The largest share of any scalar that those users have together.
fn share(ledger: &Ledger, uses: &[Use], whose: impl Fn(&Bidder) -> bool) -> Fraction {
    let mut totals: BTreeMap<&ResourceName, u128> = BTreeMap::new();
    let agents = ledger.agents().iter().map(|(_, agent)| agent);
    for agent in agents.filter(|agent| agent.state != AgentState::Removed) {
        for (name, value) in agent.info.resources.iter() {
            if let Value::Scalar(milli) = value {
                *totals.entry(name).or_default() += u128::try_from(milli.0).unwrap();
            }
        }
    }
    let shares = totals.into_iter().map(|(name, total)| {
        let theirs = uses.iter().filter(|used| whose(&used.bidder));
        let used: i64 = theirs.map(|used| used.resources.scalar(name).0).sum();
        Fraction(u128::try_from(used).unwrap(), total)
    });
    shares.max_by(|a, b| a.compare(*b)).unwrap_or(Fraction(0, 1))
}
