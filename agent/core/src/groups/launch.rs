//! A group comes: all of it is admitted and written down, or all of it is refused.

use crate::{
    agent::Agent,
    journal::{Membership, TaskRow},
    outbox::Outbox,
    tasks::lifecycle::News,
};
use proto::{
    model::{
        FrameworkId, Instant, OwnerId, Refusal, StatusReason, TaskGroup, TaskKey, TaskState,
        limits, task_group::Part,
    },
    planted::{self, Bug},
};

impl Agent {
    /// Takes an order to launch a group. When any of its tasks has a row, the order is one that was
    /// heard before, or came behind that to kill it; see [`Agent::launch`].
    pub(crate) fn launch_group(
        &mut self,
        framework: FrameworkId,
        owner: Option<&OwnerId>,
        group: TaskGroup,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let key = |task: &proto::model::TaskId| TaskKey { framework, task: task.clone() };
        if group.tasks().any(|task| self.tasks.get(&key(&task.id)).is_some()) {
            return;
        }
        let rows = self.tasks.rows().len() + group.members.len();
        if rows > limits::TASKS_PER_AGENT_MAX {
            let limit = Refusal::limit("tasks", rows, limits::TASKS_PER_AGENT_MAX);
            self.refused_without_row = Some(limit);
            return;
        }
        let shares = self.admit_group(&group);
        let TaskGroup { id, members, on_failure } = group;
        for (index, member) in members.into_iter().enumerate() {
            let share = shares.as_ref().ok().filter(|_| member.part == Part::Init);
            let membership = Membership {
                group: id.clone(),
                part: member.part,
                place: u32::try_from(index).expect("groups are small"),
                on_failure,
                share: share.map(|shares| shares[index].clone()),
            };
            let key = key(&member.task.id);
            let row = TaskRow {
                task: Some(Box::new(member.task)),
                owner: owner.cloned(),
                membership: Some(Box::new(membership)),
                ..TaskRow::new(key.clone(), TaskState::Staging)
            };
            match &shares {
                Ok(_) => {
                    self.tasks.insert(row);
                    if index == 0 || !planted::is(Bug::GroupHalfJournaled) {
                        self.record(&key, outbox);
                    }
                }
                Err(news) => {
                    // It never is one: what is known of it is how it ended.
                    self.tasks.insert(TaskRow { state: news.state, membership: None, ..row });
                    self.add_update(&key, news.clone(), now, outbox);
                }
            }
        }
    }

    /// Promises what the group holds, and says what each of its tasks holds of it.
    fn admit_group(&mut self, group: &TaskGroup) -> Result<Vec<proto::model::Resources>, News> {
        let invalid =
            |message: String| News::new(TaskState::Error, StatusReason::TaskInvalid, message);
        group.check().map_err(|error| invalid(error.to_string()))?;
        let shares = group.shares().map_err(|error| invalid(error.to_string()))?;
        group.tasks().try_for_each(|task| self.check_volumes(task))?;
        let holds = group.holds().map_err(|error| invalid(error.to_string()))?;
        self.admit(&group.members[0].task.agent, &holds)?;
        Ok(shares)
    }
}
