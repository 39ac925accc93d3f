//! A3, P11: once a newer instance of a framework was told that it is subscribed, nothing is done
//! for an older one.

use proto::model::{FrameworkId, SchedulerCall, Session};
use std::collections::BTreeMap;

/// The newest instance of each framework.
#[derive(Debug, Default)]
pub(crate) struct NewestInstance {
    epochs: BTreeMap<FrameworkId, u64>,
}

impl NewestInstance {
    pub(crate) fn subscribed(&mut self, session: Session) {
        let newest = self.epochs.entry(session.framework).or_default();
        *newest = (*newest).max(session.epoch);
    }

    /// A call of this instance was done.
    pub(crate) fn obeyed(&self, session: Session, call: &SchedulerCall) {
        use SchedulerCall::{Accept, Acknowledge, Commit, Teardown, UpdateFramework};
        let Session { framework, epoch } = session;
        let newest = self.epochs.get(&framework).copied().unwrap_or(0);
        // Others are answered by what one leader knows, or are in the name of no instance.
        let is_judged = match call {
            Accept { operations, .. } => !operations.is_empty(),
            Acknowledge { .. } | Commit { .. } | Teardown | UpdateFramework { .. } => true,
            _ => false,
        };
        assert!(
            !is_judged || epoch >= newest,
            "A3: {call:?} of instance {epoch} of {framework} is done, instance {newest} is there"
        );
    }
}
