//! What one bidder has said that it wants, and how much of it is in its hands.
//!
//! Pieces that are out in offers are not offered a second time; pieces that were used for tasks are
//! wanted no longer; all others come back. A gang's pieces go out together or not at all. It does
//! not know agents but by their places, nor what is free.

use super::{
    Amounts, Place,
    room::Room,
    spread::{DomainCounts, Spread},
};
use proto::model::{AgentInfo, DemandId, Domain, Instant, Priority, StatedDemand};
use std::{cmp::Reverse, collections::BTreeMap};

/// All that a bidder wants.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    entries: Vec<Entry>,
    /// Whether anything is wanted that is revocable, or that is not.
    kinds: Kinds,
}

/// Which offers serve it, in the order in which they are made; `true` is a revocable one.
type Kinds = &'static [bool];

/// One entry of a demand.
#[derive(Debug, Clone)]
pub struct Entry {
    stated: StatedDemand,
    /// One piece.
    shape: Amounts,
    /// Since when it is wanted.
    since: Instant,
    /// When a gang is given up.
    until: Option<Instant>,
    /// Pieces wanted, those that are out included.
    left: u32,
    /// Pieces in offers.
    out: u32,
    /// Pieces per agent, in offers or used since it was stated.
    on: BTreeMap<Place, u32>,
    /// Over fault domains.
    spread: Option<Box<Spread>>,
}

/// Pieces of entries, by their index.
pub type Pieces = BTreeMap<usize, u32>;

impl Wanted {
    /// What was stated, from now on; the entry of the highest priority first.
    pub fn new(stated: Vec<StatedDemand>, now: Instant) -> Self {
        let entry = |stated: StatedDemand| Entry {
            shape: Amounts::of(&stated.shape),
            since: now,
            until: stated.gang_timeout.map(|after| now + after),
            left: stated.count,
            out: 0,
            on: BTreeMap::new(),
            spread: Spread::new(&stated),
            stated,
        };
        let mut entries: Vec<Entry> = stated.into_iter().map(entry).collect();
        // Stable: of the same priority, the one that was said first.
        entries.sort_by_key(|entry| Reverse(entry.stated.priority));
        let of = |revocable| entries.iter().any(|entry| entry.stated.revocable == revocable);
        let kinds: Kinds = match (of(false), of(true)) {
            (true, true) => &[false, true],
            (_, false) => &[false],
            (false, true) => &[true],
        };
        Self { entries, kinds }
    }

    /// What is stated again, instead of `before`, is wanted since then; `before` keeps the rest.
    pub(super) fn take_over(&mut self, before: &mut Self) {
        let mut since: BTreeMap<DemandId, Instant> = BTreeMap::new();
        let again = |id: &DemandId| self.entries.iter().any(|entry| entry.id() == id);
        before.entries.retain(|entry| {
            let goes_on = !entry.is_served() && again(entry.id());
            if goes_on {
                since.insert(entry.id().clone(), entry.since);
            }
            !goes_on
        });
        for entry in &mut self.entries {
            entry.since = since.get(entry.id()).copied().unwrap_or(entry.since);
        }
    }

    /// Of which kinds offers for it are, those first that are not revocable; of one entry its own.
    pub(super) fn kinds(&self, entry: Option<usize>) -> Kinds {
        match entry {
            None => self.kinds,
            Some(entry) if self.entries[entry].stated.revocable => &[true],
            Some(_) => &[false],
        }
    }

    /// Its entries, when they are wanted no longer.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// Its entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The highest priority of its entries.
    pub(super) fn priority(&self) -> Option<Priority> {
        self.entries.first().map(|entry| entry.stated.priority)
    }

    /// Pieces of an entry that are wanted and not out.
    pub(super) fn open(&self, id: &DemandId) -> u32 {
        self.entries.iter().find(|entry| entry.id() == id).map_or(0, Entry::open)
    }

    /// Whether anything is wanted that is not out.
    pub fn is_open(&self) -> bool {
        self.entries.iter().any(|entry| entry.open() > 0)
    }

