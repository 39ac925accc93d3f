//! Building tasks and taking resources from offers, exactly.
//!
//! Amounts are thousandths: there is no rounding to reason about. What a builder accepts, the
//! master accepts too, as far as form goes.

use crate::model::resources::ResourceError;
use crate::model::{
    AgentId, Command, Duration, IdError, KillPolicy, KillStep, Milli, Offer, Priority, Refusal,
    ResourceName, Resources, StopSignal, TaskId, TaskInfo, Value, VolumeMount, VolumeRef, limits,
};
use proto::convert::{
    task::read_image,
    volume_orders::{read_mounts, write_mounts},
};

/// Why a task cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The id breaks the rule for ids.
    #[error("the task's id {id:?} is malformed")]
    Id {
        /// The text.
        id: String,
        /// What is wrong with it.
        #[source]
        source: IdError,
    },
    /// The resources cannot be.
    #[error("the task's resources are malformed")]
    Resources(#[source] ResourceError),
    /// It asks for nothing at all.
    #[error("the task asks for no resources")]
    NoResources,
    /// It runs nothing.
    #[error("the task has no command")]
    NoCommand,
    /// A character that no image's name has, or too many of them.
    #[error("the image cannot be asked for")]
    Image(#[source] Refusal),
    /// A further signal is not after the one before it, or not before the grace period ends.
    #[error("step {step} of the task's kill policy is not between the one before it and KILL")]
    KillStep {
        /// Which, from 0.
        step: usize,
    },
    /// No time at all, or more than there is to give.
    #[error("the task may run for {limit}; 1 ms to {} is allowed", limits::COMPLETION_TIME_MAX)]
    CompletionTime {
        /// What was asked for.
        limit: Duration,
    },
    /// It cannot see volumes like that.
    #[error("the task's volumes are malformed")]
    Volumes(#[source] Refusal),
}

/// Describes a task step by step.
///
/// ```
/// use bourse_sdk::{TaskBuilder, model::AgentId};
/// let agent = AgentId::new("a1")?;
/// let task = TaskBuilder::new("hello-1")
///     .cpus_milli(100)
///     .mem_mib(32)
///     .shell("echo hello")
///     .environment("GREETING", "hello")
///     .build(&agent)?;
/// assert_eq!(task.resources.to_string(), "cpus:0.1;mem:32");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct TaskBuilder {
    id: String,
    name: Option<String>,
    resources: Vec<(ResourceName, Value)>,
    command: Command,
    kill_policy: KillPolicy,
    labels: Vec<(String, String)>,
    priority: Priority,
    preemption_notice: Option<Duration>,
    max_completion_time: Option<Duration>,
    revocable: bool,
    volumes: Vec<VolumeMount>,
    image: String,
}

/// What is left of an offer while tasks are fitted into it.
#[derive(Debug, Clone)]
pub struct Remaining {
    /// The offer.
    pub offer: Offer,
    /// What no task has taken yet.
    pub left: Resources,
}

// === impl TaskBuilder ===

impl TaskBuilder {
    /// A task of this id, unique within the framework.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: None,
            resources: Vec::new(),
            command: Command::default(),
            kill_policy: KillPolicy::default(),
            labels: Vec::new(),
            priority: Priority::DEFAULT,
            preemption_notice: None,
            revocable: false,
            max_completion_time: None,
            volumes: Vec::new(),
            image: String::new(),
        }
    }

    /// For people; the id when it is not given.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Thousandths of a CPU.
    pub fn cpus_milli(self, milli: i64) -> Self {
        self.resource(ResourceName::CPUS, Value::Scalar(Milli(milli)))
    }

    /// Memory, MiB.
    pub fn mem_mib(self, mib: u32) -> Self {
        self.resource(ResourceName::MEM, Value::Scalar(Milli(i64::from(mib) * 1_000)))
    }

    /// Disk space, MiB.
    pub fn disk_mib(self, mib: u32) -> Self {
        self.resource(ResourceName::DISK, Value::Scalar(Milli(i64::from(mib) * 1_000)))
    }

    /// Any resource.
    pub fn resource(mut self, name: ResourceName, value: Value) -> Self {
        self.resources.push((name, value));
        self
    }

    /// Every resource of a list.
    pub fn resources(mut self, resources: &Resources) -> Self {
        self.resources.extend(resources.iter().map(|(name, value)| (name.clone(), value.clone())));
        self
    }

    /// The program and its arguments; no shell is involved.
    pub fn command(mut self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.command.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// A line for `sh -c`.
    pub fn shell(self, line: impl Into<String>) -> Self {
        self.command(["sh".to_owned(), "-c".to_owned(), line.into()])
    }

    /// One environment variable.
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.command.environment.push((name.into(), value.into()));
        self
    }

    /// The account on the agent's host.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.command.user = user.into();
        self
    }

    /// Between the first signal and KILL.
    pub fn grace_period(mut self, grace_period: Duration) -> Self {
        self.kill_policy.grace_period = Some(grace_period);
        self
    }

    /// How it is ended, in one piece.
    pub fn kill_policy(mut self, policy: KillPolicy) -> Self {
        self.kill_policy = policy;
        self
    }

    /// The signal by which it is asked to end; TERM when nothing is said.
    pub fn stop_signal(mut self, signal: StopSignal) -> Self {
        self.kill_policy.signal = signal;
        self
    }

    /// A further signal, this long after the first; before the grace period is over, and after the
    /// step that was given before.
    pub fn kill_step(mut self, after: Duration, signal: StopSignal) -> Self {
        self.kill_policy.steps.push(KillStep { after, signal });
        self
    }

    /// Ends it, as failed, when it has run for so long.
    pub fn max_completion_time(mut self, limit: Duration) -> Self {
        self.max_completion_time = Some(limit);
        self
    }

    /// A label: shown and not interpreted.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// Who goes first; work of a higher priority may take the task's place.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// How long before its end for others the task is told of it.
    pub fn preemption_notice(mut self, notice: Duration) -> Self {
        self.preemption_notice = Some(notice);
        self
    }

    /// Others who have a claim on its place may have it back, whatever the task's priority.
    /// Needless where the offer is revocable: then the task is.
    pub fn revocable(mut self) -> Self {
        self.revocable = true;
        self
    }

    /// It sees a volume at this path of its sandbox. An offer names those that it may use; one that
    /// the same accept makes is named by its operation.
    pub fn volume(self, volume: VolumeRef, path: impl Into<String>) -> Self {
        self.mount(VolumeMount { volume, path: path.into(), read_only: false, incarnation: 0 })
    }

    /// The same, and it cannot write there.
    pub fn read_only_volume(self, volume: VolumeRef, path: impl Into<String>) -> Self {
        self.mount(VolumeMount { volume, path: path.into(), read_only: true, incarnation: 0 })
    }

    /// It sees this image as its root file system, `registry/repository:tag`, and runs what that
    /// says unless it has a command of its own.
    pub fn image(mut self, name: impl Into<String>) -> Self {
        self.image = name.into();
        self
    }

    /// A volume, as the cluster describes its use.
    pub fn mount(mut self, mount: VolumeMount) -> Self {
        self.volumes.push(mount);
        self
    }

    /// The task, to run on this agent.
    pub fn build(self, agent: &AgentId) -> Result<TaskInfo, TaskError> {
        let id = TaskId::new(&self.id)
            .map_err(|source| TaskError::Id { id: self.id.clone(), source })?;
        let resources = Resources::from_entries(self.resources).map_err(TaskError::Resources)?;
        if resources.is_empty() {
            return Err(TaskError::NoResources);
        }
        let image = read_image(self.image).map_err(TaskError::Image)?;
        match self.command.arguments.first() {
            None if image.is_some() => {}
            program if program.is_none_or(String::is_empty) => return Err(TaskError::NoCommand),
            _ => {}
        }
        let kill_policy = self.kill_policy;
        if let Some(step) = kill_policy.misplaced_step() {
            return Err(TaskError::KillStep { step });
        }
        let is_no_time = |limit: &Duration| limit.0 == 0 || *limit > limits::COMPLETION_TIME_MAX;
        if let Some(limit) = self.max_completion_time.filter(is_no_time) {
            return Err(TaskError::CompletionTime { limit });
        }
        let volumes = read_mounts("volumes", write_mounts(&self.volumes));
        Ok(TaskInfo {
            volumes: volumes.map_err(TaskError::Volumes)?,
            name: self.name.unwrap_or(self.id),
            kill_policy,
            labels: self.labels,
            priority: self.priority,
            preemption_notice: self.preemption_notice,
            max_completion_time: self.max_completion_time,
            revocable: self.revocable,
            image,
            ..TaskInfo::new(id, agent.clone(), resources, self.command)
        })
    }
}

