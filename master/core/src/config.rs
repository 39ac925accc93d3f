//! A master's settings after validation. Knows no file, flag or environment.

use proto::model::{ClusterId, Duration, Milli, NodeId, Role, limits};
use std::collections::BTreeMap;

/// Everything that the core can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The cluster that this master belongs to.
    pub cluster: ClusterId,
    /// This master.
    pub node: NodeId,
    /// All masters, this one included, with the addresses that clients are told.
    pub members: BTreeMap<NodeId, String>,
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
}

impl Config {
    /// The defaults for a cluster of these members.
    pub fn new(cluster: ClusterId, node: NodeId, members: BTreeMap<NodeId, String>) -> Self {
        Self {
            cluster,
            node,
            members,
            seed: node.0,
            tick: Duration(100),
            election_ticks: 10,
            heartbeat_ticks: 2,
            snapshot_entries: 50_000,
            log_tail_entries: 10_000,
            weights: BTreeMap::new(),
            offer_timeout: Some(Duration::from_seconds(60)),
            heartbeat_interval: Duration::from_seconds(5),
            agent_timeout: Duration::from_seconds(30),
            agent_reregister_timeout: Duration::from_seconds(60),
            agent_unreachable_per_minute: 20,
            agent_removal_timeout: Duration::from_seconds(24 * 3_600),
        }
    }

    /// Asserts what the rest of the core relies on.
    ///
    /// # Panics
    /// When a setting contradicts another; the shell validates before it gets here.
    pub fn assert_valid(&self) {
        assert!(self.members.contains_key(&self.node), "this node is a member");
        assert!(self.members.keys().all(|node| node.0 > 0), "node ids start at 1");
        assert!(self.heartbeat_ticks > 0 && self.election_ticks > 2 * self.heartbeat_ticks);
        assert!(self.tick.0 > 0 && self.heartbeat_interval.0 > 0);
        assert!(self.agent_timeout > self.heartbeat_interval, "one late heartbeat is no loss");
        assert!(self.weights.values().all(|weight| (1..=limits::MILLI_MAX).contains(&weight.0)));
    }
}
