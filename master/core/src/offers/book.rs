//! The book of live offers: issued, accepted, declined, rescinded, expired.
//!
//! Only a leader has one, for one term; ids carry the term, so that another leader's offers are
//! never taken for its own. An offer is *live* until it is answered, rescinded or expired; while an
//! accept of it is under way it is *accepting*: no longer live, and its resources not yet free. The
//! book keeps each offer exactly once and gives it back exactly once. It does not know fairness,
//! the ledger, nor what becomes of resources that come back.

use crate::{
    allocator::{Bundle, PlannedOffer},
    liveness::Deadlines,
    table::Table,
};
use proto::model::{
    AgentId, Attribute, DemandId, Duration, FrameworkId, Instant, Offer, OfferId, Reason, Refusal,
    ReservationId, ReservationRef, ReservedPart, Resources, Role,
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

/// Names one accept under way; never used again within the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AcceptId(u64);

/// An accept under way: what it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepting {
    /// Ends it.
    pub id: AcceptId,
    /// Whose.
    pub framework: FrameworkId,
    /// The role of all its offers.
    pub role: Role,
    /// What was offered, per agent.
    pub resources: BTreeMap<AgentId, Resources>,
    /// The offers, in the order of the call.
    pub offers: Vec<OfferId>,
    /// Whether they are revocable; all are, or none.
    pub revocable: bool,
}

/// An offer that is no longer out; its resources are held no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Which.
    pub offer: OfferId,
    /// Whose it was.
    pub framework: FrameworkId,
    /// On whose share.
    pub role: Role,
    /// Of whom.
    pub agent: AgentId,
    /// What it held of what is unreserved.
    pub resources: Bundle,
    /// What it held of reservations.
    pub reserved: Vec<ReservedPart>,
    /// As how many pieces of which demands it was planned.
    pub pieces: Vec<(DemandId, u32)>,
    /// When it was made.
    pub made: Instant,
    /// It may have been of what others are promised.
    pub revocable: bool,
    /// It was what a commit took and never an offer.
    pub is_commit: bool,
}

impl Returned {
    /// All that it held.
    pub fn all(&self) -> Cow<'_, Resources> {
        match self.reserved.is_empty() {
            true => Cow::Borrowed(self.resources.resources()),
            false => {
                let unreserved = self.resources.resources().clone();
                Cow::Owned(self.reserved.iter().fold(unreserved, |sum, part| {
                    sum.checked_add(&part.resources).expect("A2: pools are disjoint")
                }))
            }
        }
    }
}

/// One term's offers.
#[derive(Debug, Clone)]
pub struct Book {
    term: u64,
    issued: u64,
    accepts: u64,
    shown: Shown,
    accepting: BTreeMap<AcceptId, Vec<OfferId>>,
    /// Of live offers only.
    deadlines: Deadlines<OfferId>,
    by_framework: BTreeMap<FrameworkId, BTreeSet<OfferId>>,
}

/// The offers there are. A copy costs nothing and stays as it is, so that it can be read elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// Live and accepting ones.
    entries: Table<OfferId, Entry>,
    by_agent: Table<AgentId, BTreeSet<OfferId>>,
}

#[derive(Debug, Clone)]
struct Entry {
    offer: Offer,
    /// What the offer holds.
    bundle: Bundle,
    /// As how many pieces of which demands it was planned.
    pieces: Vec<(DemandId, u32)>,
    accept: Option<AcceptId>,
    made: Instant,
    /// It was never an offer.
    is_commit: bool,
}

impl Book {
    /// An empty book for a leader's term.
    pub fn new(term: u64) -> Self {
        Self {
            term,
            issued: 0,
            accepts: 0,
            shown: Shown::default(),
            accepting: BTreeMap::new(),
            deadlines: Deadlines::new(),
            by_framework: BTreeMap::new(),
        }
    }

    /// The leader's term.
    pub fn term(&self) -> u64 {
        self.term
    }

    /// Makes a planned offer a live one, until `expires_in` from now has passed.
    ///
    /// # Panics
    /// When a port or another named thing of the agent is in an offer already, or nothing is
    /// offered (A2). Amounts are checked where they are known, by [`crate::allocator::View::hold`].
    pub fn issue(
        &mut self,
        planned: &PlannedOffer,
        hostname: &str,
        attributes: &[Attribute],
        now: Instant,
        expires_in: Option<Duration>,
    ) -> Offer {
        self.issue_with((planned, &[]), hostname, attributes, now, expires_in)
    }