    /// The pieces, not of gangs, that an agent has room for, beyond those that were `given` before;
    /// the entries of one kind by priority and then in order, each as often as it fits.
    pub fn pick(
        &self,
        revocable: bool,
        agent: &AgentInfo,
        place: Place,
        room: &Room,
        given: &Given,
    ) -> Pieces {
        let mut room = room.clone();
        let mut pieces = Pieces::new();
        let is_meant = |entry: &Entry| entry.until.is_none() && entry.stated.revocable == revocable;
        let meant = self.entries.iter().enumerate().filter(|(_, entry)| is_meant(entry));
        for (index, entry) in meant {
            let before = (given.all(index), given.on(index, place));
            let count = entry.fit(agent, place, &room, before, given.domains(index));
            if count > 0 {
                room.take(&entry.shape, count);
                pieces.insert(index, count);
            }
        }
        pieces
    }

    /// One piece of an entry that is no gang, if the agent has room for it; as [`Self::pick`].
    pub fn pick_one(
        &self,
        entry: usize,
        agent: &AgentInfo,
        place: Place,
        room: &Room,
        given: &Given,
    ) -> Pieces {
        let before = (given.all(entry), given.on(entry, place));
        match self.entries[entry].fit(agent, place, room, before, given.domains(entry)) {
            0 => Pieces::new(),
            _ => Pieces::from([(entry, 1)]),
        }
    }

    /// Pieces by what one of them is.
    pub fn shapes(&self, pieces: &Pieces) -> Vec<(&Amounts, u32)> {
        pieces.iter().map(|(index, count)| (&self.entries[*index].shape, *count)).collect()
    }

    /// Pieces by the names of their entries.
    pub fn named(&self, pieces: &Pieces) -> Vec<(DemandId, u32)> {
        let named = pieces.iter().map(|(index, count)| (self.entries[*index].id().clone(), *count));
        named.collect()
    }

    /// Enters what a plan gives on an agent.
    pub(super) fn give(&self, given: &mut Given, place: Place, agent: &AgentInfo, pieces: &Pieces) {
        given.add(place, pieces);
        for (index, count) in pieces {
            if let Some(spread) = &self.entries[*index].spread {
                let counts = given.domains.entry(*index).or_default();
                spread.count(agent.domain.as_ref(), *count, counts);
            }
        }
    }

    /// Whether a plan has given all that is wanted, gangs left out: they go by themselves.
    pub(super) fn is_met(&self, given: &Given) -> bool {
        let mut entries = self.entries.iter().enumerate();
        entries.all(|(index, entry)| entry.is_gang() || entry.open() <= given.all(index))
    }

    /// Whether how much a fault domain may have depends on which agents there are.
    pub(super) fn is_even(&self) -> bool {
        self.entries.iter().any(|entry| entry.spread.as_ref().is_some_and(|it| it.is_even()))
    }

    /// Works out the equal parts of fault domains, of agents that take tasks; whether any has
    /// changed.
    pub(super) fn divide<'a>(
        &mut self,
        agents: impl Iterator<Item = &'a AgentInfo> + Clone,
    ) -> bool {
        let divide = |entry: &mut Entry| {
            let spread = entry.spread.as_mut().filter(|spread| spread.is_even());
            spread.is_some_and(|spread| spread.divide(&entry.stated, agents.clone()))
        };
        // Each is divided, also behind one that has changed.
        self.entries.iter_mut().map(divide).fold(false, |any, is_changed| any | is_changed)
    }

    /// Pieces are in an offer of an agent of this domain from now on.
    pub(super) fn offered(
        &mut self,
        place: Place,
        domain: Option<&Domain>,
        pieces: &[(DemandId, u32)],
    ) {
        for (id, count) in pieces {
            if let Some(entry) = self.entry_mut(id) {
                entry.out += count;
                *entry.on.entry(place).or_default() += count;
                if let Some(spread) = &mut entry.spread {
                    spread.put(place, domain, *count);
                }
            }
        }
    }

    /// An offer is over, in which `used` tasks were launched: each is taken for one piece.
    pub(super) fn returned(&mut self, place: Place, pieces: &[(DemandId, u32)], used: u32) {
        let mut used = used;
        for (id, count) in pieces {
            // What was stated anew meanwhile does not know of this offer.
            let Some(entry) = self.entry_mut(id) else { continue };
            let count = (*count).min(entry.out);
            let launched = used.min(count);
            used -= launched;
            entry.out -= count;
            entry.left -= launched;
            let on = entry.on.entry(place).or_default();
            *on = on.saturating_sub(count - launched);
            let left = *on;
            if left == 0 {
                entry.on.remove(&place);
            }
            if let Some(spread) = &mut entry.spread {
                spread.take(place, count - launched, left);
            }
        }
    }

    /// An agent is gone for good, and its place goes to another; whether pieces were on it.
    pub(super) fn forget_agent(&mut self, place: Place) -> bool {
        let mut were_there = false;
        for entry in &mut self.entries {
            let Some(count) = entry.on.remove(&place) else { continue };
            were_there = true;
            if let Some(spread) = &mut entry.spread {
                spread.take(place, count, 0);
            }
        }
        were_there
    }

    /// Gives up gangs whose time is over; says which.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Entry> {
        let late = |entry: &Entry| entry.open() > 0 && entry.until.is_some_and(|at| at <= now);
        let (failed, rest) = std::mem::take(&mut self.entries).into_iter().partition(late);
        self.entries = rest;
        failed
    }

    /// When a gang is next given up.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let gangs = self.entries.iter().filter(|entry| entry.open() > 0);
        gangs.filter_map(|entry| entry.until).min()
    }

    fn entry_mut(&mut self, id: &DemandId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id() == id)
    }
}

