//! An agent's machine: its journal, its kernel's containers, and the process around the real core.
//! Containers go on when the process dies, and end with the machine's boot.

use super::{agent_disk::VolumeDisk, clock::Clock, volumes::with_agent_disk};
use crate::engine::Chance;
use agent_core::{Agent, ContainerId, ExitReport, Identity, Journal, Record, TaskRow};
use master_core::input::StreamId;
use proto::model::{AgentId, AgentInfo, Instant, Resources, TaskKey, WallTime, limits::MILLI_MAX};
use std::collections::BTreeMap;

/// What the kernel knows of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Container {
    Starting,
    Running,
    Exited(ExitReport),
}

/// One machine.
#[derive(Debug)]
pub(crate) struct AgentHost {
    pub(crate) id: AgentId,
    pub(crate) agent: Option<Agent>,
    pub(crate) life: u64,
    pub(crate) boot: u64,
    pub(crate) containers: BTreeMap<ContainerId, Container>,
    pub(crate) stream: Option<(u64, StreamId)>,
    pub(crate) next_host: usize,
    pub(crate) wake_at: Option<Instant>,
    /// The process dies in the middle of the next step's effects.
    pub(crate) dies_in_step: bool,
    /// It has told what is not so.
    pub(crate) has_lied: bool,
    /// It claims more than any machine has.
    pub(crate) boasts: bool,
    /// A restart is asked for.
    pub(crate) starting: bool,
    pub(crate) disk: VolumeDisk,
    /// It starts with the process.
    pub(crate) clock: Clock,
    identity: Identity,
    rows: BTreeMap<TaskKey, TaskRow>,
    resources: Resources,
    journals: u64,
}

impl AgentHost {
    pub(crate) fn new(index: usize, chance: &mut Chance) -> Self {
        let id = AgentId::new(&format!("agent-{index}")).expect("an id");
        let cpus = i64::try_from(chance.between(2, 4)).expect("few");
        Self {
            identity: new_identity(&id, 1),
            id,
            agent: None,
            life: 0,
            boot: 1,
            containers: BTreeMap::new(),
            stream: None,
            next_host: index,
            wake_at: None,
            dies_in_step: false,
            has_lied: false,
            boasts: false,
            starting: true,
            disk: VolumeDisk::default(),
            rows: BTreeMap::new(),
            resources: with_agent_disk(&Resources::cpus_mem(cpus * 1_000, cpus * 1_024)),
            journals: 1,
            clock: Clock::started(Instant(0), Instant(0)),
        }
    }

    /// A new life begins.
    pub(crate) fn begin(&mut self, at: Instant) {
        self.life += 1;
        self.clock = Clock::started(at, Instant(0));
        self.starting = false;
        self.wake_at = None;
        self.stream = None;
    }

    pub(crate) fn journal(&self) -> Journal {
        Journal {
            identity: self.identity.clone(),
            rows: self.rows.values().cloned().collect(),
            volumes: self.disk.rows.values().cloned().collect(),
        }
    }

    /// The journal, every container and every volume are gone; the next life is a new agent of the
    /// same name.
    pub(crate) fn lose_journal(&mut self) {
        self.journals += 1;
        self.identity = new_identity(&self.id, self.journals);
        self.rows.clear();
        self.containers.clear();
        self.disk.replace();
        self.boot += 1;
    }

    /// The host starts anew: nothing runs.
    pub(crate) fn reboot(&mut self) {
        self.boot += 1;
        self.containers.clear();
    }

    pub(crate) fn write(&mut self, records: Vec<Record>) {
        for record in records {
            match record {
                Record::Identity(identity) => self.identity = identity,
                Record::Task(row) => drop(self.rows.insert(row.key.clone(), *row)),
                Record::Forget(key) => drop(self.rows.remove(&key)),
                Record::Volume(row) => self.disk.write(*row),
                Record::ForgetVolume(key) => self.disk.forget(key),
            }
        }
    }

    /// Which journal it has.
    pub(crate) fn incarnation(&self) -> u64 {
        self.identity.incarnation
    }

    /// The last update of a task in the journal.
    pub(crate) fn journaled(&self, key: &TaskKey) -> u64 {
        self.rows.get(key).map_or(0, |row| row.sequence)
    }

    pub(crate) fn config(&self, seed: u64) -> agent_core::Config {
        let info = AgentInfo {
            reservations: Vec::new(),
            id: self.id.clone(),
            hostname: format!("{}.trial", self.id),
            address: String::new(),
            resources: match self.boasts {
                true => with_agent_disk(&Resources::cpus_mem(MILLI_MAX, MILLI_MAX / 1_000)),
                false => self.resources.clone(),
            },
            attributes: Vec::new(),
            domain: None,
            version: "0.1.0".to_owned(),
        };
        let boot = format!("boot-{}", self.boot);
        let mut config = agent_core::Config::new(info, seed, &boot, WallTime(0));
        config.answer_timeout = proto::model::Duration(3_000);
        config.reconnect.max = proto::model::Duration(4_000);
        config.resend.min = proto::model::Duration(1_000);
        config.resend.max = proto::model::Duration(8_000);
        config
    }

    /// Containers of which the kernel has anything running.
    pub(crate) fn running(&self) -> usize {
        let runs = |container: &&Container| !matches!(container, Container::Exited(_));
        self.containers.values().filter(runs).count()
    }

    /// Unconfirmed updates of tasks that have ended.
    pub(crate) fn unconfirmed_ends(&self) -> usize {
        self.rows.values().filter(|row| !row.is_live()).count()
    }
}

fn new_identity(id: &AgentId, journal: u64) -> Identity {
    Identity {
        agent: id.clone(),
        cluster: None,
        incarnation: journal * 1_000,
        boot_id: String::new(),
        term: 0,
    }
}

/// Where the next attempt to connect goes.
pub(crate) fn host_of_address(address: &str) -> Option<usize> {
    let node: usize = address.strip_prefix("master-")?.split_once(':')?.0.parse().ok()?;
    node.checked_sub(1)
}
