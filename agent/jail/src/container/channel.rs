//! The talk between supervisor and container during a launch: one socket pair, closed by exec.
//!
//! From the container: a step that failed with its error number, or "about to exec" (the exec step
//! with number zero). From the supervisor: one byte, the permission to exec. The end of the stream
//! after "about to exec" means that the exec has succeeded, because a successful exec is what
//! closes the container's last copy; the end without it means that the container died on the way.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};

use crate::report::Step;

const MESSAGE_BYTES: usize = 5;
const RELEASE: [u8; 1] = [1];

/// What the supervisor holds.
#[derive(Debug)]
pub(crate) struct SupervisorEnd(OwnedFd);

/// What the container holds.
#[derive(Debug)]
pub(crate) struct ContainerEnd(OwnedFd);

/// What the supervisor hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing yet.
    Nothing,
    /// The task is about to exec.
    AboutToExec,
    /// A step failed.
    Failed(Step, Errno),
    /// The container's end is closed.
    Closed,
}

pub(crate) fn pair() -> Result<(SupervisorEnd, ContainerEnd), Errno> {
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    Ok((SupervisorEnd(ours), ContainerEnd(theirs)))
}

impl SupervisorEnd {
    /// Lets the task exec. If nobody is there any more, listening will tell.
    pub(crate) fn release(&self) {
        let _ = send(self.0.as_raw_fd(), &RELEASE, MsgFlags::MSG_NOSIGNAL);
    }

    /// What there is to hear now.
    pub(crate) fn hear(&self) -> Heard {
        let mut message = [0; MESSAGE_BYTES];
        loop {
            return match recv(self.0.as_raw_fd(), &mut message, MsgFlags::MSG_DONTWAIT) {
                // The container died with the permission unread. The kernel says that once, and
                // before whatever the container had said itself.
                Err(Errno::ECONNRESET) => continue,
                Err(Errno::EAGAIN | Errno::EINTR) => Heard::Nothing,
                Err(_) | Ok(0) => Heard::Closed,
                Ok(_) => decode(message),
            };
        }
    }
}

impl AsFd for SupervisorEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl ContainerEnd {
    /// Waits until the supervisor allows the exec; `false` if it is gone.
    pub(crate) fn wait_for_release(&self) -> bool {
        let mut byte = [0; RELEASE.len()];
        loop {
            match recv(self.0.as_raw_fd(), &mut byte, MsgFlags::empty()) {
                Err(Errno::EINTR) => {}
                result => return result == Ok(RELEASE.len()),
            }
        }
    }

    pub(crate) fn about_to_exec(&self) {
        self.tell(Step::Exec, 0);
    }

    pub(crate) fn failed(&self, step: Step, errno: Errno) {
        self.tell(step, errno as i32);
    }

    /// If the supervisor is gone, so are we in a moment.
    fn tell(&self, step: Step, number: i32) {
        let [a, b, c, d] = number.to_le_bytes();
        let message = [step.code(), a, b, c, d];
        let _ = send(self.0.as_raw_fd(), &message, MsgFlags::MSG_NOSIGNAL);
    }
}

/// Only our own code writes here, before exec, so the message is well-formed or we are broken.
fn decode([code, a, b, c, d]: [u8; MESSAGE_BYTES]) -> Heard {
    let step = Step::from_code(code).expect("the code was made by Step::code in this program");
    match i32::from_le_bytes([a, b, c, d]) {
        0 => Heard::AboutToExec,
        number => Heard::Failed(step, Errno::from_raw(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_and_the_end() {
        let (ours, theirs) = pair().unwrap();
        assert_eq!(ours.hear(), Heard::Nothing);
        ours.release();
        assert!(theirs.wait_for_release());
        theirs.about_to_exec();
        theirs.failed(Step::Exec, Errno::ENOENT);
        assert_eq!(ours.hear(), Heard::AboutToExec);
        assert_eq!(ours.hear(), Heard::Failed(Step::Exec, Errno::ENOENT));
        drop(theirs);
        assert_eq!(ours.hear(), Heard::Closed);
        ours.release();
    }

    #[test]
    fn a_container_that_dies_unreleased_is_an_end() {
        let (ours, theirs) = pair().unwrap();
        ours.release();
        drop(theirs);
        assert_eq!(ours.hear(), Heard::Closed);
    }

    #[test]
    fn a_container_that_dies_unreleased_is_heard_before_its_end() {
        let (ours, theirs) = pair().unwrap();
        ours.release();
        theirs.failed(Step::MountProc, Errno::EPERM);
        drop(theirs);
        assert_eq!(ours.hear(), Heard::Failed(Step::MountProc, Errno::EPERM));
        assert_eq!(ours.hear(), Heard::Closed);
    }

    #[test]
    fn a_supervisor_that_is_gone_releases_nothing() {
        let (ours, theirs) = pair().unwrap();
        drop(ours);
        assert!(!theirs.wait_for_release());
    }
}
