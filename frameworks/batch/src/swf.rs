//! Reads logs in the Standard Workload Format: one job per line, 18 numbers, `;` before comments.
//!
//! Streams: a log of any length takes the memory of one line. A file whose name ends in `.gz` is
//! unpacked on the way. Fields that nobody here needs are checked all the same, so that a file of
//! another format is noticed at its first line. Some logs append fields of their own; those are let
//! be. Any number below zero is read as unknown: by the format that is -1, but real logs also have
//! the difference of two times one of which was missing (-1359980917).

use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The fields by their number from 1, as the format names them.
const FIELDS: [&str; 18] = [
    "job number",
    "submit time",
    "wait time",
    "run time",
    "allocated processors",
    "average CPU time",
    "used memory",
    "requested processors",
    "requested time",
    "requested memory",
    "status",
    "user",
    "group",
    "executable",
    "queue",
    "partition",
    "preceding job",
    "think time",
];

/// Longest line. The longest in use name a node per processor and have a few thousand bytes.
const LINE_BYTES_MAX: u64 = 256 * 1_024;

/// One job of a log. Unknown values (below zero in the file) are absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwfJob {
    /// Line in the file, from 1.
    pub line: u64,
    /// The log's own number of the job.
    pub number: u64,
    /// When it was submitted, milliseconds from the log's beginning.
    pub submit_ms: u64,
    /// How long it waited.
    pub wait_ms: Option<u64>,
    /// How long it ran.
    pub run_ms: Option<u64>,
    /// Processors that it got.
    pub processors: Option<u64>,
    /// Processors that it asked for.
    pub requested_processors: Option<u64>,
    /// How long it asked to run.
    pub requested_ms: Option<u64>,
    /// 1 completed, 0 failed, 5 cancelled.
    pub status: Option<u64>,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SwfError {
    /// The file cannot be read.
    #[error("cannot read the workload log {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line is too long to be a job.
    #[error("{}:{line}: the line has more than {LINE_BYTES_MAX} bytes", path.display())]
    LongLine {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
    },
    /// A line has too few fields.
    #[error("{}:{line}: {count} fields, a job has 18", path.display())]
    Fields {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// How many it has.
        count: usize,
    },
    /// A field is not a number of its kind, or unknown where it must not be.
    #[error("{}:{line}: field {number} ({name}) is {value:?}, which cannot be one", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// Which field, from 1.
        number: usize,
        /// Its name.
        name: &'static str,
        /// What stands there.
        value: String,
    },
}

/// Jobs of a log, one by one. Ends after the first error.
pub struct SwfReader {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    line: u64,
    text: Vec<u8>,
    is_over: bool,
}

impl std::fmt::Debug for SwfReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SwfReader").field("path", &self.path).field("line", &self.line).finish()
    }
}

impl SwfReader {
    /// Opens a log.
    pub fn open(path: &Path) -> Result<Self, SwfError> {
        let file =
            File::open(path).map_err(|source| SwfError::Read { path: path.to_owned(), source })?;
        let is_packed = path.extension().is_some_and(|extension| extension == "gz");
        let input: Box<dyn BufRead + Send> = match is_packed {
            true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
            false => Box::new(BufReader::new(file)),
        };
        Ok(Self::new(path, input))
    }

    /// Reads from anything; `path` is only for errors.
    pub fn new(path: &Path, input: Box<dyn BufRead + Send>) -> Self {
        Self { path: path.to_owned(), input, line: 0, text: Vec::new(), is_over: false }
    }

    fn next_job(&mut self) -> Result<Option<SwfJob>, SwfError> {
        loop {
            self.text.clear();
            self.line += 1;
            let mut limited = (&mut self.input).take(LINE_BYTES_MAX + 1);
            let length = limited
                .read_until(b'\n', &mut self.text)
                .map_err(|source| SwfError::Read { path: self.path.clone(), source })?;
            if length == 0 {
                return Ok(None);
            }
            if length as u64 > LINE_BYTES_MAX {
                return Err(SwfError::LongLine { path: self.path.clone(), line: self.line });
            }
            // Comments may be in any encoding; numbers are ASCII.
            let text = String::from_utf8_lossy(&self.text);
            let text = text.trim();
            if !text.is_empty() && !text.starts_with(';') {
                return self.job(text).map(Some);
            }
        }
    }