// === impl Remaining ===

impl Remaining {
    /// The whole offer.
    pub fn new(offer: Offer) -> Self {
        let left = offer.resources.clone();
        Self { offer, left }
    }

    /// Takes what a task that asks for these amounts gets, if it is there: of devices, such as GPUs
    /// of which the offer names each, the ones that the task is to have. A part of one is of the
    /// fullest that has so much left; whole ones are wholly free.
    pub fn pick(&mut self, wanted: &Resources) -> Option<Resources> {
        let picked = self.left.pick(wanted)?;
        self.take(&picked).then_some(picked)
    }

    /// Takes resources if they are there.
    pub fn take(&mut self, wanted: &Resources) -> bool {
        match self.left.checked_sub(wanted) {
            Ok(left) => {
                self.left = left;
                true
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FrameworkId, OfferId, Role, VolumeId};

    fn agent() -> AgentId {
        AgentId::new("a1").unwrap()
    }

    #[test]
    fn a_task_without_what_it_needs_is_not_built() {
        let whole = || TaskBuilder::new("t").cpus_milli(1).shell("true");
        assert!(whole().build(&agent()).is_ok());
        let bad = TaskBuilder::new("a/b").cpus_milli(1).shell("true").build(&agent());
        assert!(matches!(bad, Err(TaskError::Id { .. })));
        let bad = TaskBuilder::new("t").shell("true").build(&agent());
        assert_eq!(bad, Err(TaskError::NoResources));
        let bad = TaskBuilder::new("t").cpus_milli(0).shell("true").build(&agent());
        assert_eq!(bad, Err(TaskError::NoResources));
        let bad = TaskBuilder::new("t").cpus_milli(1).build(&agent());
        assert_eq!(bad, Err(TaskError::NoCommand));
        let bad = whole().max_completion_time(Duration(0)).build(&agent());
        assert!(matches!(bad, Err(TaskError::CompletionTime { .. })));
        let first = VolumeRef::Known(VolumeId(1));
        let task = whole().volume(VolumeRef::Made(0), "a/b").read_only_volume(first, "c");
        let mounts = task.build(&agent()).unwrap().volumes;
        let seen = mounts.iter().map(|mount| (mount.path.as_str(), mount.read_only));
        assert_eq!(seen.collect::<Vec<_>>(), [("a/b", false), ("c", true)]);
        for path in ["", "/a", "a/../b", "stdout"] {
            let bad = whole().volume(first, path).build(&agent());
            assert!(matches!(bad, Err(TaskError::Volumes(_))), "{path}");
        }
        let bad = whole().volume(first, "a").volume(VolumeRef::Made(0), "a/b").build(&agent());
        assert!(matches!(bad, Err(TaskError::Volumes(_))));
        let stop =
            |ms| whole().stop_signal(StopSignal::Int).kill_step(Duration(ms), StopSignal::Term);
        assert_eq!(stop(3_000).build(&agent()), Err(TaskError::KillStep { step: 0 }));
        assert!(stop(2_999).build(&agent()).is_ok());
        let bad = whole().cpus_milli(2).build(&agent());
        assert!(matches!(bad, Err(TaskError::Resources(ResourceError::Duplicate { .. }))));
        let bad = whole().resource(ResourceName::MEM, Value::Scalar(Milli(-1))).build(&agent());
        assert!(matches!(bad, Err(TaskError::Resources(ResourceError::Amount { .. }))));
    }

    fn offer(resources: Resources) -> Offer {
        Offer {
            id: OfferId { term: 1, number: 1 },
            framework: FrameworkId(1),
            role: Role::any(),
            agent: agent(),
            hostname: String::new(),
            resources,
            reserved: Vec::new(),
            attributes: Vec::new(),
            domain: None,
            expires_in: None,
            unavailability: None,
            pieces: Vec::new(),
            revocable: false,
            volumes: Vec::new(),
        }
    }

    #[test]
    fn parts_of_devices_are_picked_and_never_split() {
        use crate::model::Devices;
        let gpus = Devices::new([("gpu0", Milli(1_000)), ("gpu1", Milli(500))]).unwrap();
        let basic = Resources::cpus_mem(8_000, 64);
        let entries = basic.iter().map(|(name, value)| (name.clone(), value.clone()));
        let gpus = (ResourceName::GPUS, Value::Devices(gpus));
        let all = Resources::from_entries(entries.chain([gpus])).unwrap();
        let mut remaining = Remaining::new(offer(all));
        let ask = |milli| {
            let gpus = (ResourceName::GPUS, Value::Scalar(Milli(milli)));
            let cpus = (ResourceName::CPUS, Value::Scalar(Milli(100)));
            Resources::from_entries([gpus, cpus]).unwrap()
        };
        let mut pick = |milli| remaining.pick(&ask(milli)).map(|it| it.to_string());
        assert_eq!(pick(300).as_deref(), Some("cpus:0.1;gpus:{gpu1:300}"));
        assert_eq!(pick(800).as_deref(), Some("cpus:0.1;gpus:{gpu0:800}"));
        assert_eq!(pick(300), None, "200 of each are left");
        assert_eq!(pick(1_000), None);
        assert_eq!(pick(200).as_deref(), Some("cpus:0.1;gpus:{gpu0:200}"));
    }

    #[test]
    fn an_offer_gives_what_it_has_and_no_more() {
        let mut remaining = Remaining::new(offer(Resources::cpus_mem(300, 64)));
        let task = Resources::cpus_mem(100, 32);
        assert!(remaining.take(&task));
        assert!(remaining.take(&task));
        assert!(!remaining.take(&task), "no memory is left");
        assert_eq!(remaining.left, Resources::cpus_mem(100, 0));
    }
}
