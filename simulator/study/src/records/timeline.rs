//! How things stood, every so many seconds.

use super::create;
use crate::{
    error::RunError,
    limits::TIMELINE_LINES_MAX,
    report::quoted,
    running::{State, Waiting},
};
use simulator::engine::Time;
use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

/// A timeline in the making. A line says what holds when all that came before its moment has
/// happened, and nothing else.
#[derive(Debug)]
pub struct Timeline {
    out: BufWriter<File>,
    directory: PathBuf,
    every: Time,
    next: Time,
    lines: u64,
}

impl Timeline {
    pub(super) fn create(seconds: f64, directory: &Path) -> io::Result<Self> {
        // A cast of floats saturates; the least was checked.
        let every = Time(((seconds * 1e9).round() as u64).max(1));
        let out = create(directory, "timeline.csv")?;
        Ok(Self { out, directory: directory.to_owned(), every, next: every, lines: 0 })
    }

    /// When the next line is.
    pub fn next(&self) -> Time {
        self.next
    }

    /// A line.
    ///
    /// # Errors
    /// When it cannot be written, or there are too many.
    pub fn line(&mut self, at: Time, waiting: &[Waiting], state: &State) -> Result<(), RunError> {
        if self.lines == TIMELINE_LINES_MAX {
            return Err(RunError::TimelineTooLong { max: TIMELINE_LINES_MAX });
        }
        let mut text = String::new();
        if self.lines == 0 {
            text += &titles(waiting, state);
        }
        self.lines += 1;
        self.next += self.every;
        text += &values(at, waiting, state);
        self.write(text.as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        let directory = self.directory.clone();
        self.out.write_all(bytes).map_err(|source| RunError::Record { directory, source })
    }

    /// Everything is told.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn close(mut self) -> Result<(), RunError> {
        let directory = self.directory;
        self.out.flush().map_err(|source| RunError::Record { directory, source })
    }
}

fn titles(waiting: &[Waiting], state: &State) -> String {
    let mut text = "at_ns".to_owned();
    for name in state.resources.keys() {
        for what in ["capacity", "allocated", "used", "held", "stranded"] {
            let _ = write!(text, ",{}", quoted(&format!("{name}_{what}")));
        }
    }
    for it in waiting {
        let between = if it.queue.is_empty() { "" } else { "_" };
        let _ = write!(text, ",{}", quoted(&format!("{}{between}waiting", it.queue)));
    }
    text += ",running";
    for name in state.shares.keys() {
        let _ = write!(text, ",{}", quoted(&format!("{name}_share")));
    }
    text + "\n"
}

fn values(at: Time, waiting: &[Waiting], state: &State) -> String {
    let mut text = at.0.to_string();
    for it in state.resources.values() {
        for amount in [it.capacity, it.allocated, it.used, it.held, it.stranded] {
            let _ = write!(text, ",{}", units(amount));
        }
    }
    for it in waiting {
        let _ = write!(text, ",{}", it.count);
    }
    let _ = write!(text, ",{}", state.running);
    for share in state.shares.values() {
        let _ = write!(text, ",{share}");
    }
    text + "\n"
}

/// Thousandths as whole ones, exactly.
pub(crate) fn units(milli: u128) -> String {
    match milli % 1_000 {
        0 => (milli / 1_000).to_string(),
        part => format!("{}.{part:03}", milli / 1_000).trim_end_matches('0').to_owned(),
    }
}
