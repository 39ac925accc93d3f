//! How much each framework uses in each of its roles.
//!
//! Every user has a number, so that what changed with every offer can be logged and read without
//! copying names. A number is given to another user when its own is gone: whoever reads that a
//! number has changed looks at who has it now, and is told by name who is gone.

use super::{Amounts, Bidder};
use proto::model::{FrameworkId, Resources, Role};
use std::collections::BTreeMap;

/// A user's place in tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserIndex(u32);

/// What all users use.
#[derive(Debug, Clone, Default)]
pub(super) struct Usage {
    rows: Vec<Option<Row>>,
    vacant: Vec<UserIndex>,
    indexes: BTreeMap<FrameworkId, BTreeMap<Role, UserIndex>>,
}

#[derive(Debug, Clone)]
struct Row {
    bidder: Bidder,
    /// By tasks.
    allocated: Amounts,
    /// By offers and accepts.
    held: Amounts,
}

/// What a change has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// The user uses another amount.
    Used(UserIndex),
    /// It uses nothing any longer.
    Gone(Bidder),
}

impl Usage {
    /// A user holds more.
    pub(super) fn hold(&mut self, framework: FrameworkId, role: &Role, more: &Amounts) -> Change {
        let index = self.seat(framework, role);
        self.row_mut(index).held.add(more);
        self.settle(index)
    }

    /// A user holds less.
    ///
    /// # Panics
    /// When it did not hold that (A2).
    pub(super) fn release(
        &mut self,
        framework: FrameworkId,
        role: &Role,
        less: &Amounts,
    ) -> Change {
        let index = self.seat(framework, role);
        self.row_mut(index).held.subtract(less);
        self.settle(index)
    }

    /// Says what a framework's tasks take now, by role.
    pub(super) fn allocate(
        &mut self,
        framework: FrameworkId,
        allocated: &BTreeMap<Role, Resources>,
    ) -> Vec<Change> {
        let known = self.indexes.get(&framework).into_iter().flat_map(BTreeMap::iter);
        let idle = known.filter(|(role, _)| !allocated.contains_key(*role));
        let mut now: Vec<_> = idle.map(|(_, index)| (*index, Amounts::new())).collect();
        for (role, resources) in allocated {
            now.push((self.seat(framework, role), Amounts::of(resources)));
        }
        let is_new = |row: &Row, amounts: &Amounts| row.allocated != *amounts || row.is_empty();
        now.retain(|(index, amounts)| is_new(self.row(*index), amounts));
        let mut changes = Vec::new();
        for (index, amounts) in now {
            self.row_mut(index).allocated = amounts;
            changes.push(self.settle(index));
        }
        changes
    }

    /// What a framework uses in a role, allocated and held.
    pub(super) fn used(&self, bidder: &Bidder) -> Amounts {
        let roles = self.indexes.get(&bidder.framework);
        let index = roles.and_then(|roles| roles.get(&bidder.role));
        index.map_or_else(Amounts::new, |index| self.row(*index).used())
    }

    /// Who has this number.
    pub(super) fn user(&self, index: UserIndex) -> Option<&Bidder> {
        self.rows[index.0 as usize].as_ref().map(|row| &row.bidder)
    }

    /// Everybody who uses anything.
    pub(super) fn users(&self) -> impl Iterator<Item = &Bidder> {
        let indexes = self.indexes.values().flat_map(BTreeMap::values);
        indexes.map(|index| &self.row(*index).bidder)
    }

    fn row(&self, index: UserIndex) -> &Row {
        self.rows[index.0 as usize].as_ref().expect("a number that was given")
    }

    fn row_mut(&mut self, index: UserIndex) -> &mut Row {
        self.rows[index.0 as usize].as_mut().expect("a number that was given")
    }

    /// A user's number; a new one if it has none.
    fn seat(&mut self, framework: FrameworkId, role: &Role) -> UserIndex {
        let roles = self.indexes.entry(framework).or_default();
        if let Some(index) = roles.get(role) {
            return *index;
        }
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.rows.push(None);
            UserIndex(u32::try_from(self.rows.len() - 1).expect("frameworks are limited"))
        });
        roles.insert(role.clone(), index);
        let bidder = Bidder { framework, role: role.clone() };
        let (allocated, held) = (Amounts::new(), Amounts::new());
        self.rows[index.0 as usize] = Some(Row { bidder, allocated, held });
        index
    }

    /// Takes the user out if it uses nothing.
    fn settle(&mut self, index: UserIndex) -> Change {
        if !self.row(index).is_empty() {
            return Change::Used(index);
        }
        let row = self.rows[index.0 as usize].take().expect("was there");
        self.vacant.push(index);
        let Bidder { framework, role } = &row.bidder;
        let roles = self.indexes.get_mut(framework).expect("a user has its number");
        roles.remove(role);
        if roles.is_empty() {
            self.indexes.remove(framework);
        }
        Change::Gone(row.bidder)
    }
}

impl Row {
    fn is_empty(&self) -> bool {
        self.allocated.is_empty() && self.held.is_empty()
    }

    fn used(&self) -> Amounts {
        let mut sum = self.allocated.clone();
        sum.add(&self.held);
        sum
    }
}
