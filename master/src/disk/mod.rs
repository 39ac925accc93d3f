//! The disk rooms: everything the master must still know after the power was cut.
//!
//! A data directory belongs to one member of one cluster ([`DataDirectory`]) and to one process
//! ([`DirectoryLock`]). It holds the consensus log ([`RedbLogStore`], written by the one thread of
//! [`LogWriter`]) and snapshots as plain files ([`SnapshotDirectory`]). Two rules run through all
//! of it: what was acknowledged is never lost silently, and damage is refused, never repaired by
//! guessing. These rooms do not know what an entry or a snapshot means.

mod directory;
mod durable_file;
mod identity;
mod log_store;
mod log_tail;
mod mark;
mod record;
mod redb_log_read;
mod redb_log_store;
mod snapshot_directory;
mod snapshot_file;
mod snapshot_reader;
mod writer;

pub use directory::{DataDirectory, LogFileError, Opening};
pub use edge::lock::{DirectoryLock, LockError};
pub use identity::{ClusterId, ClusterIdError, IdentityError, Standing, StoreId};
pub use log_store::{
    AppendError, Batch, LoadError, LogFault, LogPosition, LogStore, Membership, Restored,
    SnapshotChange,
};
pub use log_tail::BatchFault;
pub use mark::{AcknowledgedMark, MarkError};
pub use record::RecordFault;
pub use redb_log_store::{LogOpenError, RedbLogStore};
pub use snapshot_directory::SnapshotDirectory;
pub use snapshot_file::{
    MAX_CHUNK_BYTES, SnapshotMeta, SnapshotPointer, SnapshotWriteError, SnapshotWriter,
};
pub use snapshot_reader::{SnapshotFault, SnapshotReadError, SnapshotReader};
pub use writer::{LogWriter, SubmitError, WriteRequest, WriterEvent};
