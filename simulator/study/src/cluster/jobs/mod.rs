//! Frameworks with a queue of jobs, which they decide about one after the other: the schedulers of
//! the Omega paper (Schwarzkopf et al., EuroSys'13), on the SDK and against the masters' own core.
//!
//! A framework is busy while it decides, and hears nothing meanwhile: what it was offered is held
//! for as long, and what it was shown grows old. How it comes to resources is part of the plan:
//!
//! - **demand**: it states what the first job of its queue wants, and is offered that;
//! - **plain**: it takes any offers while it has jobs, as frameworks of Mesos do, decides about as
//!   many jobs as fit in them, and declines the rest;
//! - **shared**: it is shown what is free, chooses by lot, and commits task by task.

mod placing;
mod plan;
mod results;
mod scheduler;

pub(super) use plan::PlannedJobs;
pub use plan::{Asks, JobsPlan};
pub(super) use results::JobsResults;
pub(super) use scheduler::JobsScheduler;
