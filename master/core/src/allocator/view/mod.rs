//! What is free, and who uses how much: the ledger and the book, indexed for planning.
//!
//! free = total − allocated − held, where *held* is what live offers and accepts under way hold.
//! A fact from the ledger makes the view read the rows concerned again instead of applying the
//! fact, so that it does not matter whether later facts are in the ledger already. Between the fact
//! that an accept's tasks exist and the release of what was held for it, both count: nothing is
//! free then that is not.
//!
//! Every agent has a place, so that whoever keeps something about many agents need not keep their
//! names. It does not know who wants what.

mod facts;

use super::{
    Amounts, Bidder, Fairness, Place, PlaceSet, PlannedOffer,
    bundle::Bundle,
    changes::Changes,
    changing::Changing,
    charge::Charges,
    lent::Lent,
    seen::Seen,
    usage::{Change, Usage, UserIndex},
};
use crate::{
    ledger::{Ledger, RoleConfig},
    offers::Book,
};
use proto::model::{AgentId, AgentInfo, FrameworkId, PlacementPolicy, Resources, Role};
use std::{collections::BTreeMap, mem, sync::Arc};

/// Changes kept for an allocator to read; one that is later looks at everything.
const CHANGES_MAX: usize = 65_536;

/// Something that an allocator must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewChange {
    /// Something is free on the agent that was not.
    Freed(Place),
    /// Who has this number now uses another amount.
    Used(UserIndex),
    /// It uses nothing any longer, and its number may have been given to another.
    Gone(Bidder),
    /// The cluster has another size: every share is another.
    Totals,
    /// The role has another weight or quota.
    Configured(Role),
    /// Something else of reservations counts towards the role's quota.
    Charged(Role),
}

/// The view.
#[derive(Debug, Clone)]
pub struct View {
    fairness: Fairness,
    pub(super) agents: Vec<AgentRow>,
    places: BTreeMap<AgentId, Place>,
    vacant: Vec<Place>,
    /// Places without an agent that others may still keep something about.
    left: Vec<Place>,
    /// Agents with enough free to make an offer of.
    offerable: PlaceSet,
    usage: Usage,
    pub(super) lent: Lent,
    roles: BTreeMap<Role, RoleConfig>,
    pub(super) charges: Charges,
    pub(super) changing: Changing,
    /// Roles with a placement policy of their own.
    placed: BTreeMap<Role, PlacementPolicy>,
    totals: Amounts,
    /// Grows whenever an agent comes or goes, takes tasks or none, or describes itself anew.
    agents_version: u64,
    changes: Changes<ViewChange>,
    /// How often something else became free anywhere.
    pub(super) versions: u64,
    /// For who is shown everything that is free; nobody, when it is absent.
    pub(super) seen: Option<Seen>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct AgentRow {
    /// `None` for a place without an agent.
    id: Option<AgentId>,
    /// As it described itself; `None` when it is removed.
    info: Option<Arc<AgentInfo>>,
    pub(super) offering: bool,
    /// What no task takes.
    available: Bundle,
    /// By offers and accepts; also of an agent that is gone, until it is released.
    held: Bundle,
    /// What is not held either; nothing while the agent is not to be offered.
    pub(super) free: Bundle,
    /// Of what is free, as it was then.
    pub(super) version: u64,
    pub(super) versioned: Bundle,
}

impl View {
    /// The view of a ledger and a book.
    pub fn rebuild(ledger: &Ledger, book: &Book, fairness: &Fairness) -> Self {
        let mut view = Self {
            fairness: fairness.clone(),
            agents: Vec::new(),
            places: BTreeMap::new(),
            vacant: Vec::new(),
            left: Vec::new(),
            offerable: PlaceSet::new(),
            usage: Usage::default(),
            lent: Lent::default(),
            roles: BTreeMap::new(),
            charges: Charges::of(ledger),
            changing: Changing::default(),
            placed: BTreeMap::new(),
            totals: Amounts::new(),
            agents_version: 0,
            changes: Changes::new(CHANGES_MAX),
            versions: 0,
            seen: None,
        };
        for (role, _) in ledger.roles().iter() {
            view.read_role(ledger, role);
        }
        for (agent, _) in ledger.agents().iter() {
            view.read_agent(ledger, agent);
        }
        for (framework, _) in ledger.frameworks().iter() {
            view.read_framework(ledger, *framework);
        }
        for offer in book.holding() {
            let place = view.seat(&offer.agent);
            let bundle = Bundle::new(offer.unreserved().into_owned());
            view.add_held(place, &offer.role, offer.framework, &bundle);
            view.lent.hold_offer(place, offer, &bundle);
            view.settle(place);
        }
        view
    }

