//! Snapshot files: how they are read, believing nothing.
//!
//! Chunks come one at a time, each checked before it is handed out; the last call checks counts
//! and digest. Until that call says "end", the caller must not use what it was given. The format
//! is described in `snapshot_file.rs`.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::identity::ClusterId;
use super::log_store::LogPosition;
use super::record;
use super::snapshot_file::{
    Digest, MAGIC, MAX_CHUNK_BYTES, MAX_HEADER_BODY_BYTES, SnapshotMeta, SnapshotPointer,
    TRAILER_BYTES, VERSION, decode_body,
};

/// A snapshot file being read, an iterator over its checked chunks.
#[derive(Debug)]
pub struct SnapshotReader {
    path: PathBuf,
    file: BufReader<File>,
    meta: SnapshotMeta,
    expected_digest: Option<u128>,
    digest: Digest,
    offset: u64,
    chunks: u64,
    data_bytes: u64,
    ended: bool,
}

/// Why a snapshot file is not read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotReadError {
    /// The system refused.
    #[error("snapshot file {} cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is not what was written.
    #[error(
        "snapshot file {} is damaged at byte {offset}; if it is this member's newest one, move the \
         data directory away and let the member join again with an empty one",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it was noticed.
        offset: u64,
        /// What is wrong there.
        #[source]
        what: SnapshotFault,
    },
    /// Written by a newer release.
    #[error(
        "snapshot file {} has version {found}, this release reads version {VERSION}",
        path.display()
    )]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Made in another cluster.
    #[error("snapshot file {} belongs to cluster {found}, not to {expected}", path.display())]
    OtherCluster {
        /// The file.
        path: PathBuf,
        /// Ours.
        expected: String,
        /// The file's.
        found: String,
    },
    /// A good snapshot, but not the one the log points to.
    #[error(
        "snapshot file {} is not the one the log points to: expected entry {}, term {}, \
         {expected_bytes} bytes; found entry {}, term {}, {found_bytes} bytes",
        path.display(), expected.index, expected.term, found.index, found.term
    )]
    NotThePointedOne {
        /// The file.
        path: PathBuf,
        /// What the log says.
        expected: LogPosition,
        /// What the file says.
        found: LogPosition,
        /// Length by the log.
        expected_bytes: u64,
        /// Length of the file.
        found_bytes: u64,
    },
}

/// What is wrong with a snapshot file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    /// It ends too early.
    #[error("the file ends here")]
    Truncated,
    /// It is no snapshot at all.
    #[error("this is no snapshot file")]
    Magic,
    /// The header's length cannot be.
    #[error("the header claims {bytes} bytes")]
    HeaderLength {
        /// The claim.
        bytes: usize,
    },
    /// The header is not as written.
    #[error("the header's checksum does not match")]
    HeaderChecksum,
    /// The header is intact, but nonsense.
    #[error("the header cannot be decoded")]
    HeaderContent,
    /// A chunk's length cannot be.
    #[error("chunk {chunk} claims {bytes} bytes")]
    ChunkLength {
        /// Its number.
        chunk: u64,
        /// The claim.
        bytes: usize,
    },
    /// A chunk is not as written, or not in its place.
    #[error("the checksum of chunk {chunk} does not match")]
    ChunkChecksum {
        /// Its number.
        chunk: u64,
    },
    /// The trailer is not as written.
    #[error("the trailer's checksum does not match")]
    TrailerChecksum,
    /// The trailer counts otherwise.
    #[error("the trailer counts {chunks} chunks and {bytes} bytes")]
    Count {
        /// Chunks by the trailer.
        chunks: u64,
        /// Data bytes by the trailer.
        bytes: u64,
    },
    /// The whole is not what was written.
    #[error("the digest is {computed:032x} instead of {expected:032x}")]
    Digest {
        /// By the trailer or by the log.
        expected: u128,
        /// As found.
        computed: u128,
    },
    /// There is more after the end.
    #[error("the file goes on after its end")]
    TrailingBytes,
}

impl SnapshotReader {
    /// Opens a snapshot file of the named cluster and checks its header.
    pub fn open(path: &Path, cluster: &ClusterId) -> Result<Self, SnapshotReadError> {
        let reader = Self::open_any(path)?;
        if reader.meta.cluster != *cluster {
            return Err(SnapshotReadError::OtherCluster {
                path: path.to_owned(),
                expected: cluster.to_string(),
                found: reader.meta.cluster.to_string(),
            });
        }
        Ok(reader)
    }

    /// Opens a snapshot file of whichever cluster and checks its header.
    pub fn open_any(path: &Path) -> Result<Self, SnapshotReadError> {
        let file = File::open(path)
            .map_err(|source| SnapshotReadError::Io { path: path.to_owned(), source })?;
        let mut input = Input { path, file: BufReader::with_capacity(256 << 10, file), offset: 0 };
        let (meta, body) = read_header(&mut input)?;
        let Input { file, offset, .. } = input;
        Ok(Self {
            path: path.to_owned(),
            file,
            meta,
            expected_digest: None,
            digest: Digest::over(&body),
            offset,
            chunks: 0,
            data_bytes: 0,
            ended: false,
        })
    }

