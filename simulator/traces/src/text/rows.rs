//! Rows out of lines: fields between commas (quoted or not), tabs or blanks.

use super::{lines::Lines, values::Row};
use crate::{error::ReadError, limits::FIELDS_MAX, source::Source};

/// What stands between fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fields {
    /// Commas; a field in double quotes may hold some. Quotes never span lines.
    Commas,
    /// Single tabs.
    Tabs,
    /// Any number of blanks or tabs, also before the first.
    Blanks,
}

/// The rows of a text file, one at a time. Empty lines are none.
#[derive(Debug)]
pub(crate) struct Rows {
    lines: Lines,
    by: Fields,
    /// Where each field begins and ends, in the line, or in `unquoted` if `is_quoted`.
    ends: Vec<(u32, u32)>,
    unquoted: Vec<u8>,
    is_quoted: bool,
    /// Lines that begin with it are none.
    comment: Option<u8>,
}

impl Rows {
    pub(crate) fn new(source: Source, by: Fields) -> Self {
        Self {
            lines: Lines::new(source),
            by,
            ends: Vec::new(),
            unquoted: Vec::new(),
            is_quoted: false,
            comment: None,
        }
    }

    /// Lines that begin with this byte are no rows.
    pub(crate) fn with_comments(mut self, begin: u8) -> Self {
        self.comment = Some(begin);
        self
    }

    /// Goes to the next row; false when there is none.
    pub(crate) fn advance(&mut self) -> Result<bool, ReadError> {
        loop {
            if !self.lines.advance()? {
                return Ok(false);
            }
            let line = self.lines.line().trim_ascii_start();
            if !line.is_empty() && line.first() != self.comment.as_ref() {
                self.split()?;
                return Ok(true);
            }
        }
    }

    /// The row.
    pub(crate) fn row(&self) -> Row<'_> {
        let bytes = if self.is_quoted { &self.unquoted } else { self.lines.line() };
        Row::new(&self.lines, bytes, &self.ends)
    }

    fn split(&mut self) -> Result<(), ReadError> {
        self.ends.clear();
        self.is_quoted = false;
        let line = self.lines.line();
        match self.by {
            Fields::Commas if memchr::memchr(b'"', line).is_some() => return self.unquote(),
            Fields::Commas => split_at(line, b',', &mut self.ends),
            Fields::Tabs => split_at(line, b'\t', &mut self.ends),
            Fields::Blanks => split_at_blanks(line, &mut self.ends),
        }
        self.check()
    }

    fn check(&self) -> Result<(), ReadError> {
        if self.ends.len() > FIELDS_MAX {
            let what = "more than 4096 fields";
            return Err(ReadError::Line { place: self.lines.place(), what });
        }
        Ok(())
    }

    /// Copies the fields of a line with quotes to where they stand without them.
    fn unquote(&mut self) -> Result<(), ReadError> {
        self.unquoted.clear();
        self.is_quoted = true;
        let mut rest = self.lines.line();
        loop {
            let start = self.unquoted.len();
            let is_quoted = rest.first() == Some(&b'"');
            let after = if is_quoted {
                let Some(after) = quoted(&rest[1..], &mut self.unquoted) else {
                    let what = "a quote that does not end, or does not end its field";
                    return Err(ReadError::Line { place: self.lines.place(), what });
                };
                after
            } else {
                let end = memchr::memchr(b',', rest).unwrap_or(rest.len());
                self.unquoted.extend(&rest[..end]);
                &rest[end..]
            };
            self.ends.push((start as u32, self.unquoted.len() as u32));
            match after {
                [b',', more @ ..] => rest = more,
                _ => return self.check(),
            }
        }
    }
}

// A line has at most `LINE_BYTES_MAX` bytes and a chunk, so that places in it fit 32 bits.
const _: () = assert!(crate::limits::LINE_BYTES_MAX < 1 << 30);

fn split_at(line: &[u8], by: u8, ends: &mut Vec<(u32, u32)>) {
    let mut start = 0;
    for at in memchr::memchr_iter(by, line) {
        ends.push((start, at as u32));
        start = at as u32 + 1;
    }
    ends.push((start, line.len() as u32));
}

fn split_at_blanks(line: &[u8], ends: &mut Vec<(u32, u32)>) {
    let mut start = None;
    for (at, byte) in line.iter().enumerate() {
        match (byte, start) {
            (b' ' | b'\t', Some(from)) => {
                ends.push((from, at as u32));
                start = None;
            }
            (b' ' | b'\t', None) | (_, Some(_)) => {}
            (_, None) => start = Some(at as u32),
        }
    }
    if let Some(from) = start {
        ends.push((from, line.len() as u32));
    }
}

/// Takes a field up to its closing quote; what follows is nothing or a comma.
fn quoted<'a>(mut rest: &'a [u8], into: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let end = memchr::memchr(b'"', rest)?;
        into.extend(&rest[..end]);
        rest = &rest[end + 1..];
        match rest {
            [b'"', more @ ..] => {
                into.push(b'"');
                rest = more;
            }
            [] | [b',', ..] => return Some(rest),
            _ => return None,
        }
    }
}
