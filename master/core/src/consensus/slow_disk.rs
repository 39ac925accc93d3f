//! Whether a leader's own disk is what everybody waits for.
//!
//! Raft applies on a leader only what its own disk holds, so that a slow one makes every answer
//! late, though a quorum of others has it long since. One entry at a time is watched from the tick
//! in which it was there: the disk is too slow when the others needed a fraction of the time that
//! it has taken so far, and that is long. Where all disks are alike nobody moves, however slow they
//! are: a write waits for one that is under way at most, so that one disk takes twice as long as
//! another. Does not know clocks: a process that stood still has counted nothing.

use super::Consensus;
use proto::model::{NodeId, limits};

/// How far a leader's log has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached {
    term: u64,
    /// The newest entry.
    last: u64,
    /// The newest one on the leader's disk.
    own: u64,
    /// The newest one on a quorum of disks.
    committed: u64,
}

/// An entry and its age.
#[derive(Debug, Clone, Copy, Default)]
struct Watched {
    term: u64,
    index: u64,
    ticks: u64,
    /// After how many a quorum had it that this member was not needed for.
    others: Option<u64>,
}

/// Watches the disk of a member while it leads.
#[derive(Debug, Default)]
pub(crate) struct SlowDisk {
    newest: Watched,
    watched: Option<Watched>,
}

impl SlowDisk {
    /// Another tick. The entry that the disk should have had long since, if there is one: said once
    /// in as many ticks as make a disk slow.
    pub(crate) fn tick(&mut self, reached: Option<Reached>, election_ticks: usize) -> Option<u64> {
        let Some(now) = reached else {
            *self = Self::default();
            return None;
        };
        let patience =
            u64::try_from(election_ticks).expect("few ticks") * limits::SLOW_DISK_ELECTION_TIMEOUTS;
        if (self.newest.term, self.newest.index) == (now.term, now.last) {
            self.newest.grow(now);
        } else {
            self.newest = Watched { term: now.term, index: now.last, ..Watched::default() };
        }
        match &mut self.watched {
            Some(watched) if watched.term == now.term && now.own < watched.index => {
                watched.grow(now);
                let others = watched.others?;
                let is_slow = watched.ticks >= patience.max(limits::SLOW_DISK_RATIO * others);
                // Should nobody take over, there is time to serve before the next try.
                is_slow.then(|| std::mem::take(&mut watched.ticks)).map(|_| watched.index)
            }
            _ => {
                self.watched = (now.own < now.last).then_some(self.newest);
                None
            }
        }
    }
}

impl Watched {
    fn grow(&mut self, now: Reached) {
        self.ticks += 1;
        if self.others.is_none() && now.committed >= self.index {
            self.others = Some(self.ticks);
        }
    }
}

impl Consensus {
    /// How far the log has come, of a leader.
    pub(crate) fn reached(&self) -> Option<Reached> {
        let raft = &self.node.raft;
        self.is_leader().then(|| Reached {
            term: raft.term,
            last: raft.raft_log.last_index(),
            own: self.matched(NodeId(raft.id)),
            committed: self.committed(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELECTION: usize = 10;

    /// Disks whose syncs take so many ticks, one after another; the first is the leader's. Entries
    /// come each so many ticks. The tick at which the leader's is found to be slow.
    fn slow_after(syncs: [u64; 3], phases: [u64; 3], every: u64, ticks: u64) -> Option<u64> {
        let mut disk = SlowDisk::default();
        let (mut last, mut held, mut writing) = (0, [0; 3], [0; 3]);
        for tick in 1..=ticks {
            last += u64::from(tick % every == 0);
            for (at, sync) in syncs.into_iter().enumerate() {
                if (tick + phases[at]).is_multiple_of(sync) {
                    held[at] = writing[at];
                    writing[at] = last;
                }
            }
            let mut sorted = held;
            sorted.sort_unstable();
            let reached = Reached { term: 1, last, own: held[0], committed: sorted[1] };
            if disk.tick(Some(reached), ELECTION).is_some() {
                return Some(tick);
            }
        }
        None
    }

    #[test]
    fn a_slow_disk_among_fast_ones_is_found() {
        for sync in [30, 40, 50] {
            for every in [1, 7] {
                let found = slow_after([sync, 1, 1], [0; 3], every, 1_000);
                assert!(found.is_some_and(|tick| tick <= 4 * sync), "{sync} {every}: {found:?}");
            }
        }
    }

    #[test]
    fn leadership_stays_where_it_would_not_be_better_elsewhere() {
        for sync in [1, 5, 30, 50, 200] {
            for every in [1, 3, 7, 40, 90] {
                for (a, b) in (0..7).flat_map(|a| (0..7).map(move |b| (a, b))) {
                    let phases = [0, a * sync / 7, b * sync / 7];
                    let alike = slow_after([sync; 3], phases, every, 3_000);
                    assert_eq!(alike, None, "all alike: {sync}, {every}, {phases:?}");
                    let most = slow_after([sync, sync, 1], phases, every, 3_000);
                    assert_eq!(most, None, "two of three: {sync}, {every}, {phases:?}");
                }
            }
        }
        // Late, but not so late that a change of leader is worth it.
        assert_eq!(slow_after([10, 1, 1], [0; 3], 1, 10_000), None);
    }

    #[test]
    fn who_leads_no_longer_is_not_watched() {
        let mut disk = SlowDisk::default();
        let behind = Reached { term: 1, last: 9, own: 5, committed: 9 };
        let mut wait = |ticks, reached| {
            let found = (0..ticks).filter_map(|_| disk.tick(reached, ELECTION));
            found.collect::<Vec<_>>()
        };
        assert!(wait(29, Some(behind)).is_empty());
        assert!(wait(1, None).is_empty());
        assert!(wait(29, Some(behind)).is_empty());
        assert_eq!(wait(60, Some(behind)).len(), 2, "and not at each tick");
    }
}
