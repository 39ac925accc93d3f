//! What every process of ours has at its edge.
//!
//! ```text
//!  flags, environment, file ─▶ settings      directories, lock ─▶ data, for one process
//!  sockets ─▶ listener ─▶ tls ─▶ identity ─▶ gate ─▶ body ─▶ the process's services
//!  connect ─▶ a master that proves to be one      metrics ─▶ one recorder, one page
//! ```
//!
//! Masters and agents differ in what they do, not in how they are configured, who they believe and
//! where they stop listening. Nothing here knows a call's meaning, or which process it serves.

#![forbid(unsafe_code)]

pub mod body;
pub mod clock;
pub mod connect;
pub mod directories;
pub mod errors;
pub mod gate;
pub mod identity;
pub mod listener;
pub mod lock;
pub mod metrics;
pub mod server;
pub mod settings;
mod stream;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;
