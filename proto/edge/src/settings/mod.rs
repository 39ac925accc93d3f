//! Settings: how a process is told what to do, and what it says when it is told nonsense.
//!
//! Four layers, the first that says something wins: flag, environment, file, default. An error
//! names the key and the layer that it came from. Which keys there are, and what they mean, is the
//! process's own business.

mod layers;
mod problem;
mod security;
mod values;

pub use layers::{Layers, Said, SettingsFile};
pub use problem::{Malformed, Origin, SettingsError};
pub use security::{Security, TlsPaths, TlsTable};
pub use values::{boolean, call_address, listen_address, number, path};
