//! Volumes that tasks of a job use: where they are, and whether they are free.
//!
//! A job names a volume; the cluster knows where it is, and says so with each offer of its agent
//! and whenever a volume is made. A task is asked for where all of its volumes are known to be. As
//! long as none such place is known it is asked for one instance at a time on agents that were not
//! looked at: an offer shows what is there, and one without the volumes is not taken. What only one
//! task may use at once is asked for once per place, and again when who uses it has ended.

use crate::job::{JobError, TaskSpec};
use crate::queue::{InstanceId, Queue};
use bourse_sdk::TaskBuilder;
use bourse_sdk::model::{
    AgentId, Constraint, Duration, Instant, Offer, Role, VolumeId, VolumeInfo, VolumeMount,
    VolumeName, VolumeRef,
    demand::{Rule, Subject},
    limits,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How long a task is not asked for whose volumes others use: nothing says when they have ended.
const PAUSE: Duration = Duration::from_seconds(2);

/// How long an agent without a volume is not looked at again. When one is made that is said; but
/// one that others use is not offered, and nobody says when it is free.
const LOOK_AGAIN: Duration = Duration::from_seconds(10);

/// Which volume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum VolumeSelector {
    /// Of this name, of any agent.
    Name(VolumeName),
    /// This one.
    Id(VolumeId),
}

/// A volume that a task uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSpec {
    /// Which.
    pub volume: VolumeSelector,
    /// Where the task sees it, below its sandbox.
    pub path: String,
    /// The task cannot write there.
    pub read_only: bool,
}

/// A volume that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    agent: AgentId,
    name: VolumeName,
    shared: bool,
}

/// What is known of volumes, and what the job's tasks do with them.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    known: BTreeMap<VolumeId, Known>,
    /// Agents that had not what some task needs, and since when that may be otherwise.
    without: BTreeMap<AgentId, Instant>,
    /// What live instances use.
    used: BTreeMap<InstanceId, Vec<VolumeId>>,
    /// Tasks whose volumes others use, by their places in the job, and until when they wait.
    paused: BTreeMap<usize, Instant>,
    /// Why tasks wait, as it was said.
    said: BTreeMap<usize, String>,
}

impl fmt::Display for VolumeSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VolumeSelector::Name(name) => name.fmt(f),
            VolumeSelector::Id(id) => id.fmt(f),
        }
    }
}

impl VolumeSelector {
    fn is(&self, id: VolumeId, name: &VolumeName) -> bool {
        match self {
            VolumeSelector::Name(own) => own == name,
            VolumeSelector::Id(own) => *own == id,
        }
    }
}

