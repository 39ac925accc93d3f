//! What operators are shown: rows of the ledger as the API's messages.
//!
//! A read is answered only after a quorum has confirmed that this member still leads (raft's
//! read-index) and everything committed until then is applied, so that reads are linearizable.

mod listings;
mod summaries;
mod waiting;

pub(crate) use listings::answer;
pub(crate) use summaries::{agent_summary, cluster, framework_summary, task_summary};
pub(crate) use waiting::Reads;
