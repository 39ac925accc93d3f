//! The oracle's fairness: the tree of roles and their quota, worked out from all uses for every
//! question that is asked.

use crate::naive::{Use, is_enough, left_on};
use master_core::{
    allocator::Bidder,
    ledger::{AgentState, Ledger},
};
use proto::model::{AgentId, Milli, Ranges, ResourceName, Resources, Role, Value};
use std::{cmp::Ordering, collections::BTreeMap};

/// Thousandths by resource.
pub(crate) type Sum = BTreeMap<String, u128>;

/// Whether an offer serves what somebody is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Served {
    NothingOwed,
    NotHere,
    Here,
}

/// All that fairness depends on.
pub(crate) struct Moment<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) uses: &'a [Use],
    pub(crate) weights: &'a BTreeMap<Role, Milli>,
    /// Who wants offers.
    pub(crate) active: Vec<Bidder>,
}

/// A node on the way from the root to a framework, ordered as ties are broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Own(Role),
    Framework(Bidder),
    Role(Role),
}

/// A fraction of small numbers.
#[derive(Clone, Copy)]
struct Fraction(u128, u128);

impl Fraction {
    fn compare(self, other: Fraction) -> Ordering {
        (self.0 * other.1).cmp(&(other.0 * self.1))
    }
}

fn is_in(role: &Role, above: &Role) -> bool {
    role == above || role.as_str().starts_with(&format!("{above}/"))
}

/// What there is, with a thousand for each port.
pub(crate) fn counted(resources: &Resources) -> Sum {
    let counted = resources.iter().map(|(name, value)| {
        let milli = match value {
            Value::Scalar(milli) => u128::try_from(milli.0).unwrap(),
            Value::Ranges(ports) => {
                ports.iter().map(|(begin, end)| u128::from(end - begin + 1) * 1_000).sum()
            }
            Value::Set(_) | Value::Devices(_) => unreachable!("histories have neither"),
        };
        (name.to_string(), milli)
    });
    counted.collect()
}

/// Of ports there is no share.
fn shared(resources: &Resources) -> Sum {
    let mut sum = counted(resources);
    sum.retain(|name, _| {
        matches!(
            resources.iter().find(|(own, _)| own.as_str() == name),
            Some((_, Value::Scalar(_)))
        )
    });
    sum
}

pub(crate) fn get(sum: &Sum, name: &str) -> u128 {
    sum.get(name).copied().unwrap_or(0)
}

fn less(sum: &Sum, piece: &Sum) -> Sum {
    sum.iter().map(|(name, milli)| (name.clone(), milli.saturating_sub(get(piece, name)))).collect()
}

pub(crate) fn add(sum: &mut Sum, other: &Sum) {
    for (name, milli) in other {
        *sum.entry(name.clone()).or_default() += milli;
    }
}

