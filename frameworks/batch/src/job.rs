//! A job after validation: what its tasks are, what each needs, and what must come first.
//!
//! [`Job::new`] is the one gate: whatever made the description (a file, a command line, a recorded
//! workload), what comes out can be run. Names of unknown tasks, cycles and sizes beyond the limits
//! do not get through.

use crate::group::{GroupSpec, check_group};
use crate::packing::CALL_BYTES;
use crate::volumes::{VolumeSpec, check_volumes};
use bourse_sdk::model::{
    Constraint, DomainSpread, Duration, IdError, KillPolicy, Priority, ResourceName, Resources,
    Role, TaskId, devices::Ask, limits,
};
pub use errors::JobError;
use proto::convert::task::read_image;
use std::collections::BTreeMap;

/// Instances of one job, all tasks together.
pub const INSTANCES_MAX: usize = 200_000;

/// Attempts after the first that one instance may ask for.
pub const RETRIES_MAX: u32 = 100;

/// Bytes of a task's name. Instance and attempt are appended to make the task's id.
pub const NAME_BYTES_MAX: usize = 96;
const _: () = assert!(NAME_BYTES_MAX + "-4294967295.4294967295".len() <= limits::ID_BYTES_MAX);

/// What a task's description takes on the wire beside its texts.
const TASK_BYTES: usize = 512;

/// What a volume takes there beside its path.
const VOLUME_BYTES: usize = 64;

/// Volumes are found one instance after the other.
const NO_GANG: &str = "are not for a gang: leave out `gang`";

/// Tasks that one task may wait for.
pub const DEPENDENCIES_MAX: usize = 1_000;

/// One task of a job as its author describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSpec {
    /// Unique in the job: letters, digits, `-` and `_`.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Names and values.
    pub environment: Vec<(String, String)>,
    /// Account on the agent's host; empty means the agent's default.
    pub user: String,
    /// What one instance needs.
    pub resources: Resources,
    /// How many run.
    pub instances: u32,
    /// Attempts after the first.
    pub retries: u32,
    /// An attempt that runs longer is killed and counts as failed.
    pub timeout: Option<Duration>,
    /// How an attempt is ended: by which signals, and how long it is waited for.
    pub kill_policy: KillPolicy,
    /// An attempt that runs longer is ended by its agent, also while this framework is away, and
    /// counts as failed.
    pub max_completion_time: Option<Duration>,
    /// Names of tasks all of whose instances must have succeeded.
    pub depends_on: Vec<String>,
    /// Not before this long after the job began.
    pub submit_at: Duration,
    /// Only on agents that are like this.
    pub constraints: Vec<Constraint>,
    /// Instances on one agent at most, among those that wait together.
    pub per_agent_max: Option<u32>,
    /// How those that wait together are spread over fault domains.
    pub domain_spread: Vec<DomainSpread>,
    /// All instances at once or none; given up when there is no room for all after this long.
    pub gang_timeout: Option<Duration>,
    /// Who goes first.
    pub priority: Priority,
    /// How long before its end for others an instance is let finish.
    pub preemption_notice: Option<Duration>,
    /// Also on what is lent: an instance ends, and is started again, when that is taken back.
    pub revocable: bool,
    /// The image whose root file system it sees; `None` is the host's.
    pub image: Option<String>,
    /// Which volumes it uses, where they are and free to be used.
    pub volumes: Vec<VolumeSpec>,
    /// It is a group of tasks: these run, and not the command.
    pub group: Option<Box<GroupSpec>>,
}

/// A job that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    name: String,
    role: Role,
    tasks: Vec<TaskSpec>,
    /// For each task the indices of those it waits for.
    dependencies: Vec<Vec<usize>>,
}

impl TaskSpec {
    /// One instance of a command, without retries.
    pub fn new(name: impl Into<String>, command: Vec<String>, resources: Resources) -> Self {
        Self {
            name: name.into(),
            command,
            environment: Vec::new(),
            user: String::new(),
            resources,
            instances: 1,
            retries: 0,
            timeout: None,
            kill_policy: KillPolicy::default(),
            max_completion_time: None,
            depends_on: Vec::new(),
            submit_at: Duration(0),
            constraints: Vec::new(),
            per_agent_max: None,
            domain_spread: Vec::new(),
            gang_timeout: None,
            priority: Priority::DEFAULT,
            preemption_notice: None,
            revocable: false,
            image: None,
            volumes: Vec::new(),
            group: None,
        }
    }

    /// The volumes that an instance uses, those of all members if it is a group.
    pub(crate) fn all_volumes(&self) -> impl Iterator<Item = &VolumeSpec> {
        let members = self.group.iter().flat_map(|group| &group.members);
        self.volumes.iter().chain(members.flat_map(|member| &member.task.volumes))
    }

    /// Whether an instance uses any.
    pub(crate) fn uses_volumes(&self) -> bool {
        self.all_volumes().next().is_some()
    }

