//! What is on its way to the disk: writes in order, each with a number of ours, until the disk has
//! confirmed it. Raft numbers only those that it asked for. Does not know what is in them, but for
//! the term.

use crate::outbox::Persist;
use proto::planted::{self, Bug};
use std::collections::VecDeque;

/// A write that is under way.
#[derive(Debug)]
struct Write {
    number: u64,
    /// What raft calls it.
    raft_number: Option<u64>,
    /// The term on disk once it is done.
    term: u64,
}

/// Something that must not be forgotten, and is not acted upon before it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// There is nothing to write.
    Kept,
    /// To be written.
    Due,
    /// Asked for, as the write of this number.
    Asked(u64),
}

#[derive(Debug)]
pub(crate) struct Writes {
    under_way: VecDeque<Write>,
    last_number: u64,
    durable_term: u64,
}

impl Writes {
    /// Nothing is under way on a disk that holds this term.
    pub(crate) fn new(term: u64) -> Self {
        Self { under_way: VecDeque::new(), last_number: 0, durable_term: term }
    }

    /// Numbers a write that is asked for now.
    pub(crate) fn ask(&mut self, persist: &mut Persist, raft_number: Option<u64>) -> u64 {
        self.last_number += 1;
        persist.number = self.last_number;
        let before = self.under_way.back().map_or(self.durable_term, |write| write.term);
        let term = persist.hard_state.as_ref().map_or(before, |state| state.term);
        assert!(term >= before, "terms only grow");
        self.under_way.push_back(Write { number: self.last_number, raft_number, term });
        self.last_number
    }

    /// The disk has confirmed everything up to this number; what raft calls the last of it.
    pub(crate) fn confirmed(&mut self, number: u64) -> Option<u64> {
        let mut raft_number = None;
        while let Some(write) = self.under_way.pop_front_if(|write| write.number <= number) {
            raft_number = write.raft_number.or(raft_number);
            self.durable_term = write.term;
        }
        raft_number
    }

    /// Whether the disk has this term.
    pub(crate) fn has_term(&self, term: u64) -> bool {
        self.durable_term >= term || planted::is(Bug::TermNotAwaited)
    }

    /// Whether nothing that raft asked for is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.iter().all(|write| write.raft_number.is_none())
    }

    /// Whether what must not be forgotten is on disk.
    pub(crate) fn has_kept(&self, promise: Promise) -> bool {
        match promise {
            Promise::Kept => true,
            Promise::Due => false,
            Promise::Asked(number) => {
                self.under_way.front().is_none_or(|write| write.number > number)
            }
        }
    }
}
