//! The agent's shell: everything that `agent-core` may not do.
//!
//! ```text
//!   masters ◀──link──▶ run ──▶ disk        the journal, before anything else
//!                      │ │──▶ containers   jail processes that outlive the agent
//!                 agent-core
//!   operators ──serve──▶ sandbox           what tasks left
//! ```
//!
//! [`run`] is the whole of it for a program of its own; [`start`] is for a process that has more in
//! it. Ending an agent never ends its containers: the next one on the same data directory adopts
//! them.

#![forbid(unsafe_code)]

mod clock;
mod containers;
mod disk;
mod error;
mod identity;
mod link;
mod run;
mod sandbox;
mod serve;
pub mod settings;
mod start;

pub use containers::sweep::CgroupsError;
pub use disk::{CommitError, JournalFileError, LockError};
pub use error::AgentError;
pub use identity::{CredentialsError, MASTER_DNS_NAME, NameError};
pub use serve::listener::ListenerError;
pub use settings::{AgentArgs, AgentSettings, IsolationChoice, Security, SettingsError, TlsPaths};
pub use start::{AgentHandle, run, start};