    /// About how long an instance's description is.
    pub(crate) fn size_bytes(&self) -> usize {
        if let Some(group) = &self.group {
            return group.size_bytes();
        }
        let texts = self.command.iter().map(String::len).sum::<usize>();
        let variables = self.environment.iter().map(|(name, value)| name.len() + value.len());
        let volumes = self.volumes.iter().map(|volume| volume.path.len() + VOLUME_BYTES);
        TASK_BYTES + texts + variables.sum::<usize>() + volumes.sum::<usize>()
    }
}

impl Job {
    /// Checks a description.
    pub fn new(name: String, role: Role, tasks: Vec<TaskSpec>) -> Result<Self, JobError> {
        let (length_bytes, limit_bytes) = (name.len(), limits::TEXT_BYTES_MAX);
        if !(1..=limit_bytes).contains(&length_bytes) {
            return Err(JobError::JobName { length_bytes, limit_bytes });
        }
        if tasks.is_empty() {
            return Err(JobError::NoTasks);
        }
        let mut by_name = BTreeMap::new();
        let mut instances = 0;
        for (index, task) in tasks.iter().enumerate() {
            match &task.group {
                None => check_single(index, task)?,
                Some(group) => check_group(index, task, group)?,
            }
            check_repeats(index, task)?;
            if by_name.insert(task.name.clone(), index).is_some() {
                return Err(JobError::Duplicate { task: index, name: task.name.clone() });
            }
            instances += task.instances as usize;
            if instances > INSTANCES_MAX {
                return Err(number(index, task, "instances", instances, 1, INSTANCES_MAX));
            }
        }
        let mut dependencies = Vec::with_capacity(tasks.len());
        for (index, task) in tasks.iter().enumerate() {
            let mut of_task = Vec::new();
            for dependency in &task.depends_on {
                let Some(found) = by_name.get(dependency) else {
                    return Err(JobError::UnknownDependency {
                        task: index,
                        name: task.name.clone(),
                        dependency: dependency.clone(),
                    });
                };
                of_task.push(*found);
            }
            of_task.sort_unstable();
            of_task.dedup();
            dependencies.push(of_task);
        }
        let job = Self { name, role, tasks, dependencies };
        job.check_cycles()?;
        Ok(job)
    }

    /// For people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// On whose share it runs.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// The tasks, in the order given.
    pub fn tasks(&self) -> &[TaskSpec] {
        &self.tasks
    }

    /// Indices of the tasks that one waits for.
    pub fn dependencies(&self, task: usize) -> &[usize] {
        &self.dependencies[task]
    }

    /// All instances of all tasks.
    pub fn instance_count(&self) -> usize {
        self.tasks.iter().map(|task| task.instances as usize).sum()
    }

    fn check_cycles(&self) -> Result<(), JobError> {
        // Takes away tasks that wait for nothing until none is left to take.
        let mut waits: Vec<usize> = self.dependencies.iter().map(Vec::len).collect();
        let mut free: Vec<usize> = (0..waits.len()).filter(|task| waits[*task] == 0).collect();
        let mut dependents = vec![Vec::new(); waits.len()];
        for (task, dependencies) in self.dependencies.iter().enumerate() {
            dependencies.iter().for_each(|dependency| dependents[*dependency].push(task));
        }
        while let Some(task) = free.pop() {
            for dependent in &dependents[task] {
                waits[*dependent] -= 1;
                if waits[*dependent] == 0 {
                    free.push(*dependent);
                }
            }
        }
        let Some(stuck) = waits.iter().position(|count| *count > 0) else { return Ok(()) };
        // Every stuck task waits for a stuck one; following them leads into a circle.
        let mut path = vec![stuck];
        loop {
            let last = path[path.len() - 1];
            let next = self.dependencies[last].iter().copied().find(|task| waits[*task] > 0);
            let next = next.expect("a stuck task waits for a stuck one");
            if let Some(start) = path.iter().position(|task| *task == next) {
                let circle = path[start..].iter().chain([&next]);
                let cycle = circle.map(|task| self.tasks[*task].name.clone()).collect();
                return Err(JobError::Cycle { task: next, cycle });
            }
            path.push(next);
        }
    }
}

fn number(
    task: usize,
    spec: &TaskSpec,
    field: &'static str,
    value: usize,
    min: u64,
    max: usize,
) -> JobError {
    let name = spec.name.clone();
    JobError::Number { task, name, field, value: value as u64, min, max: max as u64 }
}

/// What one run of a task needs.
pub(crate) fn check_single(index: usize, task: &TaskSpec) -> Result<(), JobError> {
    check_name(index, &task.name)?;
    check_command(index, task)?;
    check_end(index, task)?;
    check_volumes(index, task)?;
    let name = || task.name.clone();
    let gpus = task.resources.scalar(&ResourceName::GPUS);
    if Ask::of(gpus).is_none() {
        return Err(JobError::Gpus { task: index, name: name(), gpus });
    }
    match task.resources.is_empty() {
        true => Err(JobError::NoResources { task: index, name: name() }),
        false => Ok(()),
    }
}

