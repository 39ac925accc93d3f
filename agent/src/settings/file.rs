//! The form of a settings file. Unknown keys are refused: a misspelt limit must not be no limit.

use super::{AgentSettings, IsolationChoice, Problem, SeccompProfile, UserNamespaces};
use edge::settings::{SettingsFile, TlsTable};
use proto::model::DeclaredReservation;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A file's content; also what `--print-config` prints.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSettings {
    master: Option<String>,
    agent_id: Option<String>,
    hostname: Option<String>,
    resources: Option<String>,
    reservations: Option<String>,
    attributes: Option<String>,
    domain: Option<String>,
    data_dir: Option<String>,
    listen: Option<String>,
    advertise: Option<String>,
    metrics_listen: Option<String>,
    isolation: Option<String>,
    user_namespaces: Option<String>,
    user_namespace_first_id: Option<u64>,
    seccomp_profile: Option<String>,
    emulated_task_ms: Option<u64>,
    cpu_quota: Option<bool>,
    pids_max: Option<u64>,
    launches_max: Option<u64>,
    sandbox_retention_s: Option<u64>,
    sandboxes_max: Option<u64>,
    registry_auth: Option<String>,
    registry_ca: Option<String>,
    registry_plain: Option<String>,
    image_pull_timeout_s: Option<u64>,
    image_retention_s: Option<u64>,
    image_disk_percent: Option<u64>,
    jail_program: Option<String>,
    insecure: Option<bool>,
    tls: Option<TlsTable>,
}

impl SettingsFile for FileSettings {
    const PREFIX: &'static str = "BOURSE_AGENT";

    type Problem = Problem;

    fn value(&self, key: &str) -> Option<String> {
        let number = |value: Option<u64>| value.map(|value| value.to_string());
        match key {
            "master" => self.master.clone(),
            "agent_id" => self.agent_id.clone(),
            "hostname" => self.hostname.clone(),
            "resources" => self.resources.clone(),
            "reservations" => self.reservations.clone(),
            "attributes" => self.attributes.clone(),
            "domain" => self.domain.clone(),
            "data_dir" => self.data_dir.clone(),
            "listen" => self.listen.clone(),
            "advertise" => self.advertise.clone(),
            "metrics_listen" => self.metrics_listen.clone(),
            "isolation" => self.isolation.clone(),
            "user_namespaces" => self.user_namespaces.clone(),
            "user_namespace_first_id" => number(self.user_namespace_first_id),
            "seccomp_profile" => self.seccomp_profile.clone(),
            "emulated_task_ms" => number(self.emulated_task_ms),
            "cpu_quota" => self.cpu_quota.map(|value| value.to_string()),
            "pids_max" => number(self.pids_max),
            "launches_max" => number(self.launches_max),
            "sandbox_retention_s" => number(self.sandbox_retention_s),
            "sandboxes_max" => number(self.sandboxes_max),
            "registry_auth" => self.registry_auth.clone(),
            "registry_ca" => self.registry_ca.clone(),
            "registry_plain" => self.registry_plain.clone(),
            "image_pull_timeout_s" => number(self.image_pull_timeout_s),
            "image_retention_s" => number(self.image_retention_s),
            "image_disk_percent" => number(self.image_disk_percent),
            "jail_program" => self.jail_program.clone(),
            "insecure" => self.insecure.map(|value| value.to_string()),
            "tls.ca" | "tls.certificate" | "tls.key" => self.tls.as_ref()?.value(key),
            _ => panic!("{key} is no setting"),
        }
    }
}

impl From<&AgentSettings> for FileSettings {
    fn from(settings: &AgentSettings) -> Self {
        let path = |path: &Path| Some(path.display().to_string());
        let count = |count: usize| u64::try_from(count).ok();
        let tls = settings.security.to_table();
        let (isolation, emulated) = match settings.isolation {
            IsolationChoice::Auto => ("auto", None),
            IsolationChoice::Full => ("full", None),
            IsolationChoice::None => ("none", None),
            IsolationChoice::Emulated(time) => ("emulated", u64::try_from(time.as_millis()).ok()),
        };
        let user_namespaces = match settings.user_namespaces {
            UserNamespaces::Auto => "auto",
            UserNamespaces::Required => "required",
            UserNamespaces::Off => "off",
        };
        let seccomp_profile = match &settings.seccomp_profile {
            SeccompProfile::Default => "default".to_owned(),
            SeccompProfile::Unconfined => "unconfined".to_owned(),
            SeccompProfile::File(path) => path.display().to_string(),
        };
        let reserved = |it: &DeclaredReservation| format!("{}={}", it.role, it.resources);
        let reservations: Vec<String> = settings.reservations.iter().map(reserved).collect();
        let plain: Vec<String> = settings.registries.plain.iter().cloned().collect();
        let attributes: Vec<String> = settings.attributes.iter().map(ToString::to_string).collect();
        Self {
            master: Some(settings.masters.join(",")),
            agent_id: settings.agent_id.as_ref().map(ToString::to_string),
            hostname: Some(settings.hostname.clone()),
            resources: Some(settings.resources.to_string()),
            reservations: (!reservations.is_empty()).then(|| reservations.join(" ")),
            attributes: (!attributes.is_empty()).then(|| attributes.join(";")),
            domain: settings.domain.as_ref().map(ToString::to_string),
            data_dir: path(&settings.data_dir),
            listen: settings.listen.map(|address| address.to_string()),
            advertise: settings.advertise.clone(),
            metrics_listen: settings.metrics_listen.map(|address| address.to_string()),
            isolation: Some(isolation.to_owned()),
            user_namespaces: Some(user_namespaces.to_owned()),
            user_namespace_first_id: Some(settings.user_namespace_first_id.into()),
            seccomp_profile: Some(seccomp_profile),
            emulated_task_ms: emulated,
            cpu_quota: Some(settings.cpu_quota),
            pids_max: Some(settings.pids_max),
            launches_max: count(settings.launches_max),
            sandbox_retention_s: Some(settings.sandbox_retention.as_secs()),
            sandboxes_max: count(settings.sandboxes_max),
            registry_auth: settings.registries.auth_file.as_deref().and_then(path),
            registry_ca: settings.registries.ca_file.as_deref().and_then(path),
            registry_plain: (!plain.is_empty()).then(|| plain.join(",")),
            image_pull_timeout_s: Some(settings.image_pull_timeout.as_secs()),
            image_retention_s: Some(settings.image_retention.as_secs()),
            image_disk_percent: Some(settings.image_disk_percent),
            jail_program: settings.jail_program.as_deref().and_then(path),
            insecure: Some(tls.is_none()),
            tls,
        }
    }
}
