//! One process that runs until somebody ends it, with its log in a file.
//!
//! Signals go through a descriptor of the process, never to a bare number: a number may already be
//! somebody else's.

use crate::patience::{holds, within};
use anyhow::Context as _;
use rustix::{
    fd::OwnedFd,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use std::{
    fs::{self, OpenOptions},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

/// How long a process may take to end when it was asked to, or killed.
const END: Duration = Duration::from_secs(60);
/// The unit of time in `/proc/PID/stat`, on every machine that we know.
const TICKS_PER_SECOND: u64 = 100;

/// Ends, hard, when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    descriptor: OwnedFd,
}

impl Process {
    /// Starts a process that writes its output to the end of a file.
    pub fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        // An interrupt from the terminal is for whoever supervises, not for those who are tried.
        command.process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let pid = Pid::from_child(&child);
        let descriptor = pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Self { child, descriptor })
    }

    /// Its number, for looking at it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its own end.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        within(END, "the end of a process", || self.ended())
    }

    /// Ends it as a power cut does; returns when it is gone.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)?;
        let status = self.wait()?;
        let by_signal = status.signal().is_some();
        anyhow::ensure!(by_signal, "it had ended by itself before it was killed: {status}");
        Ok(())
    }

    /// Stops its time, and returns when it stands; the kernel still answers for its sockets.
    pub fn stop(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)?;
        holds("a process stands", || stands(self.pid()))
    }

    /// Lets it go on.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Ends it as an operator does.
    pub fn terminate(mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        let status = self.wait()?;
        anyhow::ensure!(status.success(), "it was asked to end and ended with {status}");
        Ok(())
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(pidfd_send_signal(&self.descriptor, signal)?)
    }
}

/// Whether no thread of a process goes on. One that was told to stop does so when it is scheduled
/// next: on a busy machine it may still hear and answer something before.
pub fn stands(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let stats = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    // The state follows the name, which may contain anything.
    let mut states = stats.map(|stat| stat.rsplit(") ").next().is_some_and(|s| s.starts_with('T')));
    // A process that is gone has no threads, and does not stand.
    states.next().is_some_and(|first| first && states.all(|stands| stands))
}

/// The time that processors have spent on a process without its children; `None` when it is gone.
pub fn processor_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // What follows the name: the state is the third field, user and system time are 14 and 15.
    let fields = stat.rsplit(") ").next()?.split(' ').skip(11).take(2);
    let ticks = fields.map(|field| field.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            // Nothing is left to be done about a process that cannot be killed.
            let _ = self.signal(Signal::KILL);
            let _ = self.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_process_stands_when_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do :; done"]);
        let process = Process::start(command, &folder.path().join("log")).unwrap();
        for _ in 0..20 {
            process.stop().unwrap();
            assert!(stands(process.pid()));
            process.resume().unwrap();
            holds("it goes on", || !stands(process.pid())).unwrap();
        }
        let pid = process.pid();
        let has_worked = || processor_time(pid).is_some_and(|time| !time.is_zero());
        holds("it is busy", has_worked).unwrap();
        process.kill().unwrap();
        assert!(!stands(pid), "it is gone");
        assert_eq!(processor_time(pid), None);
    }
}
