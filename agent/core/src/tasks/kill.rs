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
use std::collections::{BTreeMap, BTreeSet};

/// When to look again at each task that should end.
#[derive(Debug, Default)]
pub(crate) struct KillChecks {
    by_time: BTreeSet<(Instant, TaskKey)>,
    by_task: BTreeMap<TaskKey, Instant>,
}

impl KillChecks {
    /// Sets the one check of a task.
    fn set(&mut self, key: &TaskKey, at: Instant) {
        self.remove(key);
        self.by_time.insert((at, key.clone()));
        self.by_task.insert(key.clone(), at);
    }

    pub(crate) fn remove(&mut self, key: &TaskKey) {
        if let Some(at) = self.by_task.remove(key) {
            self.by_time.remove(&(at, key.clone()));
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
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
        let Some(row) = self.tasks.get_mut(key) else {
            return self.answer_unknown(key, now, outbox);
        };
        if !row.is_live() {
            return;
        }
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
        self.record(key, outbox);
        self.repeat_stop(key, now, outbox);
    }

    fn answer_unknown(&mut self, key: &TaskKey, now: Instant, outbox: &mut Outbox) {
        if self.tasks.rows().len() >= limits::TASKS_PER_AGENT_MAX {
            return;
        }
        self.tasks.insert(TaskRow {
            key: key.clone(),
            task: None,
            container: None,
            state: TaskState::Gone,
            sequence: 0,
            pending: Vec::new(),
            kill: None,
            owner: None,
        });
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
        let grace_period = Some(kill.grace_period);
        outbox.push(Effect::StopContainer { container, grace_period });
        let check_at = now + kill.grace_period + self.config.kill_overtime;
        self.tasks.kill_checks.set(key, check_at);
    }

    /// Destroys what should have ended by now.
    pub(crate) fn run_kill_checks(&mut self, now: Instant, outbox: &mut Outbox) {
        while let Some((check_at, key)) = self.tasks.kill_checks.by_time.first().cloned() {
            if check_at > now {
                return;
            }
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
