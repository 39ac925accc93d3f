//! Blocks: written whole, read whole, believed only with their checksum.

use super::{BLOCK_BYTES_MAX, BLOCK_ROWS, HEAD_BYTES, Of, head};
use crate::{error::ReadError, source::Source};
use std::{
    io::{self, Read as _, Write},
    sync::Arc,
};
use xxhash_rust::xxh3::Xxh3Default;

/// Bytes before a block's own.
const BLOCK_HEAD_BYTES: usize = 24;
/// Those of them that the checksum covers.
const CHECKED_BYTES: usize = 16;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Names,
    Constraints,
    Arrivals,
    Machines,
    End,
}

/// What is wrong with a block.
pub(super) type Wrong = &'static str;

/// Blocks of a file.
#[derive(Debug)]
pub(super) struct Blocks {
    source: Source,
    /// Where the next block begins.
    offset: u64,
    /// Where the present one does.
    pub(super) start: u64,
    pub(super) rows: usize,
    pub(super) bytes: Vec<u8>,
}

const KINDS: [(Kind, u8); 5] = [
    (Kind::Names, 1),
    (Kind::Constraints, 2),
    (Kind::Arrivals, 3),
    (Kind::Machines, 4),
    (Kind::End, 255),
];

/// Writes a block.
pub(super) fn write(out: &mut impl Write, kind: Kind, rows: usize, bytes: &[u8]) -> io::Result<()> {
    assert!(rows <= BLOCK_ROWS && bytes.len() <= BLOCK_BYTES_MAX, "a block is too large");
    let mut head = [0; BLOCK_HEAD_BYTES];
    head[0] = KINDS.iter().find(|(it, _)| *it == kind).map_or(0, |(_, number)| *number);
    head[4..8].copy_from_slice(&(rows as u32).to_le_bytes());
    head[8..12].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
    let checksum = checksum(&head[..CHECKED_BYTES], bytes);
    head[CHECKED_BYTES..].copy_from_slice(&checksum.to_le_bytes());
    out.write_all(&head)?;
    out.write_all(bytes)
}

fn checksum(head: &[u8], bytes: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(head);
    hash.update(bytes);
    hash.digest()
}

impl Blocks {
    /// Reads the file's head, which must announce what is asked for.
    pub(super) fn open(source: Source, of: Of) -> Result<Self, ReadError> {
        let (start, rows, bytes) = (0, 0, Vec::new());
        let mut blocks = Self { source, offset: 0, start, rows, bytes };
        let mut found = [0; HEAD_BYTES];
        if blocks.fill(&mut found)? != HEAD_BYTES || found != head(of) {
            return Err(blocks.damaged(match of {
                Of::Arrivals => "not a binary trace of arrivals in version 1",
                Of::Machines => "not a binary trace of machines in version 1",
            }));
        }
        Ok(blocks)
    }

    /// Goes to the next block.
    pub(super) fn advance(&mut self) -> Result<Kind, ReadError> {
        self.start = self.offset;
        let mut head = [0; BLOCK_HEAD_BYTES];
        match self.fill(&mut head)? {
            BLOCK_HEAD_BYTES => {}
            0 => return Err(self.damaged("the file was cut here: its last block is missing")),
            _ => return Err(self.damaged("the file was cut in the head of this block")),
        }
        let number = |from: usize| {
            let bytes = head[from..from + 4].iter().rev();
            bytes.fold(0, |number, byte| number << 8 | usize::from(*byte))
        };
        let (rows, length) = (number(4), number(8));
        let kind = KINDS.iter().find(|(_, number)| *number == head[0]).map(|(kind, _)| *kind);
        let Some(kind) = kind.filter(|_| rows <= BLOCK_ROWS && length <= BLOCK_BYTES_MAX) else {
            return Err(self.damaged("this is not the head of a block"));
        };
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.resize(length, 0);
        let read = self.fill(&mut bytes);
        self.bytes = bytes;
        if read? != length {
            return Err(self.damaged("the file was cut in this block"));
        }
        let (checked, said) = head.split_at(CHECKED_BYTES);
        if checksum(checked, &self.bytes).to_le_bytes() != said {
            return Err(self.damaged("the checksum of this block does not fit"));
        }
        self.rows = rows;
        Ok(kind)
    }

    /// Asserts that nothing follows the last block, in which so many rows are announced.
    pub(super) fn end(&mut self, rows: u64) -> Result<(), ReadError> {
        if self.bytes != rows.to_le_bytes() {
            return Err(self.damaged("the last block announces another number of rows"));
        }
        if self.fill(&mut [0])? != 0 {
            return Err(self.damaged("something follows the last block"));
        }
        Ok(())
    }

    /// The complaint about the present block.
    #[cold]
    pub(super) fn damaged(&self, what: Wrong) -> ReadError {
        let file = Arc::clone(self.source.file());
        ReadError::Damaged { file, offset: self.start, what }
    }

    /// Reads until there is no room, or nothing more.
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, ReadError> {
        let mut filled = 0;
        while filled < into.len() {
            match self.source.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    let file = Arc::clone(self.source.file());
                    let offset = self.offset + filled as u64;
                    return Err(ReadError::Bytes { file, offset, source });
                }
            }
        }
        self.offset += filled as u64;
        Ok(filled)
    }
}
