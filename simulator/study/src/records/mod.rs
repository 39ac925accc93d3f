//! Records of single runs, on request: every task, every decision, and how things stood from time
//! to time. They go to their files as they come; nothing is gathered.
//!
//! | file | a line for |
//! |---|---|
//! | `tasks.csv`, `tasks.parquet` | each task, when all is known about it |
//! | `timeline.csv` | every so many seconds: resources, queues, shares |
//! | `decisions.jsonl` | each time that a place was sought for a task |

mod decision;
mod explanation;
mod plan;
mod task;
mod timeline;

pub use decision::{Decided, PlaceInLine, Sought};
pub use explanation::{Answer, Explanation, Fitting, Lack, Lacking};
pub use plan::{Outputs, TaskForm};
pub use task::{Outcome, TASK_COLUMNS, TaskRecord};
pub use timeline::Timeline;

use crate::{
    cell::{Cell, Choice, Finder, RequestId, Requests},
    error::RunError,
};
use decision::Decision;
use serde::Serialize;
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};
use task::TaskFile;

/// What a run tells about single tasks and decisions, and where it goes. What cannot be written is
/// said in the end: a run does not stop for it.
#[derive(Debug, Default)]
pub struct Recorder {
    tasks: Vec<TaskFile>,
    decisions: Option<BufWriter<File>>,
    question: Option<Question>,
    directory: PathBuf,
    problem: Option<io::Error>,
}

/// Why did a task go where it did?
#[derive(Debug)]
struct Question {
    job: u64,
    task: u64,
    /// Of the last time that a place was sought for it.
    answer: Option<Answer>,
}

impl Recorder {
    /// Nobody wants to know.
    pub fn none() -> Self {
        Self::default()
    }

    /// Somebody asks about a task.
    pub(crate) fn asking(job: u64, task: u64) -> Self {
        Self { question: Some(Question { job, task, answer: None }), ..Self::default() }
    }

    /// What could be said of it.
    pub(crate) fn answer(self) -> Option<Answer> {
        self.question?.answer
    }

    /// Files for what is asked, in a directory, which is made; and a timeline, if that is.
    ///
    /// # Errors
    /// When a file cannot be made.
    pub fn open(outputs: &Outputs, directory: &Path) -> Result<(Self, Option<Timeline>), RunError> {
        let failed = |source| RunError::Record { directory: directory.to_owned(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        let tasks = outputs.tasks.iter().map(|form| TaskFile::create(*form, directory));
        let tasks = tasks.collect::<io::Result<_>>().map_err(failed)?;
        let decisions = match outputs.decisions {
            true => Some(create(directory, "decisions.jsonl").map_err(failed)?),
            false => None,
        };
        let timeline = match outputs.timeline_s {
            Some(seconds) => Some(Timeline::create(seconds, directory).map_err(failed)?),
            None => None,
        };
        let recorder =
            Self { tasks, decisions, directory: directory.to_owned(), ..Self::default() };
        Ok((recorder, timeline))
    }

    /// Whether tasks are asked for.
    pub(crate) fn wants_tasks(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// All is known about a task.
    pub(crate) fn task(&mut self, record: &TaskRecord<'_>) {
        for file in &mut self.tasks {
            if let Err(problem) = file.write(record) {
                self.problem.get_or_insert(problem);
            }
        }
    }

    /// Whether a decision about a task is asked for.
    pub(crate) fn wants_decision(&self, job: u64, task: u64) -> bool {
        let is_asked = |it: &Question| it.job == job && it.task == task;
        self.decisions.is_some() || self.question.as_ref().is_some_and(is_asked)
    }

    /// The best machine for a task, told to whoever asks for it: looking at all of them costs more
    /// than finding the best.
    pub(crate) fn decide(
        &mut self,
        sought: Sought,
        finder: &mut Finder,
        cell: &Cell,
        requests: &Requests,
        number: RequestId,
    ) -> Option<Choice> {
        if !self.wants_decision(sought.job, sought.task) {
            return finder.best(cell, requests, number);
        }
        let request = requests.get(number);
        let survey = finder.survey(cell, request);
        let choice = finder.best(cell, requests, number);
        let (tie, by_lot) = (finder.tie().rule(), finder.went_by_lot());
        let survey = &survey;
        self.decided(&Decided { sought, request, cell, survey, choice, tie, by_lot });
        choice
    }

    fn decided(&mut self, decided: &Decided<'_>) {
        if let Some(question) = &mut self.question {
            question.answer = Some(Answer::Machines(Explanation::of(decided)));
        }
        self.line(&Decision::of(decided));
    }

    /// A job started before or behind others: one that was asked for.
    pub(crate) fn started(&mut self, place: &PlaceInLine) {
        if let Some(question) = &mut self.question {
            question.answer = Some(Answer::Line(place.clone()));
        }
        self.line(place);
    }

    fn line(&mut self, line: &impl Serialize) {
        let Some(out) = &mut self.decisions else { return };
        let written = serde_json::to_writer(&mut *out, line).map_err(io::Error::from);
        if let Err(problem) = written.and_then(|()| out.write_all(b"\n")) {
            self.problem.get_or_insert(problem);
        }
    }

    /// Everything is told.
    ///
    /// # Errors
    /// When something could not be written.
    pub fn close(mut self) -> Result<(), RunError> {
        let mut close = || {
            for file in self.tasks.drain(..) {
                file.close()?;
            }
            if let Some(mut out) = self.decisions.take() {
                out.flush()?;
            }
            self.problem.take().map_or(Ok(()), Err)
        };
        close().map_err(|source| RunError::Record { directory: self.directory.clone(), source })
    }
}

fn create(directory: &Path, name: &str) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create(directory.join(name))?))
}
