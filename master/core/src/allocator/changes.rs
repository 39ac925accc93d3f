//! A bounded log of what changed, for readers that remember how far they have read.
//!
//! Nobody needs to be told when it may be cleared: the oldest entries make room, and a reader that
//! is too far behind learns that it has to look at everything.

use std::collections::VecDeque;

/// What changed, in order.
#[derive(Debug, Clone)]
pub struct Changes<T> {
    log: VecDeque<T>,
    /// Entries that were dropped from the front.
    dropped: u64,
    limit: usize,
}

impl<T> Changes<T> {
    /// An empty log that keeps the last `limit` entries.
    pub fn new(limit: usize) -> Self {
        Self { log: VecDeque::new(), dropped: 0, limit }
    }

    /// Adds an entry.
    pub fn note(&mut self, entry: T) {
        self.log.push_back(entry);
        if self.log.len() > self.limit {
            self.log.pop_front();
            self.dropped += 1;
        }
    }

    /// The end of the log as of now, to read on from later.
    pub fn end(&self) -> u64 {
        self.dropped + self.log.len() as u64
    }

    /// The entries after an end that was seen before; `None` when some of them were dropped, or
    /// the end is not of this log.
    pub fn since(&self, end: u64) -> Option<impl Iterator<Item = &T>> {
        let skipped = usize::try_from(end.checked_sub(self.dropped)?).ok()?;
        (skipped <= self.log.len()).then(|| self.log.range(skipped..))
    }
}

#[cfg(test)]
mod tests {
    use super::Changes;

    #[test]
    fn a_reader_gets_each_entry_once_or_learns_that_it_is_late() {
        let mut changes = Changes::new(3);
        let start = changes.end();
        let read = |changes: &Changes<u32>, end| {
            changes.since(end).map(|rest| rest.copied().collect::<Vec<_>>())
        };
        assert_eq!(read(&changes, start), Some(vec![]));
        changes.note(1);
        changes.note(2);
        assert_eq!(read(&changes, start), Some(vec![1, 2]));
        let middle = changes.end();
        assert_eq!(read(&changes, middle), Some(vec![]));
        changes.note(3);
        changes.note(4);
        assert_eq!(read(&changes, start), None, "the first entry is gone");
        assert_eq!(read(&changes, middle), Some(vec![3, 4]));
        assert_eq!(read(&changes, changes.end() + 1), None, "not of this log");
    }
}
