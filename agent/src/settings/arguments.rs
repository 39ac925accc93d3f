//! The flags of `bourse agent`: what was typed, not yet believed.
//!
//! Every value is text here and is read by the layers, so that a bad one gets the same error,
//! wherever it came from.

use std::path::PathBuf;

/// Runs one agent. Every setting can also be given as an environment variable: `--tls-ca` is
/// `BOURSE_AGENT_TLS_CA`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct AgentArgs {
    /// File with settings (TOML); a flag or an environment variable wins over it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the effective settings as a file, and exit
    #[arg(long)]
    pub print_config: bool,
    /// Addresses of the masters, `HOST:PORT` separated by commas
    #[arg(long, value_name = "LIST")]
    pub master: Option<String>,
    /// The agent's id [default: the certificate's, or one that is made up and kept]
    #[arg(long, visible_alias = "name", value_name = "ID")]
    pub agent_id: Option<String>,
    /// What others call this host [default: its own name]
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,
    /// What tasks may have: `cpus:4;mem:2048;disk:10000;ports:[31000-32000]`
    /// [default: the host's processors, its memory and disk less a margin]
    #[arg(long, value_name = "LIST")]
    pub resources: Option<String>,
    /// What of that is reserved for which role: `eng=cpus:2;mem:1024 ops=cpus:1`
    #[arg(long, value_name = "LIST")]
    pub reservations: Option<String>,
    /// What is said of this agent: `rack:r1;ssd:yes`
    #[arg(long, value_name = "LIST")]
    pub attributes: Option<String>,
    /// Its fault domain, from the outside in: `eu/eu-1/r7`
    #[arg(long, value_name = "PATH")]
    pub domain: Option<String>,
    /// Folder for journal, sandboxes and runtime records
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<String>,
    /// Where operators read sandboxes [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// `HOST:PORT` under which others reach that [default: the host's name and the port]
    #[arg(long, value_name = "ADDRESS")]
    pub advertise: Option<String>,
    /// Where metrics are read, in plain text [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_listen: Option<String>,
    /// `auto`, `full` (needs root) or `none` [default: auto]
    #[arg(long, value_name = "KIND")]
    pub isolation: Option<String>,
    /// Whether root in an image is somebody else to the host: `auto`, `required` or `off`
    /// [default: auto]
    #[arg(long, value_name = "KIND")]
    pub user_namespaces: Option<String>,
    /// Who root in an image is to the host then; 65535 ids after it are its other users
    /// [default: 2000000000]
    #[arg(long, value_name = "ID")]
    pub user_namespace_first_id: Option<String>,
    /// System calls that containers may make: `default`, `unconfined`, or a file in Docker's format
    /// [default: default]
    #[arg(long, value_name = "PROFILE")]
    pub seccomp_profile: Option<String>,
    /// Print the default of these profiles, to begin one's own with, and exit
    #[arg(long)]
    pub print_seccomp_profile: bool,
    /// How long an emulated task takes (with `--isolation emulated`)
    #[arg(long, value_name = "MS", hide = true)]
    pub emulated_task_ms: Option<String>,
    /// Never give a task more processor time than it asked for [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub cpu_quota: Option<String>,
    /// Processes and threads of one task, at most [default: 4096]
    #[arg(long, value_name = "COUNT")]
    pub pids_max: Option<String>,
    /// Containers that are set up at one time [default: 32]
    #[arg(long, value_name = "COUNT")]
    pub launches_max: Option<String>,
    /// How long the sandbox of an ended task is kept [default: 86400]
    #[arg(long, value_name = "SECONDS")]
    pub sandbox_retention_s: Option<String>,
    /// Sandboxes of ended tasks that are kept, at most [default: 1000]
    #[arg(long, value_name = "COUNT")]
    pub sandboxes_max: Option<String>,
    /// File with credentials of image registries, as `docker login` writes it [default: none]
    #[arg(long, value_name = "FILE")]
    pub registry_auth: Option<String>,
    /// PEM file with authorities of image registries, besides the host's own [default: none]
    #[arg(long, value_name = "FILE")]
    pub registry_ca: Option<String>,
    /// Image registries without TLS, `HOST[:PORT]` separated by commas; those on loopback may
    /// always be [default: none]
    #[arg(long, value_name = "LIST")]
    pub registry_plain: Option<String>,
    /// How long an image may be on its way from a registry [default: 900]
    #[arg(long, value_name = "SECONDS")]
    pub image_pull_timeout_s: Option<String>,
    /// How long an image that was pulled for tasks is kept when none uses it [default: 604800]
    #[arg(long, value_name = "SECONDS")]
    pub image_retention_s: Option<String>,
    /// How full the disk may be before images that no task uses go, in hundredths [default: 85]
    #[arg(long, value_name = "PERCENT")]
    pub image_disk_percent: Option<String>,
    /// Program that supervises containers [default: this one]
    #[arg(long, value_name = "FILE")]
    pub jail_program: Option<String>,
    /// Plain text, anybody may claim to be anybody
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub insecure: Option<String>,
    /// PEM file with the certificates that may vouch for others
    #[arg(long, visible_alias = "ca", value_name = "FILE")]
    pub tls_ca: Option<String>,
    /// PEM file with this agent's certificate
    #[arg(long, visible_alias = "certificate", value_name = "FILE")]
    pub tls_certificate: Option<String>,
    /// PEM file with its private key
    #[arg(long, visible_alias = "key", value_name = "FILE")]
    pub tls_key: Option<String>,
}

