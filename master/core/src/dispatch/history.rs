//! The part of the past that a watcher may resume from.
//!
//! Every replica keeps the same facts under the same numbers (log index, then order within the
//! entry), so that a watch resumes at a new leader. It does not know who watches.

use crate::ledger::{Event, Stamp};
use proto::planted::{self, Bug};
use std::collections::VecDeque;

/// Facts of one entry fit below this bit; the log index stands above it.
const ORDINAL_BITS: u32 = 20;

/// The newest facts, numbered.
#[derive(Debug)]
pub(crate) struct History {
    facts: VecDeque<(u64, Event)>,
    /// The number before the oldest fact that is held.
    before: u64,
    last: u64,
    limit: usize,
}

impl History {
    /// A history that begins after a snapshot or a restart, and keeps so many facts.
    pub(crate) fn starting_at(index: u64, limit: usize) -> Self {
        let before = index << ORDINAL_BITS;
        Self { facts: VecDeque::new(), before, last: before, limit }
    }

    pub(crate) fn record(&mut self, stamp: Stamp, event: &Event) {
        let first = stamp.index << ORDINAL_BITS;
        let number = if self.last < first { first } else { self.last + 1 };
        assert!(number >> ORDINAL_BITS == stamp.index, "an entry's facts fit its numbers");
        self.last = number;
        self.facts.push_back((number, event.clone()));
        if self.facts.len() > self.limit {
            self.before = self.facts.pop_front().map_or(self.before, |(number, _)| number);
        }
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Whether nothing after this number is missing.
    pub(crate) fn reaches(&self, after: u64) -> bool {
        after >= self.before && after <= self.last
    }

    pub(crate) fn after(&self, after: u64) -> impl Iterator<Item = &(u64, Event)> {
        let start = self.facts.partition_point(|(number, _)| *number <= after);
        let skipped = usize::from(planted::is(Bug::WatchSkipsFact));
        self.facts.range(start..).skip(skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(history: &History, after: u64) -> Vec<u64> {
        history.after(after).map(|(number, _)| *number).collect()
    }

    #[test]
    fn the_oldest_facts_make_room_and_are_known_to_be_missing() {
        let mut history = History::starting_at(4, 3);
        let begun = history.last();
        assert!(history.reaches(begun) && !history.reaches(begun - 1));
        for index in [5, 5, 7, 9] {
            let stamp = Stamp { index, ..Stamp::default() };
            history.record(stamp, &Event::MembersChanged);
        }
        let number = |index: u64, ordinal: u64| (index << ORDINAL_BITS) + ordinal;
        let kept = [number(5, 1), number(7, 0), number(9, 0)];
        assert_eq!(numbers(&history, number(5, 0)), kept);
        assert_eq!(numbers(&history, number(7, 0)), kept[2..]);
        assert_eq!(numbers(&history, number(6, 0)), kept[1..], "between two facts");
        assert!(history.reaches(number(5, 0)), "everything after it is there");
        assert!(!history.reaches(begun), "a fact after it is gone");
        assert!(!history.reaches(number(9, 1)), "it has not happened");
    }
}
