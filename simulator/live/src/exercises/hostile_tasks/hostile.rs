//! Hostile tasks: each is of one kind of harm, and has an end that is due to it.

use crate::{
    patience::within,
    squad::{Squad, Wanted},
};
use bourse_sdk::model::{StatusReason, TaskState};
use std::time::Duration;

/// Until a task that was killed, or has all that it may have, has ended.
const END: Duration = Duration::from_secs(60);

/// One kind of harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Becomes more and more processes.
    ForkBomb,
    /// Takes more memory than it may have, again and again.
    MemoryHog,
    /// Writes to its standard output for as long as it runs.
    LogFlood,
    /// Writes a file for as long as there is room.
    DiskFiller,
}

impl Kind {
    pub(super) const ALL: [Self; 4] =
        [Self::ForkBomb, Self::MemoryHog, Self::LogFlood, Self::DiskFiller];

    /// The task of a round. Who writes may have more memory than the disk has room: what is on a
    /// disk that is in memory counts as its own.
    pub(super) fn task(self, round: u64, cpus_milli: i64, disk_mib: u32) -> Wanted {
        let (mem_mib, script) = match self {
            Self::ForkBomb => (256, "f() { f | f & }; f 2>/dev/null & exec sleep 1000"),
            Self::MemoryHog => {
                (48, "n=0; while [ $n -lt 12 ]; do tail /dev/zero; n=$((n + 1)); done; exit 1")
            }
            Self::LogFlood => (2 * disk_mib, "while :; do yes 'a line of a log' 2>/dev/null; done"),
            Self::DiskFiller => (2 * disk_mib, "exec cat /dev/zero > filler"),
        };
        Wanted { name: self.name(round), cpus_milli, mem_mib, script: script.to_owned() }
    }

    pub(super) fn name(self, round: u64) -> String {
        let kind = match self {
            Self::ForkBomb => "fork-bomb",
            Self::MemoryHog => "memory-hog",
            Self::LogFlood => "log-flood",
            Self::DiskFiller => "disk-filler",
        };
        format!("{kind}-{round}")
    }

    /// Who never ends by itself.
    pub(super) fn has_to_be_killed(self) -> bool {
        matches!(self, Self::ForkBomb | Self::LogFlood)
    }

    /// Waits for the end of the task of a round; what is wrong with it, if anything.
    pub(super) fn wrong_end(self, squad: &Squad, round: u64) -> Option<String> {
        let name = self.name(round);
        let Ok(end) = within(END, "an end", || squad.end(&name)) else {
            return Some(format!("{name} does not end"));
        };
        let due = match self {
            Self::ForkBomb | Self::LogFlood => (TaskState::Killed, StatusReason::KilledByFramework),
            Self::MemoryHog => (TaskState::Failed, StatusReason::ContainerLimitationMemory),
            Self::DiskFiller => (TaskState::Failed, StatusReason::CommandExited),
        };
        (due != (end.state, end.reason))
            .then(|| format!("{name} ended as {} ({:?}: {})", end.state, end.reason, end.message))
    }
}
