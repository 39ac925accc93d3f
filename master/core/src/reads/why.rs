//! Why a framework, one of its demands or a task gets nothing.
//!
//! Worked out when somebody asks, from what the last plan left: whatever is free then, nobody could
//! be given. So the reason is among what the framework wants, what it refused, and what keeps it
//! back; the first of these that holds is the answer, with the numbers behind it.

use super::{Moment, Viewer, task_summary, why_demand::DemandView, why_preemption};
use crate::{
    Ledger,
    allocator::{
        Amounts, Bidder, CPUS_MIN, Charge, MEM_MIN, View, demand::BidderIndex, tree::Whom,
    },
    input::{WhyQuery, WhySubject},
    ledger::Task,
    master::leadership::Leadership,
};
use proto::{
    convert::{decline::write_decline_count, demand::write_constraint},
    model::{
        DeclineReason, DemandId, FrameworkId, Milli, OfferTerms, Reason, Refusal, ResourceName,
        Resources, Role, TaskId, Value, limits,
        offer_terms::{OfferGroup, holds_amounts},
    },
    wire::v1::{self, WhyState},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Pairs of a demand and an agent that one answer looks at.
const PAIRS_MAX: usize = 1_000_000;

pub(super) fn why(
    moment: &Moment,
    leader: Option<&Leadership>,
    query: &WhyQuery,
    viewer: &Viewer,
) -> Result<v1::WhyResponse, Refusal> {
    let not_leading = || Refusal::new(Reason::NotReady, "only a leader knows who is offered what");
    let leader = leader.ok_or_else(not_leading)?;
    let (ledger, now) = (&moment.ledger, moment.time);
    let past = |framework, demand| {
        let of = (framework, query.role.as_ref(), demand);
        leader.past.list((ledger, viewer), now, of)
    };
    let mut past_demands = Vec::new();
    let (demand, pairs_left) = (None, PAIRS_MAX);
    let mut asked = Asked { ledger, leader, viewer, holds: &moment.holds, demand, pairs_left };
    let (mut bidders, task) = match &query.subject {
        WhySubject::Framework(framework) => {
            let bidders = asked.bidders_of(*framework)?;
            past_demands = past(Some(*framework), None);
            (bidders, None)
        }
        WhySubject::Demand { framework, demand } => {
            asked.demand = Some(demand);
            past_demands = past(*framework, Some(demand));
            match asked.bidders_wanting(*framework, demand) {
                // It was wanted, and that is remembered.
                Err(_) if !past_demands.is_empty() => (Vec::new(), None),
                bidders => (bidders?, None),
            }
        }
        WhySubject::Task { framework, task } => {
            let task = asked.task(*framework, task)?;
            let bidder = Bidder { framework: task.key.framework, role: task.role.clone() };
            (vec![bidder], Some(viewer.shown(task_summary(task))))
        }
    };
    if let Some(role) = &query.role {
        bidders.retain(|bidder| bidder.role == *role);
        if bidders.is_empty() && past_demands.is_empty() {
            let message = format!("nothing of that is in role {role}");
            return Err(Refusal::invalid("role", message));
        }
    }
    bidders.truncate(limits::STANDINGS_MAX);
    let standings = bidders.iter().map(|bidder| asked.standing(bidder)).collect();
    Ok(v1::WhyResponse { task, standings, past: past_demands })
}

/// Who asks about what, and in which state of things.
struct Asked<'a> {
    ledger: &'a Ledger,
    leader: &'a Leadership,
    viewer: &'a Viewer,
    holds: &'a BTreeMap<FrameworkId, v1::HoldCharge>,
    /// Only this one.
    demand: Option<&'a DemandId>,
    pairs_left: usize,
}

/// What keeps a bidder back that has not refused what it could have.
enum Bound {
    Limit(Role, Vec<ResourceName>),
    KeptFor(Role),
}

