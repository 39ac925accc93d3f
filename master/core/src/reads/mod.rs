//! What operators, and in part frameworks, are shown: rows of the ledger as the API's messages.
//!
//! A read is answered only after a quorum has confirmed that this member still leads (raft's
//! read-index) and everything committed until then is applied, so that reads are linearizable.

mod agent_life;
mod demands;
mod listings;
mod members;
mod past;
mod roles;
mod summaries;
mod viewer;
mod waiting;
mod why;
mod why_demand;
mod why_preemption;

pub(crate) use agent_life::window_summary;
pub(crate) use listings::answer;
pub(crate) use members::cluster;
pub(crate) use past::Past;
pub(crate) use roles::role_summary;
pub(crate) use summaries::{agent_summary, framework_summary, task_summary};
pub(crate) use viewer::Viewer;
pub(crate) use waiting::{Read, Reads};
pub(crate) use why_demand::demand_standing;
