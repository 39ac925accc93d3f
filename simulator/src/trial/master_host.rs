//! A master's machine: its disk, and the process on it, which may be down, paused, or a later life
//! of one that died. Every life has a clock of its own.

use super::{
    clock::Clock,
    disk::{Disk, Dump},
    event::{Happening, Process},
};
use master_core::{Input, Master, Now, ledger::Members, outbox::SnapshotMark};
use proto::model::{Instant, NodeId, WallTime};

/// Which writes a disk refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failing {
    /// The next.
    Once,
    /// All.
    Always,
}

/// One machine.
#[derive(Debug)]
pub(crate) struct MasterHost {
    pub(crate) node: NodeId,
    pub(crate) disk: Disk,
    pub(crate) master: Option<Master>,
    pub(crate) life: u64,
    /// Stopped by a signal: it does nothing, and everything waits for it.
    pub(crate) paused: bool,
    pub(crate) deferred: Vec<Happening>,
    pub(crate) inbox: Vec<Input>,
    pub(crate) turn_asked: bool,
    /// Written one at a time.
    pub(crate) snapshot: Option<(SnapshotMark, Dump)>,
    pub(crate) slow_disk: bool,
    /// How often this life has left leadership to a faster disk, as it was looked at last.
    pub(crate) left_to_faster_disks: u64,
    pub(crate) failing: Option<Failing>,
    /// Its software is of before.
    pub(crate) old: bool,
    pub(crate) clock: Clock,
    /// How wrong its wall clock is, besides.
    pub(crate) wall_shift_ms: i64,
    /// Its disk was wiped, and it may not vote again yet.
    pub(crate) rejoining: bool,
    pub(crate) installed_snapshot: bool,
    /// A spare that nobody has started yet.
    pub(crate) absent: bool,
    /// Somebody has applied its removal, and may have died since.
    pub(crate) retired: bool,
    /// It was removed, and its process has ended by itself.
    pub(crate) gone: bool,
    /// What it must stop for, once the effects before that are executed.
    pub(crate) ending: bool,
    /// Whom it hears, as the core said last.
    pub(crate) roster: Members,
}

impl MasterHost {
    pub(crate) fn new(node: NodeId) -> Self {
        Self {
            node,
            disk: Disk::default(),
            master: None,
            life: 0,
            paused: false,
            deferred: Vec::new(),
            inbox: Vec::new(),
            turn_asked: false,
            snapshot: None,
            slow_disk: false,
            left_to_faster_disks: 0,
            failing: None,
            old: false,
            clock: Clock::started(Instant(0), Instant(0)),
            wall_shift_ms: 0,
            rejoining: false,
            installed_snapshot: false,
            absent: false,
            retired: false,
            gone: false,
            ending: false,
            roster: Members::default(),
        }
    }

    /// A new life begins; its clock starts anywhere.
    pub(crate) fn begin(&mut self, at: Instant, clock_origin: u64) {
        self.life += 1;
        self.clock = Clock::started(at, Instant(clock_origin));
        self.paused = false;
        self.installed_snapshot = false;
        self.roster = Members::default();
        self.turn_asked = false;
        assert!(self.deferred.is_empty() && self.inbox.is_empty(), "left over from a life");
    }

    /// The process ends; what was in its memory is lost.
    pub(crate) fn end(&mut self) {
        self.master = None;
        self.paused = false;
        self.deferred.clear();
        self.inbox.clear();
        self.snapshot = None;
    }

    pub(crate) fn is_up(&self) -> bool {
        self.master.is_some()
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.master.as_ref().is_some_and(Master::is_serving)
    }

    pub(crate) fn process(&self, host: usize) -> Process {
        Process { host, life: self.life }
    }

    /// What the process's clocks say.
    pub(crate) fn now(&self, at: Instant) -> Now {
        let monotonic = self.clock.shows(at);
        // Wall clocks are wrong by as much as they like: nothing may depend on them.
        let wall = 1_700_000_000_000 + self.node.0 * 10_000_000 + at.0;
        let wall = WallTime(wall.saturating_add_signed(self.wall_shift_ms));
        Now { monotonic, wall }
    }
}