impl Moment<'_> {
    // === shares ===

    fn used(&self, whose: impl Fn(&Bidder) -> bool) -> Sum {
        let mut sum = Sum::new();
        for used in self.uses.iter().filter(|used| whose(&used.bidder)) {
            add(&mut sum, &counted(&used.resources));
        }
        sum
    }

    fn used_in(&self, role: &Role) -> Sum {
        self.used(|bidder| is_in(&bidder.role, role))
    }

    /// Without what is revocable, which a guarantee does not give.
    fn used_firmly_in(&self, role: &Role) -> Sum {
        let mut sum = Sum::new();
        let own = self.uses.iter().filter(|used| is_in(&used.bidder.role, role));
        own.filter(|used| !used.revocable)
            .for_each(|used| add(&mut sum, &counted(&used.resources)));
        sum
    }

    /// What could be had back on an agent.
    fn lent_on(&self, agent: &AgentId) -> Sum {
        let mut sum = Sum::new();
        let here = self.uses.iter().filter(|used| used.revocable && used.agent == *agent);
        here.for_each(|used| add(&mut sum, &counted(&used.resources)));
        sum
    }

    /// The largest share of any scalar that a node has, over its weight.
    fn share(&self, node: &Node) -> Fraction {
        let mut totals = Sum::new();
        let agents = self.ledger.agents().iter().map(|(_, agent)| agent);
        for agent in agents.filter(|agent| agent.state != AgentState::Removed) {
            add(&mut totals, &shared(&agent.info.resources));
        }
        let (used, weight) = match node {
            Node::Role(role) => {
                let said = self.ledger.roles().weight(role);
                let weight = said.or(self.weights.get(role).copied());
                (self.used_in(role), weight.map_or(1_000, |weight| weight.0))
            }
            Node::Own(role) => (self.used(|bidder| bidder.role == *role), 1_000),
            Node::Framework(who) => (self.used(|bidder| bidder == who), 1_000),
        };
        let weight = u128::try_from(weight).unwrap();
        let shares = totals.iter().map(|(name, total)| Fraction(get(&used, name), total * weight));
        shares.max_by(|a, b| a.compare(*b)).unwrap_or(Fraction(0, 1))
    }

    /// Who is served first.
    pub(crate) fn rank(&self, a: &Bidder, b: &Bidder) -> Ordering {
        let way = |bidder: &Bidder| {
            let mut way: Vec<_> = bidder.role.ancestors().map(Node::Role).collect();
            way.reverse();
            way.push(Node::Own(bidder.role.clone()));
            way.push(Node::Framework(bidder.clone()));
            way
        };
        let (a, b) = (way(a), way(b));
        let fork = a.iter().zip(&b).find(|(a, b)| a != b);
        fork.map_or(Ordering::Equal, |(a, b)| {
            let owed = self.is_owed_below(b).cmp(&self.is_owed_below(a));
            let shares = || self.share(a).compare(self.share(b));
            owed.then_with(shares).then_with(|| a.cmp(b))
        })
    }

    // === quota ===

    /// What a role is promised and has not; `None` when that could not be placed anyway.
    fn owed(&self, role: &Role) -> Option<Sum> {
        let quota = self.ledger.roles().quota(role)?;
        let owed = less(&counted(quota.guarantee()), &self.used_firmly_in(role));
        let placeable = match quota.shape() {
            Some(shape) => counted(shape).iter().all(|(name, one)| get(&owed, name) >= *one),
            None => owed.values().all(|milli| *milli > 0),
        };
        (placeable && !owed.is_empty()).then_some(owed)
    }

    fn limit_left(&self, role: &Role) -> Sum {
        let Some(quota) = self.ledger.roles().quota(role) else { return Sum::new() };
        let used = self.used_in(role);
        let left = |name: &ResourceName, most: Milli| {
            u128::try_from(most.0).unwrap().saturating_sub(get(&used, name.as_str()))
        };
        quota.limits().map(|(name, most)| (name.to_string(), left(name, most))).collect()
    }

    fn is_exhausted(&self, role: &Role) -> bool {
        let left = self.limit_left(role);
        let below = |name: &str, least: u128| left.get(name).is_some_and(|left| *left < least);
        below("cpus", 10) && below("mem", 32_000)
    }

    /// Whether no role that the bidder is in has exhausted its limits.
    pub(crate) fn stands(&self, bidder: &Bidder) -> bool {
        !bidder.role.ancestors().any(|role| self.is_exhausted(&role))
    }

    /// Whether something in the node is owed something and wants offers.
    fn is_owed_below(&self, node: &Node) -> bool {
        let Node::Role(top) = node else { return false };
        let standing = self.active.iter().filter(|bidder| self.stands(bidder));
        let mut below = standing.filter(|bidder| is_in(&bidder.role, top));
        below.any(|bidder| {
            let between = bidder.role.ancestors().filter(|role| is_in(role, top));
            between.into_iter().any(|role| self.owed(&role).is_some())
        })
    }

    /// The part of what is free that serves what a role is owed.
    fn piece(&self, role: &Role, owed: &Sum, free: &Sum) -> Sum {
        match self.ledger.roles().quota(role).unwrap().shape() {
            Some(shape) => {
                let shape = counted(shape);
                let fits =
                    |(name, one): (&String, &u128)| get(free, name).min(get(owed, name)) / one;
                let times = shape.iter().map(fits).min().unwrap();
                let piece = shape.iter().map(|(name, one)| (name.clone(), one * times));
                piece.filter(|(_, milli)| *milli > 0).collect()
            }
            None => {
                let part =
                    |(name, owed): (&String, &u128)| (name.clone(), get(free, name).min(*owed));
                let piece: Sum = owed.iter().map(part).collect();
                match piece.values().all(|milli| *milli > 0) {
                    true => piece,
                    false => Sum::new(),
                }
            }
        }
    }

    /// What is kept of what is free on agents, in this order, for roles that are owed something: of
    /// their pieces what could not be had back from others there.
    pub(crate) fn kept(&self, agents: &[AgentId]) -> BTreeMap<AgentId, Vec<(Role, Sum)>> {
        let mut kept = self.pieces(agents);
        for (agent, pieces) in &mut kept {
            let mut lent = self.lent_on(agent);
            for (_, piece) in pieces {
                let all = piece.clone();
                *piece = less(piece, &lent);
                lent = less(&lent, &all);
            }
        }
        kept
    }

    /// The pieces of what roles are owed on agents, in this order, of what is free and of what
    /// could be had back.
    fn pieces(&self, agents: &[AgentId]) -> BTreeMap<AgentId, Vec<(Role, Sum)>> {
        let mut kept: BTreeMap<AgentId, Vec<(Role, Sum)>> = BTreeMap::new();
        let roles: Vec<_> = self.ledger.roles().iter().map(|(role, _)| role).collect();
        for role in roles.into_iter().rev() {
            let Some(mut owed) = self.owed(role) else { continue };
            for above in role.ancestors() {
                for (name, left) in self.limit_left(&above) {
                    owed.entry(name).and_modify(|milli| *milli = left.min(*milli));
                }
            }
            for (below, piece) in kept.values().flatten() {
                if is_in(below, role) {
                    owed = less(&owed, piece);
                }
            }
            for agent in agents {
                let Some(free) = left_on(self.ledger, self.uses, agent) else { continue };
                let mut all = self.lent_on(agent);
                if all.values().all(|milli| *milli == 0) && !is_enough(&free) {
                    continue;
                }
                add(&mut all, &counted(&free));
                let there = kept.entry(agent.clone()).or_default();
                let left = there.iter().fold(all, |left, (_, piece)| less(&left, piece));
                let piece = self.piece(role, &owed, &left);
                if !piece.is_empty() {
                    owed = less(&owed, &piece);
                    there.push((role.clone(), piece));
                }
                if self.piece(role, &owed, &owed).is_empty() {
                    break;
                }
            }
        }
        kept
    }

    /// What is kept for each role and those below it.
    pub(crate) fn kept_in_all(&self, agents: &[AgentId]) -> BTreeMap<Role, Sum> {
        let mut sums = BTreeMap::<Role, Sum>::new();
        for (role, piece) in self.pieces(agents).values().flatten() {
            role.ancestors().for_each(|above| add(sums.entry(above).or_default(), piece));
        }
        sums
    }

    /// Whether a role is owed something.
    fn owes_role(&self, role: &Role) -> bool {
        self.owed(role).is_some()
    }

    /// Whether a role is owed something that stands alone. Within a limit that several roles are
    /// under, what one is promised is not kept from the others; and of guarantees within
    /// guarantees, in pieces of several shapes, only the sum of what is used is kept in order.
    pub(crate) fn owes_alone(&self, role: &Role) -> bool {
        let promised = |other: &Role| {
            let quota = self.ledger.roles().quota(other);
            other != role && quota.is_some_and(|quota| !quota.guarantee().is_empty())
        };
        let mut all = self.ledger.roles().iter().map(|(other, _)| other);
        let nested = all.any(|other| promised(other) && (is_in(other, role) || is_in(role, other)));
        let limited = role.ancestors().any(|above| !self.limit_left(&above).is_empty());
        self.owes_role(role) && !nested && !limited
    }

    /// Whether any role that a bidder is in is owed something.
    pub(crate) fn owes(&self, bidder: &Bidder) -> bool {
        bidder.role.ancestors().any(|role| self.owes_role(&role))
    }

    /// What a bidder may have of what is free on an agent.
    pub(crate) fn part_for(
        &self,
        (bidder, revocable): (&Bidder, bool),
        free: &Resources,
        kept: &[(Role, Sum)],
    ) -> Option<(Served, Resources)> {
        // What is kept is lent.
        let others = kept.iter().filter(|(role, _)| !is_in(&bidder.role, role) && !revocable);
        let mut allowed = others.fold(counted(free), |left, (_, piece)| less(&left, piece));
        for role in bidder.role.ancestors() {
            for (name, left) in self.limit_left(&role) {
                allowed.entry(name).and_modify(|milli| *milli = left.min(*milli));
            }
        }
        let mut served = Served::NothingOwed;
        if revocable && self.owes(bidder) {
            served = Served::NotHere;
        }
        for role in bidder.role.ancestors().filter(|_| !revocable) {
            let Some(owed) = self.owed(&role) else { continue };
            let piece = self.piece(&role, &owed, &allowed);
            served = match (piece.is_empty(), served) {
                (false, _) => Served::Here,
                (true, Served::NothingOwed) => Served::NotHere,
                (true, other) => other,
            };
            allowed.extend(piece);
        }
        if served == Served::NotHere && !revocable {
            allowed = kept.iter().fold(counted(free), |left, (_, piece)| less(&left, piece));
            for role in bidder.role.ancestors() {
                for (name, left) in self.limit_left(&role) {
                    allowed.entry(name).and_modify(|milli| *milli = left.min(*milli));
                }
            }
        }
        let part = Resources::from_entries(free.iter().map(|(name, value)| match value {
            Value::Scalar(_) => {
                let milli = i64::try_from(get(&allowed, name.as_str())).unwrap();
                (name.clone(), Value::Scalar(Milli(milli)))
            }
            Value::Ranges(ports) => {
                let count = usize::try_from(get(&allowed, name.as_str()) / 1_000).unwrap();
                let first = ports.iter().flat_map(|(begin, end)| begin..=end).take(count);
                let first = first.map(|port| (port, port)).collect();
                (name.clone(), Value::Ranges(Ranges::new(first).unwrap()))
            }
            other => (name.clone(), other.clone()),
        }));
        let part = part.unwrap();
        is_enough(&part).then_some((served, part))
    }
}
