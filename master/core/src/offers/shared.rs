//! Who sees the shared state of which role, and what each reader has not been shown yet.
//!
//! A reader is a framework in a shared role. What changed since it was last shown something is a
//! set of agents: an agent that changes twice before the reader has read is in it once, so that a
//! slow reader costs one entry for each agent at most, and is shown the newest state and not every
//! step. Each reader has one part of it on its way at a time. A change costs a note for each
//! reader; what an agent's state is, is asked when it is shown, and not known here.

use crate::allocator::{Place, PlaceSet};
use proto::model::{AgentId, FrameworkId, Role};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

/// All readers.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    clients: BTreeMap<FrameworkId, Client>,
    /// Frameworks with something to be shown, as far as it is known.
    waiting: BTreeSet<FrameworkId>,
}

/// A framework with shared roles.
#[derive(Debug, Default)]
struct Client {
    readers: BTreeMap<Role, Reader>,
    /// It has not read what it was sent last.
    is_reading: bool,
    /// The role that it was shown last: the next one has its turn.
    last: Option<Role>,
}

/// A framework in a role.
#[derive(Debug, Default)]
struct Reader {
    /// Agents that are seen differently than when they were last shown.
    changed: BTreeSet<Place>,
    /// Agents that have left and that it was shown.
    gone: BTreeSet<AgentId>,
    /// Agents whose description it has.
    described: PlaceSet,
    /// Nothing was shown since it began.
    begins: bool,
    /// It has not been told that everything was shown.
    open: bool,
    suppressed: bool,
}

/// What to show a reader next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) framework: FrameworkId,
    pub(crate) role: Role,
    /// Agents, and whether to describe them.
    pub(crate) places: Vec<(Place, bool)>,
    /// Agents that have left.
    pub(crate) gone: Vec<AgentId>,
    pub(crate) begins: bool,
    pub(crate) complete: bool,
}

impl Shared {
    /// Whether nobody reads anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Whether a framework is shown a role.
    pub(crate) fn shows(&self, framework: FrameworkId, role: &Role) -> bool {
        self.clients.get(&framework).is_some_and(|client| client.readers.contains_key(role))
    }

    /// A framework is shown a role from the beginning; these are the agents with something free.
    pub(crate) fn begin(
        &mut self,
        framework: FrameworkId,
        role: &Role,
        places: impl Iterator<Item = Place>,
        suppressed: bool,
    ) {
        let changed = places.collect();
        let reader = Reader { changed, begins: true, open: true, suppressed, ..Reader::default() };
        let client = self.clients.entry(framework).or_default();
        client.readers.insert(role.clone(), reader);
        self.waiting.insert(framework);
    }

    /// A framework is shown a role no longer; answers whether it was.
    pub(crate) fn end(&mut self, framework: FrameworkId, role: &Role) -> bool {
        let Some(client) = self.clients.get_mut(&framework) else { return false };
        let ended = client.readers.remove(role).is_some();
        if client.readers.is_empty() {
            self.remove(framework);
        }
        ended
    }

    /// A framework has no stream any longer.
    pub(crate) fn remove(&mut self, framework: FrameworkId) {
        self.clients.remove(&framework);
        self.waiting.remove(&framework);
    }

    /// A framework wants to be shown a role, or not for now; what changes meanwhile is kept.
    pub(crate) fn suppress(&mut self, framework: FrameworkId, role: &Role, suppressed: bool) {
        let client = self.clients.get_mut(&framework);
        if let Some(reader) = client.and_then(|client| client.readers.get_mut(role)) {
            reader.suppressed = suppressed;
            self.waiting.insert(framework);
        }
    }

    /// An agent is seen differently; in one role only, when it is given.
    pub(crate) fn note(&mut self, place: Place, only: Option<&Role>) {
        for (framework, client) in &mut self.clients {
            for (role, reader) in &mut client.readers {
                if only.is_none_or(|only| only == role) {
                    reader.changed.insert(place);
                    self.waiting.insert(*framework);
                }
            }
        }
    }

    /// An agent describes itself differently.
    pub(crate) fn describe_again(&mut self, place: Place) {
        let readers = self.clients.values_mut().flat_map(|client| client.readers.values_mut());
        readers.for_each(|reader| reader.described.set(place, false));
    }

    /// An agent has left its place, which another one may get.
    pub(crate) fn left(&mut self, place: Place, agent: &AgentId) {
        for (framework, client) in &mut self.clients {
            for reader in client.readers.values_mut() {
                reader.changed.remove(&place);
                if reader.described.contains(place) {
                    reader.described.set(place, false);
                    reader.gone.insert(agent.clone());
                    self.waiting.insert(*framework);
                }
            }
        }
    }

    /// A framework has read what it was sent.
    pub(crate) fn read(&mut self, framework: FrameworkId) {
        if let Some(client) = self.clients.get_mut(&framework) {
            client.is_reading = false;
            self.waiting.insert(framework);
        }
    }

    /// The next thing to show, of at most so many agents; nothing when everybody who reads knows
    /// everything. The framework is then reading.
    pub(crate) fn next_part(&mut self, most: usize) -> Option<Part> {
        while let Some(framework) = self.waiting.pop_first() {
            let client = self.clients.get_mut(&framework).expect("who waits reads");
            if let Some(part) = client.next_part(framework, most) {
                return Some(part);
            }
        }
        None
    }
}

