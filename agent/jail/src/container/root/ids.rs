//! Who the users of an image are to the host.
//!
//! With a user namespace, root inside is a number outside that owns nothing on the host and may do
//! nothing to it. Only the task lives in the namespace: what sets the container up, and guards it,
//! stays the host's root, and out of the task's reach. Files keep their owners on disk: mounts are
//! handed in with their ids mapped, so that a layer is shared between containers whatever their
//! namespace, and a sandbox outlives its container in the hands of its user.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, setns};
use nix::sys::wait::waitpid;
use nix::unistd::{Gid, Pid, Uid, pipe2, read, setgroups, setresgid, setresuid};

use super::errno_of;
use crate::plan::UserNamespace;
use crate::sys::{Side, exit_now, fork_into, map_mount_ids};

/// The users inside, as the kernel knows them.
#[derive(Debug)]
pub(super) struct Ids(Option<Namespace>);

#[derive(Debug)]
struct Namespace {
    itself: OwnedFd,
    first_id: u32,
}

impl Ids {
    pub(super) fn prepare(wanted: Option<UserNamespace>) -> Result<Self, Errno> {
        wanted.map(Namespace::make).transpose().map(Self)
    }

    /// Root inside, to the host.
    pub(super) fn root(&self) -> u32 {
        self.0.as_ref().map_or(0, |namespace| namespace.first_id)
    }

    pub(super) fn are_mapped(&self) -> bool {
        self.0.is_some()
    }

    /// To be done before the tree is attached.
    pub(super) fn map(&self, tree: &OwnedFd) -> Result<(), Errno> {
        match &self.0 {
            None => Ok(()),
            Some(namespace) => map_mount_ids(tree.as_fd(), namespace.itself.as_fd()),
        }
    }

    /// Enters the namespace and becomes root in it. Who has become root may become anybody, and
    /// loses root's rights on the way; coming from outside, nobody would.
    pub(super) fn become_root(&self) -> Result<(), Errno> {
        let Some(namespace) = &self.0 else { return Ok(()) };
        setns(&namespace.itself, CloneFlags::CLONE_NEWUSER)?;
        let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
        setgroups(&[])?;
        setresgid(group, group, group)?;
        setresuid(user, user, user)
    }
}

impl Namespace {
    /// A namespace is made by a process in it. This one does nothing else, and is gone when the
    /// namespace is held.
    fn make(wanted: UserNamespace) -> Result<Self, Errno> {
        let (wait, go) = pipe2(OFlag::O_CLOEXEC)?;
        match fork_into(libc::CLONE_NEWUSER, None)? {
            Side::Child => {
                drop(go);
                // Until the other end is closed, by hand or because its holder is no more.
                let _ = read(&wait, &mut [0]);
                exit_now(0)
            }
            Side::Parent(pid) => {
                let made = Self::of(pid, wanted);
                drop(go);
                waitpid(pid, None)?;
                made
            }
        }
    }

    fn of(pid: Pid, UserNamespace { first_id, count }: UserNamespace) -> Result<Self, Errno> {
        let map = format!("0 {first_id} {count}\n");
        for name in ["uid_map", "gid_map"] {
            std::fs::write(format!("/proc/{pid}/{name}"), &map)
                .map_err(|error| errno_of(&error))?;
        }
        let itself = std::fs::File::open(format!("/proc/{pid}/ns/user"));
        Ok(Self { itself: itself.map_err(|error| errno_of(&error))?.into(), first_id })
    }
}
