//! What an agent knows after its own death: records, their encoding, and what to make of them.

pub mod codec;
pub mod record;
pub mod recover;

pub use codec::JournalError;
pub use record::{ContainerId, Identity, Kill, Membership, Record, Resizing, TaskRow};
pub use recover::{Journal, Observation, RecoverError};
