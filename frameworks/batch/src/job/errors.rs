//! Why a description is not a job: which task, which field, what is allowed.

use super::NAME_BYTES_MAX;
use bourse_sdk::model::Milli;

/// Why a description is not a job. `task` is an index into the list of tasks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Nothing to run.
    #[error("the job has no tasks")]
    NoTasks,
    /// The job's name is empty or too long.
    #[error("the job's name has {length_bytes} bytes; 1 to {limit_bytes} are allowed")]
    JobName {
        /// Its length.
        length_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// A task's name is not one.
    #[error(
        "{name:?} is not a task's name: 1 to {NAME_BYTES_MAX} letters, digits, `-` and `_`, not \
         starting with a sign"
    )]
    Name {
        /// Which task.
        task: usize,
        /// The text.
        name: String,
    },
    /// Two tasks of one name.
    #[error("two tasks are named {name:?}")]
    Duplicate {
        /// The second one.
        task: usize,
        /// The name.
        name: String,
    },
    /// It waits for a task that is not there.
    #[error("{name:?} depends on {dependency:?}, which is not a task of this job")]
    UnknownDependency {
        /// Which task.
        task: usize,
        /// Its name.
        name: String,
        /// What it waits for.
        dependency: String,
    },
    /// Tasks that wait for each other.
    #[error("tasks wait for each other: {}", cycle.join(" -> "))]
    Cycle {
        /// One of them.
        task: usize,
        /// Names along the cycle; the first is also the last.
        cycle: Vec<String>,
    },
    /// A number is out of range.
    #[error("{field} of {name:?} is {value}; {min} to {max} is allowed")]
    Number {
        /// Which task.
        task: usize,
        /// Its name.
        name: String,
        /// Which field.
        field: &'static str,
        /// What it is.
        value: u64,
        /// From here.
        min: u64,
        /// To here.
        max: u64,
    },
    /// The command cannot be run.
    #[error("the command of {name:?} {problem}")]
    Command {
        /// Which task.
        task: usize,
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A variable's name cannot be one.
    #[error(
        "{variable:?} in env of {name:?} is not a variable's name, or its value has a NUL byte"
    )]
    Environment {
        /// Which task.
        task: usize,
        /// Its name.
        name: String,
        /// The variable.
        variable: String,
    },
    /// Its image's name is none.
    #[error("the image of {name:?} cannot be asked for: {problem}")]
    Image {
        /// Which task.
        task: usize,
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Not a number of GPUs that can be had.
    #[error("{name:?} asks for {gpus} gpus; ask for less than 1, or for whole ones")]
    Gpus {
        /// Which task.
        task: usize,
        /// Its name.
        name: String,
        /// How many.
        gpus: Milli,
    },
    /// Its members are no group.
    #[error("the group {name:?} {problem}")]
    Group {
        /// Which task.
        task: usize,
        /// Its name.
        name: String,
        /// What is wrong with them.
        problem: String,
    },
    /// It cannot use volumes like that.
    #[error("the volumes of {name:?} {problem}")]
    Volumes {
        /// Which task.
        task: usize,
        /// Its name.
        name: String,
        /// What is wrong with them.
        problem: String,
    },
    /// It asks for nothing.
    #[error("{name:?} asks for no resources")]
    NoResources {
        /// Which task.
        task: usize,
        /// Its name.
        name: String,
    },
}

impl JobError {
    /// The task at fault, if one is.
    pub fn task(&self) -> Option<usize> {
        match self {
            JobError::NoTasks | JobError::JobName { .. } => None,
            JobError::Name { task, .. }
            | JobError::Duplicate { task, .. }
            | JobError::UnknownDependency { task, .. }
            | JobError::Cycle { task, .. }
            | JobError::Number { task, .. }
            | JobError::Command { task, .. }
            | JobError::Environment { task, .. }
            | JobError::Image { task, .. }
            | JobError::Gpus { task, .. }
            | JobError::Group { task, .. }
            | JobError::Volumes { task, .. }
            | JobError::NoResources { task, .. } => Some(*task),
        }
    }
}
