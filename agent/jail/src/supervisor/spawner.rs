//! The pipe to whoever ordered the launch: one line, then silence.
//!
//! The spawner may die at any time and its pipe with it; that is never an error here.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::report::{LaunchFailure, Report};

/// The writing end of the report pipe, or nothing once nobody waits.
#[derive(Debug)]
pub(super) struct Spawner(Option<File>);

impl Spawner {
    pub(super) fn new(pipe: OwnedFd) -> Self {
        Self(Some(File::from(pipe)))
    }

    /// Nobody waits any more.
    pub(super) fn nobody() -> Self {
        Self(None)
    }

    /// Sends the one line and closes the pipe.
    pub(super) fn tell(self, report: &Report) {
        if let Some(mut pipe) = self.0 {
            let _ = pipe.write_all(&report.to_line());
        }
    }

    /// Sends a failure from before there was anything to record or to tidy up.
    pub(super) fn refuse(self, failure: LaunchFailure) -> ExitCode {
        self.tell(&Report::Failed(failure));
        ExitCode::FAILURE
    }

    /// Whether the reading end is closed. The writing end of a pipe without readers polls as an
    /// error.
    pub(super) fn is_gone(&self) -> bool {
        let Some(pipe) = &self.0 else { return true };
        let mut polled = [PollFd::new(pipe.as_fd(), PollFlags::empty())];
        let seen = poll(&mut polled, PollTimeout::ZERO);
        let closed = PollFlags::POLLERR | PollFlags::POLLHUP;
        seen.is_ok() && polled[0].revents().is_some_and(|flags| flags.intersects(closed))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::report::{FailureReason, Step};

    #[test]
    fn one_line_and_the_end() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        let spawner = Spawner::new(writer);
        assert!(!spawner.is_gone());
        let failure = LaunchFailure::of_reason(FailureReason::Died, Step::Clone, "died");
        let _ = spawner.refuse(failure.clone());
        let mut bytes = Vec::new();
        File::from(reader).read_to_end(&mut bytes).unwrap();
        assert_eq!(Report::parse(&bytes).unwrap(), Report::Failed(failure));
    }

    #[test]
    fn a_closed_reader_is_noticed() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        let spawner = Spawner::new(writer);
        drop(reader);
        assert!(spawner.is_gone());
        assert!(Spawner::nobody().is_gone());
    }
}
