//! Frameworks come, lose their connection, come back, and end.

use super::{
    Applied, Event, Framework, FrameworkState, Kill, Ledger, Stamp, Task,
    frameworks::{framework_removed, framework_unknown},
};
use crate::table::Table;
use proto::model::{
    FrameworkId, FrameworkInfo, Reason, Refusal, RequestId, Session, StatusReason, TaskKey, limits,
};
use std::collections::{BTreeMap, VecDeque};

impl Ledger {
    /// A new framework, or the one that the same call made before.
    pub(super) fn subscribe_by_request(
        &mut self,
        now: Stamp,
        info: &FrameworkInfo,
        principal: &str,
        request: &RequestId,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let by_request = (principal.to_owned(), request.clone());
        if let Some(id) = self.index.by_request.get(&by_request) {
            return self.subscribe_again(now, info, *id, principal, events);
        }
        if self.frameworks.len() >= limits::FRAMEWORKS_MAX {
            let count = self.frameworks.len() + 1;
            return Err(Refusal::limit("framework", count, limits::FRAMEWORKS_MAX));
        }
        let id = FrameworkId(self.next_framework);
        self.next_framework += 1;
        let framework = Framework {
            id,
            info: info.clone(),
            principal: principal.to_owned(),
            request: request.clone(),
            epoch: 1,
            state: FrameworkState::Subscribed,
            changed: now.time,
            allocated: BTreeMap::new(),
            pending_acknowledgements: 0,
            task_count: 0,
            accept_outcomes: VecDeque::new(),
            ended: Table::new(),
        };
        assert!(self.frameworks.insert(id, framework).is_none(), "framework ids are used once");
        self.index.by_request.insert(by_request, id);
        events.push(Event::FrameworkSubscribed(id));
        Ok(Applied::Subscribed { framework: id, epoch: 1 })
    }

    /// Takes a framework over. Another principal's is as unknown as one that never was.
    pub(super) fn subscribe_again(
        &mut self,
        now: Stamp,
        info: &FrameworkInfo,
        id: FrameworkId,
        principal: &str,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let framework = self.frameworks.get(&id).filter(|row| row.principal == principal);
        if framework.ok_or_else(|| framework_unknown(id))?.is_removed() {
            return Err(framework_removed(id));
        }
        let framework = self.frameworks.get_mut(&id).expect("a known framework");
        framework.info = info.clone();
        framework.epoch += 1;
        framework.state = FrameworkState::Subscribed;
        framework.changed = now.time;
        events.push(Event::FrameworkSubscribed(id));
        Ok(Applied::Subscribed { framework: id, epoch: framework.epoch })
    }

    /// Replaces a framework's description; a role in which tasks run stays.
    pub(super) fn update_framework(
        &mut self,
        session: Session,
        info: &FrameworkInfo,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let id = session.framework;
        if self.framework_of_session(session)?.state != FrameworkState::Subscribed {
            let message = format!("{id} has lost its subscription");
            return Err(Refusal::new(Reason::NotSubscribed, message));
        }
        let stranded = |task: &&Task| !task.is_terminal() && !info.roles.contains(&task.role);
        if let Some(task) = self.tasks_of_framework(id).find(stranded) {
            let problem = format!("lack {}, in which the task {} runs", task.role, task.info.id);
            return Err(Refusal::invalid("framework.roles", problem));
        }
        self.frameworks.get_mut(&id).expect("a known framework").info = info.clone();
        events.push(Event::FrameworkUpdated(id));
        Ok(Applied::Done)
    }

    pub(super) fn disconnect_framework(
        &mut self,
        now: Stamp,
        session: Session,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        if self.framework_of_session(session)?.state == FrameworkState::Subscribed {
            let framework = self.frameworks.get_mut(&session.framework);
            let framework = framework.expect("a known framework");
            framework.state = FrameworkState::Disconnected;
            framework.changed = now.time;
            events.push(Event::FrameworkDisconnected(session.framework));
        }
        Ok(Applied::Done)
    }

    /// An expiry that is not, or no longer, due is refused with `FRAMEWORK_FENCED`, as a
    /// subscription that overtook it would have it.
    pub(super) fn remove_framework(
        &mut self,
        now: Stamp,
        session: Session,
        expired: bool,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let id = session.framework;
        let framework = self.framework_of_session(session)?;
        let due = framework.changed + framework.info.failover_timeout;
        if expired && (framework.state != FrameworkState::Disconnected || now.time < due) {
            let message = format!("{id} is connected, or its failover timeout has not passed");
            return Err(Refusal::new(Reason::FrameworkFenced, message));
        }
        let framework = self.frameworks.get_mut(&id).expect("a known framework");
        framework.state = FrameworkState::Removed;
        framework.changed = now.time;
        framework.pending_acknowledgements = 0;
        framework.accept_outcomes.clear();
        events.push(Event::FrameworkRemoved(id));
        let open = self.tasks_of_framework(id).filter(|task| task.is_open());
        let open: Vec<_> = open.map(|task| task.key.clone()).collect();
        for key in &open {
            self.end_task_of_removed(key, now, events);
        }
        self.forget_surplus(id, events);
        Ok(Applied::Done)
    }

    /// Nobody will acknowledge any more: what has ended is settled with that, the rest is to end.
    fn end_task_of_removed(&mut self, key: &TaskKey, now: Stamp, events: &mut Vec<Event>) {
        let task = self.tasks.get_mut(key).expect("a known task");
        if task.is_withheld() {
            task.number();
        }
        task.pending = Vec::new();
        if task.is_terminal() {
            self.settle_task(key, now);
        } else {
            let reason = StatusReason::FrameworkRemoved;
            task.kill.get_or_insert(Kill { grace_period: None, reason });
            events.push(Event::KillRequested(key.clone()));
        }
    }
}
