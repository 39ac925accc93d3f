//! Queueing: jobs arrive, wait for a scheduler, which takes its time to decide, and leave.
//!
//! Three architectures, as the Omega paper compares them (Schwarzkopf et al., EuroSys'13), each on
//! the same cell with the same placement policies:
//!
//! - **monolithic**: one scheduler, one queue; it places on the cell as it is when it has decided;
//! - **shared**: several schedulers decide at once, each on what it saw when it began; commits are
//!   checked against the cell as it is then;
//! - **compat**: exclusive offers as Google's simulator of that paper has them, with its faults
//!   (its frameworks answer overlapping offers), so that its figures can be compared.
//!
//! ```text
//!  arrivals ──▶ queue ──▶ decision (t_job + t_task × tasks) ──▶ commit ──▶ running ──▶ end
//!                 ▲                                               │ not all placed: after 1 s
//!                 └───────────────────────────────────────────────┘
//! ```

mod compat;
mod jobs;
mod list;
mod plan;
mod records;
mod results;
mod schedulers;
mod world;

pub(crate) use jobs::is_hopeless;
pub use list::JobList;
pub use plan::{Architecture, Commit, Conflict, Decision, First, QueueingPlan, UniformMachines};