    /// As [`Self::issue`], of an offer that also holds parts of reservations.
    ///
    /// # Panics
    /// As [`Self::issue`].
    pub fn issue_with(
        &mut self,
        (planned, reserved): (&PlannedOffer, &[ReservedPart]),
        hostname: &str,
        attributes: &[Attribute],
        now: Instant,
        expires_in: Option<Duration>,
    ) -> Offer {
        let resources = reserved.iter().fold(planned.resources.resources().clone(), |sum, part| {
            sum.checked_add(&part.resources).expect("A2: pools are disjoint")
        });
        assert!(!resources.is_empty(), "an offer holds something");
        let held = self.held(&planned.agent);
        held.checked_add(&resources).expect("A2: nothing is in two offers");
        self.issued += 1;
        let id = OfferId { term: self.term, number: self.issued };
        let PlannedOffer { framework, role, agent, resources: bundle, pieces, revocable, .. } =
            planned.clone();
        let (hostname, attributes) = (hostname.to_owned(), attributes.to_vec());
        self.shown.index(&agent, id);
        self.by_framework.entry(framework).or_default().insert(id);
        let offer = Offer {
            id,
            framework,
            role,
            agent,
            hostname,
            resources,
            attributes,
            expires_in,
            // Whoever sends it knows.
            domain: None,
            unavailability: None,
            pieces: pieces.clone(),
            revocable,
            reserved: reserved.to_vec(),
            volumes: Vec::new(),
        };
        if let Some(after) = expires_in {
            self.deadlines.set(id, now + after);
        }
        let (accept, is_commit) = (None, false);
        let entry = Entry { offer: offer.clone(), bundle, pieces, accept, made: now, is_commit };
        let previous = self.shown.entries.insert(id, entry);
        assert!(previous.is_none(), "numbers are given once");
        offer
    }

    /// What is out, as of now.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// A live offer.
    pub fn live(&self, id: &OfferId) -> Option<&Offer> {
        self.shown.live(id)
    }

    /// Live offers by id, those after `after` when it is given.
    pub fn iter(&self, after: Option<OfferId>) -> impl Iterator<Item = &Offer> {
        self.shown.iter(after)
    }

    /// Everything that holds resources: live offers, and those of accepts under way.
    pub fn holding(&self) -> impl Iterator<Item = &Offer> {
        self.shown.entries.iter().map(|(_, entry)| &entry.offer)
    }

    /// A framework's live offers.
    pub fn of_framework(&self, framework: FrameworkId) -> impl Iterator<Item = &Offer> {
        let ids = self.by_framework.get(&framework).into_iter().flatten();
        ids.filter_map(|id| self.live(id))
    }

    /// An agent's live offers.
    pub fn of_agent(&self, agent: &AgentId) -> impl Iterator<Item = &Offer> {
        self.shown.of_agent(agent)
    }

    /// How many offers are live.
    pub fn live_count(&self) -> usize {
        self.shown.entries.len() - self.accepting.values().map(Vec::len).sum::<usize>()
    }

    /// Starts to use offers up: they are no longer live, and their resources not free before
    /// [`Self::end_accept`]. A refusal changes nothing.
    pub fn begin_accept(
        &mut self,
        framework: FrameworkId,
        offers: &[OfferId],
        now: Instant,
    ) -> Result<Accepting, Refusal> {
        self.check(framework, offers)?;
        let Some(first) = offers.first() else {
            return Err(Refusal::invalid("offer_ids", "is empty; name the offers to accept"));
        };
        let first_offer = &self.shown.entry(first).offer;
        let (role, revocable) = (first_offer.role.clone(), first_offer.revocable);
        let mut resources: BTreeMap<AgentId, Resources> = BTreeMap::new();
        for (index, id) in offers.iter().enumerate() {
            let field = || format!("offer_ids[{index}]");
            let offer = &self.shown.entry(id).offer;
            if self.deadlines.get(id).is_some_and(|at| at <= now) {
                return Err(refused(id, "has expired").at(field()));
            }
            if offer.role != role {
                let problem =
                    format!("is for role {}, {first} for {role}; accept one at a time", offer.role);
                return Err(Refusal::invalid(field(), problem));
            }
            if offer.revocable != revocable {
                let (own, other) =
                    if offer.revocable { ("is", "is not") } else { ("is not", "is") };
                let problem =
                    format!("{own} revocable and {first} {other}; accept one kind at a time");
                return Err(Refusal::invalid(field(), problem));
            }
            let sum = resources.entry(offer.agent.clone()).or_default();
            *sum = sum.checked_add(&offer.resources).expect("A2: nothing is in two offers");
        }
        self.accepts += 1;
        let id = AcceptId(self.accepts);
        for offer in offers {
            self.deadlines.cancel(offer);
            let entry = self.shown.entries.get_mut(offer).expect("was checked");
            assert!(entry.accept.replace(id).is_none(), "A3: an offer is used once");
        }
        self.accepting.insert(id, offers.to_vec());
        Ok(Accepting { id, framework, role, resources, offers: offers.to_vec(), revocable })
    }

