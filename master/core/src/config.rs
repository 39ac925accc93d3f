//! A master's settings after validation. Knows no file, flag or environment.

pub use crate::intake::rate_limits::{CallRate, CallRates};
use crate::ledger::LogVersion;
use crate::{allocator::Fairness, placement};
use proto::model::{
    ClusterId, Duration, MasterInfo, Milli, NodeId, PlacementPolicy, ResourceName, Role, limits,
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that the core can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The cluster that this master belongs to.
    pub cluster: ClusterId,
    /// This master.
    pub node: NodeId,
    /// Who founds a new cluster, this master included, with the addresses that clients are told;
    /// empty for a master that joins one. Once there is a log, that says who is a member.
    pub members: BTreeMap<NodeId, String>,
    /// Where the same masters are reached by others; a lone one may have none.
    pub peers: BTreeMap<NodeId, String>,
    /// Seeds the election timeouts and everything else that is drawn.
    pub seed: u64,
    /// Time between two [`crate::Input::Tick`]s; raft counts in these.
    pub tick: Duration,
    /// Ticks without a leader before an election, drawn from this to twice this.
    pub election_ticks: usize,
    /// Ticks between two heartbeats of a leader.
    pub heartbeat_ticks: usize,
    /// Entries applied since the last snapshot before the next one is made.
    pub snapshot_entries: u64,
    /// Entries kept behind a snapshot for followers that are a little late.
    pub log_tail_entries: u64,
    /// Weights of roles that are not 1, in thousandths.
    pub weights: BTreeMap<Role, Milli>,
    /// Resources that do not count towards shares: those of which few have any, so that whoever
    /// uses one would be seen to use all.
    pub unshared: BTreeSet<ResourceName>,
    /// By which policy roles are placed of which operators say nothing.
    pub placement: PlacementPolicy,
    /// After this an unanswered offer is rescinded; `None` keeps offers for ever.
    pub offer_timeout: Option<Duration>,
    /// How often agents and frameworks hear from the master and agents are to report.
    pub heartbeat_interval: Duration,
    /// An agent that was silent for this long is unreachable.
    pub agent_timeout: Duration,
    /// What a new leader grants known agents to come back before they count as silent.
    pub agent_reregister_timeout: Duration,
    /// Agents marked unreachable per minute, at most, so that a cut network does not empty a
    /// cluster.
    pub agent_unreachable_per_minute: u32,
    /// An agent that was unreachable for this long is removed with its tasks.
    pub agent_removal_timeout: Duration,
    /// How long a demand waits before anything gives way to it: what is on offer may come back, and
    /// what is about to end may end.
    pub preemption_patience: Duration,
    /// Tasks that give way to others, per minute, at most, so that a demand gone wrong does not
    /// empty a cluster; 0 lets none.
    pub preemptions_per_minute: u32,
    /// How much frameworks may ask, by principal.
    pub call_rates: CallRates,
    /// The newest version of the log that the cluster may come to need: as long as it does not need
    /// it, an older software can be put back.
    pub log_version_max: LogVersion,
    /// Facts kept for watchers that resume.
    pub events_kept: usize,
}

impl Config {
    /// How shares are counted.
    pub fn fairness(&self) -> Fairness {
        Fairness {
            weights: self.weights.clone(),
            unshared: self.unshared.clone(),
            placement: placement::Defaults { policy: self.placement, seed: self.seed },
        }
    }

    /// The defaults for a cluster of these members.
    pub fn new(cluster: ClusterId, node: NodeId, members: BTreeMap<NodeId, String>) -> Self {
        Self {
            cluster,
            node,
            members,
            peers: BTreeMap::new(),
            seed: node.0,
            tick: Duration(100),
            election_ticks: 10,
            heartbeat_ticks: 2,
            snapshot_entries: 50_000,
            log_tail_entries: 10_000,
            weights: BTreeMap::new(),
            unshared: BTreeSet::from([ResourceName::GPUS]),
            placement: PlacementPolicy::FirstFit,
            offer_timeout: Some(Duration::from_seconds(60)),
            heartbeat_interval: Duration::from_seconds(5),
            agent_timeout: Duration::from_seconds(30),
            agent_reregister_timeout: Duration::from_seconds(60),
            agent_unreachable_per_minute: 20,
            agent_removal_timeout: Duration::from_seconds(24 * 3_600),
            preemption_patience: Duration::from_seconds(1),
            preemptions_per_minute: 120,
            call_rates: CallRates::default(),
            log_version_max: LogVersion::CURRENT,
            events_kept: limits::EVENTS_KEPT_MAX,
        }
    }

    /// Who founds a new cluster.
    pub(crate) fn founders(&self) -> Vec<MasterInfo> {
        let info = |(node, address): (&NodeId, &String)| MasterInfo {
            node: *node,
            address: address.clone(),
            peer_address: self.peers.get(node).cloned().unwrap_or_default(),
        };
        self.members.iter().map(info).collect()
    }

    /// Asserts what the rest of the core relies on.
    ///
    /// # Panics
    /// When a setting contradicts another; the shell validates before it gets here.
    pub fn assert_valid(&self) {
        let listed = self.members.is_empty() || self.members.contains_key(&self.node);
        assert!(listed, "this node is a member, or joins");
        assert!(self.members.keys().all(|node| node.0 > 0), "node ids start at 1");
        assert!(self.heartbeat_ticks > 0 && self.election_ticks > 2 * self.heartbeat_ticks);
        assert!(self.call_rates.is_valid(), "every principal may call some time");
        assert!(self.tick.0 > 0 && self.heartbeat_interval.0 > 0);
        assert!(self.agent_timeout > self.heartbeat_interval, "one late heartbeat is no loss");
        assert!(self.weights.values().all(|weight| (1..=limits::MILLI_MAX).contains(&weight.0)));
    }
}
