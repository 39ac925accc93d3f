//! The job file: TOML in, a [`Job`] or an error with file, line and column out.
//!
//! Amounts are read from the text of the file, never from a floating-point number: `cpus = 0.1` is
//! exactly 100 thousandths, and what has no exact thousandth is refused.

use crate::job::{Job, JobError, TaskSpec};
use bourse_sdk::model::{
    Constraint, ConstraintError, DomainSpread, Duration, IdError, KillPolicy, KillStep, Milli,
    Priority, PriorityError, ResourceName, Resources, Role, SignalError, SpreadError, StopSignal,
    Value,
};
use groups::{GroupTable, group_spec};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{fs, io};
use toml::Spanned;
use volumes::{VolumeTable, volume_spec};

/// Largest job file. A job of a hundred thousand instances fits into a few lines.
const FILE_BYTES_MAX: u64 = 8 * 1_024 * 1_024;

/// How long a gang waits for room when nothing is said.
pub const GANG_TIMEOUT_DEFAULT: Duration = Duration::from_seconds(600);

/// Why a job file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JobFileError {
    /// It cannot be read.
    #[error("cannot read the job file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is larger than a job file may be.
    #[error("{} has {length_bytes} bytes, more than {FILE_BYTES_MAX}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        length_bytes: u64,
    },
    /// Something in it is wrong.
    #[error("{}:{line}:{column}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong there.
        #[source]
        problem: JobFileProblem,
    },
}

