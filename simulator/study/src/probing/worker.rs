//! A worker: one task at a time, and a queue of what comes after it.

use super::jobs::JobId;
use simulator::engine::Time;
use std::collections::VecDeque;

/// A worker by its number, from 0. Those of the short partition come first.
pub(super) type WorkerId = u32;

/// A task of a job, by its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) job: JobId,
    pub(super) number: u32,
}

/// What waits at a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// A task that was sent here, when it came, and whether its job is handled centrally.
    Task { task: Task, came: Time, is_central: bool },
    /// The worker asks the job for a task when it is this one's turn.
    Reservation(JobId),
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Doing {
    /// Nothing; its queue is empty.
    #[default]
    Nothing,
    /// It has asked a job for a task and waits for the answer.
    Asking,
    /// It runs a task, which was bound to it before that.
    Running { task: Task, placed: Time, began: Time, is_central: bool },
}

/// A worker.
#[derive(Debug, Default)]
pub(super) struct Worker {
    pub(super) doing: Doing,
    pub(super) queue: VecDeque<Entry>,
    /// It has asked another worker for work.
    pub(super) is_stealing: bool,
}

impl Worker {
    /// What a probe is told: tasks here, with the one that runs.
    pub(super) fn load(&self) -> usize {
        self.queue.len() + usize::from(self.doing != Doing::Nothing)
    }

    /// What another worker may take: of the first reservations in a row that wait behind a central
    /// task, all. Those whose job needs them no longer are dropped.
    pub(super) fn give(&mut self, is_wanted: impl Fn(JobId) -> bool) -> Vec<JobId> {
        self.queue.retain(|entry| !matches!(entry, Entry::Reservation(job) if !is_wanted(*job)));
        let is_central = |entry: &Entry| matches!(entry, Entry::Task { is_central: true, .. });
        let first = match self.doing {
            Doing::Running { is_central: true, .. } => 0,
            _ => match self.queue.iter().position(is_central) {
                Some(place) => place + 1,
                None => return Vec::new(),
            },
        };
        let job = |entry: &Entry| match entry {
            Entry::Reservation(job) => Some(*job),
            Entry::Task { .. } => None,
        };
        let group: Vec<JobId> = self.queue.range(first..).map_while(job).collect();
        self.queue.drain(first..first + group.len());
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_behind_a_central_task_is_given_away() {
        let task = Task { job: 1, number: 0 };
        let came = Time::ZERO;
        let central = Entry::Task { task, came, is_central: true };
        let queue = |numbers: &[u32]| -> VecDeque<Entry> {
            numbers
                .iter()
                .map(|number| if *number == 0 { central } else { Entry::Reservation(*number) })
                .collect()
        };
        let give = |doing, waiting: &[u32]| {
            let mut worker = Worker { doing, queue: queue(waiting), is_stealing: false };
            let given = worker.give(|job| job != 9);
            (given, worker.queue)
        };
        let [long, short] = [true, false].map(|is_central| Doing::Running {
            task,
            placed: came,
            began: came,
            is_central,
        });
        assert_eq!(give(long, &[2, 9, 3, 0, 4]), (vec![2, 3], queue(&[0, 4])));
        assert_eq!(give(short, &[2, 0, 3, 4, 9, 0, 5]), (vec![3, 4], queue(&[2, 0, 0, 5])));
        assert_eq!(give(Doing::Asking, &[0, 3]), (vec![3], queue(&[0])));
        assert_eq!(give(short, &[2, 3]), (vec![], queue(&[2, 3])));
        assert_eq!(give(long, &[0, 3]), (vec![], queue(&[0, 3])));
        assert_eq!(give(Doing::Nothing, &[]), (vec![], queue(&[])));
    }
}
