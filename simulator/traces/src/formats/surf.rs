//! Parquet tables as OpenDC reads them, such as those of SURF's cluster of 2022.
//!
//! Tasks: `id`, `submission_time` (ms since 1970), `duration` (ms), `cpu_count`, `cpu_capacity`
//! (MHz of all), `mem_capacity` (MB, taken for MiB), and in some files `deferrable` and `deadline`
//! (ms since 1970). Fragments: `id` of the task, `duration` (ms), `cpu_usage` (MHz), in order of
//! time within a task.
//!
//! Times become those since the first task, which the footer tells, or else the first row. A task
//! is one arrival of one task with all its cores. Files are read in place, so they must not be
//! packed.

use crate::{
    error::ReadError,
    model::{Arrival, Kind, Names},
    parquet::{Column, Input, Table, Value},
    reader::{Arrivals, Aside, Reader, Step},
};
use std::io::{Read, Seek};

const TASKS: &str = "a table of tasks as of SURF";
const FRAGMENTS: &str = "a table of fragments as of SURF";
const MILLISECONDS: &str = "a number of milliseconds from 0 to 18 trillion";
const NS_PER_MS: u64 = 1_000_000;

struct Tasks {
    table: Table,
    id: Column,
    submitted: Column,
    duration: Column,
    cpus: Column,
    mem: Column,
    deadline: Column,
    origin_ms: Option<u64>,
}

/// What a task used for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// The task.
    pub task: u64,
    /// For how long.
    pub duration_ns: u64,
    /// How much of its processors, in thousandths of a MHz.
    pub cpu_usage: u64,
}

struct Fragments {
    table: Table,
    id: Column,
    duration: Column,
    usage: Column,
}

/// Reads tasks; the bytes are those of a file, or stand in memory.
pub fn tasks(
    file: &str,
    bytes: impl Read + Seek + Send + 'static,
    names: Names,
) -> Result<Arrivals, ReadError> {
    let mut table = Table::open(Input::new(file, bytes))?;
    let submitted = table.column("submission_time", TASKS)?;
    let least = table.least(submitted).and_then(|least| u64::try_from(least).ok());
    let step = Tasks {
        id: table.column("id", TASKS)?,
        submitted,
        duration: table.column("duration", TASKS)?,
        cpus: table.column("cpu_count", TASKS)?,
        mem: table.column("mem_capacity", TASKS)?,
        deadline: table.optional("deadline"),
        origin_ms: least,
        table,
    };
    Ok(Arrivals::new(step, names))
}

/// Reads what tasks used.
pub fn fragments(
    file: &str,
    bytes: impl Read + Seek + Send + 'static,
    names: Names,
) -> Result<Reader<Fragment>, ReadError> {
    let mut table = Table::open(Input::new(file, bytes))?;
    let step = Fragments {
        id: table.column("id", FRAGMENTS)?,
        duration: table.column("duration", FRAGMENTS)?,
        usage: table.column("cpu_usage", FRAGMENTS)?,
        table,
    };
    Ok(Reader::new(step, names))
}

impl Step<Arrival> for Tasks {
    fn next(&mut self, aside: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        if !self.table.advance()? {
            return Ok(None);
        }
        let table = &self.table;
        let mut task = Arrival::new(needed(table, self.id, "a whole number, at least 0")?);
        let submitted_ms = needed(table, self.submitted, MILLISECONDS)?;
        let origin_ms = *self.origin_ms.get_or_insert(submitted_ms);
        if submitted_ms < origin_ms {
            aside.notes.repair("submitted before the first task: at the start");
        }
        task.submit_ns = ns(table, self.submitted, submitted_ms.saturating_sub(origin_ms))?;
        let duration_ms = needed(table, self.duration, MILLISECONDS)?;
        task.duration_ns = Some(ns(table, self.duration, duration_ms)?);
        task.each[Kind::Cpus] = thousandths(table, self.cpus, "a number of CPUs")?;
        task.each[Kind::Mem] = thousandths(table, self.mem, "a number of MB")?;
        if let Some(deadline_ms) = int(table, self.deadline, MILLISECONDS)? {
            let since_ms = deadline_ms.saturating_sub(origin_ms);
            task.deadline_ns = Some(ns(table, self.deadline, since_ms)?);
        }
        Ok(Some(task))
    }
}

impl Step<Fragment> for Fragments {
    fn next(&mut self, _: &mut Aside) -> Result<Option<Fragment>, ReadError> {
        if !self.table.advance()? {
            return Ok(None);
        }
        let table = &self.table;
        let duration_ms = needed(table, self.duration, MILLISECONDS)?;
        Ok(Some(Fragment {
            task: needed(table, self.id, "a whole number, at least 0")?,
            duration_ns: ns(table, self.duration, duration_ms)?,
            cpu_usage: thousandths(table, self.usage, "a number of MHz, at least 0")?,
        }))
    }
}

/// A whole number of at least 0, if there is one.
fn int(table: &Table, column: Column, expected: &'static str) -> Result<Option<u64>, ReadError> {
    match table.value(column) {
        None => Ok(None),
        Some(Value::Int(value)) if value >= 0 => Ok(Some(value.unsigned_abs())),
        Some(_) => Err(table.bad(column, expected)),
    }
}

fn needed(table: &Table, column: Column, expected: &'static str) -> Result<u64, ReadError> {
    int(table, column, expected)?.ok_or_else(|| table.bad(column, expected))
}

fn ns(table: &Table, column: Column, ms: u64) -> Result<u64, ReadError> {
    ms.checked_mul(NS_PER_MS).ok_or_else(|| table.bad(column, MILLISECONDS))
}

/// An amount of a unit in thousandths, rounded half up.
fn thousandths(table: &Table, column: Column, expected: &'static str) -> Result<u64, ReadError> {
    let value = match table.value(column) {
        Some(Value::Int(value)) => u64::try_from(value).ok().and_then(|it| it.checked_mul(1_000)),
        // The largest float below 2^64; a greater one has no place, and NaN fails the comparison.
        Some(Value::Float(value)) if (0.0..1.8e16).contains(&value) => {
            Some((value * 1_000.0).round() as u64)
        }
        _ => None,
    };
    value.ok_or_else(|| table.bad(column, expected))
}