impl AgentArgs {
    /// What a flag says; `key` is the setting's name in a file, with a dot for a table.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        let value = match key {
            "master" => &self.master,
            "agent_id" => &self.agent_id,
            "hostname" => &self.hostname,
            "resources" => &self.resources,
            "reservations" => &self.reservations,
            "attributes" => &self.attributes,
            "domain" => &self.domain,
            "data_dir" => &self.data_dir,
            "listen" => &self.listen,
            "advertise" => &self.advertise,
            "metrics_listen" => &self.metrics_listen,
            "isolation" => &self.isolation,
            "user_namespaces" => &self.user_namespaces,
            "user_namespace_first_id" => &self.user_namespace_first_id,
            "seccomp_profile" => &self.seccomp_profile,
            "emulated_task_ms" => &self.emulated_task_ms,
            "cpu_quota" => &self.cpu_quota,
            "pids_max" => &self.pids_max,
            "launches_max" => &self.launches_max,
            "sandbox_retention_s" => &self.sandbox_retention_s,
            "sandboxes_max" => &self.sandboxes_max,
            "registry_auth" => &self.registry_auth,
            "registry_ca" => &self.registry_ca,
            "registry_plain" => &self.registry_plain,
            "image_pull_timeout_s" => &self.image_pull_timeout_s,
            "image_retention_s" => &self.image_retention_s,
            "image_disk_percent" => &self.image_disk_percent,
            "jail_program" => &self.jail_program,
            "insecure" => &self.insecure,
            "tls.ca" => &self.tls_ca,
            "tls.certificate" => &self.tls_certificate,
            "tls.key" => &self.tls_key,
            _ => panic!("{key} is no setting"),
        };
        value.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        arguments: AgentArgs,
    }

    #[test]
    fn flags_are_consistent_and_have_their_short_names() {
        Program::command().debug_assert();
        let line = ["agent", "--name", "a1", "--insecure", "--ca", "x.pem", "--cpu-quota", "false"];
        let arguments = Program::try_parse_from(line).expect("good flags").arguments;
        assert_eq!(arguments.value("agent_id"), Some("a1"));
        assert_eq!(arguments.value("insecure"), Some("true"));
        assert_eq!(arguments.value("tls.ca"), Some("x.pem"));
        assert_eq!(arguments.value("cpu_quota"), Some("false"));
    }
}