/// How often it runs, and where.
fn check_repeats(index: usize, task: &TaskSpec) -> Result<(), JobError> {
    check_name(index, &task.name)?;
    let name = || task.name.clone();
    let range = |field, value: u64, min: u64, max: u64| match (min..=max).contains(&value) {
        true => Ok(()),
        false => Err(JobError::Number { task: index, name: name(), field, value, min, max }),
    };
    range("instances", u64::from(task.instances), 1, INSTANCES_MAX as u64)?;
    range("retries", u64::from(task.retries), 0, u64::from(RETRIES_MAX))?;
    range("depends_on", task.depends_on.len() as u64, 0, DEPENDENCIES_MAX as u64)?;
    if let Some(timeout) = task.timeout {
        range("timeout", timeout.0, 1, limits::REFUSE_MAX.0)?;
    }
    range("constraints", task.constraints.len() as u64, 0, limits::CONSTRAINTS_MAX as u64)?;
    if let Some(most) = task.per_agent_max {
        range("per_agent_max", u64::from(most), 1, u64::from(u32::MAX))?;
    }
    if let Some(timeout) = task.gang_timeout {
        if task.uses_volumes() {
            return Err(JobError::Volumes {
                task: index,
                name: name(),
                problem: NO_GANG.to_owned(),
            });
        }
        range("gang_timeout", timeout.0, 1, limits::GANG_TIMEOUT_MAX.0)?;
        // They are launched by one call.
        let most = limits::TASKS_PER_ACCEPT_MAX.min(CALL_BYTES / task.size_bytes()).max(1);
        range("instances", u64::from(task.instances), 1, most as u64)?;
    }
    Ok(())
}

/// How an attempt is ended, and when.
fn check_end(index: usize, task: &TaskSpec) -> Result<(), JobError> {
    let range = |field, value: u64, min: u64, max: u64| match (min..=max).contains(&value) {
        true => Ok(()),
        false => {
            let name = task.name.clone();
            Err(JobError::Number { task: index, name, field, value, min, max })
        }
    };
    let policy = &task.kill_policy;
    range("grace", policy.grace_period().0, 0, limits::GRACE_PERIOD_MAX.0)?;
    range("kill_steps", policy.steps.len() as u64, 0, limits::KILL_STEPS_MAX as u64)?;
    if let Some(step) = policy.misplaced_step() {
        let earlier = step.checked_sub(1).map_or(0, |before| policy.steps[before].after.0);
        let last = policy.grace_period().0.saturating_sub(1);
        range("kill_steps", policy.steps[step].after.0, earlier + 1, last)?;
    }
    if let Some(limit) = task.max_completion_time {
        range("max_completion_time", limit.0, 1, limits::COMPLETION_TIME_MAX.0)?;
    }
    Ok(())
}

fn check_name(task: usize, name: &str) -> Result<(), JobError> {
    // No dot: what stands behind one in a task's id is the attempt.
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let is_good = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(is_letter);
    match is_good {
        true => Ok(()),
        false => Err(JobError::Name { task, name: name.chars().take(200).collect() }),
    }
}

fn check_command(index: usize, task: &TaskSpec) -> Result<(), JobError> {
    let bad = |problem| Err(JobError::Command { task: index, name: task.name.clone(), problem });
    let arguments = task.command.iter().map(String::len).sum::<usize>();
    let variables = task.environment.iter().map(|(name, value)| name.len() + value.len());
    if let Err(refusal) = read_image(task.image.clone().unwrap_or_default()) {
        let (name, problem) = (task.name.clone(), refusal.to_string());
        return Err(JobError::Image { task: index, name, problem });
    }
    match task.command.first() {
        // What the image says is run.
        None if task.image.is_some() => {}
        program if program.is_none_or(String::is_empty) => return bad("is empty"),
        _ => {}
    }
    if task.command.len() > limits::ARGUMENTS_MAX {
        return bad("has more than 1,024 arguments");
    }
    if arguments + variables.sum::<usize>() > limits::COMMAND_BYTES_MAX {
        return bad("and env have more than 64 KiB together");
    }
    if task.command.iter().any(|argument| argument.contains('\0')) {
        return bad("has a NUL byte");
    }
    if task.environment.len() > limits::ENVIRONMENT_MAX {
        return bad("has more than 1,024 variables");
    }
    for (variable, value) in &task.environment {
        if variable.is_empty() || variable.contains(['=', '\0']) || value.contains('\0') {
            let (name, variable) = (task.name.clone(), variable.clone());
            return Err(JobError::Environment { task: index, name, variable });
        }
    }
    Ok(())
}

/// The id of one attempt of one instance: `name-3`, and `name-3.1` when it is tried again.
pub fn task_id(name: &str, instance: u32, attempt: u32) -> Result<TaskId, IdError> {
    match attempt {
        0 => TaskId::new(&format!("{name}-{instance}")),
        _ => TaskId::new(&format!("{name}-{instance}.{attempt}")),
    }
}

mod errors;
#[cfg(test)]
mod tests;
