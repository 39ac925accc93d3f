//! C7: a read shows everything that anybody was told of before it was asked.

use master_core::input::CallId;
use std::collections::BTreeMap;

/// What was answered so far, and what each read must show.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    answered: u64,
    asked: BTreeMap<CallId, u64>,
}

impl Reads {
    pub(crate) fn asked(&mut self, call: CallId) {
        self.asked.insert(call, self.answered);
    }

    /// A call was done by a master that has applied so much.
    pub(crate) fn done(&mut self, applied: u64) {
        self.answered = self.answered.max(applied);
    }

    /// A read is answered by a master that has applied so much.
    pub(crate) fn read(&mut self, call: CallId, applied: u64) {
        let before = self.asked.remove(&call).unwrap_or(0);
        assert!(
            applied >= before,
            "C7: a read is of index {applied}, {before} was answered before"
        );
    }
}