impl Volumes {
    /// What is known may be out of date.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
        self.without.clear();
        self.paused.clear();
    }

    /// A volume is another than it was; whether that is of interest.
    pub(crate) fn changed(&mut self, role: &Role, info: &VolumeInfo) -> bool {
        let is_there = info.state.is_usable() && role.is_within(&info.role);
        let before = self.known.remove(&info.id);
        if is_there {
            let (agent, name) = (info.agent.clone(), info.name.clone());
            self.without.remove(&agent);
            self.known.insert(info.id, Known { agent, name, shared: info.shared });
        }
        before != self.known.get(&info.id).cloned()
    }

    /// An offer shows which volumes of its agent are free.
    pub(crate) fn offered(&mut self, offer: &Offer) {
        for volume in &offer.volumes {
            let (agent, name) = (offer.agent.clone(), volume.name.clone());
            self.known.insert(volume.id, Known { agent, name, shared: volume.shared });
        }
    }

    /// The volumes of an instance, of each of its tasks, on an offer; `None` when one is not there
    /// or not free.
    pub(crate) fn mounts(&self, spec: &TaskSpec, offer: &Offer) -> Option<Vec<Vec<VolumeMount>>> {
        let is_taken = |id: VolumeId| self.used.values().flatten().any(|used| *used == id);
        let mount = |wanted: &VolumeSpec| {
            let is_it = |id, name| wanted.volume.is(id, name);
            let mut free = offer.volumes.iter().filter(|it| it.shared || !is_taken(it.id));
            let found = free.find(|it| is_it(it.id, &it.name))?;
            let (volume, path) = (VolumeRef::Known(found.id), wanted.path.clone());
            Some(VolumeMount { volume, path, read_only: wanted.read_only, incarnation: 0 })
        };
        let of = |task: &TaskSpec| task.volumes.iter().map(mount).collect::<Option<Vec<_>>>();
        match &spec.group {
            None => Some(vec![of(spec)?]),
            Some(group) => group.members.iter().map(|member| of(&member.task)).collect(),
        }
    }

    /// An instance is launched with these.
    pub(crate) fn launched(&mut self, id: InstanceId, task: usize, mounts: &[Vec<VolumeMount>]) {
        let ids = mounts.iter().flatten().filter_map(|mount| match mount.volume {
            VolumeRef::Known(id) => Some(id),
            VolumeRef::Made(_) => None,
        });
        let ids: Vec<VolumeId> = ids.collect();
        if !ids.is_empty() {
            self.used.insert(id, ids);
            self.said.remove(&task);
        }
    }

    /// Forgets who has ended; whether there was any.
    pub(crate) fn settle(&mut self, queue: &Queue) -> bool {
        let before = self.used.len();
        self.used.retain(|id, _| queue.is_live(*id));
        self.used.len() < before
    }

    /// An offer for a task has not what it needs; what there is to say of that, once.
    pub(crate) fn missing(
        &mut self,
        now: Instant,
        (task, spec): (usize, &TaskSpec),
        offer: &Offer,
    ) -> Option<String> {
        let homes = self.homes(spec);
        if self.is_full(spec, &offer.agent) {
            // A task of this job uses it, which is heard of when it ends.
            return None;
        }
        let reason = if homes.contains(&offer.agent) {
            let free = |wanted: &VolumeSpec| {
                offer.volumes.iter().any(|it| wanted.volume.is(it.id, &it.name))
            };
            let mut taken = spec.all_volumes().filter(|wanted| !free(wanted));
            let volume = taken.next().map_or_else(String::new, |it| it.volume.to_string());
            self.paused.insert(task, now + PAUSE);
            format!("volume {volume} is in use")
        } else {
            self.without.insert(offer.agent.clone(), now + LOOK_AGAIN);
            let wanted = spec.all_volumes().map(|wanted| wanted.volume.to_string());
            format!(
                "no agent that was looked at has the volume {} free to be used; `bourse volumes` \
                 shows what there is",
                wanted.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" and ")
            )
        };
        let known = self.said.insert(task, reason.clone());
        (known.as_ref() != Some(&reason)).then_some(reason)
    }

    /// A launch was refused because of its volumes.
    pub(crate) fn refused(&mut self, now: Instant, task: usize) {
        self.paused.insert(task, now + PAUSE);
    }

    /// How many instances of a task to ask for, and what more their agent must be like; `None` when
    /// it is not to be asked for now.
    pub(crate) fn wanted(
        &self,
        now: Instant,
        (task, spec): (usize, &TaskSpec),
        count: u32,
    ) -> Option<(u32, Vec<Constraint>)> {
        if !spec.uses_volumes() {
            return Some((count, Vec::new()));
        }
        if self.paused.get(&task).is_some_and(|until| *until > now) {
            return None;
        }
        let homes = self.homes(spec);
        if homes.is_empty() {
            let seen: Vec<&AgentId> =
                self.without.iter().filter(|(_, until)| **until > now).map(|(id, _)| id).collect();
            let most = limits::CONSTRAINTS_MAX.saturating_sub(spec.constraints.len());
            let lists = seen.chunks(limits::CONSTRAINT_VALUES_MAX).take(most);
            let constraint = |ids: &[&AgentId]| on_agents(ids, Rule::NotIn);
            return Some((1, lists.map(constraint).collect()));
        }
        let is_free = |agent: &&AgentId| !self.is_full(spec, agent);
        let free: Vec<&AgentId> =
            homes.iter().filter(is_free).take(limits::CONSTRAINT_VALUES_MAX).collect();
        let (shared, places) = (free.iter().all(|agent| self.is_shared(spec, agent)), free.len());
        let most = if shared { count } else { count.min(u32::try_from(places).unwrap_or(count)) };
        (most > 0 && !free.is_empty()).then(|| (most, vec![on_agents(&free, Rule::In)]))
    }

    /// When something is to be asked for that is not asked for now.
    pub(crate) fn deadline(&self, now: Instant, queue: &Queue) -> Option<Instant> {
        let tasks = queue.job().tasks();
        let waits = |task: usize| tasks[task].uses_volumes();
        if !queue.ready_by_task().any(|(task, _)| waits(task)) {
            return None;
        }
        let all = self.paused.values().chain(self.without.values());
        all.copied().filter(|until| *until > now).min()
    }

    /// Forgets pauses that are over; whether any was.
    pub(crate) fn tick(&mut self, now: Instant) -> bool {
        let before = self.paused.len() + self.without.len();
        self.paused.retain(|_, until| *until > now);
        self.without.retain(|_, until| *until > now);
        self.paused.len() + self.without.len() < before
    }

    /// Agents that have all that a task needs.
    fn homes(&self, spec: &TaskSpec) -> BTreeSet<AgentId> {
        let having = |wanted: &VolumeSpec| -> BTreeSet<AgentId> {
            let known = self.known.iter().filter(|(id, it)| wanted.volume.is(**id, &it.name));
            known.map(|(_, it)| it.agent.clone()).collect()
        };
        let all = spec.all_volumes().map(having);
        all.reduce(|all, these| &all & &these).unwrap_or_default()
    }

    /// What a task would use on an agent.
    fn there<'a>(
        &'a self,
        spec: &'a TaskSpec,
        agent: &'a AgentId,
    ) -> impl Iterator<Item = (&'a VolumeId, &'a Known)> {
        let is_it = |id: VolumeId, known: &Known| {
            known.agent == *agent && spec.all_volumes().any(|it| it.volume.is(id, &known.name))
        };
        self.known.iter().filter(move |(id, known)| is_it(**id, known))
    }

    fn is_shared(&self, spec: &TaskSpec, agent: &AgentId) -> bool {
        self.there(spec, agent).all(|(_, known)| known.shared)
    }

    /// Whether an instance of this job uses what only one may.
    fn is_full(&self, spec: &TaskSpec, agent: &AgentId) -> bool {
        let is_used = |id: &VolumeId| self.used.values().flatten().any(|used| used == id);
        self.there(spec, agent).any(|(id, known)| !known.shared && is_used(id))
    }
}