    /// Starts a commit: as if all of it had been offered and accepted at once. Amounts are checked
    /// where they are known, by [`crate::allocator::View::hold`].
    ///
    /// # Panics
    /// When a port or another named thing is in an offer or an accept already (A2).
    pub fn begin_commit(&mut self, planned: &[PlannedOffer]) -> AcceptId {
        self.accepts += 1;
        let id = AcceptId(self.accepts);
        let mut offers = Vec::with_capacity(planned.len());
        for planned in planned {
            // Nobody is shown it, so that nobody can decline it and it never expires.
            let offer = self.issue(planned, "", &[], Instant(0), None);
            let entry = self.shown.entries.get_mut(&offer.id).expect("was just made");
            entry.accept = Some(id);
            entry.is_commit = true;
            offers.push(offer.id);
        }
        self.accepting.insert(id, offers);
        id
    }

    /// The accept is decided: what it held is held no longer (what it launched is in the ledger).
    ///
    /// # Panics
    /// When there is no such accept under way.
    pub fn end_accept(&mut self, id: AcceptId) -> Vec<Returned> {
        let offers = self.accepting.remove(&id).expect("an accept ends once");
        offers.iter().map(|offer| self.take(offer)).collect()
    }

    /// Hands offers back, all or none; a refusal changes nothing.
    pub fn decline(
        &mut self,
        framework: FrameworkId,
        offers: &[OfferId],
    ) -> Result<Vec<Returned>, Refusal> {
        self.check(framework, offers)?;
        Ok(offers.iter().map(|offer| self.take(offer)).collect())
    }

    /// Takes back what was not answered in time.
    pub fn expire(&mut self, now: Instant) -> Vec<Returned> {
        let mut returned = Vec::new();
        while let Some(id) = self.deadlines.pop_due(now) {
            returned.push(self.take(&id));
        }
        returned
    }

    /// When [`Self::expire`] next has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Takes back an agent's live offers. Accepts under way stay: the ledger decides them.
    pub fn rescind_agent(&mut self, agent: &AgentId) -> Vec<Returned> {
        self.rescind(self.of_agent(agent).map(|offer| offer.id).collect())
    }

    /// Takes back an agent's live offers that are revocable.
    pub fn rescind_revocable(&mut self, agent: &AgentId) -> Vec<Returned> {
        let offers = self.of_agent(agent).filter(|offer| offer.revocable);
        self.rescind(offers.map(|offer| offer.id).collect())
    }

    /// What live offers hold of an agent that is not reserved.
    pub fn unreserved_of(&self, agent: &AgentId) -> Resources {
        self.of_agent(agent).fold(Resources::new(), |sum, offer| {
            sum.checked_add(&offer.unreserved()).expect("A2: nothing is in two offers")
        })
    }

    /// Takes back live offers that hold something of a reservation.
    pub fn rescind_reservation(
        &mut self,
        agent: &AgentId,
        reservation: ReservationId,
    ) -> Vec<Returned> {
        let from = ReservationRef::Known(reservation);
        let holds = |offer: &&Offer| offer.reserved.iter().any(|part| part.from == from);
        self.rescind(self.of_agent(agent).filter(holds).map(|offer| offer.id).collect())
    }

    /// Takes back a framework's live offers.
    pub fn rescind_framework(&mut self, framework: FrameworkId) -> Vec<Returned> {
        self.rescind(self.of_framework(framework).map(|offer| offer.id).collect())
    }

    /// Takes back a framework's live offers in one of its roles.
    pub fn rescind_role(&mut self, framework: FrameworkId, role: &Role) -> Vec<Returned> {
        let offers = self.of_framework(framework).filter(|offer| offer.role == *role);
        self.rescind(offers.map(|offer| offer.id).collect())
    }

