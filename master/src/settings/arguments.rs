//! The flags of `bourse master`: what was typed, not yet believed.
//!
//! Every value is text here and is read by the layers, so that a bad one gets the same error,
//! wherever it came from.

use std::path::PathBuf;

/// Runs one master. Every setting can also be given as an environment variable: `--tls-ca` is
/// `BOURSE_MASTER_TLS_CA`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct MasterArgs {
    /// File with settings (TOML); a flag or an environment variable wins over it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the effective settings as a file, and exit
    #[arg(long)]
    pub print_config: bool,
    /// Name of the cluster
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Which of the members this is
    #[arg(long, value_name = "NUMBER")]
    pub node_id: Option<String>,
    /// All masters of a new cluster: `ID=API_HOST:PORT/PEER_HOST:PORT`, separated by commas; 1, 3
    /// or 5 of them
    #[arg(long, value_name = "LIST")]
    pub members: Option<String>,
    /// Join a cluster, instead of founding one, by some of its masters: `HOST:PORT`, with commas
    #[arg(long, value_name = "LIST")]
    pub join: Option<String>,
    /// Where frameworks, agents and operators call [default: 127.0.0.1:5050]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Where other masters call; needed with more than one member
    #[arg(long, value_name = "ADDRESS")]
    pub peer_listen: Option<String>,
    /// Where metrics are read, in plain text [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_listen: Option<String>,
    /// Folder for log, snapshots and identity
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<String>,
    /// Plain text, anybody may claim to be anybody
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub insecure: Option<String>,
    /// PEM file with the certificates that may vouch for others
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<String>,
    /// PEM file with this master's certificate
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<String>,
    /// PEM file with its private key
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// Rescind an offer that is not answered for this long; 0 never does [default: 60000]
    #[arg(long, value_name = "MS")]
    pub offer_timeout_ms: Option<String>,
    /// How often agents and frameworks hear from the master [default: 5000]
    #[arg(long, value_name = "MS")]
    pub heartbeat_interval_ms: Option<String>,
    /// An agent that is silent for this long is unreachable [default: 30000]
    #[arg(long, value_name = "MS")]
    pub agent_timeout_ms: Option<String>,
    /// What a new leader grants agents to come back [default: 60000]
    #[arg(long, value_name = "MS")]
    pub agent_reregister_timeout_ms: Option<String>,
    /// Agents marked unreachable per minute, at most [default: 20]
    #[arg(long, value_name = "COUNT")]
    pub agent_unreachable_per_minute: Option<String>,
    /// Tasks that give way to work of a higher priority, per minute, at most; 0 lets none
    /// [default: 120]
    #[arg(long, value_name = "COUNT")]
    pub preemptions_per_minute: Option<String>,
    /// Rows of listings that all readers together get per second, after a burst of twice as many; 0
    /// is no bound [default: 50000]
    #[arg(long, value_name = "COUNT")]
    pub read_rows_per_second: Option<String>,
    /// An agent that is unreachable for this long is removed with its tasks [default: 86400000]
    #[arg(long, value_name = "MS")]
    pub agent_removal_timeout_ms: Option<String>,
    /// How many calls frameworks may make: `PRINCIPAL=PER_SECOND/BURST`, separated by commas;
    /// `default` is everybody else, `none` sets no limit [default: default=20000/40000]
    #[arg(long, value_name = "LIST")]
    pub call_rates: Option<String>,
    /// Weights of roles: `ROLE=WEIGHT`, separated by commas; others have 1
    #[arg(long, value_name = "LIST")]
    pub weights: Option<String>,
    /// Resources that do not count towards shares, separated by commas; empty: all count [default:
    /// gpus]
    #[arg(long, value_name = "LIST")]
    pub unshared_resources: Option<String>,
    /// By which policy agents are chosen for roles of which operators say nothing: first-fit,
    /// spread, pack, dot-product, random or fgd [default: first-fit]
    #[arg(long, value_name = "POLICY")]
    pub placement: Option<String>,
    /// Log entries between two snapshots [default: 50000]
    #[arg(long, value_name = "COUNT")]
    pub snapshot_entries: Option<String>,
    /// Log entries kept behind a snapshot for members that are a little late [default: 10000]
    #[arg(long, value_name = "COUNT")]
    pub log_tail_entries: Option<String>,
    /// Newest version of the log that the cluster may come to need while this master is one of it;
    /// keeps the way back to an older software open [default: the newest]
    #[arg(long, value_name = "NUMBER")]
    pub log_version_max: Option<String>,
    /// Raft's unit of time [default: 100]
    #[arg(long, value_name = "MS")]
    pub tick_ms: Option<String>,
    /// Ticks without a leader before an election, at least; at most twice as many [default: 10]
    #[arg(long, value_name = "COUNT")]
    pub election_ticks: Option<String>,
    /// Ticks between two heartbeats of a leader [default: 2]
    #[arg(long, value_name = "COUNT")]
    pub heartbeat_ticks: Option<String>,
}

impl MasterArgs {
    /// What a flag says; `key` is the setting's name in a file, with a dot for a table.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        let value = match key {
            "cluster" => &self.cluster,
            "node_id" => &self.node_id,
            "members" => &self.members,
            "join" => &self.join,
            "listen" => &self.listen,
            "peer_listen" => &self.peer_listen,
            "metrics_listen" => &self.metrics_listen,
            "data_dir" => &self.data_dir,
            "insecure" => &self.insecure,
            "tls.ca" => &self.tls_ca,
            "tls.certificate" => &self.tls_certificate,
            "tls.key" => &self.tls_key,
            "offer_timeout_ms" => &self.offer_timeout_ms,
            "heartbeat_interval_ms" => &self.heartbeat_interval_ms,
            "agent_timeout_ms" => &self.agent_timeout_ms,
            "agent_reregister_timeout_ms" => &self.agent_reregister_timeout_ms,
            "agent_unreachable_per_minute" => &self.agent_unreachable_per_minute,
            "preemptions_per_minute" => &self.preemptions_per_minute,
            "read_rows_per_second" => &self.read_rows_per_second,
            "agent_removal_timeout_ms" => &self.agent_removal_timeout_ms,
            "call_rates" => &self.call_rates,
            "weights" => &self.weights,
            "unshared_resources" => &self.unshared_resources,
            "placement" => &self.placement,
            "snapshot_entries" => &self.snapshot_entries,
            "log_tail_entries" => &self.log_tail_entries,
            "log_version_max" => &self.log_version_max,
            "tick_ms" => &self.tick_ms,
            "election_ticks" => &self.election_ticks,
            "heartbeat_ticks" => &self.heartbeat_ticks,
            _ => panic!("{key} is no setting"),
        };
        value.as_deref()
    }
}
