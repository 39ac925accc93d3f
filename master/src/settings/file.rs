//! The form of a settings file. Unknown keys are refused: a misspelt limit must not be no limit.

use super::{MasterSettings, Problem};
use edge::settings::{SettingsFile, TlsTable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A file's content; also what `--print-config` prints.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSettings {
    cluster: Option<String>,
    node_id: Option<u64>,
    join: Option<String>,
    listen: Option<String>,
    peer_listen: Option<String>,
    metrics_listen: Option<String>,
    data_dir: Option<String>,
    insecure: Option<bool>,
    offer_timeout_ms: Option<u64>,
    heartbeat_interval_ms: Option<u64>,
    agent_timeout_ms: Option<u64>,
    agent_reregister_timeout_ms: Option<u64>,
    agent_unreachable_per_minute: Option<u64>,
    preemptions_per_minute: Option<u64>,
    read_rows_per_second: Option<u64>,
    agent_removal_timeout_ms: Option<u64>,
    unshared_resources: Option<String>,
    placement: Option<String>,
    snapshot_entries: Option<u64>,
    log_tail_entries: Option<u64>,
    log_version_max: Option<u64>,
    tick_ms: Option<u64>,
    election_ticks: Option<u64>,
    heartbeat_ticks: Option<u64>,
    tls: Option<TlsTable>,
    /// By number: `[members.1]`.
    pub(super) members: Option<BTreeMap<String, FileMember>>,
    /// By principal: `PER_SECOND/BURST`, or `none`.
    pub(super) call_rates: Option<BTreeMap<String, String>>,
    /// By role, as decimal text.
    pub(super) weights: Option<BTreeMap<String, String>>,
}

/// `[members.N]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileMember {
    pub(super) api: String,
    pub(super) peer: Option<String>,
}

impl SettingsFile for FileSettings {
    const PREFIX: &'static str = "BOURSE_MASTER";

    type Problem = Problem;

    /// Members, weights and call rates are tables and are read as such.
    fn value(&self, key: &str) -> Option<String> {
        let number = |value: Option<u64>| value.map(|value| value.to_string());
        match key {
            "cluster" => self.cluster.clone(),
            "node_id" => number(self.node_id),
            "join" => self.join.clone(),
            "listen" => self.listen.clone(),
            "peer_listen" => self.peer_listen.clone(),
            "metrics_listen" => self.metrics_listen.clone(),
            "data_dir" => self.data_dir.clone(),
            "insecure" => self.insecure.map(|value| value.to_string()),
            "tls.ca" | "tls.certificate" | "tls.key" => self.tls.as_ref()?.value(key),
            "offer_timeout_ms" => number(self.offer_timeout_ms),
            "heartbeat_interval_ms" => number(self.heartbeat_interval_ms),
            "agent_timeout_ms" => number(self.agent_timeout_ms),
            "agent_reregister_timeout_ms" => number(self.agent_reregister_timeout_ms),
            "agent_unreachable_per_minute" => number(self.agent_unreachable_per_minute),
            "preemptions_per_minute" => number(self.preemptions_per_minute),
            "read_rows_per_second" => number(self.read_rows_per_second),
            "agent_removal_timeout_ms" => number(self.agent_removal_timeout_ms),
            "unshared_resources" => self.unshared_resources.clone(),
            "placement" => self.placement.clone(),
            "snapshot_entries" => number(self.snapshot_entries),
            "log_tail_entries" => number(self.log_tail_entries),
            "log_version_max" => number(self.log_version_max),
            "tick_ms" => number(self.tick_ms),
            "election_ticks" => number(self.election_ticks),
            "heartbeat_ticks" => number(self.heartbeat_ticks),
            _ => panic!("{key} is no plain setting"),
        }
    }
}

impl From<&MasterSettings> for FileSettings {
    fn from(settings: &MasterSettings) -> Self {
        let tls = settings.security.to_table();
        let member = |(id, addresses): (&proto::model::NodeId, &super::MemberAddresses)| {
            let (api, peer) = (addresses.api.clone(), addresses.peer.clone());
            (id.to_string(), FileMember { api, peer })
        };
        let weights: BTreeMap<_, _> =
            settings.weights.iter().map(|(role, w)| (role.to_string(), w.to_string())).collect();
        let unshared: Vec<_> =
            settings.unshared_resources.iter().map(ToString::to_string).collect();
        let count = |count: usize| Some(u64::try_from(count).expect("a count of ticks"));
        Self {
            cluster: Some(settings.cluster.to_string()),
            node_id: Some(settings.node.0),
            join: (!settings.join.is_empty()).then(|| settings.join.join(",")),
            listen: Some(settings.listen.to_string()),
            peer_listen: settings.peer_listen.map(|address| address.to_string()),
            metrics_listen: settings.metrics_listen.map(|address| address.to_string()),
            data_dir: Some(settings.data_dir.display().to_string()),
            insecure: Some(tls.is_none()),
            offer_timeout_ms: Some(settings.offer_timeout.map_or(0, |timeout| timeout.as_ms())),
            heartbeat_interval_ms: Some(settings.heartbeat_interval.as_ms()),
            agent_timeout_ms: Some(settings.agent_timeout.as_ms()),
            agent_reregister_timeout_ms: Some(settings.agent_reregister_timeout.as_ms()),
            agent_unreachable_per_minute: Some(settings.agent_unreachable_per_minute.into()),
            preemptions_per_minute: Some(settings.preemptions_per_minute.into()),
            read_rows_per_second: Some(settings.read_rows_per_second),
            agent_removal_timeout_ms: Some(settings.agent_removal_timeout.as_ms()),
            unshared_resources: Some(unshared.join(",")),
            placement: Some(settings.placement.to_string()),
            snapshot_entries: Some(settings.snapshot_entries),
            log_tail_entries: Some(settings.log_tail_entries),
            log_version_max: Some(settings.log_version_max.number().into()),
            tick_ms: Some(settings.tick.as_ms()),
            election_ticks: count(settings.election_ticks),
            heartbeat_ticks: count(settings.heartbeat_ticks),
            tls,
            members: (!settings.members.is_empty())
                .then(|| settings.members.iter().map(member).collect()),
            call_rates: Some(super::call_rates::write(&settings.call_rates)),
            weights: (!weights.is_empty()).then_some(weights),
        }
    }
}
