//! Reads that wait for their read-index. One request to the group serves all that came in a turn.

use super::Viewer;
use crate::input::{CallId, OperatorCall};
use std::collections::VecDeque;

/// One read.
#[derive(Debug)]
pub(crate) struct Read {
    /// Where the answer goes.
    pub(crate) call: CallId,
    /// Who asks.
    pub(crate) viewer: Viewer,
    /// What is asked.
    pub(crate) request: OperatorCall,
}

/// Reads in order of arrival: first those with a known index, then those asked for, then the new.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    new: Vec<Read>,
    asked: VecDeque<(u64, Vec<Read>)>,
    confirmed: VecDeque<(u64, Vec<Read>)>,
    next_token: u64,
    waiting: usize,
}

impl Reads {
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    pub(crate) fn push(&mut self, read: Read) {
        self.waiting += 1;
        self.new.push(read);
    }

    /// The token of the next request to the group, when anybody waits for one.
    ///
    /// A request can be lost with a message; a later one's answer confirms the earlier ones too, so
    /// that while anything is unconfirmed the caller may ask again.
    pub(crate) fn ask(&mut self) -> Option<u64> {
        if self.new.is_empty() {
            return None;
        }
        self.next_token += 1;
        self.asked.push_back((self.next_token, std::mem::take(&mut self.new)));
        Some(self.next_token)
    }

    /// The newest request that nobody has answered; to be repeated on a tick.
    pub(crate) fn unconfirmed(&self) -> Option<u64> {
        self.asked.back().map(|(token, _)| *token)
    }

    /// Tokens and the indexes that must be applied first.
    pub(crate) fn confirmed(&mut self, states: Vec<(u64, u64)>) {
        for (token, index) in states {
            while self.asked.front().is_some_and(|(asked, _)| *asked <= token) {
                if let Some((_, reads)) = self.asked.pop_front() {
                    self.confirmed.push_back((index, reads));
                }
            }
        }
    }

    /// Reads that may be answered now.
    pub(crate) fn ready(&mut self, applied: u64) -> Vec<Read> {
        let mut ready = Vec::new();
        while self.confirmed.front().is_some_and(|(index, _)| *index <= applied) {
            ready.extend(self.confirmed.pop_front().map(|(_, reads)| reads).unwrap_or_default());
        }
        self.waiting -= ready.len();
        ready
    }

    /// Everybody who still waits.
    pub(crate) fn abandon(&mut self) -> Vec<CallId> {
        self.waiting = 0;
        let asked =
            self.confirmed.drain(..).chain(self.asked.drain(..)).flat_map(|(_, reads)| reads);
        asked.chain(self.new.drain(..)).map(|read| read.call).collect()
    }
}