    fn job(&self, text: &str) -> Result<SwfJob, SwfError> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        if fields.len() < FIELDS.len() {
            let (path, line, count) = (self.path.clone(), self.line, fields.len());
            return Err(SwfError::Fields { path, line, count });
        }
        let bad = |number: usize| SwfError::Value {
            path: self.path.clone(),
            line: self.line,
            number,
            name: FIELDS[number - 1],
            value: fields[number - 1].chars().take(80).collect(),
        };
        let milli = |number: usize| milli(fields[number - 1]).ok_or_else(|| bad(number));
        // A time in seconds is the same number of thousandths in milliseconds.
        let time = milli;
        let count = |number: usize| match milli(number)? {
            Some(value) if value % 1_000 != 0 => Err(bad(number)),
            value => Ok(value.map(|value| value / 1_000)),
        };
        for number in 1..=FIELDS.len() {
            milli(number)?;
        }
        Ok(SwfJob {
            line: self.line,
            number: count(1)?.ok_or_else(|| bad(1))?,
            submit_ms: time(2)?.ok_or_else(|| bad(2))?,
            wait_ms: time(3)?,
            run_ms: time(4)?,
            processors: count(5)?,
            requested_processors: count(8)?,
            requested_ms: time(9)?,
            status: count(11)?,
        })
    }
}

impl Iterator for SwfReader {
    type Item = Result<SwfJob, SwfError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.next_job().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

/// A number in thousandths, further decimals cut off; `Some(None)` is unknown (below zero).
fn milli(text: &str) -> Option<Option<u64>> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(decimals) {
        return None;
    }
    if let Some(below_zero) = whole.strip_prefix('-') {
        return is_digits(below_zero).then_some(None);
    }
    if !is_digits(whole) {
        return None;
    }
    let thousandths: u64 = format!("{decimals:0<3}")[..3].parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(thousandths).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    const LINE: &str = "7 100 5 60.25 4 552.2149 -1 8 3600 -1 1 3 1 -1 2 1 -1 -1";

    fn read(text: &str) -> Vec<Result<SwfJob, SwfError>> {
        let input = Box::new(Cursor::new(text.as_bytes().to_vec()));
        SwfReader::new(Path::new("log.swf"), input).collect()
    }

    fn error(text: &str) -> String {
        read(text).pop().unwrap().unwrap_err().to_string()
    }

    #[test]
    fn a_job_is_read_and_what_is_unknown_is_absent() {
        let text = format!("; Version: 2.2\n;\n\n{LINE} {{n1,n2}} queue\n");
        let jobs: Vec<SwfJob> = read(&text).into_iter().map(Result::unwrap).collect();
        let job = SwfJob {
            line: 4,
            number: 7,
            submit_ms: 100_000,
            wait_ms: Some(5_000),
            run_ms: Some(60_250),
            processors: Some(4),
            requested_processors: Some(8),
            requested_ms: Some(3_600_000),
            status: Some(1),
        };
        assert_eq!(jobs, [job]);
        let unknown = read(&LINE.replace(" 60.25 ", " -1 ")).pop().unwrap().unwrap();
        assert_eq!(unknown.run_ms, None);
        let unknown = read(&LINE.replace(" 60.25 ", " -1359980917 ")).pop().unwrap().unwrap();
        assert_eq!(unknown.run_ms, None);
    }

    #[test]
    fn errors_name_file_line_field_and_value() {
        let bad = |from: &str, to: &str| error(&format!(";\n{}", LINE.replacen(from, to, 1)));
        let run = bad("60.25", "6x");
        assert_eq!(run, "log.swf:2: field 4 (run time) is \"6x\", which cannot be one");
        assert!(bad(" 4 ", " --4 ").contains("field 5 (allocated processors) is \"--4\""));
        assert!(bad(" 4 ", " 4.5 ").contains("field 5"));
        assert!(bad(" 100 ", " -1 ").contains("field 2 (submit time)"));
        assert!(bad(" 100 ", " nan ").contains("field 2"));
        assert!(bad(" 3600 ", " 99999999999999999999 ").contains("field 9"));
        assert!(bad("552.2149", "1e3").contains("field 6"), "unused fields are checked too");
        assert_eq!(error("1 2 3"), "log.swf:1: 3 fields, a job has 18");
        assert!(error(&"x".repeat(300_000)).contains("more than 262144 bytes"));
    }

    #[test]
    fn nothing_is_read_after_an_error() {
        let results = read(&format!("{LINE}\nbad\n{LINE}\n"));
        assert_eq!(results.len(), 2);
        assert!(results[0].is_ok() && results[1].is_err());
    }

    #[test]
    fn a_missing_or_torn_file_is_an_error_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no.swf");
        let missing = SwfReader::open(&path).unwrap_err();
        assert!(missing.to_string().ends_with("no.swf"), "{missing}");
        let path = folder.path().join("torn.swf.gz");
        std::fs::write(&path, [0x1f, 0x8b, 8, 0, 0]).unwrap();
        let torn = SwfReader::open(&path).unwrap().next().unwrap();
        assert!(matches!(torn, Err(SwfError::Read { .. })));
    }
}
