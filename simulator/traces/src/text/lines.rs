//! Lines out of a stream of bytes, without copying any.

use crate::{
    error::{Place, ReadError},
    limits::LINE_BYTES_MAX,
    source::Source,
};
use std::{
    io::{self, Read},
    ops::Range,
    sync::Arc,
};

/// What is read at once, and how much more room a longer line gets.
const CHUNK_BYTES: usize = 256 << 10;
/// What some programs put before the text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of a source.
#[derive(Debug)]
pub(crate) struct Lines {
    source: Source,
    buffer: Vec<u8>,
    /// What of the buffer was read and not yet given out.
    waiting: Range<usize>,
    line: Range<usize>,
    number: u64,
    is_over: bool,
}

impl Lines {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            buffer: vec![0; CHUNK_BYTES],
            waiting: 0..0,
            line: 0..0,
            number: 0,
            is_over: false,
        }
    }

    /// Goes to the next line; false when there is none.
    pub(crate) fn advance(&mut self) -> Result<bool, ReadError> {
        let mut searched = 0;
        loop {
            let fresh = self.waiting.start + searched..self.waiting.end;
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[fresh.clone()]) {
                let end = fresh.start + at;
                self.give(end, end + 1);
                return Ok(true);
            }
            searched = self.waiting.len();
            if searched > LINE_BYTES_MAX {
                self.number += 1;
                let what = "longer than 1 MiB";
                return Err(ReadError::Line { place: self.place(), what });
            }
            if self.is_over {
                let end = self.waiting.end;
                if searched == 0 {
                    return Ok(false);
                }
                self.give(end, end);
                return Ok(true);
            }
            self.fill()?;
        }
    }

    /// The line, without its end.
    pub(crate) fn line(&self) -> &[u8] {
        &self.buffer[self.line.clone()]
    }

    /// Where the line is.
    pub(crate) fn place(&self) -> Place {
        Place { file: Arc::clone(self.source.file()), line: self.number }
    }

    fn give(&mut self, end: usize, next: usize) {
        let mut start = self.waiting.start;
        if self.number == 0 && self.buffer[start..end].starts_with(BYTE_ORDER_MARK) {
            start += BYTE_ORDER_MARK.len();
        }
        let has_return = self.buffer[start..end].ends_with(b"\r");
        self.line = start..end - usize::from(has_return);
        self.waiting.start = next;
        self.number += 1;
    }

    /// Moves what waits to the front and reads behind it.
    fn fill(&mut self) -> Result<(), ReadError> {
        self.buffer.copy_within(self.waiting.clone(), 0);
        self.waiting = 0..self.waiting.len();
        if self.buffer.len() - self.waiting.end < CHUNK_BYTES / 2 {
            self.buffer.resize(self.buffer.len() + CHUNK_BYTES, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.waiting.end..]) {
                Ok(0) => self.is_over = true,
                Ok(count) => self.waiting.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(ReadError::Io { place: self.place(), source }),
            }
            return Ok(());
        }
    }
}
