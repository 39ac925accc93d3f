//! Scheduling: jobs come, run and go on machines that are not alike, and some may send others away.
//!
//! - **bands**: a task of a higher band may end tasks of lower ones, which wait again; who gives
//!   way is chosen by the masters' own function (decision 0011);
//! - **gangs**: all tasks of a job start at once, on as many machines as it takes, or none does;
//! - **constraints**: models of GPUs, properties of machines, machines for oneself, at most so many
//!   of a kind on a machine.
//!
//! ```text
//!  arrivals ──▶ queue, by band ──attempt──▶ running ──▶ end
//!                 ▲   ▲          │ not all placed     │ what is freed: the queue again
//!                 │   └──────────┘                    │
//!                 └────── evicted ◀───────────────────┘
//! ```
//!
//! Deciding takes no time. Everything that happens is told to an oracle, which keeps books of
//! its own from the trace's own words, and counts what should not have been.

mod attempt;
mod evictor;
mod floor;
mod machines;
mod oracle;
mod plan;
mod records;
mod results;
mod run;
mod work;

pub use plan::{Band, SchedulingPlan};
pub use work::Work;
