//! Room 1: calls become commands or refusals.
//!
//! Checks who speaks and whether the call can make sense now; that is an optimisation and a
//! courtesy, the guarantee is the ledger's. Exists only while this member leads and serves.

mod accept;
mod agents;
mod commit;
mod holds;
mod kills;
mod left;
mod operators;
pub(crate) mod rate_limits;
mod reservations;
mod scheduler;
pub(crate) mod sessions;
pub(crate) mod turn;
mod volumes;

pub(crate) use turn::{Turn, Waiter};
