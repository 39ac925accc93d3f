//! Launch: admit against local totals, write the intent, start; never twice.

use super::lifecycle::News;
use crate::{
    agent::Agent,
    journal::{ContainerId, Record, TaskRow},
    outbox::{Effect, Outbox},
};
use proto::model::{
    AgentId, FrameworkId, Instant, OwnerId, Refusal, Resources, StatusReason, TaskInfo, TaskKey,
    TaskState, limits,
};

impl Agent {
    /// Takes a launch order. A task whose row exists is left alone, whatever the order says of it:
    /// an id stands for one task until the row is forgotten, and that happens only after the end of
    /// the task is committed, when no leader of this term or a later one orders it again.
    pub(crate) fn launch(
        &mut self,
        framework: FrameworkId,
        owner: Option<OwnerId>,
        task: Box<TaskInfo>,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let key = TaskKey { framework, task: task.id.clone() };
        if self.tasks.get(&key).is_some() {
            return;
        }
        if self.tasks.rows().len() >= limits::TASKS_PER_AGENT_MAX {
            // No room even for the row that a refusal needs; the leader asks again when it
            // registers this agent the next time.
            let limit =
                Refusal::limit("tasks", self.tasks.rows().len(), limits::TASKS_PER_AGENT_MAX);
            self.refused_without_row = Some(limit);
            return;
        }
        let mut row = TaskRow {
            task: Some(task.clone()),
            owner: owner.clone(),
            ..TaskRow::new(key.clone(), TaskState::Staging)
        };
        let admitted = self.check_volumes(&task);
        if let Err(news) = admitted.and_then(|()| self.admit(&task.agent, &task.resources)) {
            row.state = news.state;
            self.tasks.insert(row);
            return self.add_update(&key, news, now, outbox);
        }
        let container = self.new_container();
        row.container = Some(container.clone());
        self.tasks.insert(row);
        self.record(&key, outbox);
        outbox.push(Effect::StartContainer { container, key, owner, task });
    }

    /// Promises what is to be launched its resources, or says what to answer.
    pub(crate) fn admit(&mut self, agent: &AgentId, wanted: &Resources) -> Result<(), News> {
        if *agent != self.config.info.id {
            let message = format!("the task is meant for the agent {agent}");
            return Err(News::new(TaskState::Error, StatusReason::TaskInvalid, message));
        }
        if self.journal_low {
            let message = "the disk under the agent's journal is nearly full";
            return Err(News::new(TaskState::Dropped, StatusReason::AgentCapacity, message));
        }
        self.tasks.capacity.admit(wanted).map_err(|error| {
            let message = format!("the agent does not have what the task needs: {error}");
            News::new(TaskState::Dropped, StatusReason::AgentCapacity, message)
        })
    }

    pub(crate) fn new_container(&mut self) -> ContainerId {
        loop {
            let container = ContainerId::numbered(self.jitter.draw());
            if !self.tasks.has_container(&container) {
                return container;
            }
        }
    }

    /// Puts the task's row into the journal as it is now.
    pub(crate) fn record(&self, key: &TaskKey, outbox: &mut Outbox) {
        let row = self.tasks.get(key).expect("the caller has just seen the row");
        outbox.record(Record::Task(Box::new(row.clone())));
    }
}
