//! Jobs that run to completion: a job file, one command, or a recorded workload.
//!
//! A [`Job`] is a list of tasks with instances, dependencies, retries and timeouts. The [`queue`]
//! knows what may run now, the cluster is asked for that and no more, [`packing`] cuts what it
//! offers into calls, [`scheduler`] joins these behind the SDK's trait, [`run()`] drives it against
//! a cluster and hands back a [`Summary`]. Everything but `run` is pure.

#![forbid(unsafe_code)]

pub mod group;
mod instance;
pub mod job;
pub mod job_file;
pub mod observer;
pub mod packing;
mod placing;
pub mod queue;
pub mod replay;
pub mod run;
pub mod scheduler;
mod spread;
pub mod summary;
pub mod swf;
pub mod volumes;
mod wishes;

pub use group::{GroupSpec, MemberSpec};
pub use job::{Job, JobError, TaskSpec};
pub use job_file::JobFileError;
pub use observer::{Observer, Progress, Silent, Skip, TaskNews};
pub use queue::Outcome;
pub use replay::{Compression, Replay, ReplayError};
pub use run::{JobSource, RunError, run, run_until};
pub use scheduler::BatchScheduler;
pub use summary::{Summary, TaskRow};
pub use volumes::{VolumeSelector, VolumeSpec};
