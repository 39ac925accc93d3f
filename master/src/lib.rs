//! The master's shell: everything that touches the world so that the core does not have to.
//!
//! ```text
//!  frameworks, agents, operators ─▶ serve ─┐                 ┌─▶ storage ─▶ disk
//!                                          ├─▶ inbox ─▶ core_thread ─▶ peers ─▶ other masters
//!  other masters ─────────────────▶ peers ─┘                 └─▶ outbound ─▶ serve ─▶ clients
//! ```
//!
//! [`run::start`] puts the rooms together from [`settings`]. Only `core_thread` calls the core; all
//! else translates. Nothing here decides what happens to a cluster.

#![forbid(unsafe_code)]

mod core_thread;
pub mod disk;
pub mod history;
mod inbox;
mod metrics;
mod outbound;
mod peers;
mod ration;
mod readers;
pub mod restore;
pub mod run;
pub mod serve;
pub mod settings;
mod snapshots;
mod storage;
#[cfg(feature = "testing")]
pub mod testing;

pub use core_thread::CoreError;
pub use run::{RunError, Running, Shutdown, StartError, run, start};
pub use settings::{MasterArgs, MasterSettings, Security, SettingsError, TlsPaths};
pub use storage::{OpenStorageError, StorageError};
