//! A reader with an allowance: what an archive's headers may be, however much its files are.
//!
//! The library that reads archives takes long names and extended headers into memory as large as
//! they say they are, and a few bytes of a compressed archive say gigabytes. So there is an
//! allowance from one entry to the next, which its files' contents do not count against.

use crate::limits::HEADERS_BYTES_MAX;
use std::{
    cell::Cell,
    io::{self, Read, Seek, SeekFrom},
};

/// How many bytes may still be read.
#[derive(Debug)]
pub(crate) struct Allowance(Cell<u64>);

/// A reader that ends in an error when its allowance is used up.
#[derive(Debug)]
pub(crate) struct Metered<'a, R> {
    inner: R,
    allowance: &'a Allowance,
}

impl Allowance {
    /// For what comes before the first entry's content.
    pub(crate) fn new() -> Self {
        Self(Cell::new(HEADERS_BYTES_MAX))
    }

    /// What is read next are headers.
    pub(crate) fn of_headers(&self) {
        self.0.set(HEADERS_BYTES_MAX);
    }

    /// What is read next is content, which others bound.
    pub(crate) fn of_content(&self) {
        self.0.set(u64::MAX);
    }
}

impl<'a, R> Metered<'a, R> {
    pub(crate) fn new(inner: R, allowance: &'a Allowance) -> Self {
        Self { inner, allowance }
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.allowance.0.get();
        let read = self.inner.read(buffer)?;
        let used = u64::try_from(read).unwrap_or(u64::MAX);
        let left = left.checked_sub(used).ok_or_else(|| {
            let message = format!("headers of more than {HEADERS_BYTES_MAX} bytes");
            io::Error::new(io::ErrorKind::FileTooLarge, message)
        })?;
        self.allowance.0.set(left);
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<'_, R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.inner.seek(position)
    }
}
