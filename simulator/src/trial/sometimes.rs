//! Situations that trials must have reached: an oracle that never saw the hard case proves nothing.

use std::collections::BTreeMap;

/// Everything that all trials together must have seen at least once.
pub const MOMENTS: &[&str] = &[
    "leader changed with an accept in flight",
    "two masters thought that they led",
    "snapshot installed",
    "snapshot installed, then leader",
    "log compacted",
    "crash lost writes",
    "crash kept unconfirmed writes",
    "wiped member rejoined",
    "most masters lost their disks",
    "master paused",
    "leader's disk slow",
    "another disk slow",
    "leadership left to a faster disk",
    "disk refused a write",
    "leader's clock behind",
    "log of a newer version",
    "link cut one way",
    "message doubled",
    "snapshot stream lost",
    "accept repeated and answered as before",
    "accept refused when applied",
    "accept of an offer that was taken back",
    "accept of an offer that was used",
    "offer expired",
    "duplicate launch",
    "task resized",
    "task not resized",
    "agent restarted with tasks",
    "agent rebooted",
    "agent lost its journal",
    "agent unreachable",
    "agent back with its tasks",
    "agent removed",
    "agent given up and enrolled anew",
    "agent returned with an unconfirmed end",
    "framework fenced",
    "framework came back",
    "framework removed",
    "framework torn down",
    "update repeated",
    "kill carried out",
    "container out of memory",
    "task ended when its time was over",
    "agent boasted",
    "reconciliation answered",
    "call timed out",
    "another master asked who leads",
    "silent leader left for its successor",
    "read answered",
    "watch resumed",
    "agent drained",
    "reserved",
    "offer of a reservation used",
    "reservation given up",
    "maintenance begun",
    "task ended by a drain",
    "inverse offer answered",
    "inverse offer taken back",
    "demand stated",
    "offer of pieces used",
    "revocable offer used",
    "task gave way",
    "main task of a group began behind others",
    "task ended with its group",
    "volume made",
    "volume used",
    "volume made and used in one accept",
    "volume not made",
    "volume shrunk",
    "volume not shrunk",
    "volume deleted",
    "volume not deleted",
    "volume lost",
    "volume found again",
    "commit done",
    "commit conflicted",
    "quota refused",
    "flood held back",
    "agent refused as another",
    "job of the batch framework done",
    "scheduler killed",
    "scheduler taken over",
];

/// How often each situation was reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sometimes(BTreeMap<&'static str, u64>);

impl Sometimes {
    /// It was reached.
    ///
    /// # Panics
    /// When it is not among [`MOMENTS`].
    pub(crate) fn note(&mut self, moment: &'static str) {
        assert!(MOMENTS.contains(&moment), "{moment} is not listed");
        *self.0.entry(moment).or_default() += 1;
    }

    /// How often.
    pub fn count(&self, moment: &str) -> u64 {
        self.0.get(moment).copied().unwrap_or(0)
    }

    /// Adds another trial's.
    pub fn add(&mut self, other: &Sometimes) {
        for (moment, count) in &other.0 {
            *self.0.entry(moment).or_default() += count;
        }
    }

    /// What was never reached.
    pub fn missing(&self) -> Vec<&'static str> {
        MOMENTS.iter().copied().filter(|moment| self.count(moment) == 0).collect()
    }
}
