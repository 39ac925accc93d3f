//! Clusters: the masters' whole core, the SDK's session and frameworks on it in virtual time, the
//! shipped one unchanged; what differs from a cluster is how long messages, disks and containers
//! take, and that a study says it.
//!
//! ```text
//!  framework (Scheduler) ── SDK session ──▶ network_ms ──▶ master core ──▶ commit_ms ──▶ disk
//!        ▲  busy while it decides                             │  offers, launches
//!        └──────────────── network_ms ◀───────────────────────┤
//!                                                             └──▶ network_ms ──▶ agent: start_ms,
//!                                                                  then for as long as a task runs
//! ```
//!
//! One master leads from the start and nothing fails: faults are for trials.

mod agents;
mod frameworks;
mod jobs;
mod master;
mod operators;
mod plan;
mod records;
mod results;
mod shares;
mod world;

pub use jobs::{Asks, JobsPlan};
pub use operators::{AmountsPlan, RolePlan};
pub use plan::{AgentsPlan, ClusterPlan, FrameworksPlan};