impl Asked<'_> {
    fn bidders_of(&self, framework: FrameworkId) -> Result<Vec<Bidder>, Refusal> {
        let row = self.ledger.framework(framework);
        let Some(row) = row.filter(|_| self.viewer.sees(self.ledger, framework)) else {
            let message = format!("there is no {framework}");
            return Err(Refusal::new(Reason::FrameworkUnknown, message).at("framework_id"));
        };
        let bidder = |role: &Role| Bidder { framework, role: role.clone() };
        Ok(row.info.roles.iter().map(bidder).collect())
    }

    fn bidders_wanting(
        &self,
        framework: Option<FrameworkId>,
        demand: &DemandId,
    ) -> Result<Vec<Bidder>, Refusal> {
        let candidates: Vec<Bidder> = match framework {
            Some(framework) => self.bidders_of(framework)?,
            None => {
                let all = self.leader.demand.bidders();
                all.filter(|bidder| self.viewer.sees(self.ledger, bidder.framework)).collect()
            }
        };
        let wants = |bidder: &Bidder| {
            let index = self.leader.demand.index(bidder.framework, &bidder.role);
            let wanted = index.and_then(|index| self.leader.demand.wanted(index));
            wanted.is_some_and(|wanted| wanted.entries().iter().any(|entry| entry.id() == demand))
        };
        let wanting: Vec<Bidder> = candidates.into_iter().filter(wants).collect();
        match wanting.is_empty() {
            false => Ok(wanting),
            true => Err(Refusal::invalid("demand_id", format!("nobody has stated {demand}"))),
        }
    }

    fn task(&self, framework: Option<FrameworkId>, id: &TaskId) -> Result<&Task, Refusal> {
        super::listings::find_task(self.ledger, framework, id, self.viewer)
    }

    fn standing(&mut self, bidder: &Bidder) -> v1::Standing {
        let Bidder { framework, role } = bidder;
        let demand = &self.leader.demand;
        let index = demand.index(*framework, role);
        let wanted = index.and_then(|index| demand.wanted(index));
        let offers = self.leader.book.of_framework(*framework);
        let mut standing = v1::Standing {
            framework_id: framework.to_string(),
            role: role.to_string(),
            offers: offers.filter(|offer| offer.role == *role).count() as u64,
            free_agents: self.leader.view.offerable().len() as u64,
            decline_message: demand.said(*framework, role).unwrap_or_default().to_owned(),
            rank: self.rank(bidder),
            states_demand: wanted.is_some(),
            hold_charge: self.holds.get(framework).copied(),
            ..v1::Standing::default()
        };
        if let Some(index) = index {
            self.count_refused(index, &mut standing);
            if wanted.is_none()
                && let Some(terms) = demand.terms(index)
            {
                count_terms(&self.leader.view, terms, &mut standing);
            }
        }
        if let (Some(index), Some(wanted)) = (index, wanted) {
            let view = DemandView { ledger: self.ledger, leader: self.leader, bidder: index, role };
            let entries = wanted.entries().iter();
            let agents = self.ledger.agents().iter().count().max(1);
            for entry in entries.filter(|it| self.demand.is_none_or(|only| it.id() == only)) {
                let looked_at = self.pairs_left >= agents;
                self.pairs_left = self.pairs_left.saturating_sub(agents);
                let mut row = view.standing(entry, looked_at);
                row.preemption = why_preemption::standing(self.ledger, self.leader, bidder, entry);
                standing.demands.push(row);
            }
        }
        self.decide(bidder, &mut standing);
        standing
    }

    /// Agents with something free that it has refused for a while, and why.
    fn count_refused(&self, bidder: BidderIndex, standing: &mut v1::Standing) {
        let filters = self.leader.demand.filters();
        let mut counts = BTreeMap::<DeclineReason, u64>::new();
        for place in self.leader.view.offerable().iter() {
            let filter = filters.of_agent(place).and_then(|filters| filters.get(bidder));
            if let Some(filter) = filter {
                *counts.entry(filter.reason()).or_default() += 1;
            }
        }
        standing.filtered_agents = counts.values().sum();
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(reason, agents)| (Reverse(*agents), *reason));
        standing.refused = counts.into_iter().map(write_decline_count).collect();
    }

    /// Finds the first reason that holds.
    fn decide(&self, bidder: &Bidder, standing: &mut v1::Standing) {
        let suppressed = self.leader.demand.suppressed(bidder.framework, &bidder.role);
        let open = standing.demands.iter().filter(|demand| demand.pieces_left > 0);
        let open: Vec<&v1::DemandStanding> = open.collect();
        let fits = |demand: &&v1::DemandStanding| match demand.gang_needed {
            0 => demand.agents_fitting > 0,
            needed => demand.gang_collected >= needed,
        };
        let states = standing.states_demand;
        let is_hopeless = states && open.iter().all(|demand| never_fits(demand));
        let state = if suppressed.is_none() {
            WhyState::WhyNotSubscribed
        } else if suppressed == Some(true) {
            WhyState::WhySuppressed
        } else if self.leader.shared.shows(bidder.framework, &bidder.role) {
            WhyState::WhyShared
        } else if standing.offers > 0 {
            WhyState::WhyServed
        } else if states && open.is_empty() {
            WhyState::WhyWantsNothing
        } else if is_hopeless {
            WhyState::WhyNothingFits
        } else if let Some(bound) = self.limited(bidder, &open) {
            return bound.write(standing);
        } else if standing.free_agents == 0 {
            match self.holder(bidder) {
                Some(holder) => return self.write_behind(&holder, standing),
                None => WhyState::WhyNoFreeAgents,
            }
        } else if !states && has_terms(standing) && standing.terms_met == 0 {
            WhyState::WhyTermsUnmet
        } else if self.has_refused(standing, &open) {
            WhyState::WhyFiltered
        } else if states && !open.iter().any(fits) {
            WhyState::WhyNothingFits
        } else if let Some(bound) = self.kept(bidder, &open) {
            return bound.write(standing);
        } else {
            WhyState::WhyNothingNew
        };
        standing.set_state(state);
    }

    /// Whether it could have something, had it not refused it.
    fn has_refused(&self, standing: &v1::Standing, open: &[&v1::DemandStanding]) -> bool {
        match standing.states_demand {
            true => {
                let fits = open.iter().any(|demand| demand.agents_fitting > 0);
                !fits && open.iter().any(|demand| demand.agents_refused > 0)
            }
            false => standing.filtered_agents >= standing.free_agents,
        }
    }

    /// Its place in the order of fairness, from 1.
    fn rank(&self, bidder: &Bidder) -> u64 {
        let tree = self.leader.allocator.tree();
        let Some(leaf) = tree.leaf(bidder) else { return 0 };
        let mut rank = 0;
        let found = tree.first(Whom::All, |other, _| {
            rank += 1;
            (other == leaf).then_some(())
        });
        found.map_or(0, |()| rank)
    }

    /// Of the others who hold offers, the one that is first in the order of fairness.
    fn holder(&self, bidder: &Bidder) -> Option<Bidder> {
        let offers = self.leader.book.iter(None);
        let holders =
            offers.map(|offer| Bidder { framework: offer.framework, role: offer.role.clone() });
        let others: BTreeSet<Bidder> = holders.filter(|holder| holder != bidder).collect();
        let tree = self.leader.allocator.tree();
        let first = tree.first(Whom::All, |leaf, _| {
            let other = tree.bidder(leaf);
            others.contains(&other).then_some(other)
        });
        // Who has all that it wants is not in that order.
        first.or_else(|| others.first().cloned())
    }

    fn write_behind(&self, holder: &Bidder, standing: &mut v1::Standing) {
        standing.set_state(WhyState::WhyBehind);
        standing.behind_role = holder.role.to_string();
        // Who they are is nobody else's business.
        if self.viewer.sees(self.ledger, holder.framework) {
            standing.behind_framework_id = holder.framework.to_string();
        }
    }

    /// The first limit, from its own role upwards, that leaves too little for anything it wants.
    fn limited(&self, bidder: &Bidder, open: &[&v1::DemandStanding]) -> Option<Bound> {
        bidder.role.ancestors().find_map(|role| {
            let quota = self.ledger.roles().quota(&role)?;
            let used = self.used(&role);
            let left = |name: &ResourceName| {
                let most = u128::try_from(quota.limit(name)?.0).expect("limits are not negative");
                Some(most.saturating_sub(used.get(name)))
            };
            let too_little = |needs: &Amounts| -> Vec<ResourceName> {
                let short = needs
                    .iter()
                    .filter(|(name, milli)| left(name).is_some_and(|left| left < *milli));
                short.map(|(name, _)| name.clone()).collect()
            };
            let needs: Vec<Amounts> = match open.is_empty() {
                // Less of both is not offered.
                true => {
                    vec![least(ResourceName::CPUS, CPUS_MIN), least(ResourceName::MEM, MEM_MIN)]
                }
                false => open.iter().map(|demand| needs_of(demand)).collect(),
            };
            let short: Vec<_> = needs.iter().map(too_little).collect();
            if short.iter().any(Vec::is_empty) {
                return None;
            }
            let mut names: Vec<ResourceName> = short.into_iter().flatten().collect();
            names.sort();
            names.dedup();
            Some(Bound::Limit(role, names))
        })
    }

    /// A role that is promised something that it does not have, and that is not above the bidder's.
    /// To what is revocable that is lent.
    fn kept(&self, bidder: &Bidder, open: &[&v1::DemandStanding]) -> Option<Bound> {
        let index = self.leader.demand.index(bidder.framework, &bidder.role);
        let terms = index.and_then(|index| self.leader.demand.terms(index));
        let is_revocable =
            |it: &&v1::DemandStanding| it.demand.as_ref().is_some_and(|it| it.revocable);
        let borrows = match open.is_empty() {
            true => terms.is_some_and(|terms| terms.revocable),
            false => open.iter().all(is_revocable),
        };
        if borrows {
            return None;
        }
        let roles = self.ledger.roles();
        let others = roles.quotas().filter(|(role, _)| !bidder.role.is_within(role));
        let owed = |role: &Role, guarantee: &Resources| {
            let mut used = self.used(role);
            used.take_some(&self.revocable(role));
            Amounts::of(guarantee).iter().any(|(name, milli)| used.get(name) < milli)
        };
        let owed = others.filter(|(role, quota)| owed(role, quota.guarantee()));
        owed.map(|(role, _)| Bound::KeptFor(role.clone())).next()
    }

    /// What counts towards a role's quota: what its tasks and those of the roles below it use, what
    /// is reserved for them, and what they are offered.
    fn used(&self, role: &Role) -> Amounts {
        let used = Amounts::of(self.ledger.roles().allocated(role));
        let mut used = Charge::of(self.ledger, role).with(&used).into_owned();
        for offer in self.leader.book.iter(None).filter(|offer| offer.role.is_within(role)) {
            used.add(&Amounts::of(&offer.unreserved()));
        }
        used
    }

    /// What of that is revocable, which a guarantee does not give.
    fn revocable(&self, role: &Role) -> Amounts {
        let mut sum = Amounts::new();
        let tasks = self.ledger.revocable_by_user().filter(|(own, _)| own.is_within(role));
        tasks.for_each(|(_, taken)| sum.add(&Amounts::of(taken)));
        let offers = self.leader.book.iter(None).filter(|offer| offer.revocable);
        let own = offers.filter(|offer| offer.role.is_within(role));
        own.for_each(|offer| sum.add(&Amounts::of(&offer.resources)));
        sum
    }
}

