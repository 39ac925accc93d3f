//! Snapshot files: how they are written.
//!
//! ```text
//! header   magic 8 | version u32 | body length u32 | body | crc32 of all before
//!          body: index u64 | term u64 | cluster length u16 | cluster | conf state (protobuf)
//! chunk    length u32 (never 0) | crc32 of chunk number and data | data
//! trailer  0 u32 | chunks u64 | data bytes u64 | xxh3-128 digest | crc32 of the trailer
//! ```
//!
//! All numbers little-endian. The digest covers the header's body and the data, not the cutting
//! into chunks, so sender and receiver can compare it. A file is written under a temporary name
//! and renamed when it is complete and synced, so a name ending in `.bin` is a complete file. This
//! file does not know what the data means.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use protobuf::Message;
use raft::eraftpb::ConfState;
use xxhash_rust::xxh3::Xxh3;

use super::durable_file::{PARTIAL_SUFFIX, private_options, sync_directory};
use super::identity::ClusterId;
use super::log_store::LogPosition;
use super::record;

pub(super) const MAGIC: &[u8; 8] = b"BRSNAPSH";
pub(super) const VERSION: u32 = 1;
/// Longest accepted header body; a conf state of thousands of members fits.
pub(super) const MAX_HEADER_BODY_BYTES: usize = 64 << 10;
/// Longest accepted chunk; bounds what a reader allocates on a file's word.
pub const MAX_CHUNK_BYTES: usize = 1 << 20;
/// Zero, chunks, bytes, digest, checksum.
pub(super) const TRAILER_BYTES: usize = 4 + 8 + 8 + 16 + 4;

/// What a snapshot says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotMeta {
    /// Cluster it was made in.
    pub cluster: ClusterId,
    /// Last entry it contains.
    pub index: u64,
    /// Term of that entry.
    pub term: u64,
    /// Members as of that entry.
    pub conf_state: ConfState,
}

/// What the log remembers of a snapshot file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPointer {
    /// Name inside the snapshot directory.
    pub file: String,
    /// Last entry it contains.
    pub index: u64,
    /// Term of that entry.
    pub term: u64,
    /// xxh3-128 over header body and data.
    pub digest: u128,
    /// Length of the whole file.
    pub size_bytes: u64,
}

/// Why a snapshot could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotWriteError {
    /// The system refused; after a failed sync the file is given up, not retried.
    #[error("snapshot file {} cannot be written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An empty chunk or one too long.
    #[error("a snapshot chunk of {bytes} bytes must have 1 to {MAX_CHUNK_BYTES}")]
    ChunkLength {
        /// Its length.
        bytes: usize,
    },
    /// A conf state too long for the header.
    #[error("the snapshot's header would have {bytes} bytes, more than {MAX_HEADER_BODY_BYTES}")]
    HeaderLength {
        /// Its length.
        bytes: usize,
    },
}

/// A snapshot being written; nothing is visible until [`SnapshotWriter::finish`].
#[derive(Debug)]
pub struct SnapshotWriter {
    directory: PathBuf,
    name: String,
    partial: PathBuf,
    file: Option<BufWriter<File>>,
    at: LogPosition,
    digest: Digest,
    chunks: u64,
    data_bytes: u64,
    size_bytes: u64,
}

/// The running digest; wrapped because the hasher has no `Debug` worth printing.
#[derive(Clone)]
pub(super) struct Digest(Xxh3);

impl std::fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:032x}", self.value())
    }
}

impl Digest {
    pub(super) fn over(body: &[u8]) -> Self {
        let mut digest = Self(Xxh3::new());
        digest.update(body);
        digest
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    pub(super) fn value(&self) -> u128 {
        self.0.digest128()
    }
}

impl SnapshotPointer {
    /// Index and term of the last entry in the snapshot.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        LogPosition { index: self.index, term: self.term }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(40 + self.file.len());
        bytes.extend_from_slice(&self.index.to_le_bytes());
        bytes.extend_from_slice(&self.term.to_le_bytes());
        bytes.extend_from_slice(&self.size_bytes.to_le_bytes());
        bytes.extend_from_slice(&self.digest.to_le_bytes());
        bytes.extend_from_slice(self.file.as_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (index, rest) = bytes.split_first_chunk::<8>()?;
        let (term, rest) = rest.split_first_chunk::<8>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (digest, name) = rest.split_first_chunk::<16>()?;
        Some(Self {
            file: str::from_utf8(name).ok()?.to_owned(),
            index: u64::from_le_bytes(*index),
            term: u64::from_le_bytes(*term),
            digest: u128::from_le_bytes(*digest),
            size_bytes: u64::from_le_bytes(*size),
        })
    }
}

impl SnapshotWriter {
    /// Begins a snapshot in `directory`; fails if the same one is already being written.
    pub fn create(directory: &Path, meta: &SnapshotMeta) -> Result<Self, SnapshotWriteError> {
        let name = format!("snapshot-{}-{}.bin", meta.term, meta.index);
        let partial = directory.join(format!("{name}{PARTIAL_SUFFIX}"));
        let body = encode_body(meta)?;
        let file = private_options()
            .write(true)
            .create_new(true)
            .open(&partial)
            .map_err(|source| SnapshotWriteError::Io { path: partial.clone(), source })?;
        let mut writer = Self {
            directory: directory.to_owned(),
            name,
            partial,
            file: Some(BufWriter::with_capacity(256 << 10, file)),
            at: LogPosition { index: meta.index, term: meta.term },
            digest: Digest::over(&body),
            chunks: 0,
            data_bytes: 0,
            size_bytes: 0,
        };
        let length = u32::try_from(body.len()).expect("bounded by MAX_HEADER_BODY_BYTES");
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&VERSION.to_le_bytes());
        header.extend_from_slice(&length.to_le_bytes());
        header.extend_from_slice(&body);
        let sum = record::checksum(&[], &header);
        header.extend_from_slice(&sum.to_le_bytes());
        writer.write(&header)?;
        Ok(writer)
    }

