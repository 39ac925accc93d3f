//! The jobs that run when a simulation begins.
//!
//! Two kinds of rows between blanks: `11 time job production class tasks cpus bytes`, and
//! `12 end job production class x` for those that end. Production is 0 or 1, class 0 to 3;
//! production of the classes 2 and 3 is service. `cpus` and `bytes` are the whole job's, as
//! Google's simulator reads them; in the files that EURECOM made of Google's trace they are the
//! mean task's (a job of 172 tasks that asked for 0.0625 of a machine of 32 cores has 2.0), so that
//! it has to be said which.
//!
//! Traps: the two rows of a job stand in any order, so the whole file is held. Ends are seconds by
//! the format, but the files that were made of Google's trace of 2011 have microseconds of its
//! clock, which begins at 600 s: if any end is later than three years, all are taken for those.

use super::super::TASKS;
use crate::{
    error::ReadError,
    model::{Arrival, Class, Kind, Names},
    reader::{Arrivals, Aside, Step},
    source::Source,
    text::{Column, Fields, Row, Rows, Unit},
};
use std::{collections::BTreeMap, vec};

const TYPE: Column = Column::at(0, "type (1)");
const TIME: Column = Column::at(1, "time (2)");
const JOB: Column = Column::at(2, "job (3)");
const PRODUCTION: Column = Column::at(3, "production (4)");
const CLASS: Column = Column::at(4, "scheduling class (5)");
const COUNT: Column = Column::at(5, "tasks (6)");
const CPUS: Column = Column::at(6, "CPUs (7)");
const BYTES: Column = Column::at(7, "memory in bytes (8)");

const RUNNING_FIELDS: usize = 8;
const ENDING_FIELDS: usize = 6;
const END: &str = "a number of seconds or microseconds";
/// Three years of seconds: no end of a prefill is later.
const SECONDS_MAX: u64 = 100_000_000;
/// When the trace of 2011 begins on its own clock.
const GOOGLE_BEGIN_NS: u64 = 600_000_000_000;

/// Whose amounts stand in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Amounts {
    Jobs,
    Tasks,
}

enum State {
    Unread(Box<Rows>, Amounts),
    Read(vec::IntoIter<Arrival>),
}

struct Prefill(State);

/// Reads the jobs that run at the start; they are submitted at 0 and keep the order of the file.
/// The priority is 1 for production, the queue the scheduling class.
pub fn prefill(source: Source, names: Names) -> Result<Arrivals, ReadError> {
    let rows = Box::new(Rows::new(source, Fields::Blanks));
    Ok(Arrivals::new(Prefill(State::Unread(rows, Amounts::Jobs)), names))
}

/// Reads the same where the amounts are each task's.
pub fn prefill_of_tasks(source: Source, names: Names) -> Result<Arrivals, ReadError> {
    let rows = Box::new(Rows::new(source, Fields::Blanks));
    Ok(Arrivals::new(Prefill(State::Unread(rows, Amounts::Tasks)), names))
}

impl Step<Arrival> for Prefill {
    fn next(&mut self, aside: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        if let State::Unread(rows, amounts) = &mut self.0 {
            let jobs = read(rows, *amounts, aside)?;
            self.0 = State::Read(jobs.into_iter());
        }
        match &mut self.0 {
            State::Read(jobs) => Ok(jobs.next()),
            State::Unread(..) => Ok(None),
        }
    }
}

fn read(rows: &mut Rows, amounts: Amounts, aside: &mut Aside) -> Result<Vec<Arrival>, ReadError> {
    let mut jobs = Vec::new();
    let mut ends = BTreeMap::new();
    while rows.advance()? {
        let row = rows.row();
        match row.text(TYPE) {
            b"11" => {
                row.check(RUNNING_FIELDS)?;
                jobs.push(running(&row, amounts, aside)?);
            }
            b"12" => {
                row.check(ENDING_FIELDS)?;
                let as_seconds = row.amount(TIME, Unit::SECONDS, END);
                let end = row.needed(TIME, Unit::ONE, END)?;
                ends.insert(row.id(JOB)?, (end, as_seconds.unwrap_or(None)));
            }
            _ => return Err(row.bad(TYPE, "11 (runs at the start) or 12 (ends)")),
        }
    }
    let is_google = ends.values().any(|(end, _)| *end > SECONDS_MAX);
    for job in &mut jobs {
        let Some((end, as_seconds)) = ends.remove(&job.job) else { continue };
        job.duration_ns = if is_google {
            aside.notes.repair("it ends in microseconds of Google's clock, which begins at 600 s");
            end.checked_mul(1_000).map(|end_ns| end_ns.saturating_sub(GOOGLE_BEGIN_NS))
        } else {
            as_seconds
        };
    }
    for _ in ends {
        aside.notes.skip("it ends and did not run at the start");
    }
    Ok(jobs)
}

fn running(row: &Row<'_>, amounts: Amounts, aside: &mut Aside) -> Result<Arrival, ReadError> {
    let mut job = Arrival::new(row.id(JOB)?);
    let is_production = match row.text(PRODUCTION) {
        b"0" => false,
        b"1" => true,
        _ => return Err(row.bad(PRODUCTION, "0 or 1")),
    };
    let is_serving = match row.text(CLASS) {
        b"0" | b"1" => false,
        b"2" | b"3" => true,
        _ => return Err(row.bad(CLASS, "a scheduling class from 0 to 3")),
    };
    if is_production && is_serving {
        job.class = Class::Service;
    }
    job.priority = i32::from(is_production);
    job.queue = row.name(CLASS, &mut aside.names)?;
    job.tasks = row.count(COUNT, TASKS)?;
    if job.tasks == 0 {
        return Err(row.bad(COUNT, TASKS));
    }
    let sharers = match amounts {
        Amounts::Jobs => job.tasks,
        Amounts::Tasks => 1,
    };
    let (cores, bytes) = (Unit::THOUSANDTHS.shared_by(sharers), Unit::BYTES.shared_by(sharers));
    job.each[Kind::Cpus] = row.needed(CPUS, cores, "a number of cores")?;
    job.each[Kind::Mem] = row.needed(BYTES, bytes, "a number of bytes")?;
    Ok(job)
}
