//! The agent's shell: everything that `agent-core` may not do.
//!
//! ```text
//!   masters ◀──link──▶ run ──▶ disk        the journal, before anything else
//!                      │ │──▶ containers   jail processes that outlive the agent
//!                      │ │──▶ volumes      data that outlive tasks
//!                 agent-core
//!   operators ──serve──▶ sandbox           what tasks left
//! ```
//!
//! [`run`] is the whole of it for a program of its own; [`start`] is for a process that has more in
//! it. Ending an agent never ends its containers: the next one on the same data directory adopts
//! them.

#![forbid(unsafe_code)]

mod containers;
mod disk;
mod error;
mod identity;
mod images;
mod link;
mod metrics;
mod run;
mod sandbox;
mod serve;
pub mod settings;
mod start;
#[cfg(feature = "testing")]
pub mod testing;
mod volumes;
mod walk;

pub use self::images::IMAGES;
pub use containers::sweep::CgroupsError;
pub use disk::{CommitError, JournalFileError};
pub use edge::{connect::MASTER_DNS_NAME, identity::IdentityError, lock::LockError, tls::TlsError};
pub use error::AgentError;
pub use identity::CredentialsError;
pub use settings::{AgentArgs, AgentSettings, IsolationChoice, Security, SettingsError, TlsPaths};
pub use start::{AgentHandle, run, start};