    /// A planned offer is made.
    ///
    /// # Panics
    /// When its resources are not free: in another offer (A2), in use (A1), of an agent that is out
    /// of contact or gone (A6).
    pub fn hold(&mut self, offer: &PlannedOffer) {
        let free = &self.row(offer.place).free;
        assert!(free.covers(&offer.resources), "A2, A6: only what is free is offered");
        self.add_held(offer.place, &offer.role, offer.framework, &offer.resources);
        if offer.revocable {
            self.lent.hold(offer.place, offer.bidder(), offer.resources.amounts());
        }
        self.settle(offer.place);
    }

    /// Resources are in an offer or an accept no longer.
    ///
    /// # Panics
    /// When they were not held (A2).
    pub fn release(
        &mut self,
        agent: &AgentId,
        role: &Role,
        framework: FrameworkId,
        resources: &Bundle,
    ) {
        let place = *self.places.get(agent).expect("A2: what was held is released once");
        let row = &mut self.agents[place.position()];
        row.held = match row.held.is_same(resources) {
            true => Bundle::nothing(),
            false => {
                let rest = row.held.checked_sub(resources);
                Bundle::new(rest.expect("A2: what was held is released once"))
            }
        };
        let change = self.usage.release(framework, role, resources.amounts());
        self.note_usage(change);
        self.settle(place);
        self.leave_if_gone(place);
    }

    /// Places that agents have left for good. They are given to others from now on: whoever keeps
    /// something about them must forget it.
    pub fn take_left(&mut self) -> Vec<Place> {
        self.vacant.extend(&self.left);
        mem::take(&mut self.left)
    }

    /// An agent's place: of those that are known and not removed, and of those of whom something is
    /// held still.
    pub fn place(&self, agent: &AgentId) -> Option<Place> {
        self.places.get(agent).copied()
    }

    /// The agent of a place.
    ///
    /// # Panics
    /// When there is none.
    pub fn agent(&self, place: Place) -> &AgentId {
        self.row(place).id.as_ref().expect("a place of an agent")
    }

    /// The agent of a place, if there is one.
    pub fn agent_at(&self, place: Place) -> Option<&AgentId> {
        self.agents.get(place.position())?.id.as_ref()
    }

    /// How the agent of a place describes itself.
    pub fn info(&self, place: Place) -> Option<&AgentInfo> {
        self.row(place).info.as_deref()
    }

    /// What is free at a place; nothing when the agent is removed or out of contact.
    pub fn free_at(&self, place: Place) -> &Bundle {
        &self.row(place).free
    }

    /// What is free on an agent; nothing when it is not known, removed or out of contact.
    pub fn free(&self, agent: &AgentId) -> &Bundle {
        self.place(agent).map_or(Bundle::nothing_ref(), |place| self.free_at(place))
    }

    /// What offers and accepts hold of an agent.
    pub fn held(&self, agent: &AgentId) -> Option<&Resources> {
        let held = &self.row(self.place(agent)?).held;
        (!held.is_empty()).then_some(held.resources())
    }

    /// Whether the agent is known and not removed.
    pub fn knows(&self, agent: &AgentId) -> bool {
        self.place(agent).is_some_and(|place| self.row(place).info.is_some())
    }

    /// Agents that are known and not removed, by id.
    pub fn agents(&self) -> impl Iterator<Item = &AgentId> {
        let present = self.places.iter().filter(|(_, place)| self.row(**place).info.is_some());
        present.map(|(agent, _)| agent)
    }

    /// Grows whenever [`Self::taking_tasks`] may have changed.
    pub fn agents_version(&self) -> u64 {
        self.agents_version
    }

    /// The agents that take tasks, as they describe themselves.
    pub fn taking_tasks(&self) -> impl Iterator<Item = &AgentInfo> + Clone {
        self.agents.iter().filter(|row| row.offering).filter_map(|row| row.info.as_deref())
    }

    /// Where they stand.
    pub(super) fn places_taking_tasks(&self) -> impl Iterator<Item = Place> {
        let rows = (0..).map(Place::at).zip(&self.agents);
        rows.filter(|(_, row)| row.offering && row.info.is_some()).map(|(place, _)| place)
    }

    /// Agents with something free.
    pub fn with_free(&self) -> impl Iterator<Item = Place> {
        self.places.values().copied().filter(|place| !self.free_at(*place).is_empty())
    }

