//! How an agent acts, purely: orders and observations in, effects out.
//!
//! ```text
//!  shell ──Input──▶ Agent::step ──Outbox──▶ shell
//!                     │                       1. Journal   durable, before anything else
//!    session          │ which master, which   2. Start, Stop, Adopt, Remove   containers
//!    tasks            │ term, which task,     3. Send, Connect, Disconnect    the leader
//!    updates          │ which update
//!    volumes          │ which data
//!    journal          │
//! ```
//!
//! The agent believes its journal and its kernel, in that order, and the master last: what it was
//! told to run is decided by the journal, what runs by what the shell observed, and an order of an
//! older term than one already obeyed is ignored.
//!
//! There is no I/O, clock or entropy in here. Time and a seed are parameters, so that a history of
//! inputs always gives the same effects; the simulator runs this crate unchanged.

#![forbid(unsafe_code)]

pub mod agent;
pub mod config;
pub mod input;
pub mod invariants;
pub mod journal;
pub mod outbox;

mod due;
mod groups;
mod session;
mod tasks;
mod updates;
mod volumes;

pub use agent::Agent;
pub use config::Config;
pub use input::{Ending, ExitReport, FailureKind, Input, LaunchFailure};
pub use journal::{
    ContainerId, Identity, Journal, JournalError, Kill, Membership, Observation, Record,
    RecoverError, Resizing, TaskRow, VolumeRow, VolumeStage,
};
pub use outbox::{Effect, Outbox};
