//! Who wants offers: frameworks with a stream, in the roles that they did not suppress, of agents
//! that they did not refuse; and what of, where they have said it.
//!
//! Volatile, as Mesos has it: a framework that subscribes again starts without filters. It logs
//! what makes somebody eligible again, so that nothing else needs to be looked at. It does not know
//! what a role weighs, nor what is free.

use super::{
    Bidder, Place,
    changes::Changes,
    claims::Claims,
    filters::{Filters, Refused},
    holds::Holds,
    stated::{Ended, Outcome},
    wanted::Wanted,
};
use crate::liveness::Deadlines;
use proto::model::{FrameworkId, Instant, OfferTerms, Priority, Reason, Refusal, Role, limits};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Changes kept for an allocator to read; one that is later looks at everything.
const CHANGES_MAX: usize = 65_536;

/// A subscribed bidder's place in tables; given to another one when its own has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BidderIndex(pub(super) u32);

/// Something that an allocator must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DemandChange {
    /// It may have become eligible for every agent.
    Renewed(Bidder),
    /// It is eligible for none.
    Withdrawn(Bidder),
    /// It may have become eligible for one agent.
    Reopened(Bidder, Place),
}

/// All demand.
#[derive(Debug, Clone)]
pub struct Demand {
    /// Subscribed frameworks and their roles.
    frameworks: BTreeMap<FrameworkId, BTreeMap<Role, Wish>>,
    pub(super) bidders: Vec<Option<Bidder>>,
    vacant: Vec<BidderIndex>,
    filters: Filters,
    holds: Holds,
    /// What those want who have said it.
    pub(super) wanted: BTreeMap<BidderIndex, Wanted>,
    /// Of those who want only some plain offers.
    terms: BTreeMap<BidderIndex, OfferTerms>,
    /// Those who spread something evenly over fault domains.
    pub(super) even: BTreeSet<BidderIndex>,
    /// As of which change of the agents even parts are worked out.
    pub(super) divided_at: Option<u64>,
    /// When the first gang of each is given up.
    pub(super) gangs: Deadlines<BidderIndex>,
    /// Who wants something that is not out, the highest priority first.
    pub(super) by_priority: BTreeSet<(Reverse<Priority>, BidderIndex)>,
    pub(super) priorities: BTreeMap<BidderIndex, Priority>,
    pub(super) claims: Claims,
    /// What is stated no longer, until somebody asks.
    pub(super) ended: Vec<Ended>,
    pub(super) changes: Changes<DemandChange>,
}

#[derive(Debug, Clone)]
struct Wish {
    index: BidderIndex,
    suppressed: bool,
    /// What it said last when it declined, for people.
    said: Option<Box<str>>,
    /// It is shown what is free and is made no offers.
    shared: bool,
    /// What it has done since it said that it wants plain offers.
    eagerness: Eagerness,
}

/// Whether anything is to be taken back for who takes plain offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Eagerness {
    /// Yes.
    Wants,
    /// Yes; something was, and was offered to it.
    GivenBack,
    /// No: it has declined something after that.
    Declined,
}

impl Default for Demand {
    fn default() -> Self {
        Self::new()
    }
}

impl Demand {
    /// Nobody wants anything yet.
    pub fn new() -> Self {
        Self {
            frameworks: BTreeMap::new(),
            bidders: Vec::new(),
            vacant: Vec::new(),
            filters: Filters::new(limits::FILTERS_PER_FRAMEWORK_MAX),
            holds: Holds::default(),
            wanted: BTreeMap::new(),
            terms: BTreeMap::new(),
            even: BTreeSet::new(),
            divided_at: None,
            gangs: Deadlines::new(),
            by_priority: BTreeSet::new(),
            priorities: BTreeMap::new(),
            claims: Claims::default(),
            ended: Vec::new(),
            changes: Changes::new(CHANGES_MAX),
        }
    }

