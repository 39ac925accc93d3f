//! What was proposed and who waits for it.
//!
//! A successful proposal promises nothing: an entry is ours only if it is applied at the index and
//! in the term at which it was proposed. Whoever waits for anything else learns that the outcome is
//! unknown.

use proto::model::limits;
use std::collections::VecDeque;

/// One log entry's worth of waiters, one per command.
#[derive(Debug)]
struct Entry<W> {
    index: u64,
    term: u64,
    waiters: Vec<W>,
}

/// Waiters in log order; bounded by [`limits::PROPOSALS_IN_FLIGHT_MAX`] commands.
#[derive(Debug)]
pub(crate) struct Proposals<W> {
    entries: VecDeque<Entry<W>>,
    commands: usize,
}

impl<W> Proposals<W> {
    pub(crate) fn new() -> Self {
        Self { entries: VecDeque::new(), commands: 0 }
    }

    /// Commands in flight.
    pub(crate) fn commands(&self) -> usize {
        self.commands
    }

    pub(crate) fn push(&mut self, index: u64, term: u64, waiters: Vec<W>) {
        assert!(self.entries.back().is_none_or(|last| last.index < index), "in log order");
        self.commands += waiters.len();
        assert!(self.commands <= limits::PROPOSALS_IN_FLIGHT_MAX + limits::COMMANDS_PER_BATCH_MAX);
        self.entries.push_back(Entry { index, term, waiters });
    }

    /// The waiters of the entry that was applied, if it is the one that they wait for.
    pub(crate) fn applied(&mut self, index: u64, term: u64) -> Option<Vec<W>> {
        let front = self.entries.front()?;
        assert!(front.index >= index, "entries are applied in order, waiters leave with them");
        if (front.index, front.term) != (index, term) {
            return None;
        }
        let entry = self.entries.pop_front()?;
        self.commands -= entry.waiters.len();
        Some(entry.waiters)
    }

    /// Everybody who still waits: leadership is lost, no outcome will be known.
    pub(crate) fn abandon(&mut self) -> Vec<W> {
        self.commands = 0;
        self.entries.drain(..).flat_map(|entry| entry.waiters).collect()
    }
}
