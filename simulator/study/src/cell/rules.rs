//! What a request says of machines beside room: what they must be, and with whom they are shared.
//! Most requests say nothing.
//!
//! Whether a machine keeps to a rule changes only when a task comes or goes there, so that what is
//! known of a machine holds as long as its version, as with room.

use std::{collections::BTreeSet, num::NonZeroU32};
use traces::model::NameId;

/// What a machine must be like, and how its tasks are shared out; everything that is said must
/// hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Rules {
    /// What the machine must have.
    pub wanted: BTreeSet<NameId>,
    /// What it must not have.
    pub unwanted: BTreeSet<NameId>,
    /// The task has the machine for itself.
    pub exclusive: bool,
    /// So many tasks of these may share a machine.
    pub per_machine: Option<(NonZeroU32, Peers)>,
}

/// Tasks that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peers {
    /// Those of a job, by its number in the trace.
    Job(u64),
    /// Those that name a group.
    Group(NameId),
}

impl Rules {
    /// Whether a machine with these properties would do when it is empty.
    pub fn allow(&self, properties: &BTreeSet<NameId>) -> bool {
        self.wanted.is_subset(properties) && self.unwanted.is_disjoint(properties)
    }
}
