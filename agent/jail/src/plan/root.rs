//! What a task sees as its root file system.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::validate::{check_path, check_range};
use super::{Isolation, Plan, PlanError};

/// As many lower directories as images may have layers.
const MAX_LAYERS: usize = 127;
/// Where a task with an image finds its sandbox.
pub const SANDBOX_IN_IMAGE: &str = "/mnt/bourse/sandbox";

/// What root may do in a container with an image, by the kernel's names without their prefix
/// (capabilities(7)): what Docker and containerd give by default, without the making of devices.
pub const CAPABILITIES_IN_IMAGE: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// The root file system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Root {
    /// The host's own.
    #[default]
    Host,
    /// That of an image, which the task may change for itself alone. Needs [`Isolation::Full`].
    Image(ImageRoot),
}

/// An image, as directories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRoot {
    /// Its layers, from the bottom up; at least one, at most 127. What the task changes goes into
    /// the runtime directory.
    pub layers: Vec<PathBuf>,
    /// Where the task begins, made if it is not there; `None` for its sandbox, which is at
    /// [`SANDBOX_IN_IMAGE`].
    #[serde(default)]
    pub working_dir: Option<PathBuf>,
    /// Who its users are to the host; `None`: themselves, so that root inside is the host's. Not
    /// written when there is none, so that a jail from before there were any takes the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_namespace: Option<UserNamespace>,
}

/// A user namespace (user_namespaces(7)): users and groups from 0 to `count` - 1 inside are, to the
/// host, those from `first_id` on. What lies in the layers, the sandbox and the plan's mounts
/// belongs inside to whom it belongs outside: they are mounted with their ids mapped
/// (mount_setattr(2), Linux 5.12; for layers 5.19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserNamespace {
    /// From 1 to 2³² - 2.
    pub first_id: u32,
    /// At least 1.
    pub count: u32,
}

impl Plan {
    pub(super) fn check_root(&self) -> Result<(), PlanError> {
        let Root::Image(image) = &self.root else { return Ok(()) };
        if self.isolation == Isolation::None {
            return Err(PlanError::ImageWithoutIsolation);
        }
        check_range("root.layers", image.layers.len() as i128, 1, MAX_LAYERS as i128)?;
        image.layers.iter().try_for_each(|layer| check_path("root.layers", layer))?;
        image.working_dir.iter().try_for_each(|path| check_path("root.working_dir", path))?;
        image.user_namespace.map_or(Ok(()), |namespace| self.check_ids(namespace))
    }

    fn check_ids(&self, UserNamespace { first_id, count }: UserNamespace) -> Result<(), PlanError> {
        // The last number of all means nobody.
        let most = i128::from(u32::MAX) - 1;
        check_range("root.user_namespace.first_id", first_id.into(), 1, most)?;
        let most = most - i128::from(first_id) + 1;
        check_range("root.user_namespace.count", count.into(), 1, most)?;
        let Some(user) = &self.user else { return Ok(()) };
        let last = i128::from(count) - 1;
        check_range("user.uid", user.uid.into(), 0, last)?;
        check_range("user.gid", user.gid.into(), 0, last)?;
        user.groups.iter().try_for_each(|&group| check_range("user.groups", group.into(), 0, last))
    }
}
