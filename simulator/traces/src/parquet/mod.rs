//! Flat tables in Parquet, as far as traces need it: columns of integers, floats and booleans, in
//! streams of one page for each column.
//!
//! ```text
//!  footer (thrift) ──▶ Meta: columns, row groups ──▶ Column ──page──▶ codec ──▶ values
//! ```
//!
//! Tables are written in the same subset ([`ParquetWriter`]), with text.
//!
//! The published crate drags in a calendar that this repository bans, and may panic on hostile
//! bytes; what flat tables need of the format is little. Not read: nested or repeated columns,
//! text, and codecs other than none, snappy, gzip and zstd; each is refused by name.

mod codec;
mod column;
mod levels;
mod meta;
mod page;
mod thrift;
mod writer;

pub(crate) use column::{Column, Table, Value};
pub use writer::{Cell, ColumnKind, ParquetWriter};

use crate::error::ReadError;
use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::Arc,
};

/// Bytes of a footer. A thousand row groups of a hundred columns have ten million.
const FOOTER_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a page, packed or unpacked. Writers cut them at one MiB, or at a gigabyte's thousandth.
const PAGE_BYTES_MAX: u64 = 256 << 20;
/// Values of a page, which a few bytes can claim. Writers put 20,000 to a million into one.
const PAGE_VALUES_MAX: usize = 4 << 20;

/// What is read from: a file, or bytes in memory.
pub(crate) trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

/// A file with its name and the place at which it is read.
pub(crate) struct Input {
    file: Arc<str>,
    bytes: Box<dyn Bytes>,
}

impl Input {
    pub(crate) fn new(file: &str, bytes: impl Bytes + 'static) -> Self {
        Self { file: file.into(), bytes: Box::new(bytes) }
    }

    pub(crate) fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The complaint about what stands at a place.
    #[cold]
    pub(crate) fn damaged(&self, offset: u64, what: &'static str) -> ReadError {
        ReadError::Damaged { file: Arc::clone(&self.file), offset, what }
    }

    /// How long it is.
    fn length(&mut self) -> Result<u64, ReadError> {
        let length = self.bytes.seek(SeekFrom::End(0));
        length.map_err(|error| self.failed(0, error))
    }

    /// Exactly so many bytes from a place, of which there must be as many.
    fn exactly(&mut self, offset: u64, count: u64) -> Result<Vec<u8>, ReadError> {
        let bytes = self.at_most(offset, count)?;
        if bytes.len() as u64 != count {
            return Err(self.damaged(offset, "the file ends before what should be here"));
        }
        Ok(bytes)
    }

    /// What there is from a place on, but no more than so much.
    fn at_most(&mut self, offset: u64, count: u64) -> Result<Vec<u8>, ReadError> {
        let mut found = Vec::new();
        let read = self
            .bytes
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.bytes.by_ref().take(count).read_to_end(&mut found));
        match read {
            Ok(_) => Ok(found),
            Err(error) => Err(self.failed(offset, error)),
        }
    }

    fn failed(&self, offset: u64, source: io::Error) -> ReadError {
        ReadError::Bytes { file: Arc::clone(&self.file), offset, source }
    }
}

/// What is wrong, where the caller knows the place.
pub(crate) type Wrong = &'static str;
