//! Who a process is, for longer than its number: the pid together with the time it started.
//!
//! A pid is reused; pid and start time together are not, within one boot. The agent stores both,
//! and every signal sent to a stored process goes through a pidfd whose identity was checked first.
//! This file knows nothing of containers.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// A process of this boot, safe against reuse of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessId {
    /// The number, as the host sees it.
    pub pid: i32,
    /// Clock ticks between boot and the start of the process (`/proc/PID/stat`, field 22).
    pub start_time: u64,
}

/// What one line of `/proc/PID/stat` tells us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// The state letter, `Z` for a zombie.
    pub state: u8,
    /// Clock ticks since boot at the start of the process.
    pub start_time: u64,
}

/// Why a process could not be looked at or signalled.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// `/proc/PID/stat` could not be read for another reason than that the process is gone.
    #[error("cannot read the state of process {pid}")]
    Read {
        /// The process asked about.
        pid: i32,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// `/proc/PID/stat` does not look as documented.
    #[error("the state line of process {pid} is malformed")]
    Malformed {
        /// The process asked about.
        pid: i32,
    },
    /// The kernel refused to open or signal the process.
    #[error("cannot signal process {pid}")]
    Signal {
        /// The process asked about.
        pid: i32,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl ProcessId {
    /// The identity of the process that has this number now; `None` if there is none.
    pub fn of(pid: i32) -> Result<Option<Self>, ProcessError> {
        Ok(start_time(pid)?.map(|start_time| Self { pid, start_time }))
    }

    /// Whether this very process still runs. A zombie does not.
    pub fn is_running(&self) -> Result<bool, ProcessError> {
        Ok(read_stat(self.pid)?.is_some_and(|stat| {
            stat.start_time == self.start_time && !matches!(stat.state, b'Z' | b'X')
        }))
    }

    /// A descriptor of this very process, readable when it has ended; `None` if it is gone.
    ///
    /// The order matters: open first, compare the start time afterwards. Once the descriptor is
    /// open the number cannot come to mean another process without the comparison noticing.
    pub fn open(&self) -> Result<Option<OwnedFd>, ProcessError> {
        let Some(pid) = rustix::process::Pid::from_raw(self.pid) else { return Ok(None) };
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => descriptor,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(errno) => {
                return Err(ProcessError::Signal { pid: self.pid, source: errno.into() });
            }
        };
        Ok((start_time(self.pid)? == Some(self.start_time)).then_some(descriptor))
    }

    /// Asks a supervisor to stop its container: the plan's signals, KILL after the grace period.
    /// `false` if the supervisor is gone.
    pub fn stop(&self) -> Result<bool, ProcessError> {
        self.signal(Signal::TERM)
    }

    /// Orders a supervisor to destroy its container at once. `false` if the supervisor is gone.
    pub fn destroy(&self) -> Result<bool, ProcessError> {
        self.signal(Signal::USR1)
    }

    fn signal(&self, signal: Signal) -> Result<bool, ProcessError> {
        let Some(descriptor) = self.open()? else { return Ok(false) };
        match pidfd_send_signal(&descriptor, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(errno) => Err(ProcessError::Signal { pid: self.pid, source: errno.into() }),
        }
    }
}

/// When the process with this number started, in clock ticks since boot; `None` if there is none.
pub fn start_time(pid: i32) -> Result<Option<u64>, ProcessError> {
    Ok(read_stat(pid)?.map(|stat| stat.start_time))
}

/// The identity of the running boot. Process identities are comparable only within one boot.
pub fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// How long the running boot has lasted, on the clock of [`std::time::Instant`], which stands still
/// while the machine sleeps.
pub fn up_time() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}

/// Parses one `/proc/PID/stat`. The command name stands in parentheses and may itself contain
/// spaces, parentheses and line breaks, so the fields are counted from the *last* closing one.
#[must_use]
pub fn parse_stat(line: &[u8]) -> Option<Stat> {
    const FIELDS_FROM_STATE_TO_START_TIME: usize = 19;
    let name_end = line.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(line.get(name_end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let &[state] = fields.next()?.as_bytes() else { return None };
    let start_time = fields.nth(FIELDS_FROM_STATE_TO_START_TIME - 1)?.parse().ok()?;
    Some(Stat { state, start_time })
}

fn read_stat(pid: i32) -> Result<Option<Stat>, ProcessError> {
    if pid <= 0 {
        return Ok(None);
    }
    let line = match std::fs::read(format!("/proc/{pid}/stat")) {
        Ok(line) => line,
        // ESRCH appears when the process ends between open and read.
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                || error.raw_os_error() == Some(libc::ESRCH) =>
        {
            return Ok(None);
        }
        Err(source) => return Err(ProcessError::Read { pid, source }),
    };
    parse_stat(&line).map(Some).ok_or(ProcessError::Malformed { pid })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(name: &[u8], state: char, start_time: u64) -> Vec<u8> {
        let mut line = b"4711 (".to_vec();
        line.extend_from_slice(name);
        line.extend_from_slice(format!(") {state}").as_bytes());
        line.extend_from_slice(" 1".repeat(18).as_bytes());
        line.extend_from_slice(format!(" {start_time} 2 3 4\n").as_bytes());
        line
    }

    proptest! {
        #[test]
        fn any_command_name_is_skipped(
            name in prop::collection::vec(any::<u8>(), 0..16),
            start_time in any::<u64>(),
        ) {
            let expected = Stat { state: b'S', start_time };
            prop_assert_eq!(parse_stat(&line(&name, 'S', start_time)), Some(expected));
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_stat(&bytes);
        }
    }

    #[test]
    fn names_that_imitate_fields() {
        for name in [&b") R 1 2 3 (x"[..], b"a b c", b"((", b"))", b"\n) Z 0"] {
            let expected = Stat { state: b'R', start_time: 99 };
            assert_eq!(parse_stat(&line(name, 'R', 99)), Some(expected));
        }
    }

    #[test]
    fn short_lines_are_refused() {
        for bytes in [&b""[..], b")", b"1 (x) ", b"1 (x) S 1 2 3", b"1 (x) SS 1"] {
            assert_eq!(parse_stat(bytes), None);
        }
    }

    #[test]
    fn own_process_is_found_and_pid_one_past_the_limit_is_not() {
        let own = i32::try_from(std::process::id()).expect("pids are positive i32");
        let identity = ProcessId::of(own).unwrap().expect("we run");
        assert!(identity.is_running().unwrap());
        assert!(identity.open().unwrap().is_some());
        let other = ProcessId { start_time: identity.start_time + 1, ..identity };
        assert!(!other.is_running().unwrap());
        assert!(other.open().unwrap().is_none(), "another start time is another process");
        assert!(ProcessId::of(i32::MAX).unwrap().is_none());
        assert!(ProcessId::of(0).unwrap().is_none());
        assert!(!boot_id().unwrap().is_empty());
        assert!(up_time().unwrap() > Duration::ZERO);
    }
}
