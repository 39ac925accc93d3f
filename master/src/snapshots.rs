//! The ledger in a snapshot file and back.
//!
//! The ledger's records, each behind its length, form one sequence of bytes, which is cut into
//! chunks wherever one is full: the cutting means nothing.

use crate::disk::{
    SnapshotDirectory, SnapshotMeta, SnapshotPointer, SnapshotReadError, SnapshotReader,
    SnapshotWriteError,
};
use master_core::{
    Ledger,
    ledger::dump::{Restore, RestoreError, records},
};
use proto::model::limits;

/// Size of a chunk in a file and of a part on the way to a peer.
pub(crate) const STREAM_CHUNK_BYTES: usize = limits::SNAPSHOT_CHUNK_BYTES;
const _: () = assert!(STREAM_CHUNK_BYTES <= crate::disk::MAX_CHUNK_BYTES);
/// No record comes near: a framework remembers 64 accepts of 1,000 ids of 128 bytes, 8 MiB.
const RECORD_BYTES_MAX: usize = 64 * 1_024 * 1_024;
const LENGTH_BYTES: usize = 4;

/// Why a file holds no ledger.
#[derive(Debug, thiserror::Error)]
pub enum RestoreFileError {
    /// The file.
    #[error(transparent)]
    Read(#[from] SnapshotReadError),
    /// A length that cannot be.
    #[error("a record of {bytes} bytes is longer than any can be")]
    RecordLength {
        /// The length.
        bytes: usize,
    },
    /// The last record is cut off.
    #[error("the last record is incomplete")]
    Incomplete,
    /// The records.
    #[error("the records do not make a state")]
    Restore(#[from] RestoreError),
}

/// Writes the state to a file; durable when this returns, but not yet pointed to.
pub(crate) fn write(
    snapshots: &SnapshotDirectory,
    meta: &SnapshotMeta,
    ledger: &Ledger,
) -> Result<SnapshotPointer, SnapshotWriteError> {
    let mut writer = snapshots.create(meta)?;
    let mut buffer = Vec::with_capacity(2 * STREAM_CHUNK_BYTES);
    for record in records(ledger) {
        let length = u32::try_from(record.len()).expect("a record is far below 4 GiB");
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer.extend_from_slice(&record);
        while buffer.len() >= STREAM_CHUNK_BYTES {
            writer.write_chunk(&buffer[..STREAM_CHUNK_BYTES])?;
            buffer.drain(..STREAM_CHUNK_BYTES);
        }
    }
    if !buffer.is_empty() {
        writer.write_chunk(&buffer)?;
    }
    writer.finish()
}

/// Reads a whole file; nothing of it counts before its end is verified.
pub(crate) fn restore(reader: SnapshotReader) -> Result<Ledger, RestoreFileError> {
    let mut restore = Restore::new();
    let mut buffer = Vec::new();
    for chunk in reader {
        buffer.extend_from_slice(&chunk?);
        let mut read = 0;
        while let Some((length, rest)) = buffer[read..].split_first_chunk::<LENGTH_BYTES>() {
            let bytes = usize::try_from(u32::from_le_bytes(*length)).expect("a 64-bit machine");
            if bytes > RECORD_BYTES_MAX {
                return Err(RestoreFileError::RecordLength { bytes });
            }
            let Some(record) = rest.get(..bytes) else { break };
            restore.push(record)?;
            read += LENGTH_BYTES + bytes;
        }
        buffer.drain(..read);
    }
    match buffer.is_empty() {
        true => Ok(restore.finish()?),
        false => Err(RestoreFileError::Incomplete),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use master_core::ledger::{Command, Stamp, digest::digest};
    use proto::model::{ClusterId, FrameworkInfo, Instant, RequestId, Role, WallTime};
    use raft::eraftpb::ConfState;

    fn ledger(frameworks: u64) -> Ledger {
        let mut ledger = Ledger::new(ClusterId::new("c").unwrap());
        for index in 1..=frameworks {
            let info = FrameworkInfo {
                name: "x".repeat(900),
                roles: vec![Role::any()],
                failover_timeout: proto::model::Duration(1_000),
                labels: Vec::new(),
                disruption_budget: None,
                offer_terms: Vec::new(),
            };
            let request = RequestId::new(&format!("request-{index:016}")).unwrap();
            let principal = "someone".to_owned();
            let command = Command::SubscribeFramework { info, framework: None, principal, request };
            let stamp = Stamp { index, term: 1, time: Instant(index), wall: WallTime(0) };
            ledger.apply(stamp, &command, &mut Vec::new()).unwrap();
        }
        ledger
    }

    #[test]
    fn a_state_of_many_chunks_comes_back_with_the_same_digest() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = crate::disk::ClusterId::try_from("c".to_owned()).unwrap();
        let snapshots = SnapshotDirectory::new(folder.path().to_owned(), cluster.clone());
        let meta =
            SnapshotMeta { cluster, index: 3_000, term: 1, conf_state: ConfState::default() };
        let before = ledger(3_000);
        let pointer = write(&snapshots, &meta, &before).unwrap();
        assert!(pointer.size_bytes > 4 * STREAM_CHUNK_BYTES as u64);
        let after = restore(snapshots.open(&pointer).unwrap()).unwrap();
        assert_eq!(digest(&before), digest(&after));
    }

    #[test]
    fn an_incomplete_last_record_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = crate::disk::ClusterId::try_from("c".to_owned()).unwrap();
        let snapshots = SnapshotDirectory::new(folder.path().to_owned(), cluster.clone());
        let meta = SnapshotMeta { cluster, index: 1, term: 1, conf_state: ConfState::default() };
        let mut writer = snapshots.create(&meta).unwrap();
        writer.write_chunk(&[9, 0, 0, 0, 1]).unwrap();
        let pointer = writer.finish().unwrap();
        let outcome = restore(snapshots.open(&pointer).unwrap());
        assert!(matches!(outcome, Err(RestoreFileError::Incomplete)), "{outcome:?}");
    }
}
