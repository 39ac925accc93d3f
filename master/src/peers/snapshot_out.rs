//! A snapshot on its way to a member that is too far behind: the file's data, chunk by chunk.

use super::PeerContext;
use crate::{
    disk::{SnapshotDirectory, SnapshotMeta, SnapshotPointer, SnapshotReadError, SnapshotReader},
    snapshots::STREAM_CHUNK_BYTES,
};
use edge::connect::Connector;
use proto::wire::v1::{self, peer_client::PeerClient, snapshot_part::Part};
use protobuf::Message as _;
use raft::eraftpb::Message;
use std::time::Duration;
use tokio::{sync::mpsc, task, time};
use tokio_stream::wrappers::ReceiverStream;
use xxhash_rust::xxh3::Xxh3;

/// Parts read ahead of the network.
const PARTS_AHEAD: usize = 4;
/// A transfer that takes longer is given up; raft asks again.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(1_800);

/// One snapshot for one member.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) message: Message,
    pub(super) pointer: SnapshotPointer,
    pub(super) snapshots: SnapshotDirectory,
}

/// Why a snapshot did not arrive.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransferError {
    /// The file.
    #[error("the snapshot cannot be read")]
    Read(#[from] SnapshotReadError),
    /// The connection.
    #[error("the peer cannot be reached")]
    Connect(#[from] tonic::transport::Error),
    /// The other side.
    #[error("the peer refused it")]
    Refused(#[source] Box<tonic::Status>),
    /// Nobody.
    #[error("it took longer than {} s", TRANSFER_TIMEOUT.as_secs())]
    TimedOut,
    /// The reading thread.
    #[error("the reading was interrupted")]
    Interrupted(#[from] task::JoinError),
}

impl Transfer {
    /// Sends it and waits until the other side has it on disk.
    pub(super) async fn run(
        self,
        context: &PeerContext,
        connector: &Connector,
    ) -> Result<(), TransferError> {
        let (snapshots, pointer) = (self.snapshots.clone(), self.pointer.clone());
        // Twice through the file: what is damaged must not even begin to be sent.
        let opened = task::spawn_blocking(move || {
            let digest = digest(snapshots.open(&pointer)?)?;
            Ok::<_, SnapshotReadError>((snapshots.open(&pointer)?, digest))
        });
        let (reader, digest) = opened.await??;
        let header = self.header(context, reader.meta(), digest);
        let channel = connector.connect().await?;
        let (parts, stream) = mpsc::channel(PARTS_AHEAD);
        let reading = task::spawn_blocking(move || read_parts(reader, header, &parts));
        let mut client = PeerClient::new(channel);
        let sending = client.install_snapshot(ReceiverStream::new(stream));
        let sent = time::timeout(TRANSFER_TIMEOUT, sending).await;
        // First the reader: when the file is damaged, the peer's complaint is only the consequence.
        match sent {
            Err(_) => Err(TransferError::TimedOut),
            Ok(Err(status)) => {
                reading.await??;
                Err(TransferError::Refused(Box::new(status)))
            }
            Ok(Ok(_)) => Ok(reading.await??),
        }
    }

    /// The message announces what the file holds, which may be newer than what raft last heard of.
    fn header(
        &self,
        context: &PeerContext,
        meta: &SnapshotMeta,
        digest: u128,
    ) -> v1::SnapshotHeader {
        let mut message = self.message.clone();
        let to = message.to;
        let snapshot = message.mut_snapshot();
        snapshot.data.clear();
        let metadata = snapshot.mut_metadata();
        (metadata.index, metadata.term) = (meta.index, meta.term);
        metadata.set_conf_state(meta.conf_state.clone());
        v1::SnapshotHeader {
            cluster_id: context.cluster.to_string(),
            from: context.node.0,
            to,
            message: message
                .write_to_bytes()
                .expect("raft's messages have no required field to miss"),
            digest: digest.to_be_bytes().to_vec(),
            size_bytes: self.pointer.size_bytes,
            incarnation: context.roster.incarnation(),
        }
    }
}

/// Over all chunks, as the other side will compute it.
fn digest(reader: SnapshotReader) -> Result<u128, SnapshotReadError> {
    let mut digest = Xxh3::new();
    for chunk in reader {
        digest.update(&chunk?);
    }
    Ok(digest.digest128())
}

/// Ends early, and without the last chunk, when the file is damaged: the digest will not match.
fn read_parts(
    reader: SnapshotReader,
    header: v1::SnapshotHeader,
    parts: &mpsc::Sender<v1::SnapshotPart>,
) -> Result<(), SnapshotReadError> {
    let send = |part| parts.blocking_send(v1::SnapshotPart { part: Some(part) }).is_ok();
    if !send(Part::Header(header)) {
        return Ok(());
    }
    for chunk in reader {
        let chunk = chunk?;
        let mut pieces = chunk.chunks(STREAM_CHUNK_BYTES);
        if !pieces.all(|piece| send(Part::Chunk(piece.to_vec()))) {
            return Ok(());
        }
    }
    Ok(())
}