    /// A framework has a stream: it wants offers in these roles, except the suppressed ones. Also
    /// when it had one before; its filters are gone.
    pub fn set_subscribed(&mut self, framework: FrameworkId, roles: &[Role], suppressed: &[Role]) {
        self.unsubscribed(framework);
        let mut wishes = BTreeMap::new();
        for role in roles {
            let bidder = Bidder { framework, role: role.clone() };
            let index = self.seat(bidder.clone());
            let suppressed = suppressed.contains(role);
            let eagerness = Eagerness::Wants;
            let wish = Wish { index, suppressed, shared: false, said: None, eagerness };
            let previous = wishes.insert(role.clone(), wish);
            assert!(previous.is_none(), "roles were checked to differ");
            if !suppressed {
                self.changes.note(DemandChange::Renewed(bidder));
            }
        }
        self.frameworks.insert(framework, wishes);
    }

    /// A framework has no stream any longer.
    pub fn unsubscribed(&mut self, framework: FrameworkId) {
        for (role, Wish { index, .. }) in self.frameworks.remove(&framework).unwrap_or_default() {
            self.filters.clear(index);
            let bidder = Bidder { framework, role };
            let wanted = self.wanted.remove(&index);
            self.note_ended(&bidder, wanted);
            self.even.remove(&index);
            self.terms.remove(&index);
            self.gangs.cancel(&index);
            self.set_priority(index, None);
            self.bidders[index.0 as usize] = None;
            self.vacant.push(index);
            self.changes.note(DemandChange::Withdrawn(bidder));
        }
    }

    /// Which plain offers a framework wants, by role, from now on.
    pub fn set_terms(&mut self, framework: FrameworkId, all: &[OfferTerms]) {
        let roles: Vec<Role> =
            self.frameworks.get(&framework).into_iter().flat_map(|it| it.keys().cloned()).collect();
        for role in roles {
            let index = self.index(framework, &role).expect("one of its roles");
            let terms = all.iter().find(|terms| terms.role == role);
            if self.terms.get(&index) == terms {
                continue;
            }
            match terms {
                Some(terms) => drop(self.terms.insert(index, terms.clone())),
                None => drop(self.terms.remove(&index)),
            }
            if self.suppressed(framework, &role) == Some(false) {
                self.changes.note(DemandChange::Renewed(Bidder { framework, role }));
            }
        }
    }

    /// Which plain offers a bidder wants; `None` takes any.
    pub fn terms(&self, index: BidderIndex) -> Option<&OfferTerms> {
        // Nearly nobody has any.
        match self.terms.is_empty() {
            true => None,
            false => self.terms.get(&index),
        }
    }

    /// A framework is made no offers in a role, because it is shown what is free there; or is made
    /// offers again. Of no effect when it is not subscribed in the role.
    pub fn set_shared(&mut self, framework: FrameworkId, role: &Role, shared: bool) {
        let roles = self.frameworks.get_mut(&framework);
        let Some(wish) = roles.and_then(|roles| roles.get_mut(role)) else { return };
        if std::mem::replace(&mut wish.shared, shared) != shared {
            let bidder = Bidder { framework, role: role.clone() };
            self.changes.note(match self.active(&bidder) {
                Some(_) => DemandChange::Renewed(bidder),
                None => DemandChange::Withdrawn(bidder),
            });
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
            let (index, was_suppressed) = self.unsay(framework, &role);
            self.set_suppressed(framework, &role, false);
            let wish = self.wish_mut(framework, &role);
            let had_enough = wish.eagerness == Eagerness::Declined;
            wish.eagerness = Eagerness::Wants;
            if self.filters.clear(index) || was_suppressed || had_enough {
                self.changes.note(DemandChange::Renewed(Bidder { framework, role }));
            }
        }
        Ok(())
    }

