//! A5: what a role uses does not grow beyond its limit. A limit may be set below what is used.

use crate::trial::event::Process;

/// What was seen of a role last.
#[derive(Debug, Default)]
pub(crate) struct RoleLimits {
    last: Option<(Process, i64, Option<i64>)>,
}

impl RoleLimits {
    /// A leader looks at what is used of something, in thousandths, and at its limit.
    pub(crate) fn look(&mut self, leader: Process, used: i64, limit: Option<i64>) {
        let before = self.last.replace((leader, used, limit));
        let (Some((whose, was, same)), Some(most)) = (before, limit) else { return };
        let is_judged = whose == leader && same == limit;
        assert!(
            !is_judged || used <= most || used <= was,
            "A5: a role goes from {was} to {used} and may use {most}"
        );
    }

    /// Limits have changed, perhaps several times.
    pub(crate) fn changed(&mut self) {
        self.last = None;
    }
}
