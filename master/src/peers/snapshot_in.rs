//! A leader's snapshot on its way in: to a file first, and believed only when the file is complete.

use crate::{
    disk::{ClusterId, SnapshotDirectory, SnapshotMeta, SnapshotPointer, SnapshotWriteError},
    snapshots::{RestoreFileError, restore},
};
use master_core::Ledger;
use proto::{
    model::{Reason, Refusal},
    wire::v1,
};
use raft::eraftpb::Message;
use tokio::{sync::mpsc, task};
use xxhash_rust::xxh3::Xxh3;

/// Chunks received ahead of the disk.
const CHUNKS_AHEAD: usize = 4;
/// Larger than any ledger within its limits; a header must not be able to fill the disk.
const SNAPSHOT_BYTES_MAX: u64 = 64 << 30;

/// A snapshot being received.
#[derive(Debug)]
pub(super) struct Incoming {
    left_bytes: u64,
    chunks: mpsc::Sender<Vec<u8>>,
    /// The thread that writes; complete only when it got the end.
    writing: task::JoinHandle<Result<Received, ReceiveError>>,
}

/// On disk, verified, and read.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) pointer: SnapshotPointer,
    pub(super) ledger: Ledger,
}

/// Why what was received is no snapshot.
#[derive(Debug, thiserror::Error)]
enum ReceiveError {
    #[error("the snapshot cannot be written")]
    Write(#[from] SnapshotWriteError),
    #[error("its digest is {found:032x}, {expected:032x} was announced")]
    Digest { expected: u128, found: u128 },
    #[error("it holds no state")]
    Restore(#[from] RestoreFileError),
}

impl Incoming {
    /// Checks the header and opens a file under a temporary name.
    pub(super) fn begin(
        snapshots: &SnapshotDirectory,
        cluster: ClusterId,
        header: &v1::SnapshotHeader,
        message: &Message,
    ) -> Result<Self, Refusal> {
        let digest = <[u8; 16]>::try_from(header.digest.as_slice())
            .map_err(|_| Refusal::invalid("digest", "does not have 16 bytes"))?;
        if header.size_bytes > SNAPSHOT_BYTES_MAX {
            let text = format!("{} is more than {SNAPSHOT_BYTES_MAX}", header.size_bytes);
            return Err(Refusal::new(Reason::LimitExceeded, text).at("size_bytes"));
        }
        let metadata = message.get_snapshot().get_metadata();
        if metadata.index == 0 || metadata.term == 0 {
            return Err(Refusal::invalid("message", "announces no position in the log"));
        }
        let meta = SnapshotMeta {
            cluster,
            index: metadata.index,
            term: metadata.term,
            conf_state: metadata.get_conf_state().clone(),
        };
        let (chunks, receiver) = mpsc::channel(CHUNKS_AHEAD);
        let (snapshots, digest) = (snapshots.clone(), u128::from_be_bytes(digest));
        let writing = task::spawn_blocking(move || write(&snapshots, &meta, digest, receiver));
        Ok(Self { left_bytes: header.size_bytes, chunks, writing })
    }

    /// Adds a chunk; waits for the disk.
    pub(super) async fn push(&mut self, chunk: Vec<u8>) -> Result<(), Refusal> {
        let bytes = chunk.len() as u64;
        let Some(left_bytes) = self.left_bytes.checked_sub(bytes) else {
            return Err(Refusal::invalid("chunk", "goes beyond the announced size"));
        };
        self.left_bytes = left_bytes;
        // A writer that has ended says why when it is asked for the result.
        let _ = self.chunks.send(chunk).await;
        Ok(())
    }

    /// Nothing more comes: verify, make durable, read.
    pub(super) async fn finish(self) -> Result<Received, Refusal> {
        drop(self.chunks);
        let interrupted = "the writing of the snapshot was interrupted";
        let outcome = self.writing.await;
        let outcome = outcome.map_err(|_| Refusal::new(Reason::NotReady, interrupted))?;
        outcome.map_err(|error| {
            let text = edge::errors::chain(&error);
            Refusal::new(Reason::InvalidField, text).at("snapshot")
        })
    }
}

fn write(
    snapshots: &SnapshotDirectory,
    meta: &SnapshotMeta,
    expected: u128,
    mut chunks: mpsc::Receiver<Vec<u8>>,
) -> Result<Received, ReceiveError> {
    let (mut writer, mut digest) = (snapshots.create(meta)?, Xxh3::new());
    while let Some(chunk) = chunks.blocking_recv() {
        digest.update(&chunk);
        writer.write_chunk(&chunk)?;
    }
    // An interrupted stream ends here too: its digest cannot match.
    let found = digest.digest128();
    if found != expected {
        writer.abort()?;
        return Err(ReceiveError::Digest { expected, found });
    }
    let pointer = writer.finish()?;
    let ledger = restore(snapshots.open(&pointer).map_err(RestoreFileError::from)?)?;
    Ok(Received { pointer, ledger })
}
