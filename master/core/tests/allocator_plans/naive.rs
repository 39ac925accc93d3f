//! The oracle: what a plan is by definition, worked out from the ledger's tasks, the book's offers
//! and a list of filters, for every agent and everybody, each time. Shares nothing with the
//! allocator but the types of the model, and asks the view only in which order agents stand.

use crate::naive_quota::{Moment, Served, Sum, add, counted, get};
use master_core::{
    allocator::{Bidder, Bundle, Place, PlannedOffer, View},
    ledger::{AgentState, Ledger},
    offers::Book,
};
use proto::model::{
    AgentId, FrameworkId, Instant, Milli, OfferTerms, Quota, ResourceName, Resources, Role,
    offer_terms::OfferGroup,
};
use std::collections::BTreeMap;

pub(crate) struct Naive {
    weights: BTreeMap<Role, Milli>,
    /// Who is subscribed in which role, and whether it is suppressed.
    wishes: BTreeMap<FrameworkId, BTreeMap<Role, bool>>,
    pub(crate) terms: BTreeMap<FrameworkId, Vec<OfferTerms>>,
    pub(crate) filters: Vec<(Bidder, AgentId, Resources, Instant)>,
    /// Who comes after all others for what it kept, and until when.
    behind: BTreeMap<FrameworkId, Instant>,
    /// Where the last plan that gave something began, whoever stands there by now.
    start: Option<Place>,
}

/// Somebody's use of an agent's resources.
#[derive(Clone)]
pub(crate) struct Use {
    pub(crate) bidder: Bidder,
    pub(crate) agent: AgentId,
    pub(crate) resources: Resources,
    /// It can be had back.
    pub(crate) revocable: bool,
}

/// What somebody could be given, revocable or not.
type Grant = (Served, Bidder, Resources, bool);