    /// Opens the file the log points to; a different snapshot of the same name is refused.
    pub fn open_pointed(
        directory: &Path,
        pointer: &SnapshotPointer,
        cluster: &ClusterId,
    ) -> Result<Self, SnapshotReadError> {
        let mut reader = Self::open(&directory.join(&pointer.file), cluster)?;
        let metadata = reader.file.get_ref().metadata();
        let found_bytes = metadata
            .map_err(|source| SnapshotReadError::Io { path: reader.path.clone(), source })?
            .len();
        let found = LogPosition { index: reader.meta.index, term: reader.meta.term };
        let (expected, expected_bytes) = (pointer.position(), pointer.size_bytes);
        if found != expected || found_bytes != expected_bytes {
            let path = reader.path;
            return Err(SnapshotReadError::NotThePointedOne {
                path,
                expected,
                found,
                expected_bytes,
                found_bytes,
            });
        }
        reader.expected_digest = Some(pointer.digest);
        Ok(reader)
    }

    /// What the snapshot says about itself.
    #[must_use]
    pub fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    /// The next chunk, or `None` once the whole file has been verified.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, SnapshotReadError> {
        if self.ended {
            return Ok(None);
        }
        let outcome = self.read_chunk();
        // After damage nothing further is handed out.
        self.ended = !matches!(outcome, Ok(Some(_)));
        outcome
    }

    fn read_chunk(&mut self) -> Result<Option<Vec<u8>>, SnapshotReadError> {
        let start = self.offset;
        let chunk = self.chunks;
        let mut input = Input { path: &self.path, file: &mut self.file, offset: self.offset };
        let length: [u8; 4] = input.array()?;
        let bytes = u32::from_le_bytes(length) as usize;
        if bytes == 0 {
            return self.read_trailer().map(|()| None);
        }
        if bytes > MAX_CHUNK_BYTES {
            return Err(input.damaged(start, SnapshotFault::ChunkLength { chunk, bytes }));
        }
        let stored = u32::from_le_bytes(input.array()?);
        let mut data = vec![0; bytes];
        input.fill(&mut data)?;
        if record::checksum(&chunk.to_le_bytes(), &data) != stored {
            return Err(input.damaged(start, SnapshotFault::ChunkChecksum { chunk }));
        }
        self.offset = input.offset;
        self.digest.update(&data);
        self.chunks += 1;
        self.data_bytes += bytes as u64;
        Ok(Some(data))
    }

    /// The rest of the trailer, whose leading zero has been read.
    fn read_trailer(&mut self) -> Result<(), SnapshotReadError> {
        let start = self.offset;
        let mut input = Input { path: &self.path, file: &mut self.file, offset: start + 4 };
        let mut trailer = [0; TRAILER_BYTES];
        input.fill(&mut trailer[4..])?;
        let damaged = |what| input.damaged(start, what);
        let (content, sum) = trailer.split_last_chunk::<4>().expect("the trailer is longer");
        if record::checksum(&[], content) != u32::from_le_bytes(*sum) {
            return Err(damaged(SnapshotFault::TrailerChecksum));
        }
        let (numbers, digest) = content.split_last_chunk::<16>().expect("the trailer is longer");
        let number = |at: usize| {
            u64::from_le_bytes(numbers[at..at + 8].try_into().expect("eight bytes were cut out"))
        };
        let (chunks, bytes) = (number(4), number(12));
        if (chunks, bytes) != (self.chunks, self.data_bytes) {
            return Err(damaged(SnapshotFault::Count { chunks, bytes }));
        }
        let computed = self.digest.value();
        for expected in [Some(u128::from_le_bytes(*digest)), self.expected_digest] {
            if let Some(expected) = expected.filter(|expected| *expected != computed) {
                return Err(damaged(SnapshotFault::Digest { expected, computed }));
            }
        }
        match input.file.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(input.damaged(input.offset, SnapshotFault::TrailingBytes)),
            Err(source) => Err(SnapshotReadError::Io { path: self.path.clone(), source }),
        }
    }
}

impl Iterator for SnapshotReader {
    type Item = Result<Vec<u8>, SnapshotReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_chunk().transpose()
    }
}

/// A file and how far it has been read, so that errors can say where.
struct Input<'p, R> {
    path: &'p Path,
    file: R,
    offset: u64,
}

impl<R: Read> Input<'_, R> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), SnapshotReadError> {
        match self.file.read_exact(bytes) {
            Ok(()) => {
                self.offset += bytes.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged(self.offset, SnapshotFault::Truncated))
            }
            Err(source) => Err(SnapshotReadError::Io { path: self.path.to_owned(), source }),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotReadError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn damaged(&self, offset: u64, what: SnapshotFault) -> SnapshotReadError {
        SnapshotReadError::Damaged { path: self.path.to_owned(), offset, what }
    }
}

fn read_header(
    input: &mut Input<'_, impl Read>,
) -> Result<(SnapshotMeta, Vec<u8>), SnapshotReadError> {
    let mut header = input.array::<16>()?.to_vec();
    if !header.starts_with(MAGIC) {
        return Err(input.damaged(0, SnapshotFault::Magic));
    }
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
    let (version, length) = (number(&header[8..12]), number(&header[12..16]) as usize);
    if length > MAX_HEADER_BODY_BYTES {
        return Err(input.damaged(12, SnapshotFault::HeaderLength { bytes: length }));
    }
    header.resize(16 + length, 0);
    input.fill(&mut header[16..])?;
    let stored = u32::from_le_bytes(input.array()?);
    if record::checksum(&[], &header) != stored {
        return Err(input.damaged(0, SnapshotFault::HeaderChecksum));
    }
    if version != VERSION {
        let path = input.path.to_owned();
        return Err(SnapshotReadError::UnknownVersion { path, found: version });
    }
    let body = header.split_off(16);
    match decode_body(&body) {
        Some(meta) => Ok((meta, body)),
        None => Err(input.damaged(16, SnapshotFault::HeaderContent)),
    }
}
