//! What happens to jobs and tasks, row by row.

use super::{PART, time_ns};
use crate::{
    error::ReadError,
    model::{Kind, NameId, Names, Shape},
    reader::{Aside, Parse, Reader, Table},
    source::Source,
    text::{Column, Fields, Row, Rows, Unit},
};

const CLASS: &str = "a scheduling class from 0 to 3";
const PRIORITY: &str = "a priority from 0 to 11";
const EVENT: &str = "an event from 0 to 8";
pub(super) const AFTER_THE_END: &str = "it happens after the trace's end";

/// What happens to a job or a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// It can be scheduled from now on.
    Submit,
    /// It was given to a machine.
    Schedule,
    /// It lost its machine to another task, or to a fault of the machine.
    Evict,
    /// It failed by itself.
    Fail,
    /// It ended well.
    Finish,
    /// Somebody, or something that it depends on, ended it.
    Kill,
    /// It ended, and nobody knows how.
    Lost,
    /// Its request changed while it waited.
    UpdatePending,
    /// Its request changed while it ran.
    UpdateRunning,
}

/// A row of the table of jobs' events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEvent {
    /// When, on the trace's clock.
    pub at_ns: u64,
    /// The job.
    pub job: u64,
    /// What happens to it.
    pub event: Event,
    /// Who submitted it.
    pub user: Option<NameId>,
    /// How much it minds waiting, from 0 to 3.
    pub class: u8,
    /// What its user calls it.
    pub logical_name: Option<NameId>,
}

/// A row of the table of tasks' events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEvent {
    /// When, on the trace's clock.
    pub at_ns: u64,
    /// The job.
    pub job: u64,
    /// The task of the job.
    pub task: u32,
    /// Where it runs.
    pub machine: Option<u64>,
    /// What happens to it.
    pub event: Event,
    /// Who submitted it.
    pub user: Option<NameId>,
    /// How much it minds waiting, from 0 to 3.
    pub class: u8,
    /// From 0 to 11; 9 and more is production.
    pub priority: u8,
    /// What it asks for; none where the row does not say.
    pub request: Option<Shape>,
    /// Each task of the job needs a machine of its own.
    pub is_spread: bool,
}

const JOB_TIME: Column = Column::at(0, "time (1)");
const JOB_ID: Column = Column::at(2, "job id (3)");
const JOB_EVENT: Column = Column::at(3, "event type (4)");
const JOB_USER: Column = Column::at(4, "user (5)");
const JOB_CLASS: Column = Column::at(5, "scheduling class (6)");
const JOB_LOGICAL: Column = Column::at(7, "logical job name (8)");
const JOB_FIELDS: usize = 8;

const TASK_INDEX: Column = Column::at(3, "task index (4)");
const TASK_MACHINE: Column = Column::at(4, "machine id (5)");
const TASK_EVENT: Column = Column::at(5, "event type (6)");
const TASK_USER: Column = Column::at(6, "user (7)");
const TASK_CLASS: Column = Column::at(7, "scheduling class (8)");
const TASK_PRIORITY: Column = Column::at(8, "priority (9)");
const TASK_CPUS: Column = Column::at(9, "CPU request (10)");
const TASK_MEMORY: Column = Column::at(10, "memory request (11)");
const TASK_DISK: Column = Column::at(11, "disk request (12)");
const TASK_SPREAD: Column = Column::at(12, "different machines (13)");
const TASK_FIELDS: usize = 13;

struct Jobs;

pub(super) struct Tasks;

/// Reads the table of jobs' events.
pub fn job_events(source: Source, names: Names) -> Result<Reader<JobEvent>, ReadError> {
    let rows = Rows::new(source, Fields::Commas);
    Ok(Reader::new(Table { rows, fields: JOB_FIELDS, parse: Jobs }, names))
}

/// Reads the table of tasks' events; [`tasks`](super::tasks) makes arrivals of them.
pub fn task_events(source: Source, names: Names) -> Result<Reader<TaskEvent>, ReadError> {
    Ok(Reader::new(table(source), names))
}

pub(super) fn table(source: Source) -> Table<Tasks> {
    Table { rows: Rows::new(source, Fields::Commas), fields: TASK_FIELDS, parse: Tasks }
}

impl Parse<JobEvent> for Jobs {
    fn parse(&mut self, row: &Row<'_>, aside: &mut Aside) -> Result<Option<JobEvent>, ReadError> {
        let Some(at_ns) = time_ns(row, JOB_TIME)? else {
            aside.notes.skip(AFTER_THE_END);
            return Ok(None);
        };
        Ok(Some(JobEvent {
            at_ns,
            job: row.id(JOB_ID)?,
            event: event(row, JOB_EVENT)?,
            user: row.name(JOB_USER, &mut aside.names)?,
            class: small(row, JOB_CLASS, 3, CLASS)?,
            logical_name: row.name(JOB_LOGICAL, &mut aside.names)?,
        }))
    }
}

impl Parse<TaskEvent> for Tasks {
    fn parse(&mut self, row: &Row<'_>, aside: &mut Aside) -> Result<Option<TaskEvent>, ReadError> {
        let Some(at_ns) = time_ns(row, JOB_TIME)? else {
            aside.notes.skip(AFTER_THE_END);
            return Ok(None);
        };
        Ok(Some(TaskEvent {
            at_ns,
            job: row.id(JOB_ID)?,
            task: row.count(TASK_INDEX, "a task's index from 0 to 4294967295")?,
            machine: row.whole(TASK_MACHINE, "a machine's id")?,
            event: event(row, TASK_EVENT)?,
            user: row.name(TASK_USER, &mut aside.names)?,
            class: small(row, TASK_CLASS, 3, CLASS)?,
            priority: small(row, TASK_PRIORITY, 11, PRIORITY)?,
            request: request(row)?,
            is_spread: match row.text(TASK_SPREAD) {
                b"" | b"0" => false,
                b"1" => true,
                _ => return Err(row.bad(TASK_SPREAD, "0 or 1")),
            },
        }))
    }
}

/// What a row asks for, unless it does not say it all.
fn request(row: &Row<'_>) -> Result<Option<Shape>, ReadError> {
    let cpus = row.amount(TASK_CPUS, Unit::NORMALISED, PART)?;
    let memory = row.amount(TASK_MEMORY, Unit::NORMALISED, PART)?;
    let disk = row.amount(TASK_DISK, Unit::NORMALISED, PART)?;
    Ok(cpus.zip(memory).map(|(cpus, memory)| {
        let mut shape = Shape::ZERO;
        shape[Kind::Cpus] = cpus;
        shape[Kind::Mem] = memory;
        shape[Kind::Disk] = disk.unwrap_or(0);
        shape
    }))
}

fn event(row: &Row<'_>, column: Column) -> Result<Event, ReadError> {
    Ok(match row.text(column) {
        b"0" => Event::Submit,
        b"1" => Event::Schedule,
        b"2" => Event::Evict,
        b"3" => Event::Fail,
        b"4" => Event::Finish,
        b"5" => Event::Kill,
        b"6" => Event::Lost,
        b"7" => Event::UpdatePending,
        b"8" => Event::UpdateRunning,
        _ => return Err(row.bad(column, EVENT)),
    })
}

/// A small number that may be missing, and is then 0.
fn small(row: &Row<'_>, column: Column, max: u8, expected: &'static str) -> Result<u8, ReadError> {
    let value = row.whole(column, expected)?.unwrap_or(0);
    let value = u8::try_from(value).ok().filter(|value| *value <= max);
    value.ok_or_else(|| row.bad(column, expected))
}
