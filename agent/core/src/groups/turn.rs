//! Doing what a group's order asks for.

use super::order::{Phase, Seen, Step, due};
use crate::{
    agent::Agent,
    journal::TaskRow,
    outbox::{Effect, Outbox},
};
use proto::model::{
    GroupKey, Instant, OnFailure, StatusReason, TaskKey, TaskState, task_group::Part,
};

impl Agent {
    /// Goes on with every group of which something has changed.
    pub(crate) fn run_groups(&mut self, now: Instant, outbox: &mut Outbox) {
        while let Some(group) = self.tasks.take_changed_group() {
            loop {
                let (keys, seen, on_failure) = self.look_at(&group);
                let steps = due(&seen, on_failure);
                if steps.is_empty() {
                    break;
                }
                for step in steps {
                    self.do_step(step, &keys, now, outbox);
                }
            }
        }
    }

    /// Whether a task that is told to end waits for others to end first: a sidecar serves them.
    pub(crate) fn ends_behind_others(&self, row: &TaskRow) -> bool {
        let is_alone = row.kill.is_some_and(|kill| kill.reason == StatusReason::MaxCompletionTime);
        let group = row.group().filter(|_| row.part() == Some(Part::Sidecar) && !is_alone);
        let rows = group.into_iter().flat_map(|group| self.tasks.of_group(&group));
        rows.into_iter().any(|row| row.is_live() && row.part() != Some(Part::Sidecar))
    }

    /// The group's tasks in their order, as far as they have rows.
    fn look_at(&self, group: &GroupKey) -> (Vec<TaskKey>, Vec<Seen>, OnFailure) {
        let rows = self.tasks.of_group(group);
        let on_failure = rows.first().and_then(|row| row.membership.as_ref());
        let on_failure = on_failure.map_or(OnFailure::default(), |member| member.on_failure);
        let seen = rows.iter().map(|row| Seen {
            part: row.part().expect("it is of a group"),
            phase: phase_of(row),
            is_told: row.kill.is_some(),
            is_stopped: self.tasks.kill_checks.holds(&row.key),
        });
        (rows.iter().map(|row| row.key.clone()).collect(), seen.collect(), on_failure)
    }

    fn do_step(&mut self, step: Step, keys: &[TaskKey], now: Instant, outbox: &mut Outbox) {
        match step {
            Step::Start(index) => self.start_member(&keys[index], outbox),
            Step::Tell(index) => {
                self.kill_alone(&keys[index], None, StatusReason::GroupEnded, now, outbox);
            }
            Step::Stop(index) => self.repeat_stop(&keys[index], now, outbox),
            Step::Drop(index) => {
                let row = self.tasks.get(&keys[index]).expect("it was just seen");
                let kill = row.kill.expect("only who was told is dropped");
                let news = kill.news("it was ended before its turn came");
                self.end_task(&keys[index], news, now, outbox);
            }
        }
    }

    /// Its turn has come: it gets a container.
    fn start_member(&mut self, key: &TaskKey, outbox: &mut Outbox) {
        let container = self.new_container();
        self.tasks.give_container(key, &container);
        self.record(key, outbox);
        let row = self.tasks.get(key).expect("it was just seen");
        let task = row.task.clone().expect("a task that waits has a description");
        let (owner, key) = (row.owner.clone(), key.clone());
        outbox.push(Effect::StartContainer { container, key, owner, task });
    }
}

pub(crate) fn phase_of(row: &TaskRow) -> Phase {
    match (&row.container, row.state) {
        (_, state) if state.is_terminal() => Phase::Ended(state),
        (None, _) => Phase::Waiting,
        (Some(_), TaskState::Staging) => Phase::Starting,
        // Who is told to end is waited for by nobody who would begin.
        (Some(_), _) => Phase::Running,
    }
}
