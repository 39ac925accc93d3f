//! What operators, and in part frameworks, are shown: rows of the ledger as the API's messages.
//!
//! A read is answered only after a quorum has confirmed that this member still leads (raft's
//! read-index) and everything committed until then is applied, so that reads are linearizable. Then
//! it is [prepared](PreparedRead): what answers it is a copy of the state as of then, and the
//! answer is made on another thread. Only what a leader alone knows is answered by the core itself.
//! Whoever says that it may be stale gets a listing from any member, with how stale it is.

mod agent_life;
mod demands;
mod groups;
mod holds;
mod inverse;
mod listings;
mod members;
mod past;
mod prepared;
mod reservations;
mod roles;
mod summaries;
mod viewer;
mod volumes;
mod waiting;
mod why;
mod why_demand;
mod why_preemption;

pub(crate) use agent_life::window_summary;
pub(crate) use holds::hold_charges;
pub(crate) use listings::{answer_as_leader, leader_alone_knows, may_be_stale};
pub(crate) use members::cluster;
pub(crate) use past::Past;
pub(crate) use prepared::Moment;
pub use prepared::PreparedRead;
pub(crate) use reservations::reservation;
pub(crate) use roles::role_summary;
pub(crate) use summaries::{agent_summary, framework_summary, task_summary};
pub(crate) use viewer::Viewer;
pub(crate) use waiting::{Read, Reads};
pub(crate) use why_demand::demand_standing;