    /// Takes out the filters of these roles of a framework, suppressed or not; of all of its roles
    /// when empty.
    pub fn clear_filters(&mut self, framework: FrameworkId, roles: &[Role]) -> Result<(), Refusal> {
        for role in self.checked_roles(framework, roles)? {
            let (index, suppressed) = self.unsay(framework, &role);
            if self.filters.clear(index) && !suppressed {
                self.changes.note(DemandChange::Renewed(Bidder { framework, role }));
            }
        }
        Ok(())
    }

    /// A framework wants no offer of this agent for a while, unless it holds more than was refused.
    /// Of no effect when the framework has lost its stream or the role meanwhile.
    pub fn refuse(&mut self, framework: FrameworkId, role: &Role, place: Place, refused: Refused) {
        let roles = self.frameworks.get_mut(&framework);
        let Some(wish) = roles.and_then(|roles| roles.get_mut(role)) else { return };
        if wish.eagerness == Eagerness::GivenBack {
            wish.eagerness = Eagerness::Declined;
        }
        let index = wish.index;
        for place in self.filters.refuse(index, place, refused) {
            let bidder = Bidder { framework, role: role.clone() };
            self.changes.note(DemandChange::Reopened(bidder, place));
        }
    }

    /// What a framework says to people of why it declines in a role; kept until it says something
    /// else.
    pub fn say(&mut self, framework: FrameworkId, role: &Role, message: &str) {
        let roles = self.frameworks.get_mut(&framework);
        if let Some(wish) = roles.and_then(|roles| roles.get_mut(role)) {
            wish.said = Some(message.into());
        }
    }

    /// What it said last.
    pub fn said(&self, framework: FrameworkId, role: &Role) -> Option<&str> {
        self.frameworks.get(&framework)?.get(role)?.said.as_deref()
    }

    /// Ends the filters whose time is over.
    pub fn expire(&mut self, now: Instant) {
        self.claims.expire(now);
        self.holds.expire(now);
        for (index, place) in self.filters.expire(now) {
            let bidder = self.bidders[index.0 as usize].clone();
            let bidder = bidder.expect("the filters of who leaves are cleared");
            self.changes.note(DemandChange::Reopened(bidder, place));
        }
        while let Some(index) = self.gangs.pop_due(now) {
            let wanted = self.wanted.get_mut(&index).expect("gangs are of those who want them");
            let failed = wanted.expire(now);
            let bidder = self.bidders[index.0 as usize].clone().expect("who wants is there");
            self.ended.extend(failed.into_iter().map(|entry| Ended {
                bidder: bidder.clone(),
                entry,
                outcome: Outcome::GivenUp,
            }));
            self.note_wanted(index);
        }
    }

