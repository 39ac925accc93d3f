//! What a reader left out, mended or took for granted, counted. A trace that was read without a
//! word about it is one about which nobody knows what the figures mean.

use std::fmt;

/// Counts by what was done and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notes(Vec<(Note, u64)>);

/// One reason for not taking a row as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// What was done with the row.
    pub action: Action,
    /// Why, as the end of a sentence.
    pub why: &'static str,
}

/// What was done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is not in the stream.
    Skipped,
    /// It is, with a value that the file does not hold in that column.
    Repaired,
}

impl Notes {
    /// A row was left out.
    pub fn skip(&mut self, why: &'static str) {
        self.count(Note { action: Action::Skipped, why }, 1);
    }

    /// A row was mended.
    pub fn repair(&mut self, why: &'static str) {
        self.count(Note { action: Action::Repaired, why }, 1);
    }

    /// So many rows more.
    pub fn count(&mut self, note: Note, rows: u64) {
        match self.0.iter_mut().find(|(known, _)| *known == note) {
            Some((_, count)) => *count = count.saturating_add(rows),
            None => self.0.push((note, rows)),
        }
    }

    /// How often each, in the order in which they were first met.
    pub fn iter(&self) -> impl Iterator<Item = (Note, u64)> {
        self.0.iter().copied()
    }

    /// How many rows were left out.
    pub fn skipped(&self) -> u64 {
        let skipped = self.0.iter().filter(|(note, _)| note.action == Action::Skipped);
        skipped.map(|(_, count)| count).sum()
    }

    /// Whether every row was taken as it stands.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.action {
            Action::Skipped => "skipped",
            Action::Repaired => "repaired",
        };
        write!(formatter, "{action}: {}", self.why)
    }
}
