//! Machines that come, change and go.

use super::{NameId, Shape};

/// Something that happens to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineEvent {
    /// When, in nanoseconds since the trace's start; 0 is before anything arrives.
    pub at_ns: u64,
    /// The machine's id in the trace, or its row, counted from 0, where it has none.
    pub machine: u64,
    /// What happens.
    pub change: Change,
}

/// What happens to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It comes.
    Add(Machine),
    /// Its capacity is another one from now on.
    Update(Machine),
    /// It goes, with all that runs there.
    Remove,
    /// An attribute has this value from now on; none means that it has it no longer.
    Attribute {
        /// The attribute.
        name: NameId,
        /// Its value.
        value: Option<NameId>,
    },
}

/// One machine, or several that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// What people call it.
    pub name: Option<NameId>,
    /// How many there are of it, at least 1.
    pub count: u32,
    /// What each has. For cards this is 1000 times `cards`.
    pub capacity: Shape,
    /// The model of its cards.
    pub gpu_model: Option<NameId>,
    /// How many cards each has.
    pub cards: u32,
    /// What else is known of it: names, with values where it has any.
    pub attributes: Vec<(NameId, Option<NameId>)>,
}