impl Client {
    fn next_part(&mut self, framework: FrameworkId, most: usize) -> Option<Part> {
        if self.is_reading {
            // It waits again when it has read.
            return None;
        }
        let has_news = |(_, reader): &(&Role, &Reader)| reader.has_news();
        let after = self.last.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut later = self.readers.range::<Role, _>((after, Bound::Unbounded));
        let next = later.find(has_news).or_else(|| self.readers.iter().find(has_news));
        let role = next.map(|(role, _)| role.clone())?;
        let reader = self.readers.get_mut(&role).expect("just found");
        self.is_reading = true;
        self.last = Some(role.clone());
        Some(reader.part(framework, role, most))
    }
}

impl Reader {
    fn has_news(&self) -> bool {
        !self.suppressed && (self.open || !self.changed.is_empty() || !self.gone.is_empty())
    }

    fn part(&mut self, framework: FrameworkId, role: Role, most: usize) -> Part {
        let mut gone = Vec::new();
        while gone.len() < most
            && let Some(agent) = self.gone.pop_first()
        {
            gone.push(agent);
        }
        let mut places = Vec::new();
        while gone.len() + places.len() < most
            && let Some(place) = self.changed.pop_first()
        {
            places.push((place, !self.described.contains(place)));
            self.described.set(place, true);
        }
        let complete = self.changed.is_empty() && self.gone.is_empty();
        self.open = !complete;
        let begins = std::mem::take(&mut self.begins);
        Part { framework, role, places, gone, begins, complete }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: FrameworkId = FrameworkId(1);
    const B: FrameworkId = FrameworkId(2);

    fn role() -> Role {
        Role::new("shared").expect("a role")
    }

    fn places(numbers: &[u32]) -> impl Iterator<Item = Place> {
        numbers.iter().copied().map(Place::at)
    }

    fn shown(part: Option<Part>) -> (FrameworkId, Vec<u32>, bool, bool) {
        let part = part.expect("something is shown");
        let numbers = part.places.iter().map(|(place, _)| place.number()).collect();
        (part.framework, numbers, part.begins, part.complete)
    }

    #[test]
    fn a_reader_is_shown_the_beginning_in_parts_and_then_each_change_once() {
        let mut shared = Shared::default();
        shared.begin(A, &role(), places(&[1, 2, 70]), false);
        assert_eq!(shown(shared.next_part(2)), (A, vec![1, 2], true, false));
        assert_eq!(shared.next_part(2), None, "it has not read that");
        shared.note(Place::at(1), None);
        shared.read(A);
        assert_eq!(shown(shared.next_part(2)), (A, vec![1, 70], false, true));
        shared.note(Place::at(70), None);
        shared.note(Place::at(70), None);
        shared.read(A);
        let part = shared.next_part(2).expect("a change");
        assert_eq!(part.places, [(Place::at(70), false)], "once, and its description is known");
        shared.read(A);
        assert_eq!(shared.next_part(2), None, "nothing has changed");
    }

    #[test]
    fn nobody_waits_for_a_slow_reader() {
        let mut shared = Shared::default();
        shared.begin(A, &role(), places(&[]), false);
        shared.begin(B, &role(), places(&[]), false);
        assert_eq!(shown(shared.next_part(9)), (A, vec![], true, true), "shared, and full");
        assert_eq!(shown(shared.next_part(9)), (B, vec![], true, true));
        shared.read(B);
        for place in [3, 4, 3] {
            shared.note(Place::at(place), None);
            assert_eq!(shown(shared.next_part(9)), (B, vec![place], false, true));
            shared.read(B);
        }
        shared.read(A);
        assert_eq!(shown(shared.next_part(9)), (A, vec![3, 4], false, true));
    }

    #[test]
    fn a_role_in_which_much_happens_does_not_hide_another() {
        let mut shared = Shared::default();
        let (busy, quiet) = (role(), Role::new("zzz").expect("a role"));
        shared.begin(A, &busy, places(&[1]), false);
        shared.begin(A, &quiet, places(&[1]), false);
        let mut roles = Vec::new();
        for _ in 0..3 {
            roles.push(shared.next_part(9).expect("news").role);
            shared.note(Place::at(1), Some(&busy));
            shared.read(A);
        }
        assert_eq!(roles, [busy.clone(), quiet, busy]);
    }

    #[test]
    fn whoever_does_not_want_to_be_shown_anything_is_shown_it_later() {
        let mut shared = Shared::default();
        shared.begin(A, &role(), places(&[1]), true);
        assert_eq!(shared.next_part(9), None);
        shared.note(Place::at(2), Some(&role()));
        shared.suppress(A, &role(), false);
        assert_eq!(shown(shared.next_part(9)), (A, vec![1, 2], true, true));
    }

    #[test]
    fn an_agent_that_leaves_is_taken_back_from_who_was_shown_it() {
        let mut shared = Shared::default();
        let agent = AgentId::new("a").expect("an id");
        shared.begin(A, &role(), places(&[1]), false);
        shared.next_part(9);
        shared.begin(B, &role(), places(&[1]), false);
        shared.left(Place::at(1), &agent);
        shared.read(A);
        let part = shared.next_part(9).expect("it is gone");
        assert_eq!((part.framework, part.gone), (A, vec![agent]));
        assert_eq!(shown(shared.next_part(9)), (B, vec![], true, true), "it never saw it");
        shared.remove(A);
        shared.remove(B);
        assert!(shared.is_empty());
    }
}
