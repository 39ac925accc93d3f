//! Task groups: which of a group's tasks begins or ends next.
//!
//! The order is decided from nothing but the rows of the group's tasks ([`order`]); so an agent
//! that is killed anywhere goes on where its journal says it was. A row that is gone is that of a
//! task which has ended; if it failed, the others were told to end in the very step that wrote its
//! end down.

mod launch;
pub(crate) mod order;
mod turn;
