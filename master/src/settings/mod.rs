//! A master's settings, after everything was read and checked.
//!
//! Four layers, the first that says something wins: flag, environment, file, default. An error
//! names the key and the layer that it came from. What is printed by `--print-config` is a file
//! that gives the same settings again. This room does not know what the settings do.

mod arguments;
mod call_rates;
mod file;
mod layers;
mod members;
mod problem;

pub use arguments::MasterArgs;
pub use edge::settings::{Malformed, Origin, Security, TlsPaths};
pub(crate) use members::members_from_text as read_members;
pub use problem::{Problem, SettingsError};

use file::FileSettings;
use master_core::{Config, config::CallRates, ledger::LogVersion};
use proto::model::{ClusterId, Duration, Milli, NodeId, PlacementPolicy, ResourceName, Role};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
};

/// Half of a full cluster's state each second, for a share of two processors that those who
/// schedule do not notice: see `docs/PERFORMANCE.md`.
const READ_ROWS_PER_SECOND: u64 = 50_000;

/// Everything that a master can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterSettings {
    /// The cluster.
    pub cluster: ClusterId,
    /// This master.
    pub node: NodeId,
    /// Who founds a new cluster, this master included; empty for one that joins.
    pub members: BTreeMap<NodeId, MemberAddresses>,
    /// Where a master that joins asks who is there.
    pub join: Vec<String>,
    /// Where frameworks, agents and operators call.
    pub listen: SocketAddr,
    /// Where other masters call; unused when there are none.
    pub peer_listen: Option<SocketAddr>,
    /// Where metrics are read, in plain text; nowhere when not given.
    pub metrics_listen: Option<SocketAddr>,
    /// Log, snapshots and identity.
    pub data_dir: PathBuf,
    /// How the other side is known.
    pub security: Security,
    /// After this an unanswered offer is rescinded; `None` keeps offers for ever.
    pub offer_timeout: Option<Duration>,
    /// How often agents and frameworks hear from the master.
    pub heartbeat_interval: Duration,
    /// An agent that was silent for this long is unreachable.
    pub agent_timeout: Duration,
    /// What a new leader grants known agents to come back.
    pub agent_reregister_timeout: Duration,
    /// Agents marked unreachable per minute, at most.
    pub agent_unreachable_per_minute: u32,
    /// Tasks that give way to work of a higher priority, per minute, at most; 0 lets none.
    pub preemptions_per_minute: u32,
    /// Rows of listings that readers get per second, all together, once they have had a burst of
    /// as many as two seconds bring; 0 is no bound.
    pub read_rows_per_second: u64,
    /// An agent that was unreachable for this long is removed with its tasks.
    pub agent_removal_timeout: Duration,
    /// How much frameworks may ask.
    pub call_rates: CallRates,
    /// Weights of roles that are not 1.
    pub weights: BTreeMap<Role, Milli>,
    /// Resources that do not count towards shares.
    pub unshared_resources: BTreeSet<ResourceName>,
    /// By which policy roles are placed of which operators say nothing.
    pub placement: PlacementPolicy,
    /// Entries between two snapshots.
    pub snapshot_entries: u64,
    /// Entries kept behind a snapshot.
    pub log_tail_entries: u64,
    /// Newest version of the log that the cluster may come to need.
    pub log_version_max: LogVersion,
    /// Raft's unit of time.
    pub tick: Duration,
    /// Ticks without a leader before an election, at least.
    pub election_ticks: usize,
    /// Ticks between two heartbeats of a leader.
    pub heartbeat_ticks: usize,
}

/// Where one master is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberAddresses {
    /// `host:port` for frameworks, agents and operators.
    pub api: String,
    /// `host:port` for other masters; only a lone master has none.
    pub peer: Option<String>,
}

impl MasterSettings {
    /// A lone master on a port of the kernel's choice on loopback, otherwise with defaults.
    pub fn alone(cluster: ClusterId, data_dir: PathBuf, security: Security) -> Self {
        let node = NodeId(1);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let addresses = MemberAddresses { api: listen.to_string(), peer: None };
        let defaults = Config::new(cluster.clone(), node, BTreeMap::new());
        Self {
            cluster,
            node,
            members: [(node, addresses)].into(),
            join: Vec::new(),
            listen,
            peer_listen: None,
            metrics_listen: None,
            data_dir,
            security,
            offer_timeout: defaults.offer_timeout,
            heartbeat_interval: defaults.heartbeat_interval,
            agent_timeout: defaults.agent_timeout,
            agent_reregister_timeout: defaults.agent_reregister_timeout,
            agent_unreachable_per_minute: defaults.agent_unreachable_per_minute,
            preemptions_per_minute: defaults.preemptions_per_minute,
            read_rows_per_second: READ_ROWS_PER_SECOND,
            agent_removal_timeout: defaults.agent_removal_timeout,
            call_rates: defaults.call_rates,
            weights: defaults.weights,
            unshared_resources: defaults.unshared,
            placement: defaults.placement,
            snapshot_entries: defaults.snapshot_entries,
            log_tail_entries: defaults.log_tail_entries,
            log_version_max: defaults.log_version_max,
            tick: defaults.tick,
            election_ticks: defaults.election_ticks,
            heartbeat_ticks: defaults.heartbeat_ticks,
        }
    }

    /// Reads all layers. `environment` is asked for `BOURSE_MASTER_…` names.
    pub fn load(
        arguments: &MasterArgs,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        layers::load(arguments, &environment)
    }

    /// The settings as a file that gives them again.
    pub fn to_toml(&self) -> String {
        toml::to_string(&FileSettings::from(self)).expect("plain values and tables of them")
    }

    /// What the core is told. `seed` is drawn by the caller.
    pub fn core_config(&self, seed: u64) -> Config {
        let addresses = self.members.iter().map(|(id, member)| (*id, member.api.clone())).collect();
        let peers = self.members.iter();
        let peers = peers.filter_map(|(id, member)| Some((*id, member.peer.clone()?))).collect();
        Config {
            peers,
            seed,
            tick: self.tick,
            election_ticks: self.election_ticks,
            heartbeat_ticks: self.heartbeat_ticks,
            snapshot_entries: self.snapshot_entries,
            log_tail_entries: self.log_tail_entries,
            log_version_max: self.log_version_max,
            call_rates: self.call_rates.clone(),
            weights: self.weights.clone(),
            unshared: self.unshared_resources.clone(),
            placement: self.placement,
            offer_timeout: self.offer_timeout,
            heartbeat_interval: self.heartbeat_interval,
            agent_timeout: self.agent_timeout,
            agent_reregister_timeout: self.agent_reregister_timeout,
            agent_unreachable_per_minute: self.agent_unreachable_per_minute,
            preemptions_per_minute: self.preemptions_per_minute,
            agent_removal_timeout: self.agent_removal_timeout,
            ..Config::new(self.cluster.clone(), self.node, addresses)
        }
    }
}
