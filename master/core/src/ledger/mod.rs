//! The replicated truth: agents, frameworks, tasks. [`Ledger::apply`] is the only way to change it.
//!
//! Every replica applies the same commands in the same order and holds the same state; a snapshot
//! is the dump of it, a [`digest`] its fingerprint. The ledger knows no clock, no allocator and
//! nobody who is connected: what matters of these is in the command and its [`Stamp`].
//!
//! An entry of the log is applied so: [`Ledger::apply`] for each command, all with the entry's
//! stamp, then [`Ledger::set_applied`] with it, because a refusal moves nothing, not even the
//! index.

mod agents;
mod apply;
mod apply_accept;
mod apply_agent;
mod apply_directive;
mod apply_framework;
mod apply_group;
mod apply_launch;
mod apply_maintenance;
mod apply_members;
mod apply_mounts;
mod apply_once;
mod apply_preemption;
mod apply_reservation;
mod apply_resize;
mod apply_roles;
mod apply_status;
mod apply_volume;
pub mod codec;
mod codec_accept;
mod codec_commands;
mod codec_groups;
mod codec_members;
mod codec_once;
mod codec_preemption;
mod codec_reservations;
mod codec_roles;
mod codec_volumes;
mod command;
mod declared;
mod departures;
mod derive;
pub mod digest;
mod disruptions;
mod draft;
mod drains;
pub mod dump;
mod event;
mod frameworks;
mod groups;
pub mod invariants;
mod members;
mod reincarnate;
mod replay;
mod reservations;
mod restore;
mod revocable;
mod role_tree;
mod roles;
mod tasks;
mod versions;
mod volumes;
mod windows;

pub use agents::{Agent, AgentState};
pub use apply_once::{Asked, OperatorChange};
pub use apply_preemption::{Preempted, Preemption};
pub(crate) use apply_resize::resize_under_way;
pub(crate) use apply_volume::volume_changing;
pub use command::{Command, Proposed, ReservationChange, VolumeChange};
pub use departures::Departure;
pub(crate) use disruptions::Room as DisruptionRoom;
pub use drains::{Drain, DrainProgress, DrainStep};
pub use event::{Applied, Event, Stamp};
pub use frameworks::{Framework, FrameworkState};
pub use groups::{Group, Membership};
pub use members::{Member, MemberChange, Members, Standing};
pub use reservations::{Pools, Reservation};
pub use roles::{RoleConfig, Roles};
pub use tasks::{Kill, Size, SizeChange, Task};
pub use versions::LogVersion;
pub use volumes::Volume;
pub(crate) use volumes::of_disk;
pub use windows::Window;

use crate::table::{CopyOnWrite, Table};
use agents::AgentTasks;
use apply_once::OperatorAnswers;
use proto::model::{
    AgentId, ClusterId, FrameworkId, GroupKey, Instant, Priority, RequestId, ReservationId, TaskId,
    TaskKey, VolumeId, WindowId,
};
use revocable::Revocable;
use std::collections::{BTreeMap, BTreeSet};

/// The whole replicated state. A clone shares everything that is large, so that it costs some
/// pointers; what is changed afterwards is copied then.
#[derive(Debug, Clone)]
pub struct Ledger {
    cluster: ClusterId,
    applied: Stamp,
    version: LogVersion,
    /// The number of the next new framework; numbers are never used again.
    next_framework: u64,
    agents: Table<AgentId, Agent>,
    frameworks: Table<FrameworkId, Framework>,
    tasks: Table<TaskKey, Task>,
    groups: Table<GroupKey, Group>,
    /// The number of the next new maintenance window.
    next_window: u64,
    windows: Table<WindowId, Window>,
    /// The number of the next new reservation.
    next_reservation: u64,
    reservations: Table<ReservationId, Reservation>,
    /// The number of the next new volume.
    next_volume: u64,
    volumes: Table<VolumeId, Volume>,
    members: Members,
    roles: Roles,
    /// To what operators asked under a request id.
    operator_answers: CopyOnWrite<OperatorAnswers>,
    index: Index,
}