    fn rescind(&mut self, offers: Vec<OfferId>) -> Vec<Returned> {
        offers.iter().map(|offer| self.take(offer)).collect()
    }

    /// Whether these are live offers of this framework, each named once.
    fn check(&self, framework: FrameworkId, offers: &[OfferId]) -> Result<(), Refusal> {
        let mut named = BTreeSet::new();
        for (index, id) in offers.iter().enumerate() {
            let field = format!("offer_ids[{index}]");
            if !named.insert(id) {
                return Err(Refusal::invalid(field, format!("{id} is named twice")));
            }
            if id.term != self.term {
                let problem = "was made by another leader; a new leader voids all offers before it";
                return Err(refused(id, problem).at(field));
            }
            // Whose offer it is, is not told to others.
            let entry = self.shown.entries.get(id);
            let entry = entry.filter(|entry| entry.offer.framework == framework);
            match entry {
                None => {
                    let problem = "is not an offer of this framework that is still open";
                    return Err(refused(id, problem).at(field));
                }
                Some(entry) if entry.accept.is_some() => {
                    return Err(refused(id, "was used by another accept").at(field));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// What offers and accepts hold of an agent.
    fn held(&self, agent: &AgentId) -> Resources {
        let ids = self.shown.by_agent.get(agent).into_iter().flatten();
        ids.fold(Resources::new(), |sum, id| {
            sum.checked_add(&self.shown.entry(id).offer.resources)
                .expect("A2: nothing is in two offers")
        })
    }

    /// Takes an offer out of every index.
    fn take(&mut self, id: &OfferId) -> Returned {
        let entry = self.shown.take(id);
        let Entry { offer, bundle: resources, pieces, made, is_commit, .. } =
            Arc::unwrap_or_clone(entry);
        self.deadlines.cancel(id);
        remove_indexed(&mut self.by_framework, &offer.framework, id);
        let Offer { id: offer, framework, role, agent, reserved, revocable, .. } = offer;
        Returned {
            offer,
            framework,
            role,
            agent,
            resources,
            reserved,
            pieces,
            made,
            revocable,
            is_commit,
        }
    }
}

impl Shown {
    /// A live offer.
    pub fn live(&self, id: &OfferId) -> Option<&Offer> {
        self.entries.get(id).filter(|entry| entry.accept.is_none()).map(|entry| &entry.offer)
    }

    /// Live offers by id, those after `after` when it is given.
    pub fn iter(&self, after: Option<OfferId>) -> impl Iterator<Item = &Offer> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.entries.range((start, Bound::Unbounded)).map(|(_, entry)| entry);
        rest.filter(|entry| entry.accept.is_none()).map(|entry| &entry.offer)
    }

    /// An agent's live offers.
    pub fn of_agent(&self, agent: &AgentId) -> impl Iterator<Item = &Offer> {
        self.by_agent.get(agent).into_iter().flatten().filter_map(|id| self.live(id))
    }

    fn entry(&self, id: &OfferId) -> &Entry {
        self.entries.get(id).expect("an offer that was looked up before")
    }

    fn index(&mut self, agent: &AgentId, id: OfferId) {
        match self.by_agent.get_mut(agent) {
            Some(ids) => drop(ids.insert(id)),
            None => drop(self.by_agent.insert(agent.clone(), BTreeSet::from([id]))),
        }
    }

    fn take(&mut self, id: &OfferId) -> Arc<Entry> {
        let entry = self.entries.remove(id).expect("an offer comes back once");
        let agent = &entry.offer.agent;
        let ids = self.by_agent.get_mut(agent).expect("every offer is indexed");
        assert!(ids.remove(id), "every offer is indexed");
        if ids.is_empty() {
            self.by_agent.remove(agent);
        }
        entry
    }
}

fn refused(id: &OfferId, problem: &str) -> Refusal {
    Refusal::new(Reason::OfferInvalid, format!("{id} {problem}"))
}

fn remove_indexed<K: Ord>(index: &mut BTreeMap<K, BTreeSet<OfferId>>, key: &K, id: &OfferId) {
    let ids = index.get_mut(key).expect("every offer is indexed");
    assert!(ids.remove(id), "every offer is indexed");
    if ids.is_empty() {
        index.remove(key);
    }
}
