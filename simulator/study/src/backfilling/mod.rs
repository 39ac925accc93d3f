//! Parallel jobs on one machine's processors: each needs so many at once, and the order is first
//! come, first served, with or without exceptions that hurt nobody.
//!
//! - **fcfs**: the first job waits until there is room for it, and all others behind it;
//! - **easy**: others may go before it if the first job's start is not put off (Lifka, "The
//!   ANL/IBM SP scheduling system", JSSPP'95);
//! - **conservative**: others may go before it if no job's start is put off that arrived earlier
//!   (Feitelson and Weil, IPPS'98).
//!
//! Who may go before is decided by estimates; a job that ends earlier leaves room for others. The
//! promise that EASY makes to the first job is checked whenever that one starts.

mod jobs;
mod plan;
mod profile;
mod run;

pub use jobs::RigidJobs;
pub use plan::{BackfillingPlan, Discipline, Estimates};
