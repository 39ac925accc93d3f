//! Where tasks may be placed. Rare, so arrivals share one of these by pointer.

use super::NameId;
use std::num::NonZeroU32;

/// What a machine must be like for a task; everything that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Constraints {
    /// Models of cards, one of which the machine must have; empty means any.
    pub gpu_models: Vec<NameId>,
    /// What the machine must, or must not, have.
    pub properties: Vec<Property>,
    /// Nobody else's tasks run on its machines.
    pub exclusive: bool,
    /// How many of its kind may share a machine.
    pub per_machine: Option<PerMachine>,
}

/// One property of a machine: an attribute, or the machine's own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Property {
    /// The attribute or machine.
    pub name: NameId,
    /// Whether it must be there, or must not.
    pub wanted: bool,
}

/// A limit of how many tasks share a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PerMachine {
    /// So many; 1 means that each is on another machine.
    pub at_most: NonZeroU32,
    /// Of which tasks.
    pub of: Scope,
}

/// Tasks that a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Those of the job.
    Job,
    /// Those of all jobs that name this group.
    Group(NameId),
}