    /// Agents with enough free to make an offer of, by place.
    pub fn offerable(&self) -> &PlaceSet {
        &self.offerable
    }

    /// What shares are shares of: all that agents have that are not removed, without what the
    /// configuration leaves out of fairness. Those out of contact count: so do their tasks.
    pub fn totals(&self) -> &Amounts {
        &self.totals
    }

    /// What a framework uses in a role, allocated and held.
    pub fn used(&self, bidder: &Bidder) -> Amounts {
        self.usage.used(bidder)
    }

    /// Frameworks in roles that use anything.
    pub fn users(&self) -> impl Iterator<Item = &Bidder> {
        self.usage.users()
    }

    /// Who has a number now.
    pub fn user(&self, index: UserIndex) -> Option<&Bidder> {
        self.usage.user(index)
    }

    /// What is said of a role, by the ledger or else by the configuration.
    pub fn role(&self, role: &Role) -> RoleConfig {
        let mut said = self.roles.get(role).cloned().unwrap_or_default();
        said.weight = said.weight.or_else(|| self.fairness.weights.get(role).copied());
        said
    }

    /// By which policy a role's bidders are given agents.
    pub fn placement(&self, role: &Role) -> PlacementPolicy {
        let placed = role.ancestors().find_map(|role| self.placed.get(&role).copied());
        placed.unwrap_or(self.fairness.placement.policy)
    }

    /// Every policy that some role may have.
    pub fn placements(&self) -> impl Iterator<Item = PlacementPolicy> {
        std::iter::once(self.fairness.placement.policy).chain(self.placed.values().copied())
    }

    /// Roles of which the ledger or the configuration says something.
    pub fn configured_roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.keys().chain(self.fairness.weights.keys())
    }

    /// How shares are counted.
    pub fn fairness(&self) -> &Fairness {
        &self.fairness
    }

    /// The log of changes.
    pub fn changes(&self) -> &Changes<ViewChange> {
        &self.changes
    }

    pub(super) fn row(&self, place: Place) -> &AgentRow {
        &self.agents[place.position()]
    }

    /// Works out again what is free at a place.
    pub(super) fn settle(&mut self, place: Place) {
        let row = &mut self.agents[place.position()];
        let free = match () {
            () if row.id.as_ref().is_some_and(|id| self.changing.has(id)) => Bundle::nothing(),
            () if !row.offering || row.held.is_same(&row.available) => Bundle::nothing(),
            () if row.held.is_empty() => row.available.clone(),
            // Fails while an accept's tasks are allocated and its offers still held.
            () => Bundle::new(row.available.checked_sub(&row.held).unwrap_or_default()),
        };
        if !row.free.covers(&free) {
            self.changes.note(ViewChange::Freed(place));
        }
        self.offerable.set(place, free.is_enough());
        row.free = free;
        if let Some(seen) = &mut self.seen {
            seen.touched.insert(place);
        }
    }

    fn add_held(&mut self, place: Place, role: &Role, framework: FrameworkId, added: &Bundle) {
        let row = &mut self.agents[place.position()];
        row.held = match row.held.is_empty() {
            true => added.clone(),
            false => {
                let sum = row.held.checked_add(added);
                Bundle::new(sum.expect("A2: nothing is in two offers"))
            }
        };
        let change = self.usage.hold(framework, role, added.amounts());
        self.note_usage(change);
    }

    fn note_usage(&mut self, change: Change) {
        self.changes.note(match change {
            Change::Used(index) => ViewChange::Used(index),
            Change::Gone(bidder) => ViewChange::Gone(bidder),
        });
    }

    /// An agent's place; a new one if it has none.
    fn seat(&mut self, id: &AgentId) -> Place {
        *self.places.entry(id.clone()).or_insert_with(|| {
            let place = self.vacant.pop().unwrap_or_else(|| {
                self.agents.push(AgentRow::default());
                Place(u32::try_from(self.agents.len() - 1).expect("agents are limited"))
            });
            self.agents[place.position()].id = Some(id.clone());
            place
        })
    }

    /// Gives the place of an agent up that is removed and of which nothing is held.
    fn leave_if_gone(&mut self, place: Place) {
        let row = &mut self.agents[place.position()];
        if row.info.is_none() && row.held.is_empty() {
            let id = row.id.take().expect("a place of an agent");
            *row = AgentRow::default();
            self.places.remove(&id);
            self.offerable.set(place, false);
            self.left.push(place);
            self.seen.iter_mut().for_each(|seen| seen.left.push((place, id.clone())));
        }
    }
}