/// What is wrong at a place of a job file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobFileProblem {
    /// Not TOML, an unknown key, a missing key, or a value of the wrong kind.
    #[error("{message}")]
    Form {
        /// What the reader says.
        message: String,
    },
    /// Not an exact amount.
    #[error("{field} is {text}: give 0 to 10^12 with at most three decimals, such as 0.25")]
    Amount {
        /// Which field.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// Not a length of time.
    #[error("{field} is {text:?}: give a whole number and a unit, such as 500ms, 30s, 5m or 2h")]
    Time {
        /// Which field.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// Not a signal.
    #[error("{text:?} {source}")]
    Signal {
        /// What stands there.
        text: String,
        /// What could.
        #[source]
        source: SignalError,
    },
    /// Not a count.
    #[error("{field} is {value}: give a whole number from 0 to {}", u32::MAX)]
    Count {
        /// Which field.
        field: &'static str,
        /// What stands there.
        value: i64,
    },
    /// Not a priority.
    #[error("the priority {value} cannot be")]
    Priority {
        /// What stands there.
        value: i64,
        /// What is wrong with it.
        #[source]
        source: PriorityError,
    },
    /// Not a role.
    #[error("{role:?} is not a role")]
    Role {
        /// What stands there.
        role: String,
        /// What is wrong with it.
        #[source]
        source: IdError,
    },
    /// Neither a volume's name nor its id.
    #[error("{volume:?} does not name a volume")]
    Volume {
        /// What stands there.
        volume: String,
        /// What is wrong with it.
        #[source]
        source: IdError,
    },
    /// Nothing of fault domains.
    #[error("the spread is malformed")]
    Spread(#[source] SpreadError),
    /// Not a constraint.
    #[error("the constraint is malformed")]
    Constraint(#[source] ConstraintError),
    /// A gang's timeout without a gang.
    #[error("gang_timeout is of a gang: say `gang = true` too")]
    NoGang,
    /// It is well formed, but no job.
    #[error(transparent)]
    Job(JobError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobFile {
    job: JobTable,
    #[serde(default)]
    task: Vec<Spanned<TaskTable>>,
    #[serde(default)]
    group: Vec<GroupTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobTable {
    name: String,
    role: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskTable {
    name: Spanned<String>,
    /// Not needed where an image says what to run.
    #[serde(default)]
    command: CommandText,
    instances: Option<Spanned<i64>>,
    cpus: Option<Spanned<toml::Value>>,
    mem: Option<Spanned<toml::Value>>,
    disk: Option<Spanned<toml::Value>>,
    gpus: Option<Spanned<toml::Value>>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    retries: Option<Spanned<i64>>,
    timeout: Option<Spanned<String>>,
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(default)]
    user: String,
    grace: Option<Spanned<String>>,
    stop_signal: Option<Spanned<String>>,
    #[serde(default)]
    kill_steps: Vec<KillStepTable>,
    max_completion_time: Option<Spanned<String>>,
    #[serde(default)]
    constraints: Vec<Spanned<String>>,
    per_agent_max: Option<Spanned<i64>>,
    #[serde(default)]
    domain_spread: Vec<Spanned<String>>,
    gang: Option<Spanned<bool>>,
    gang_timeout: Option<Spanned<String>>,
    priority: Option<Spanned<i64>>,
    preemption_notice: Option<Spanned<String>>,
    #[serde(default)]
    revocable: bool,
    image: Option<String>,
    #[serde(default)]
    volumes: Vec<Spanned<VolumeTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KillStepTable {
    after: Spanned<String>,
    signal: Spanned<String>,
}

/// A list is the program and its arguments; a string is a line for `sh -c`.
#[derive(Deserialize)]
#[serde(untagged)]
enum CommandText {
    Line(String),
    Arguments(Vec<String>),
}

impl Default for CommandText {
    fn default() -> Self {
        Self::Arguments(Vec::new())
    }
}

impl TaskTable {
    /// A task of which nothing but its name is said.
    fn named(name: Spanned<String>) -> Self {
        Self {
            name,
            command: CommandText::default(),
            instances: None,
            cpus: None,
            mem: None,
            disk: None,
            gpus: None,
            env: BTreeMap::new(),
            retries: None,
            timeout: None,
            depends_on: Vec::new(),
            user: String::new(),
            grace: None,
            stop_signal: None,
            kill_steps: Vec::new(),
            max_completion_time: None,
            constraints: Vec::new(),
            per_agent_max: None,
            domain_spread: Vec::new(),
            gang: None,
            gang_timeout: None,
            priority: None,
            revocable: Default::default(),
            image: None,
            volumes: Vec::new(),
            preemption_notice: None,
        }
    }

    /// Only a group has no amounts of its own.
    fn check_amounts(&self) -> Result<(), JobFileProblem> {
        let missing = [("cpus", &self.cpus), ("mem", &self.mem)];
        match missing.into_iter().find(|(_, value)| value.is_none()) {
            None => Ok(()),
            Some((field, _)) => {
                let message = format!("missing field `{field}`");
                Err(JobFileProblem::Form { message })
            }
        }
    }
}

type Problem = (Range<usize>, JobFileProblem);

/// Reads a job file.
pub fn read(path: &Path) -> Result<Job, JobFileError> {
    let unreadable = |source| JobFileError::Read { path: path.to_owned(), source };
    let length_bytes = fs::metadata(path).map_err(unreadable)?.len();
    if length_bytes > FILE_BYTES_MAX {
        return Err(JobFileError::TooLarge { path: path.to_owned(), length_bytes });
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    parse(&text, path)
}

/// Reads the text of a job file; `path` is only for errors.
pub fn parse(text: &str, path: &Path) -> Result<Job, JobFileError> {
    parse_text(text).map_err(|(span, problem)| {
        let (line, column) = position(text, span.start);
        JobFileError::Content { path: path.to_owned(), line, column, problem }
    })
}

/// Line and column, both from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

fn parse_text(text: &str) -> Result<Job, Problem> {
    let file: JobFile = toml::from_str(text).map_err(|error| {
        let message = error.message().to_owned();
        (error.span().unwrap_or(0..0), JobFileProblem::Form { message })
    })?;
    let role = match file.job.role {
        None => Role::any(),
        Some(role) => Role::new(role.get_ref()).map_err(|source| {
            (role.span(), JobFileProblem::Role { role: role.get_ref().clone(), source })
        })?,
    };
    let spans: Vec<Range<usize>> =
        file.task.iter().map(|task| task.get_ref().name.span()).collect();
    let spans: Vec<_> =
        spans.into_iter().chain(file.group.iter().map(|group| group.name.span())).collect();
    let tasks = file.task.into_iter().map(|task| {
        task.get_ref().check_amounts().map_err(|problem| (task.span(), problem))?;
        task_spec(text, task.into_inner())
    });
    let groups = file.group.into_iter().map(|group| group_spec(text, group));
    let tasks = tasks.chain(groups).collect::<Result<Vec<TaskSpec>, Problem>>()?;
    Job::new(file.job.name, role, tasks).map_err(|error| {
        let span = error.task().and_then(|task| spans.get(task).cloned());
        (span.unwrap_or(0..0), JobFileProblem::Job(error))
    })
}

fn task_spec(text: &str, table: TaskTable) -> Result<TaskSpec, Problem> {
    let command = match table.command {
        CommandText::Line(line) => vec!["sh".to_owned(), "-c".to_owned(), line],
        CommandText::Arguments(arguments) => arguments,
    };
    let mut amounts = Vec::new();
    for (name, field, value) in [
        (ResourceName::CPUS, "cpus", &table.cpus),
        (ResourceName::MEM, "mem", &table.mem),
        (ResourceName::DISK, "disk", &table.disk),
        (ResourceName::GPUS, "gpus", &table.gpus),
    ] {
        if let Some(value) = value {
            amounts.push((name, amount(text, field, value)?));
        }
    }
    let amounts = amounts.into_iter().map(|(name, milli)| (name, Value::Scalar(milli)));
    let resources = Resources::from_entries(amounts).map_err(|error| {
        (table.name.span(), JobFileProblem::Form { message: error.to_string() })
    })?;
    let constraints = table.constraints.iter().map(|constraint| {
        let problem = |error| (constraint.span(), JobFileProblem::Constraint(error));
        constraint.get_ref().parse::<Constraint>().map_err(problem)
    });
    let domain_spread = table.domain_spread.iter().map(|spread| {
        let problem = |error| (spread.span(), JobFileProblem::Spread(error));
        spread.get_ref().parse::<DomainSpread>().map_err(problem)
    });
    let per_agent_max = table.per_agent_max.map(|most| count("per_agent_max", Some(most), 0));
    Ok(TaskSpec {
        constraints: constraints.collect::<Result<_, _>>()?,
        per_agent_max: per_agent_max.transpose()?,
        domain_spread: domain_spread.collect::<Result<_, _>>()?,
        gang_timeout: gang_timeout(table.gang, table.gang_timeout)?,
        priority: priority(table.priority)?,
        preemption_notice: time("preemption_notice", table.preemption_notice)?,
        revocable: table.revocable,
        image: table.image.filter(|name| !name.is_empty()),
        volumes: table.volumes.into_iter().map(volume_spec).collect::<Result<_, _>>()?,
        command,
        environment: table.env.into_iter().collect(),
        user: table.user,
        resources,
        instances: count("instances", table.instances, 1)?,
        retries: count("retries", table.retries, 0)?,
        timeout: time("timeout", table.timeout)?,
        kill_policy: KillPolicy {
            grace_period: time("grace", table.grace)?,
            signal: table.stop_signal.as_ref().map(signal).transpose()?.unwrap_or_default(),
            steps: table.kill_steps.into_iter().map(kill_step).collect::<Result<_, _>>()?,
        },
        max_completion_time: time("max_completion_time", table.max_completion_time)?,
        depends_on: table.depends_on,
        submit_at: Duration(0),
        group: None,
        name: table.name.into_inner(),
    })
}

/// An amount, from the characters of the file.
fn amount(text: &str, field: &'static str, value: &Spanned<toml::Value>) -> Result<Milli, Problem> {
    let written = match value.get_ref() {
        toml::Value::String(string) => string.clone(),
        // TOML allows `1_000`; so do amounts, here only.
        _ => text.get(value.span()).unwrap_or_default().replace('_', ""),
    };
    written.parse().map_err(|_| {
        let text = written.chars().take(80).collect();
        (value.span(), JobFileProblem::Amount { field, text })
    })
}

fn count(field: &'static str, value: Option<Spanned<i64>>, default: u32) -> Result<u32, Problem> {
    let Some(value) = value else { return Ok(default) };
    let problem = |_| (value.span(), JobFileProblem::Count { field, value: *value.get_ref() });
    u32::try_from(*value.get_ref()).map_err(problem)
}

fn priority(value: Option<Spanned<i64>>) -> Result<Priority, Problem> {
    let Some(value) = value else { return Ok(Priority::DEFAULT) };
    let number = u32::try_from(*value.get_ref()).map_err(|_| PriorityError);
    let problem =
        |source| (value.span(), JobFileProblem::Priority { value: *value.get_ref(), source });
    number.and_then(Priority::new).map_err(problem)
}

fn gang_timeout(
    gang: Option<Spanned<bool>>,
    timeout: Option<Spanned<String>>,
) -> Result<Option<Duration>, Problem> {
    let is_gang = gang.is_some_and(|gang| *gang.get_ref());
    match timeout {
        Some(timeout) if !is_gang => Err((timeout.span(), JobFileProblem::NoGang)),
        timeout if is_gang => {
            Ok(Some(time("gang_timeout", timeout)?.unwrap_or(GANG_TIMEOUT_DEFAULT)))
        }
        _ => Ok(None),
    }
}

fn kill_step(table: KillStepTable) -> Result<KillStep, Problem> {
    let after = time("after", Some(table.after))?.unwrap_or_default();
    Ok(KillStep { after, signal: signal(&table.signal)? })
}

fn signal(text: &Spanned<String>) -> Result<StopSignal, Problem> {
    text.get_ref().parse().map_err(|source| {
        let written = text.get_ref().chars().take(80).collect();
        (text.span(), JobFileProblem::Signal { text: written, source })
    })
}

fn time(field: &'static str, value: Option<Spanned<String>>) -> Result<Option<Duration>, Problem> {
    let Some(value) = value else { return Ok(None) };
    match duration(value.get_ref()) {
        Some(duration) => Ok(Some(duration)),
        None => {
            let text = value.get_ref().chars().take(80).collect();
            Err((value.span(), JobFileProblem::Time { field, text }))
        }
    }
}

/// A whole number and a unit: `500ms`, `30s`, `5m`, `2h`.
pub fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms).map(Duration)
}

mod groups;
#[cfg(test)]
mod tests;
mod volumes;
