//! What follows when tasks give way: their frameworks are told, and at the end of the notice they
//! are told to end.
//!
//! All that one turn has decided is said in as few notices as there are different things to say.

use crate::{
    intake::{Turn, Waiter},
    ledger::{Command, Preempted, Task},
    master::leadership::Timer,
};
use proto::model::{
    FrameworkId, Instant, PreemptionNotice, Priority, Role, SchedulerEvent, TaskId, TaskKey, limits,
};
use std::collections::BTreeMap;

/// Victims by framework, and of each by what is to be said to it.
type Notices = BTreeMap<(FrameworkId, Instant, Priority, Role), Vec<TaskId>>;

impl Turn<'_> {
    /// Tells the frameworks of those who were chosen in this turn.
    pub(crate) fn tell_victims(&mut self) {
        let victims = self.leader.preemption.take_victims();
        if victims.is_empty() {
            return;
        }
        let mut notices = Notices::new();
        for key in victims {
            if let Some(task) = self.ledger.task(&key) {
                add(&mut notices, task, task.preempted.as_deref());
            }
        }
        self.tell_notices_of(notices);
        self.leader.timers.set(Timer::Preempted, self.now.monotonic);
    }

    /// A new subscription: which of its tasks give way.
    pub(super) fn repeat_preemptions(&mut self, framework: FrameworkId) {
        let mut notices = Notices::new();
        let tasks = self.ledger.preempted_tasks();
        for (task, to) in tasks.filter(|(task, _)| task.key.framework == framework) {
            add(&mut notices, task, Some(to));
        }
        self.tell_notices_of(notices);
    }

    /// Ends those whose notice is over; comes back for the next.
    pub(crate) fn preempted_due(&mut self) {
        let waiting = self.ledger.preempted_tasks().filter(|(task, _)| task.kill.is_none());
        let mut due: Vec<TaskKey> = Vec::new();
        let mut next: Option<Instant> = None;
        for (task, to) in waiting {
            match to.deadline <= self.time && due.len() < limits::PREEMPTION_TASKS_MAX {
                true => due.push(task.key.clone()),
                false => next = Some(next.map_or(to.deadline, |next| next.min(to.deadline))),
            }
        }
        if let Some(next) = next {
            let due = self.now.monotonic + next.since(self.time);
            self.leader.timers.set(Timer::Preempted, due);
        }
        if !due.is_empty() {
            self.propose(Command::EndPreempted { tasks: due }, Waiter::Nobody);
        }
    }

    fn tell_notices_of(&mut self, notices: Notices) {
        for ((framework, deadline, priority, role), tasks) in notices {
            if let Some((_, stream)) = self.leader.sessions.framework(framework) {
                let deadline = deadline.since(self.time);
                let notice = PreemptionNotice { tasks, deadline, role, priority };
                self.tell_framework(stream, SchedulerEvent::PreemptionNotice(notice));
            }
        }
    }
}

fn add(notices: &mut Notices, task: &Task, preempted: Option<&Preempted>) {
    let Some(to) = preempted else { return };
    let said = (task.key.framework, to.deadline, to.priority, to.role.clone());
    notices.entry(said).or_default().push(task.key.task.clone());
}