impl Entry {
    /// What was said.
    pub fn stated(&self) -> &StatedDemand {
        &self.stated
    }

    /// Its name.
    pub fn id(&self) -> &DemandId {
        &self.stated.id
    }

    /// Since when it is wanted, however often it was stated again.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Whether all of its pieces were used.
    pub fn is_served(&self) -> bool {
        self.left == 0
    }

    /// Pieces in offers.
    pub fn out(&self) -> u32 {
        self.out
    }

    /// Pieces wanted that are not in offers.
    pub fn open(&self) -> u32 {
        self.left - self.out
    }

    /// Whether its pieces go out together.
    pub fn is_gang(&self) -> bool {
        self.until.is_some()
    }

    /// One piece.
    pub fn shape(&self) -> &Amounts {
        &self.shape
    }

    /// How many more pieces an agent may have, as its fault domain has some already, beyond those
    /// that were `given`.
    pub fn domain_room(&self, agent: &AgentInfo, given: &DomainCounts) -> u32 {
        let spread = self.spread.as_ref();
        spread.map_or(u32::MAX, |spread| spread.room(agent.domain.as_ref(), given))
    }

    /// Counts pieces on an agent for its fault domain.
    pub fn count_domain(&self, agent: &AgentInfo, count: u32, counts: &mut DomainCounts) {
        if let Some(spread) = &self.spread {
            spread.count(agent.domain.as_ref(), count, counts);
        }
    }

    /// Pieces that an agent has room for, beyond those that were given before: `before` in all,
    /// `here` on this agent, `given` by fault domain.
    pub fn fit(
        &self,
        agent: &AgentInfo,
        place: Place,
        room: &Room,
        (before, here): (u32, u32),
        given: &DomainCounts,
    ) -> u32 {
        let open = self.open().saturating_sub(before);
        let here = here + self.on.get(&place).copied().unwrap_or(0);
        let most = self.stated.per_agent_max.map_or(u32::MAX, |most| most.saturating_sub(here));
        let count = open.min(most).min(self.domain_room(agent, given));
        if count == 0 || self.stated.unmet(agent).is_some() {
            return 0;
        }
        let fits = room.holds_times(&self.shape);
        count.min(u32::try_from(fits).unwrap_or(u32::MAX))
    }
}

/// Pieces that one plan has given to one bidder.
#[derive(Debug, Clone, Default)]
pub struct Given {
    pieces: BTreeMap<(usize, Place), u32>,
    /// By entry, of those that are spread.
    domains: BTreeMap<usize, DomainCounts>,
}

/// What has been given of an entry that is not spread, or of which nothing has been.
static NOWHERE: DomainCounts = DomainCounts::new();

impl Given {
    fn add(&mut self, place: Place, pieces: &Pieces) {
        for (index, count) in pieces {
            *self.pieces.entry((*index, place)).or_default() += count;
        }
    }

    pub(super) fn all(&self, index: usize) -> u32 {
        let range = (index, Place::at(0))..(index + 1, Place::at(0));
        self.pieces.range(range).map(|(_, count)| count).sum()
    }

    fn on(&self, index: usize, place: Place) -> u32 {
        self.pieces.get(&(index, place)).copied().unwrap_or(0)
    }

    fn domains(&self, index: usize) -> &DomainCounts {
        self.domains.get(&index).unwrap_or(&NOWHERE)
    }
}
