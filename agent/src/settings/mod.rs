//! An agent's settings, after everything was read and checked.
//!
//! Four layers, the first that says something wins: flag, environment, file, default. An error
//! names the key and the layer that it came from. What [`AgentSettings::to_toml`] writes is a file
//! that gives the same settings again. This room does not know what the settings do.

mod arguments;
mod bags;
mod file;
mod host;
mod layers;
mod problem;

pub use arguments::AgentArgs;
pub use bags::{attributes_from_text, resources_from_text};
pub use edge::settings::{Malformed, Origin, Security, TlsPaths};
pub use problem::{Problem, SettingsError};
pub use seccomp::DEFAULT_PROFILE as DEFAULT_SECCOMP_PROFILE;

use file::FileSettings;
use proto::model::{AgentId, Attribute, DeclaredReservation, Domain, Resources};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// In a range that distributions give to nobody (systemd's "Users, Groups, UIDs and GIDs"), and
/// easily recognised.
const FIRST_ID_DEFAULT: u32 = 2_000_000_000;

/// Everything that an agent can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSettings {
    /// The masters' addresses, `host:port`; any order, at least one.
    pub masters: Vec<String>,
    /// The agent's id; `None` takes it from the certificate, from the journal, or makes one up.
    pub agent_id: Option<AgentId>,
    /// For people, and for tasks that must find each other.
    pub hostname: String,
    /// What it has to give.
    pub resources: Resources,
    /// What of that is reserved for which role.
    pub reservations: Vec<DeclaredReservation>,
    /// What is said of it.
    pub attributes: Vec<Attribute>,
    /// Its fault domain; `None` says nothing.
    pub domain: Option<Domain>,
    /// Journal, sandboxes, runtime records.
    pub data_dir: PathBuf,
    /// Where operators read sandboxes; nowhere when not given.
    pub listen: Option<SocketAddr>,
    /// `host:port` under which others reach that listener; made from `hostname` when not given.
    pub advertise: Option<String>,
    /// Where metrics are read, in plain text; nowhere when not given.
    pub metrics_listen: Option<SocketAddr>,
    /// How far containers are kept apart.
    pub isolation: IsolationChoice,
    /// Whether root in an image is somebody else to the host.
    pub user_namespaces: UserNamespaces,
    /// Who root in an image is to the host then; the 65,535 ids after it are its other users.
    pub user_namespace_first_id: u32,
    /// Which system calls containers may make.
    pub seccomp_profile: SeccompProfile,
    /// Makes a task's CPUs an upper bound also when processors are idle.
    pub cpu_quota: bool,
    /// Processes and threads of one task, at most.
    pub pids_max: u64,
    /// Containers that are set up at one time.
    pub launches_max: usize,
    /// How long the sandbox of an ended task is kept.
    pub sandbox_retention: Duration,
    /// Sandboxes of ended tasks that are kept, at most; the oldest goes first.
    pub sandboxes_max: usize,
    /// How image registries are spoken to.
    pub registries: registry::Access,
    /// How long an image may be on its way from a registry.
    pub image_pull_timeout: Duration,
    /// How long an image that was pulled for tasks is kept when none uses it.
    pub image_retention: Duration,
    /// How full the disk of the data directory may be before more of them go, in hundredths; 100 is
    /// as full as it gets.
    pub image_disk_percent: u64,
    /// The program that supervises containers; `None` is this very program with the argument
    /// `jail`.
    pub jail_program: Option<PathBuf>,
    /// How the other side is known.
    pub security: Security,
}

/// How far containers are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsolationChoice {
    /// Full for root, none otherwise.
    Auto,
    /// Namespaces and cgroups; needs root.
    Full,
    /// Plain processes.
    None,
    /// No processes at all: tasks succeed after this time. For load tests of everything else.
    Emulated(Duration),
}

/// Whether containers with images have user namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserNamespaces {
    /// Where this host can do it; elsewhere root in an image is the host's, and the log says so.
    Auto,
    /// An agent that cannot have them does not start.
    Required,
    /// Root in an image is the host's.
    Off,
}

/// Which system calls containers with namespaces may make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeccompProfile {
    /// Those of [`seccomp::DEFAULT_PROFILE`].
    Default,
    /// All.
    Unconfined,
    /// Those of a file in Docker's format.
    File(PathBuf),
}

impl AgentSettings {
    /// Settings with defaults, for this host.
    pub fn new(
        masters: Vec<String>,
        data_dir: PathBuf,
        security: Security,
    ) -> Result<Self, SettingsError> {
        let host = host::Host::look(&data_dir);
        let resources = host.resources().map_err(|problem| SettingsError::Invalid {
            key: "resources",
            origin: Origin::Default,
            problem,
        })?;
        Ok(Self {
            masters,
            agent_id: None,
            hostname: host.name,
            resources,
            reservations: Vec::new(),
            attributes: Vec::new(),
            domain: None,
            data_dir,
            listen: None,
            advertise: None,
            metrics_listen: None,
            isolation: IsolationChoice::Auto,
            user_namespaces: UserNamespaces::Auto,
            user_namespace_first_id: FIRST_ID_DEFAULT,
            seccomp_profile: SeccompProfile::Default,
            cpu_quota: false,
            pids_max: 4_096,
            launches_max: 32,
            sandbox_retention: Duration::from_secs(24 * 3_600),
            sandboxes_max: 1_000,
            registries: registry::Access::default(),
            image_pull_timeout: Duration::from_secs(900),
            image_retention: Duration::from_secs(7 * 24 * 3_600),
            image_disk_percent: 85,
            jail_program: None,
            security,
        })
    }

    /// Reads flags, the environment and the file that they name.
    pub fn load(arguments: &AgentArgs) -> Result<Self, SettingsError> {
        Self::load_with(arguments, &|name| std::env::var(name).ok())
    }

    /// As [`AgentSettings::load`], with another environment.
    pub fn load_with(
        arguments: &AgentArgs,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        layers::load(arguments, environment)
    }

    /// The settings as a file.
    pub fn to_toml(&self) -> String {
        toml::to_string(&FileSettings::from(self)).expect("settings are plain tables")
    }
}
