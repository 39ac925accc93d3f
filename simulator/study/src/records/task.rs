//! Tasks, a row for each, as CSV or Parquet.

use super::{TaskForm, create};
use crate::report::quoted;
use master_core::allocator::Amounts;
use proto::model::ResourceName;
use simulator::engine::Time;
use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufWriter, Write as _},
    path::Path,
};
use traces::{Cell, ColumnKind, ParquetWriter};

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It ran to its end.
    Finished,
    /// It still runs.
    Running,
    /// It has a place, but does not run yet.
    Placed,
    /// It still waits for a place.
    Waiting,
    /// Its job was given up.
    Abandoned,
    /// No machine had room when it came, and it does not wait.
    Dropped,
    /// It was ended.
    Killed,
}

/// All that is known about a task. What a kind of study does not know is missing, or 0 where it is
/// counted.
#[derive(Debug, Clone)]
pub struct TaskRecord<'a> {
    /// Its job: the place in the list, from 0.
    pub job: u64,
    /// Which of the job's tasks, from 0.
    pub task: u64,
    /// The job's class, or the group of its framework.
    pub kind: &'a str,
    /// Thousandths of a core.
    pub cpus_milli: u64,
    /// MiB, rounded up.
    pub mem_mib: u64,
    /// Thousandths of a card.
    pub gpus_milli: u64,
    /// When its job came.
    pub submit: Time,
    /// When somebody first began to decide about its job; in clusters when its framework first had
    /// an offer.
    pub first_attempt: Option<Time>,
    /// When it was given a place.
    pub placed: Option<Time>,
    /// When it began to run.
    pub start: Option<Time>,
    /// When it ended.
    pub end: Option<Time>,
    /// Where: the machine's place in the list, from 0.
    pub machine: Option<u32>,
    /// Decisions about its job until it had a place.
    pub attempts: u64,
    /// Those of them that met a conflict.
    pub conflicts: u64,
    /// How often it was taken off a machine.
    pub evictions: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// The columns, in their order.
pub const TASK_COLUMNS: [(&str, ColumnKind); 16] = [
    ("job", ColumnKind::Number),
    ("task", ColumnKind::Number),
    ("kind", ColumnKind::Text),
    ("cpus_milli", ColumnKind::Number),
    ("mem_mib", ColumnKind::Number),
    ("gpus_milli", ColumnKind::Number),
    ("submit_ns", ColumnKind::Number),
    ("first_attempt_ns", ColumnKind::MaybeNumber),
    ("placed_ns", ColumnKind::MaybeNumber),
    ("start_ns", ColumnKind::MaybeNumber),
    ("end_ns", ColumnKind::MaybeNumber),
    ("machine", ColumnKind::MaybeNumber),
    ("attempts", ColumnKind::Number),
    ("conflicts", ColumnKind::Number),
    ("evictions", ColumnKind::Number),
    ("outcome", ColumnKind::Text),
];

impl Outcome {
    /// As files have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Running => "running",
            Self::Placed => "placed",
            Self::Waiting => "waiting",
            Self::Abandoned => "abandoned",
            Self::Dropped => "dropped",
            Self::Killed => "killed",
        }
    }
}

impl<'a> TaskRecord<'a> {
    /// A task of which nothing is known but when its job came.
    pub(crate) fn new(job: u64, kind: &'a str, submit: Time) -> Self {
        Self {
            job,
            task: 0,
            kind,
            cpus_milli: 0,
            mem_mib: 0,
            gpus_milli: 0,
            submit,
            first_attempt: None,
            placed: None,
            start: None,
            end: None,
            machine: None,
            attempts: 0,
            conflicts: 0,
            evictions: 0,
            outcome: Outcome::Waiting,
        }
    }

    /// It asks for so much.
    pub(crate) fn asking(self, shape: &Amounts) -> Self {
        let amount = |name| u64::try_from(shape.get(name)).unwrap_or(u64::MAX);
        Self {
            cpus_milli: amount(&ResourceName::CPUS),
            mem_mib: amount(&ResourceName::MEM).div_ceil(1_000),
            gpus_milli: amount(&ResourceName::GPUS),
            ..self
        }
    }

    fn cells(&self) -> [Cell<'_>; TASK_COLUMNS.len()] {
        let time = |time: Option<Time>| time.map_or(Cell::Missing, |time| Cell::Number(time.0));
        [
            Cell::Number(self.job),
            Cell::Number(self.task),
            Cell::Text(self.kind),
            Cell::Number(self.cpus_milli),
            Cell::Number(self.mem_mib),
            Cell::Number(self.gpus_milli),
            Cell::Number(self.submit.0),
            time(self.first_attempt),
            time(self.placed),
            time(self.start),
            time(self.end),
            self.machine.map_or(Cell::Missing, |machine| Cell::Number(machine.into())),
            Cell::Number(self.attempts),
            Cell::Number(self.conflicts),
            Cell::Number(self.evictions),
            Cell::Text(self.outcome.as_str()),
        ]
    }
}

/// A file of tasks.
#[derive(Debug)]
pub(super) enum TaskFile {
    Csv { out: BufWriter<File>, line: String },
    Parquet(ParquetWriter<BufWriter<File>>),
}

impl TaskFile {
    pub(super) fn create(form: TaskForm, directory: &Path) -> io::Result<Self> {
        match form {
            TaskForm::Csv => {
                let mut out = create(directory, "tasks.csv")?;
                writeln!(out, "{}", TASK_COLUMNS.map(|(name, _)| name).join(","))?;
                Ok(Self::Csv { out, line: String::new() })
            }
            TaskForm::Parquet => {
                let out = create(directory, "tasks.parquet")?;
                Ok(Self::Parquet(ParquetWriter::new(out, &TASK_COLUMNS)?))
            }
        }
    }

    pub(super) fn write(&mut self, record: &TaskRecord<'_>) -> io::Result<()> {
        let cells = record.cells();
        match self {
            Self::Parquet(writer) => writer.row(&cells),
            Self::Csv { out, line } => {
                line.clear();
                for (index, cell) in cells.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    let _ = match cell {
                        Cell::Number(number) => write!(line, "{comma}{number}"),
                        Cell::Text(text) => write!(line, "{comma}{}", quoted(text)),
                        Cell::Missing => write!(line, "{comma}"),
                    };
                }
                line.push('\n');
                out.write_all(line.as_bytes())
            }
        }
    }

    pub(super) fn close(self) -> io::Result<()> {
        match self {
            Self::Csv { mut out, .. } => out.flush(),
            Self::Parquet(writer) => writer.finish().map(|_| ()),
        }
    }
}
