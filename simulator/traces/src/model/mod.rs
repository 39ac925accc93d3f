//! The one form into which every trace is read: arrivals, machines, names, and what was mended.
//!
//! Plain data in integers. Times are nanoseconds since the trace's start, amounts are thousandths
//! of a unit; text is a [`NameId`] into the table of the reader that saw it. Nothing here knows
//! where the data came from or what is done with it.

mod arrival;
mod constraints;
mod machine;
mod names;
mod notes;
mod shape;

pub use arrival::{Arrival, Class};
pub use constraints::{Constraints, PerMachine, Property, Scope};
pub use machine::{Change, Machine, MachineEvent};
pub use names::{NameId, Names};
pub use notes::{Action, Note, Notes};
pub use shape::{KINDS, Kind, Shape};
