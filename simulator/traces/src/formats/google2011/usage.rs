//! The table of what tasks used, one row for each five minutes.

use super::{PART, TIME};
use crate::{
    error::ReadError,
    model::Names,
    reader::{Aside, Parse, Reader, Table},
    source::Source,
    text::{Column, Fields, Row, Rows, Unit},
};

const BEGIN: Column = Column::at(0, "start time (1)");
const END: Column = Column::at(1, "end time (2)");
const JOB: Column = Column::at(2, "job id (3)");
const TASK: Column = Column::at(3, "task index (4)");
const MACHINE: Column = Column::at(4, "machine id (5)");
const CPUS_MEAN: Column = Column::at(5, "CPU rate (6)");
const MEMORY_MEAN: Column = Column::at(6, "canonical memory usage (7)");
const MEMORY_ASSIGNED: Column = Column::at(7, "assigned memory usage (8)");
const MEMORY_MAX: Column = Column::at(10, "maximum memory usage (11)");
const DISK_MEAN: Column = Column::at(12, "local disk space usage (13)");
const CPUS_MAX: Column = Column::at(13, "maximum CPU rate (14)");
const FIELDS: usize = 20;

/// What one task used in one span of time, in millionths of the largest machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// When the span begins, on the trace's clock.
    pub begin_ns: u64,
    /// When it ends.
    pub end_ns: u64,
    /// The job.
    pub job: u64,
    /// The task of the job.
    pub task: u32,
    /// Where it ran.
    pub machine: Option<u64>,
    /// Mean use of processors; none where the row does not say.
    pub cpus_mean: Option<u64>,
    /// Greatest use of processors.
    pub cpus_max: Option<u64>,
    /// Mean memory that was used.
    pub memory_mean: Option<u64>,
    /// Greatest memory that was used.
    pub memory_max: Option<u64>,
    /// Memory that was set aside.
    pub memory_assigned: Option<u64>,
    /// Mean disk that was used.
    pub disk_mean: Option<u64>,
}

struct Measures;

/// Reads the table of tasks' use.
pub fn task_usage(source: Source, names: Names) -> Result<Reader<Usage>, ReadError> {
    let rows = Rows::new(source, Fields::Commas);
    Ok(Reader::new(Table { rows, fields: FIELDS, parse: Measures }, names))
}

impl Parse<Usage> for Measures {
    fn parse(&mut self, row: &Row<'_>, _: &mut Aside) -> Result<Option<Usage>, ReadError> {
        let part = |column| row.amount(column, Unit::NORMALISED, PART);
        Ok(Some(Usage {
            begin_ns: row.needed(BEGIN, Unit::MICROSECONDS, TIME)?,
            end_ns: row.needed(END, Unit::MICROSECONDS, TIME)?,
            job: row.id(JOB)?,
            task: row.count(TASK, "a task's index from 0 to 4294967295")?,
            machine: row.whole(MACHINE, "a machine's id")?,
            cpus_mean: part(CPUS_MEAN)?,
            cpus_max: part(CPUS_MAX)?,
            memory_mean: part(MEMORY_MEAN)?,
            memory_max: part(MEMORY_MAX)?,
            memory_assigned: part(MEMORY_ASSIGNED)?,
            disk_mean: part(DISK_MEAN)?,
        }))
    }
}
