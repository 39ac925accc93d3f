//! The log as the consensus room sees it: what is written together, and what comes back.
//!
//! The trait is small so that a simulation can keep the log in memory and decide itself what a
//! power cut leaves of it. A [`Batch`] is what one raft `Ready` asks to persist; batches are
//! durable in order, each of them wholly or not at all. This file knows nothing of files.

use std::error::Error;
use std::sync::Arc;

use raft::eraftpb::{ConfState, Entry, HardState};

use super::log_tail::BatchFault;
use super::mark::MarkError;
use super::record::RecordFault;
use super::snapshot_file::SnapshotPointer;

/// A durable consensus log.
pub trait LogStore: Send {
    /// Reads and verifies everything; must be called once before the first [`LogStore::append`].
    fn load(&mut self) -> Result<Restored, LoadError>;

    /// Makes all batches durable, in order, as one atomic step.
    ///
    /// A refused batch changes nothing. After any other error nothing is known about what reached
    /// the disk: the store takes no further writes, and the process must stop.
    fn append(&mut self, batches: &[Batch]) -> Result<(), AppendError>;
}

/// Index and term of an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogPosition {
    /// Index of the entry.
    pub index: u64,
    /// Its term.
    pub term: u64,
}

/// The members of the cluster as of an applied entry.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Membership {
    /// Raft's own description of the members.
    pub conf_state: ConfState,
    /// The entry after which it holds; never beyond the log.
    pub applied: u64,
}

/// A snapshot that becomes part of the log's state.
#[derive(Debug, Clone, PartialEq)]
pub enum SnapshotChange {
    /// Made here from applied entries: the log stays as it is.
    Taken(SnapshotPointer),
    /// Received from the leader: replaces the whole log, which now starts behind it.
    Installed(SnapshotPointer),
}

/// What is to become durable in one step. The parts take effect in the order of the fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Term, vote and commit index.
    pub hard_state: Option<HardState>,
    /// The snapshot file must already be durable.
    pub snapshot: Option<SnapshotChange>,
    /// Entries to append; those already there from the first index on are replaced.
    pub entries: Vec<Entry>,
    /// The members after an applied membership change.
    pub membership: Option<Membership>,
    /// Forget entries up to and including this index, which a snapshot must cover.
    pub compact_to: Option<u64>,
}

/// What a log held when it was loaded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Restored {
    /// Term, vote and commit; the commit index is raised to what is known to be applied.
    pub hard_state: HardState,
    /// The members, if they were ever recorded.
    pub membership: Option<Membership>,
    /// The newest snapshot, whose file is not read here.
    pub snapshot: Option<SnapshotPointer>,
    /// The last forgotten entry; raft still asks for its term.
    pub compacted: LogPosition,
    /// All entries behind `compacted`, without gaps.
    pub entries: Vec<Entry>,
    /// Number of durable steps so far.
    pub sequence: u64,
}

impl Restored {
    /// Whether nothing was ever written: the member has no past in this log.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sequence == 0
    }

    /// Index and term of the last entry.
    #[must_use]
    pub fn last(&self) -> LogPosition {
        self.entries
            .last()
            .map_or(self.compacted, |entry| LogPosition { index: entry.index, term: entry.term })
    }
}

/// Why a log was not loaded. All but `Store` mean damage: nothing is cut off or guessed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store underneath failed or found its file damaged.
    #[error(
        "the log cannot be read; if the disk is healthy, move the data directory away and let this \
         member join again with an empty one"
    )]
    Store {
        /// What it said.
        #[source]
        source: Arc<redb::Error>,
    },
    /// An entry, or the place where it should be, is damaged.
    #[error(
        "the log is damaged at entry {index}; nothing was changed; move the data directory away and \
         let this member join again with an empty one"
    )]
    LogDamaged {
        /// Index of the entry.
        index: u64,
        /// What is wrong there.
        #[source]
        what: LogFault,
    },
    /// One of the named records is damaged.
    #[error(
        "the log's record {record:?} is damaged; nothing was changed; move the data directory away \
         and let this member join again with an empty one"
    )]
    StateDamaged {
        /// Its name.
        record: &'static str,
        /// What is wrong with it.
        #[source]
        what: RecordFault,
    },
    /// The log is older than what this member has acknowledged.
    #[error(
        "the log ends at step {found} but this member has acknowledged step {acknowledged}: \
         an old copy was put back or the file is damaged; move the data directory away and let \
         this member join again with an empty one"
    )]
    RolledBack {
        /// The highest step known to have been acknowledged.
        acknowledged: u64,
        /// The last step in the log.
        found: u64,
    },
}

/// What is wrong at one index of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    /// The record itself.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// Entries before this one are missing.
    #[error("entry {expected} should come here")]
    Gap {
        /// The index that should be here.
        expected: u64,
    },
    /// The entry says that it belongs elsewhere.
    #[error("the entry calls itself {claimed}")]
    WrongIndex {
        /// The index in the entry.
        claimed: u64,
    },
    /// Terms never go back along a log.
    #[error("its term {term} is lower than the term {before} of the entry before it")]
    TermWentBack {
        /// Term of this entry.
        term: u64,
        /// Term of the entry before.
        before: u64,
    },
    /// A member knows the term of everything in its log.
    #[error("its term {term} is higher than the member's own term {current}")]
    TermFromTheFuture {
        /// Term of this entry.
        term: u64,
        /// Term in the hard state.
        current: u64,
    },
    /// Commit index, applied index or snapshot lie beyond the end of the log.
    #[error("it is needed, but the log ends at {last}")]
    BeyondTheEnd {
        /// The last entry.
        last: u64,
    },
    /// Entries were forgotten that no snapshot covers.
    #[error("entries up to here were forgotten and no snapshot covers them")]
    NotCovered,
}

/// Why batches were not made durable.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The batch contradicts the log; nothing was written.
    #[error(transparent)]
    Refused(#[from] BatchFault),
    /// Writing or syncing failed; what reached the disk is unknown and a retry would hide it.
    #[error("the log cannot be written, the process must stop")]
    Write {
        /// What the store said.
        #[source]
        source: Arc<redb::Error>,
    },
    /// The mark could not follow the log.
    #[error("the log was written but not marked as acknowledged, the process must stop")]
    Mark {
        /// What the mark said.
        #[source]
        source: Arc<MarkError>,
    },
    /// An entry needed to check the batch is damaged.
    #[error("the log is damaged at entry {index}, the process must stop")]
    LogDamaged {
        /// Index of the entry.
        index: u64,
        /// What is wrong there.
        #[source]
        what: LogFault,
    },
    /// An earlier write failed.
    #[error("the log takes no writes after an earlier failure")]
    Poisoned {
        /// The earlier failure.
        #[source]
        first: Arc<dyn Error + Send + Sync>,
    },
}
