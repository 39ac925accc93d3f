//! Task groups on their way to agents: each in one order, so that an agent has all or nothing.

use crate::intake::Turn;
use proto::model::{GroupKey, Order, OwnerId, TaskGroup, task_group::Member};

impl Turn<'_> {
    /// Launches a group that its agent may not have as yet; one that has any of it ignores this.
    pub(super) fn launch_group(&mut self, key: &GroupKey) {
        let Some(group) = self.ledger.group(key) else { return };
        let Some(stream) = self.leader.sessions.orders(&group.agent) else { return };
        let rows = group.tasks().zip(&group.members).map(|(task, (_, part))| {
            let task = self.ledger.task(&task)?.info.clone();
            Some(Member { part: *part, task })
        });
        // What is forgotten has ended: then the agent has had the group.
        let Some(members) = rows.collect::<Option<Vec<_>>>() else { return };
        let (id, on_failure) = (key.group.clone(), group.on_failure);
        let row = self.ledger.framework(key.framework).expect("T6: a known framework");
        let (framework, owner) = (key.framework, OwnerId::new(&row.principal).ok());
        let group = Box::new(TaskGroup { id, members, on_failure });
        self.tell_agent(stream, Order::LaunchGroup { framework, owner, group });
    }
}
