//! The Standard Workload Format of the Parallel Workloads Archive, and what others added to it.
//!
//! Lines that begin with `;` are remarks. Rows have 18 fields between blanks (some files lack the
//! last): 1 job, 2 submitted (s), 3 waited, 4 ran (s), 5 processors it got, 6 mean CPU time, 7
//! memory it used, 8 processors it asked for, 9 time it asked for (s), 10 memory it asked for (KB
//! for each processor), 11 status, 12 user, 13 group, 14 program, 15 queue, 16 partition, 17 job
//! before it, 18 think time. -1 is unknown, and so is all else below 0; times may have fractions.
//!
//! A job is a gang of as many tasks of one core as it has processors. Field 8 falls back to 5, 9 to
//! 4, the queue 15 to the partition 16. MetaCentrum's logs have three fields more and are read by
//! `pbs`: submitted in seconds since 1970, memory in bytes for each node, and a request that
//! names nodes, their properties, and whether they are wanted alone.

mod machines;
mod pbs;

pub use machines::machines;

use super::SECONDS;
use crate::{
    error::ReadError,
    model::{Arrival, Constraints, Kind, Names},
    reader::{Arrivals, Aside, Step},
    source::Source,
    text::{Column, Fields, Row, Rows, Unit},
};
use std::{collections::BTreeMap, collections::VecDeque, sync::Arc};

const JOB: Column = Column::at(0, "job (1)");
const SUBMITTED: Column = Column::at(1, "submitted (2)");
const RAN: Column = Column::at(3, "ran (4)");
const ALLOCATED: Column = Column::at(4, "processors allocated (5)");
const REQUESTED: Column = Column::at(7, "processors requested (8)");
const ESTIMATE: Column = Column::at(8, "time requested (9)");
const MEMORY: Column = Column::at(9, "memory requested (10)");
const USER: Column = Column::at(11, "user (12)");
const QUEUE: Column = Column::at(14, "queue (15)");
const PARTITION: Column = Column::at(15, "partition (16)");

/// Fields of a row by the standard.
const STANDARD: usize = 18;
/// And of one that lacks the last.
const SHORT: usize = 17;
/// And of one of MetaCentrum.
const EXTENDED: usize = 21;
/// No log is so long; times beyond are those of clocks.
const CLOCK_NS: u64 = 1_000_000_000_000_000_000;

struct Jobs {
    rows: Rows,
    /// What time the first job came, if the log has a clock's times.
    origin_ns: Option<u64>,
    /// Parts of the last job that were not yet given out.
    parts: VecDeque<Arrival>,
    /// What requests come to, so that jobs that ask alike share it.
    shared: BTreeMap<Constraints, Arc<Constraints>>,
}

/// Reads a log, with or without MetaCentrum's fields.
pub fn jobs(source: Source, names: Names) -> Result<Arrivals, ReadError> {
    let rows = Rows::new(source, Fields::Blanks).with_comments(b';');
    let (parts, shared) = (VecDeque::new(), BTreeMap::new());
    Ok(Arrivals::new(Jobs { rows, origin_ns: None, parts, shared }, names))
}

impl Step<Arrival> for Jobs {
    fn next(&mut self, aside: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        if let Some(part) = self.parts.pop_front() {
            return Ok(Some(part));
        }
        while self.rows.advance()? {
            let row = self.rows.row();
            if !matches!(row.len(), SHORT | STANDARD | EXTENDED) {
                row.check(STANDARD)?;
            }
            let Some(mut job) = standard(&row, &mut self.origin_ns, aside)? else { continue };
            if row.len() != EXTENDED {
                let Some(processors) = processors(&row)? else {
                    aside.notes.skip("it is not known how many processors it asks for");
                    continue;
                };
                job.tasks = processors;
                job.gang = job.tasks > 1;
                job.each[Kind::Cpus] = 1_000;
                job.each[Kind::Mem] =
                    known(&row, MEMORY, Unit::KIB, "a number of KB")?.unwrap_or(0);
                return Ok(Some(job));
            }
            self.parts.extend(pbs::parts(&row, &job, aside, &mut self.shared)?);
            if let Some(part) = self.parts.pop_front() {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }
}

/// What all logs have in common; none for a job of which nobody knows when it came.
fn standard(
    row: &Row<'_>,
    origin_ns: &mut Option<u64>,
    aside: &mut Aside,
) -> Result<Option<Arrival>, ReadError> {
    let mut job = Arrival::new(row.id(JOB)?);
    let Some(submit_ns) = known(row, SUBMITTED, Unit::SECONDS, SECONDS)? else {
        aside.notes.skip("it is not known when it was submitted");
        return Ok(None);
    };
    job.submit_ns = since(submit_ns, origin_ns, aside);
    let ran_ns = known(row, RAN, Unit::SECONDS, SECONDS)?;
    if ran_ns.is_none() {
        aside.notes.repair("it is not known how long it ran: without a duration");
    }
    job.duration_ns = ran_ns;
    job.estimate_ns = known(row, ESTIMATE, Unit::SECONDS, SECONDS)?.or(ran_ns);
    let is_known = |column| !matches!(row.text(column), b"-1" | b"");
    if is_known(USER) {
        job.user = row.name(USER, &mut aside.names)?;
    }
    let queue = if is_known(QUEUE) { QUEUE } else { PARTITION };
    if is_known(queue) {
        job.queue = row.name(queue, &mut aside.names)?;
    }
    Ok(Some(job))
}

/// Time since the log's start, of which a clock's times are not.
fn since(submit_ns: u64, origin_ns: &mut Option<u64>, aside: &mut Aside) -> u64 {
    let first_ns = if submit_ns >= CLOCK_NS { submit_ns } else { 0 };
    let origin_ns = *origin_ns.get_or_insert(first_ns);
    if origin_ns == 0 {
        return submit_ns;
    }
    aside.notes.repair("submitted in seconds since 1970: since the first job instead");
    submit_ns.saturating_sub(origin_ns)
}

/// An amount; none if it is -1, as all that is unknown, or else negative, as some times that were
/// got by taking a clock from 0.
fn known(
    row: &Row<'_>,
    column: Column,
    unit: Unit,
    expected: &'static str,
) -> Result<Option<u64>, ReadError> {
    if row.is_negative(column) {
        return Ok(None);
    }
    row.amount(column, unit, expected)
}

/// How many processors it asks for, or else got; none if neither is more than 0.
fn processors(row: &Row<'_>) -> Result<Option<u32>, ReadError> {
    for column in [REQUESTED, ALLOCATED] {
        if row.is_negative(column) {
            continue;
        }
        let count = row.count(column, "a number of processors, or -1")?;
        if count > 0 {
            return Ok(Some(count));
        }
    }
    Ok(None)
}