/// Checks how a task sees its volumes.
pub(crate) fn check_volumes(index: usize, spec: &TaskSpec) -> Result<(), JobError> {
    if spec.volumes.is_empty() {
        return Ok(());
    }
    // Which volumes these will be is not known as yet; different ones, whatever they are.
    let task = TaskBuilder::new("t").cpus_milli(1).command(["true"]);
    let mount = |task: TaskBuilder, (number, volume): (u64, &VolumeSpec)| {
        task.volume(VolumeRef::Known(VolumeId(number)), &volume.path)
    };
    let task = (1..).zip(&spec.volumes).fold(task, mount);
    let agent = AgentId::new("a").expect("a valid id");
    let twice =
        spec.volumes.iter().enumerate().find(|(at, volume)| {
            spec.volumes[..*at].iter().any(|other| other.volume == volume.volume)
        });
    let problem = match (task.build(&agent), twice) {
        (Ok(_), None) => return Ok(()),
        (Ok(_), Some((_, volume))) => format!("name {} twice", volume.volume),
        (Err(bourse_sdk::TaskError::Volumes(refusal)), _) => {
            format!("cannot be: {}: {}", refusal.field, refusal.message)
        }
        (Err(error), _) => error.to_string(),
    };
    Err(JobError::Volumes { task: index, name: spec.name.clone(), problem })
}

fn on_agents(ids: &[&AgentId], rule: fn(Vec<String>) -> Rule) -> Constraint {
    let ids = ids.iter().map(ToString::to_string).collect();
    Constraint { subject: Subject::AgentId, rule: rule(ids) }
}
