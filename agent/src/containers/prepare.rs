//! What a container needs before there is a jail: its sandbox, its runtime directory, its account.

use super::{StartRequest, mounts::mounts, plan::Place, reports::failed};
use crate::{images::Used, sandbox::SandboxTree, volumes::VolumeTree};
use agent_core::{FailureKind, LaunchFailure};
use jail::plan::User;
use nix::unistd::{Gid, Uid, chown, getgrouplist};
use std::{
    ffi::CString,
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Makes the directories of a container, and finds those of its volumes; blocks.
pub(crate) fn prepare(
    request: &StartRequest,
    sandboxes: &SandboxTree,
    volumes: &VolumeTree,
    image: Option<Used>,
    run_dir: &Path,
    isolated: bool,
) -> Result<Place, LaunchFailure> {
    let user = match &image {
        Some(image) => Some(image.user.clone()),
        None => account(&request.task.command.user)?,
    };
    let mounts = mounts(&request.task.volumes, volumes, user.as_ref(), isolated)?;
    let other = |what: &str, error: &dyn std::error::Error| {
        failed(FailureKind::Other, format!("cannot {what}: {error}"))
    };
    let runtime = run_dir.join(request.container.as_str());
    make_private(&runtime).map_err(|error| other("make the runtime directory", &error))?;
    let sandbox = sandboxes
        .create(&request.key, &request.container, request.owner.as_ref())
        .map_err(|error| other("make the sandbox", &error))?;
    if let Some(user) = &user {
        give(&sandbox, user).map_err(|error| other("give the sandbox to its user", &error))?;
    }
    Ok(Place { sandbox, mounts, runtime, user, image })
}

/// Removes a container's runtime directory; one that is not there is as good.
pub(crate) fn remove_runtime(runtime: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(runtime) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Where a container's records are.
pub(crate) fn runtime_dir(run_dir: &Path, container: &agent_core::ContainerId) -> PathBuf {
    run_dir.join(container.as_str())
}

fn make_private(directory: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(directory)
}

fn give(sandbox: &Path, user: &User) -> io::Result<()> {
    chown(sandbox, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))?;
    std::fs::set_permissions(sandbox, std::fs::Permissions::from_mode(0o750))
}

/// The account with this name; none for an empty name, or for the agent's own without being root.
fn account(name: &str) -> Result<Option<User>, LaunchFailure> {
    if name.is_empty() {
        return Ok(None);
    }
    let invalid = |message: String| failed(FailureKind::Invalid, message);
    let unreadable = |error: nix::Error| {
        failed(FailureKind::Other, format!("cannot look the user {name} up: {error}"))
    };
    let found = nix::unistd::User::from_name(name).map_err(unreadable)?;
    let found = found.ok_or_else(|| invalid(format!("this host has no user {name}")))?;
    let own = nix::unistd::geteuid();
    if !own.is_root() {
        return match found.uid == own {
            true => Ok(None),
            false => Err(invalid(format!("only an agent that is root can run tasks as {name}"))),
        };
    }
    let c_name = CString::new(name).map_err(|_| invalid("the user has a zero byte".to_owned()))?;
    let groups = getgrouplist(&c_name, found.gid).map_err(unreadable)?;
    let groups = groups.into_iter().map(Gid::as_raw).collect();
    Ok(Some(User { uid: found.uid.as_raw(), gid: found.gid.as_raw(), groups }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_looked_up_on_this_host() {
        assert_eq!(account("").unwrap(), None);
        let error = account("nobody-has-this-name").unwrap_err();
        assert_eq!(error.kind, FailureKind::Invalid);
        if nix::unistd::geteuid().is_root() {
            assert_eq!(account("root").unwrap().expect("root").uid, 0);
        }
    }
}