    /// Adds data, 1 byte to [`MAX_CHUNK_BYTES`].
    pub fn write_chunk(&mut self, data: &[u8]) -> Result<(), SnapshotWriteError> {
        if data.is_empty() || data.len() > MAX_CHUNK_BYTES {
            return Err(SnapshotWriteError::ChunkLength { bytes: data.len() });
        }
        let length = u32::try_from(data.len()).expect("bounded by MAX_CHUNK_BYTES");
        let sum = record::checksum(&self.chunks.to_le_bytes(), data);
        self.write(&length.to_le_bytes())?;
        self.write(&sum.to_le_bytes())?;
        self.write(data)?;
        self.digest.update(data);
        self.chunks += 1;
        self.data_bytes += u64::from(length);
        Ok(())
    }

    /// Completes the file and makes it durable under its final name.
    ///
    /// It counts only once the returned pointer is durable in the log; until then a restart
    /// sweeps the file away.
    pub fn finish(mut self) -> Result<SnapshotPointer, SnapshotWriteError> {
        let digest = self.digest.value();
        let mut trailer = vec![0; 4];
        trailer.extend_from_slice(&self.chunks.to_le_bytes());
        trailer.extend_from_slice(&self.data_bytes.to_le_bytes());
        trailer.extend_from_slice(&digest.to_le_bytes());
        let sum = record::checksum(&[], &trailer);
        trailer.extend_from_slice(&sum.to_le_bytes());
        self.write(&trailer)?;
        self.publish()
            .map_err(|source| SnapshotWriteError::Io { path: self.partial.clone(), source })?;
        let LogPosition { index, term } = self.at;
        let size_bytes = self.size_bytes;
        Ok(SnapshotPointer { file: self.name.clone(), index, term, digest, size_bytes })
    }

    /// Gives the snapshot up and removes what was written of it.
    pub fn abort(mut self) -> Result<(), SnapshotWriteError> {
        self.file = None;
        fs::remove_file(&self.partial)
            .map_err(|source| SnapshotWriteError::Io { path: self.partial.clone(), source })
    }

    fn publish(&mut self) -> io::Result<()> {
        let file = self.file.as_mut().expect("open until finished or aborted");
        file.flush()?;
        file.get_ref().sync_all()?;
        fs::rename(&self.partial, self.directory.join(&self.name))?;
        self.file = None;
        sync_directory(&self.directory)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SnapshotWriteError> {
        let file = self.file.as_mut().expect("open until finished or aborted");
        file.write_all(bytes)
            .map_err(|source| SnapshotWriteError::Io { path: self.partial.clone(), source })?;
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Best effort: what stays behind is swept at the next start.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

fn encode_body(meta: &SnapshotMeta) -> Result<Vec<u8>, SnapshotWriteError> {
    let cluster = meta.cluster.as_str().as_bytes();
    let length = u16::try_from(cluster.len()).expect("a cluster id has at most 64 bytes");
    let mut body = meta.index.to_le_bytes().to_vec();
    body.extend_from_slice(&meta.term.to_le_bytes());
    body.extend_from_slice(&length.to_le_bytes());
    body.extend_from_slice(cluster);
    meta.conf_state
        .write_to_vec(&mut body)
        .expect("raft's messages have no required field to miss");
    if body.len() > MAX_HEADER_BODY_BYTES {
        return Err(SnapshotWriteError::HeaderLength { bytes: body.len() });
    }
    Ok(body)
}

pub(super) fn decode_body(body: &[u8]) -> Option<SnapshotMeta> {
    let (index, rest) = body.split_first_chunk::<8>()?;
    let (term, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (cluster, conf_state) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    Some(SnapshotMeta {
        cluster: str::from_utf8(cluster).ok()?.to_owned().try_into().ok()?,
        index: u64::from_le_bytes(*index),
        term: u64::from_le_bytes(*term),
        conf_state: ConfState::parse_from_bytes(conf_state).ok()?,
    })
}
