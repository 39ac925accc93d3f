//! What an agent knows after its own death: records, their encoding, and what to make of them.

pub mod codec;
pub mod codec_volume;
pub mod record;
pub mod recover;
pub mod volume_row;

pub use codec::JournalError;
pub(crate) use record::RowKey;
pub use record::{ContainerId, Identity, Kill, Membership, Record, Resizing, TaskRow};
pub use recover::{Journal, Observation, RecoverError};
pub use volume_row::{VolumeRow, VolumeStage};
