//! Probing: distributed schedulers without a queue of their own. Work waits at the workers, each of
//! which runs one task at a time, and a scheduler knows of a worker only what a message said.
//!
//! ```text
//!  random          job ──task──▶ worker
//!  per-task, batch job ──probe──▶ worker ──load──▶ job ──task──▶ least loaded worker
//!  late-binding    job ──reservation──▶ worker … it is its turn ──ask──▶ job ──task──▶ worker
//!  central         job ──task──▶ the worker that is expected to be free first
//!  hybrid          long jobs central, short ones late-binding; idle workers steal short ones
//!  omniscient      one queue that knows everything at once: what the others are held against
//! ```
//!
//! Each arrow of these takes the network's time. After Sparrow (Ousterhout et al., SOSP'13), Hawk
//! (Delgado et al., ATC'15) and the power of two choices (Mitzenmacher, 1996; Vvedenskaya et al.,
//! 1996). It knows nothing of resources: a task takes a worker, whatever it asks for.

mod central;
mod jobs;
mod lots;
mod omniscient;
#[cfg(test)]
mod oracle;
mod plan;
mod results;
mod run;
mod steal;
mod worker;
mod world;

pub use jobs::ProbedJobs;
pub use plan::{ProbingPlan, Scheme, TaskTimes};