impl Naive {
    pub(crate) fn new(weights: BTreeMap<Role, Milli>) -> Self {
        Self {
            weights,
            wishes: BTreeMap::new(),
            terms: BTreeMap::new(),
            filters: Vec::new(),
            behind: BTreeMap::new(),
            start: None,
        }
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

    pub(crate) fn charge(&mut self, id: FrameworkId, until: Instant) {
        let known = self.behind.entry(id).or_insert(until);
        *known = until.max(*known);
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

    /// The plan by definition: agents in order, again and again until nothing is given. What is
    /// kept for those who are owed something is worked out before each time.
    pub(crate) fn plan(
        &mut self,
        now: Instant,
        ledger: &Ledger,
        book: &Book,
        view: &View,
    ) -> Vec<PlannedOffer> {
        let mut uses = uses(ledger, book);
        let order = self.order(ledger, view);
        let mut offers = Vec::new();
        loop {
            let given = offers.len();
            let kept = self.moment(ledger, &uses).kept(&self.stand(ledger, view));
            for agent in &order {
                while let Some((_, bidder, resources, revocable)) =
                    self.first(now, &self.moment(ledger, &uses), &kept, agent)
                {
                    let Bidder { framework, role } = bidder.clone();
                    let place = view.place(agent).unwrap();
                    let (agent, bundle) = (agent.clone(), Bundle::new(resources.clone()));
                    uses.push(Use { bidder, agent: agent.clone(), resources, revocable });
                    let (resources, pieces) = (bundle, Vec::new());
                    let offer = PlannedOffer {
                        framework,
                        role,
                        agent,
                        place,
                        resources,
                        pieces,
                        revocable,
                    };
                    offers.push(offer);
                }
            }
            if offers.len() == given {
                break;
            }
        }
        self.start = offers.first().map(|offer| offer.place).or(self.start);
        offers
    }

    /// Whether what a bidder wants is revocable.
    fn is_revocable(&self, who: &Bidder) -> bool {
        let mut terms = self.terms.get(&who.framework).into_iter().flatten();
        terms.any(|terms| terms.role == who.role && terms.revocable)
    }

    /// Whether a bidder wants such an offer.
    fn admits(&self, ledger: &Ledger, who: &Bidder, agent: &AgentId, what: &Resources) -> bool {
        let mut terms = self.terms.get(&who.framework).into_iter().flatten();
        let info = &ledger.agent(agent).expect("an agent of the ledger").info;
        let amounts = |least: &Resources| {
            least.iter().all(|(name, _)| what.count(name) >= least.scalar(name))
        };
        terms.find(|terms| terms.role == who.role).is_none_or(|terms| {
            let meets = |group: &OfferGroup| {
                amounts(&group.offered) && group.constraints.iter().all(|it| it.holds(info))
            };
            (terms.groups.is_empty() || terms.groups.iter().any(meets))
                && (terms.least.is_empty() || terms.least.iter().any(amounts))
        })
    }

    /// Whether a plan is one of those that are right.
    pub(crate) fn judge(
        &mut self,
        now: Instant,
        ledger: &Ledger,
        book: &Book,
        view: &View,
        offers: &[PlannedOffer],
    ) {
        let mut uses = uses(ledger, book);
        let stand = self.stand(ledger, view);
        let before = self.moment(ledger, &uses).kept_in_all(&stand);
        let mut given = BTreeMap::<Role, Sum>::new();
        for offer in offers {
            let (bidder, id) = (offer.bidder(), &offer.agent);
            let moment = self.moment(ledger, &uses);
            assert!(moment.active.contains(&bidder), "{bidder} wants offers");
            assert!(moment.stands(&bidder), "{bidder} has not exhausted its limits");
            let free = free(ledger, &uses, id).expect("something is free");
            let revocable = self.is_revocable(&bidder);
            assert_eq!(offer.revocable, revocable, "as {bidder} wants it");
            let most = moment.part_for((&bidder, revocable), &free, &[]);
            let (_, most) = most.expect("the limits leave enough");
            let owes = moment.owes(&bidder) && !revocable;
            assert!(most.contains(&offer.resources) || owes, "limits hold");
            assert!(free.contains(&offer.resources), "only what is free is offered");
            let refused = self.filters.iter().any(|(who, agent, refused, until)| {
                *who == bidder && agent == id && *until > now && refused.contains(&offer.resources)
            });
            assert!(!refused, "{bidder} has not refused it");
            assert!(self.admits(ledger, &bidder, id, &offer.resources), "{bidder} wants such");
            let amounts = counted(&offer.resources);
            let roles = bidder.role.ancestors();
            // What is lent is still kept for whom it is promised to.
            roles.filter(|_| !revocable).for_each(|role| {
                add(given.entry(role).or_default(), &amounts);
            });
            let (agent, resources) = (id.clone(), offer.resources.resources().clone());
            uses.push(Use { bidder, agent, resources, revocable });
        }
        let after = self.moment(ledger, &uses).kept_in_all(&stand);
        for (role, before) in before {
            let mut now = after.get(&role).cloned().unwrap_or_default();
            add(&mut now, &given.remove(&role).unwrap_or_default());
            // Of one resource: when that is used up, the others are kept no longer. A part of a
            // piece that was given leaves another part, for which nothing is kept.
            let shape = ledger.roles().quota(&role).and_then(Quota::shape);
            let part =
                |name: &str| shape.map_or(0, |shape| get(&counted(shape), name).saturating_sub(1));
            let kept = before.iter().any(|(name, milli)| get(&now, name) + part(name) >= *milli);
            let owed = self.moment(ledger, &uses).owes_alone(&role);
            assert!(kept || !owed, "{before:?} were kept for {role}, now {now:?}: {offers:?}");
        }
        self.start = offers.first().map(|offer| offer.place).or(self.start);
    }

    /// Everything that could be offered now to somebody.
    pub(crate) fn possible(
        &self,
        now: Instant,
        ledger: &Ledger,
        book: &Book,
        view: &View,
    ) -> Vec<(AgentId, Bidder)> {
        let uses = uses(ledger, book);
        let moment = self.moment(ledger, &uses);
        let kept = moment.kept(&self.stand(ledger, view));
        let agents = ledger.agents().iter().map(|(id, _)| id.clone());
        let first = |agent| Some((self.first(now, &moment, &kept, &agent)?.1, agent));
        agents.filter_map(first).map(|(bidder, agent)| (agent, bidder)).collect()
    }

    /// Agents as they stand in the view.
    fn stand(&self, ledger: &Ledger, view: &View) -> Vec<AgentId> {
        let known =
            ledger.agents().iter().filter_map(|(id, _)| Some((view.place(id)?, id.clone())));
        known.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// The same, beginning after where the last plan began.
    fn order(&self, ledger: &Ledger, view: &View) -> Vec<AgentId> {
        let mut agents = self.stand(ledger, view);
        let start = self.start;
        let after =
            agents.iter().filter(|id| start.is_some_and(|start| view.place(id) <= Some(start)));
        let count = after.count();
        agents.rotate_left(count);
        agents
    }

    fn moment<'a>(&'a self, ledger: &'a Ledger, uses: &'a [Use]) -> Moment<'a> {
        let wishes = self.wishes.iter();
        let wanted = wishes.flat_map(|(framework, roles)| {
            let wanted = roles.iter().filter(|(_, suppressed)| !**suppressed);
            wanted.map(|(role, _)| Bidder { framework: *framework, role: role.clone() })
        });
        Moment { ledger, uses, weights: &self.weights, active: wanted.collect() }
    }

    /// Who is given what of an agent.
    fn first(
        &self,
        now: Instant,
        moment: &Moment<'_>,
        kept: &BTreeMap<AgentId, Vec<(Role, Sum)>>,
        id: &AgentId,
    ) -> Option<Grant> {
        let free = free(moment.ledger, moment.uses, id)?;
        let refused = |who: &Bidder, what: &Resources| {
            self.filters.iter().any(|(bidder, agent, refused, until)| {
                bidder == who && agent == id && *until > now && refused.contains(what)
            })
        };
        let standing = moment.active.iter().filter(|bidder| moment.stands(bidder));
        let grants = standing.filter_map(|bidder| {
            let nothing = Vec::new();
            let kept = kept.get(id).unwrap_or(&nothing);
            let revocable = self.is_revocable(bidder);
            let (served, part) = moment.part_for((bidder, revocable), &free, kept)?;
            let admits = self.admits(moment.ledger, bidder, id, &part);
            (!refused(bidder, &part) && admits).then(|| (served, bidder.clone(), part, revocable))
        });
        grants.min_by(|a, b| {
            let behind = |grant: &Grant| {
                self.behind.get(&grant.1.framework).is_some_and(|until| *until > now)
            };
            let last = |grant: &Grant| (behind(grant), grant.0 == Served::NotHere);
            last(a).cmp(&last(b)).then_with(|| moment.rank(&a.1, &b.1))
        })
    }
}

fn uses(ledger: &Ledger, book: &Book) -> Vec<Use> {
    let offers = book.holding().map(|offer| Use {
        bidder: Bidder { framework: offer.framework, role: offer.role.clone() },
        agent: offer.agent.clone(),
        resources: offer.resources.clone(),
        revocable: offer.revocable,
    });
    let live = ledger.tasks().iter().filter(|(_, task)| !task.status.state.is_terminal());
    let tasks = live.map(|(key, task)| Use {
        bidder: Bidder { framework: key.framework, role: task.role.clone() },
        agent: task.info.agent.clone(),
        resources: task.info.resources.clone(),
        revocable: task.info.revocable,
    });
    offers.chain(tasks).collect()
}

/// What is free on an agent, if it is there and that is worth an offer.
pub(crate) fn free(ledger: &Ledger, uses: &[Use], id: &AgentId) -> Option<Resources> {
    left_on(ledger, uses, id).filter(is_enough)
}

/// What is free on an agent, if it is there.
pub(crate) fn left_on(ledger: &Ledger, uses: &[Use], id: &AgentId) -> Option<Resources> {
    let agent = ledger.agent(id).filter(|agent| agent.state == AgentState::Registered)?;
    let mut here = uses.iter().filter(|used| used.agent == *id);
    let all = agent.info.resources.clone();
    // An agent that came back smaller holds more than it has.
    let free = here.try_fold(all, |free, used| free.checked_sub(&used.resources).ok());
    Some(free.unwrap_or_default())
}

pub(crate) fn is_enough(free: &Resources) -> bool {
    free.scalar(&ResourceName::CPUS).0 >= 10 || free.scalar(&ResourceName::MEM).0 >= 32_000
}