impl Bound {
    fn write(self, standing: &mut v1::Standing) {
        match self {
            Bound::Limit(role, names) => {
                standing.set_state(WhyState::WhyLimitReached);
                standing.limit_role = role.to_string();
                standing.limit_resources = names.iter().map(ToString::to_string).collect();
            }
            Bound::KeptFor(role) => {
                standing.set_state(WhyState::WhyKeptForRole);
                standing.kept_for_role = role.to_string();
            }
        }
    }
}

/// Whether any agent fails its terms.
fn has_terms(standing: &v1::Standing) -> bool {
    standing.terms_too_small > 0 || !standing.terms_unmet.is_empty()
}

/// How what is free compares with what plain offers are wanted.
fn count_terms(view: &View, terms: &OfferTerms, standing: &mut v1::Standing) {
    let constraints: Vec<_> = terms.groups.iter().flat_map(|group| &group.constraints).collect();
    let mut unmet = vec![0_u64; constraints.len()];
    for place in view.offerable().iter() {
        let (Some(agent), free) = (view.info(place), view.free_at(place)) else { continue };
        let enough = |group: &OfferGroup| holds_amounts(free, &group.offered);
        let is_large = terms.groups.is_empty() || terms.groups.iter().any(enough);
        standing.terms_too_small += u64::from(!is_large || !terms.is_large(free));
        standing.terms_met += u64::from(terms.admit(agent, free));
        for (constraint, agents) in constraints.iter().zip(&mut unmet) {
            *agents += u64::from(!constraint.holds(agent));
        }
    }
    let counted = constraints.into_iter().zip(unmet).filter(|(_, agents)| *agents > 0);
    let unmet = counted.map(|(constraint, agents)| v1::demand_standing::Unmet {
        constraint: Some(write_constraint(constraint)),
        agents,
    });
    standing.terms_unmet = unmet.collect();
}

/// Whether no agent would do, were it empty.
fn never_fits(demand: &v1::DemandStanding) -> bool {
    demand.agents > 0 && demand.agents_possible == 0
}

/// What is needed at once.
fn needs_of(demand: &v1::DemandStanding) -> Amounts {
    let stated = demand.demand.clone().unwrap_or_default();
    let shape = proto::convert::resources::read_resources(stated.shape)
        .expect("a shape that was stated was read before");
    let mut needs = Amounts::new();
    needs.add_times(&Amounts::of(&shape), demand.gang_needed.max(1));
    needs
}

fn least(name: ResourceName, milli: Milli) -> Amounts {
    let one = Resources::from_entries([(name, Value::Scalar(milli))]);
    Amounts::of(&one.expect("a small amount"))
}
