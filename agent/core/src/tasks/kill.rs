//! Kill: TERM, grace, KILL, and no giving up.
//!
//! The supervisor does the escalation. The core only repeats itself: if the container is still
//! there some time after its grace period, it orders it destroyed, and again, until it is.

use crate::{
    agent::Agent,
    journal::{Kill, TaskRow},
    outbox::{Effect, Outbox},
    tasks::lifecycle::News,
};
use proto::model::{Duration, Instant, StatusReason, TaskKey, TaskState, limits};

impl Kill {
    /// How a task ends that was ended by this order. That it took too long is a failure of its own
    /// and nobody's wish.
    pub(crate) fn news(self, message: impl AsRef<str>) -> News {
        match self.reason {
            StatusReason::MaxCompletionTime => {
                let message = "ran for longer than its max_completion_time";
                News::new(TaskState::Failed, self.reason, message)
            }
            reason => News::new(TaskState::Killed, reason, message),
        }
    }
}

impl Agent {
    /// Takes a kill order.
    ///
    /// For a task that this agent does not know, it answers GONE, with a row of its own that is
    /// sent until it is committed: the task was then never launched here (a row is forgotten only
    /// after its end is committed), and thanks to the row it never will be.
    pub(crate) fn kill(
        &mut self,
        key: &TaskKey,
        grace_period: Option<Duration>,
        reason: StatusReason,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let Some(row) = self.tasks.get(key) else {
            return self.answer_unknown(key, now, outbox);
        };
        // Whoever ends one of a group ends all of it; each has the time that it asked for, unless
        // an order of its own gives it less.
        if let Some(group) = row.group().filter(|_| row.is_live()) {
            let others = self.tasks.of_group(&group).into_iter();
            let others = others.filter(|other| other.key != *key && other.kill.is_none());
            let others: Vec<TaskKey> = others.map(|other| other.key.clone()).collect();
            for other in others {
                self.kill_alone(&other, None, reason, now, outbox);
            }
        }
        self.kill_alone(key, grace_period, reason, now, outbox);
    }

    /// As [`Agent::kill`], of one task that has a row, whatever group it is of.
    pub(crate) fn kill_alone(
        &mut self,
        key: &TaskKey,
        grace_period: Option<Duration>,
        reason: StatusReason,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let Some(row) = self.tasks.get_mut(key).filter(|row| row.is_live()) else { return };
        let own =
            row.task.as_ref().map_or(limits::GRACE_PERIOD_DEFAULT, |task| task.grace_period());
        let grace_period = grace_period.unwrap_or(own).min(limits::GRACE_PERIOD_MAX);
        match row.kill {
            // A repeated order can only make it shorter.
            Some(earlier) if earlier.grace_period <= grace_period => {}
            Some(earlier) => row.kill = Some(Kill { grace_period, ..earlier }),
            None => row.kill = Some(Kill { grace_period, reason }),
        }
        row.state = TaskState::Killing;
        self.tasks.completions.remove(key);
        self.tasks.note_change(key);
        self.record(key, outbox);
        self.repeat_stop(key, now, outbox);
    }

    fn answer_unknown(&mut self, key: &TaskKey, now: Instant, outbox: &mut Outbox) {
        if self.tasks.rows().len() >= limits::TASKS_PER_AGENT_MAX {
            return;
        }
        self.tasks.insert(TaskRow::new(key.clone(), TaskState::Gone));
        let message = "the agent was asked to kill a task that it never launched";
        let news = News::new(TaskState::Gone, StatusReason::KilledDuringLaunch, message);
        self.add_update(key, news, now, outbox);
    }

    /// Orders the end of a task's container if its kill was asked for, and looks after it.
    pub(crate) fn repeat_stop(&mut self, key: &TaskKey, now: Instant, outbox: &mut Outbox) {
        let Some(row) = self.tasks.get(key) else { return };
        let (Some(kill), Some(container), true) = (row.kill, row.container.clone(), row.is_live())
        else {
            return;
        };
        if self.ends_behind_others(row) {
            return;
        }
        let grace_period = Some(kill.grace_period);
        outbox.push(Effect::StopContainer { container, grace_period });
        let check_at = now + kill.grace_period + self.config.kill_overtime;
        self.tasks.kill_checks.set(key, check_at);
    }

    /// Destroys what should have ended by now.
    pub(crate) fn run_kill_checks(&mut self, now: Instant, outbox: &mut Outbox) {
        while let Some(key) = self.tasks.kill_checks.pop(now) {
            let row = self.tasks.get(&key).expect("checks end with the task");
            let container = row.container.clone().expect("a live task has a container");
            outbox.push(Effect::StopContainer { container, grace_period: None });
            let overtime = self.config.kill_overtime.max(Duration(1));
            self.tasks.kill_checks.set(&key, now + overtime);
        }
    }

    /// Ends everything: the cluster has removed this agent and has given its tasks up.
    pub(crate) fn kill_all(&mut self, now: Instant, outbox: &mut Outbox) {
        let live = self.tasks.rows().filter(|row| row.is_live());
        let keys: Vec<TaskKey> = live.map(|row| row.key.clone()).collect();
        for key in keys {
            let reason = StatusReason::AgentRemoved;
            self.kill(&key, Some(Duration::default()), reason, now, outbox);
        }
    }
}