    /// When [`Self::expire`] next has something to do.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.filters.next_end().into_iter().chain(self.gangs.next()).min()
    }

    /// An agent is gone for good: filters for it are of no use, and pieces on it count no longer.
    pub fn forget_agent(&mut self, place: Place) {
        self.filters.forget_agent(place);
        let wanted = self.wanted.iter_mut();
        let lost =
            wanted.filter_map(|(index, wanted)| wanted.forget_agent(place).then_some(*index));
        for index in lost.collect::<Vec<_>>() {
            self.note_wanted(index);
        }
    }

    /// Whether a framework suppresses a role; `None` when it is not subscribed in it.
    pub fn suppressed(&self, framework: FrameworkId, role: &Role) -> Option<bool> {
        Some(self.frameworks.get(&framework)?.get(role)?.suppressed)
    }

    /// The bidder's index while it wants offers.
    pub fn active(&self, bidder: &Bidder) -> Option<BidderIndex> {
        let wish = self.frameworks.get(&bidder.framework)?.get(&bidder.role)?;
        let open = self.wanted.get(&wish.index).is_none_or(Wanted::is_open);
        (!wish.suppressed && !wish.shared && open).then_some(wish.index)
    }

    /// Whether something is to be taken back for a bidder that takes plain offers. One that
    /// declines what was taken back wants something else than what it is promised, whatever that
    /// may be: nothing more is, until it says again that it wants offers.
    pub fn is_eager(&self, bidder: &Bidder) -> bool {
        let roles = self.frameworks.get(&bidder.framework);
        let wish = roles.and_then(|roles| roles.get(&bidder.role));
        let is_plain = self.active(bidder).is_some_and(|index| {
            let terms = self.terms(index);
            self.wanted(index).is_none() && terms.is_none_or(|terms| !terms.revocable)
        });
        is_plain && wish.is_some_and(|wish| wish.eagerness != Eagerness::Declined)
    }

    /// A bidder that takes plain offers is offered what was taken back for it.
    pub(super) fn note_given_back(&mut self, bidder: &Bidder) {
        let roles = self.frameworks.get_mut(&bidder.framework);
        let wish = roles.and_then(|roles| roles.get_mut(&bidder.role));
        wish.into_iter().for_each(|wish| wish.eagerness = Eagerness::GivenBack);
    }

    /// The bidder's index while it wants offers of what is reserved: also where it is shown what is
    /// free, which that is not.
    pub fn active_for_reserved(&self, bidder: &Bidder) -> Option<BidderIndex> {
        let wish = self.frameworks.get(&bidder.framework)?.get(&bidder.role)?;
        let open = self.wanted.get(&wish.index).is_none_or(Wanted::is_open);
        (!wish.suppressed && open).then_some(wish.index)
    }

    /// The index of a framework in a role that it subscribed in.
    pub fn index(&self, framework: FrameworkId, role: &Role) -> Option<BidderIndex> {
        Some(self.frameworks.get(&framework)?.get(role)?.index)
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

    /// Who kept offers without using them.
    pub fn holds(&self) -> &Holds {
        &self.holds
    }

    /// The same, to be told so. It decides who comes first for what is free and not who may have
    /// it, so that nothing needs to be looked at again when it changes.
    pub fn holds_mut(&mut self) -> &mut Holds {
        &mut self.holds
    }

    /// Whether a bidder comes after those who do not stand behind.
    pub(super) fn is_behind(&self, index: BidderIndex, now: Instant) -> bool {
        // Nearly nobody does.
        !self.holds.is_empty()
            && self.bidders[index.0 as usize]
                .as_ref()
                .is_some_and(|bidder| self.holds.is_behind(bidder.framework, now))
    }

    /// The log of changes.
    pub fn changes(&self) -> &Changes<DemandChange> {
        &self.changes
    }

    pub(super) fn checked_index(
        &self,
        framework: FrameworkId,
        role: &Role,
    ) -> Result<BidderIndex, Refusal> {
        self.checked_roles(framework, std::slice::from_ref(role)).map_err(
            |refusal| match refusal.reason {
                Reason::InvalidField => refusal.at("role"),
                _ => refusal,
            },
        )?;
        Ok(self.index(framework, role).expect("was checked"))
    }

    /// Gives a bidder its index.
    fn seat(&mut self, bidder: Bidder) -> BidderIndex {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.bidders.push(None);
            BidderIndex(u32::try_from(self.bidders.len() - 1).expect("frameworks are limited"))
        });
        let previous = self.bidders[index.0 as usize].replace(bidder);
        assert!(previous.is_none(), "a seat is for one");
        index
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

    fn set_suppressed(&mut self, framework: FrameworkId, role: &Role, suppressed: bool) {
        self.wish_mut(framework, role).suppressed = suppressed;
    }

    /// Forgets what it said of the filters that it now takes back; whether it is suppressed.
    fn unsay(&mut self, framework: FrameworkId, role: &Role) -> (BidderIndex, bool) {
        let wish = self.wish_mut(framework, role);
        wish.said = None;
        (wish.index, wish.suppressed)
    }

    fn wish_mut(&mut self, framework: FrameworkId, role: &Role) -> &mut Wish {
        let roles = self.frameworks.get_mut(&framework).expect("was checked");
        roles.get_mut(role).expect("was checked")
    }
}