/// What can be computed from the rows and is kept because it is asked often; never dumped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Index {
    agent_tasks: Table<AgentId, AgentTasks>,
    by_request: CopyOnWrite<BTreeMap<(String, RequestId), FrameworkId>>,
    /// Tombstones, the oldest in front.
    removed_agents: CopyOnWrite<BTreeSet<(Instant, AgentId)>>,
    /// Removed frameworks all of whose tasks have ended, the oldest in front.
    removed_frameworks: CopyOnWrite<BTreeSet<(Instant, FrameworkId)>>,
    live_tasks: usize,
    /// Agents with a drain.
    draining: CopyOnWrite<BTreeSet<AgentId>>,
    /// Live tasks that give way to others.
    preempted: CopyOnWrite<BTreeSet<TaskKey>>,
    /// How many live tasks there are at each priority that has any.
    priorities: CopyOnWrite<BTreeMap<Priority, usize>>,
    /// What live tasks take that are revocable.
    revocable: Revocable,
    /// Of agents that have any.
    agent_reservations: Table<AgentId, BTreeSet<ReservationId>>,
    /// Of agents that have any.
    agent_volumes: Table<AgentId, volumes::Names>,
    /// Live tasks that use a volume; of those that any uses.
    volume_tasks: Table<VolumeId, BTreeSet<TaskKey>>,
}

impl Ledger {
    /// The state before the first entry.
    pub fn new(cluster: ClusterId) -> Self {
        Self {
            cluster,
            applied: Stamp::default(),
            version: LogVersion::OLDEST,
            next_framework: 1,
            agents: Table::new(),
            frameworks: Table::new(),
            tasks: Table::new(),
            groups: Table::new(),
            next_window: 1,
            windows: Table::new(),
            next_reservation: 1,
            reservations: Table::new(),
            next_volume: 1,
            volumes: Table::new(),
            members: Members::default(),
            roles: Roles::default(),
            operator_answers: CopyOnWrite::default(),
            index: Index::default(),
        }
    }

    /// Whose state it is.
    pub fn cluster(&self) -> &ClusterId {
        &self.cluster
    }

    /// The last entry that is applied, whole or in part. Its wall time is not part of the
    /// replicated state: it is zero after a restore.
    pub fn applied(&self) -> Stamp {
        self.applied
    }

    /// Ends an entry, one without commands too.
    ///
    /// # Panics
    /// When the entry is older than one that is applied.
    pub fn set_applied(&mut self, stamp: Stamp) {
        self.applied = self.clamped(stamp);
    }

    /// Agents, tombstones included.
    pub fn agents(&self) -> &Table<AgentId, Agent> {
        &self.agents
    }

    /// Frameworks, removed ones that are remembered included.
    pub fn frameworks(&self) -> &Table<FrameworkId, Framework> {
        &self.frameworks
    }

    /// Tasks, ended ones that are remembered included.
    pub fn tasks(&self) -> &Table<TaskKey, Task> {
        &self.tasks
    }

    /// The masters.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// One agent.
    pub fn agent(&self, id: &AgentId) -> Option<&Agent> {
        self.agents.get(id)
    }

    /// One framework.
    pub fn framework(&self, id: FrameworkId) -> Option<&Framework> {
        self.frameworks.get(&id)
    }

    /// One task.
    pub fn task(&self, key: &TaskKey) -> Option<&Task> {
        self.tasks.get(key)
    }

    /// Every task on an agent, ended ones that are remembered included.
    pub fn tasks_of_agent(&self, id: &AgentId) -> impl Iterator<Item = &Task> {
        let keys = self.index.agent_tasks.get(id).into_iter().flat_map(|tasks| tasks.keys.iter());
        keys.map(|key| self.tasks.get(key).expect("an indexed task has a row"))
    }

    /// Every task of a framework, ended ones that are remembered included.
    pub fn tasks_of_framework(&self, id: FrameworkId) -> impl Iterator<Item = &Task> {
        let least = TaskId::new("+").expect("the least of all ids is one");
        let rows = self.tasks.range(TaskKey { framework: id, task: least }..);
        rows.take_while(move |(key, _)| key.framework == id).map(|(_, task)| task)
    }

    /// Tasks that have not ended.
    pub fn live_task_count(&self) -> usize {
        self.index.live_tasks
    }

    /// The stamp as the ledger takes it: its time never goes back (a new leader's clock may be
    /// late).
    fn clamped(&self, stamp: Stamp) -> Stamp {
        assert!(stamp.index >= self.applied.index, "C5: the applied index never goes back");
        assert!(stamp.term >= self.applied.term, "C5: the term never goes back");
        Stamp { time: stamp.time.max(self.applied.time), ..stamp }
    }
}
