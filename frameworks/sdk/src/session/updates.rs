//! At-least-once updates become exactly-once effects, and acknowledgements leave in batches.
//!
//! Every update has a number within its task. What was delivered is remembered by its number, so
//! that a repeat is acknowledged again and goes no further. A lost connection puts every
//! acknowledgement that is not confirmed in doubt. The master repeats exactly the updates whose
//! acknowledgement it does not have, before anything else on the new stream, and each repeat brings
//! its acknowledgement back; what is still in doubt at the first heartbeat had arrived.

use crate::model::{TaskId, TaskState, TaskStatus, limits};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Ended tasks whose numbers are kept. A repeat is never further behind than what the master may
/// have queued on one stream, plus as much again that waits in this process.
const ENDED_MAX: usize = 2 * limits::OUTBOUND_MESSAGES_MAX;

/// What is known of a task.
#[derive(Debug)]
struct Known {
    /// Highest number delivered to the scheduler.
    delivered: u64,
    /// Highest number that the scheduler has dealt with.
    handled: u64,
    /// The last state delivered.
    state: TaskState,
}

/// Tasks, what was delivered of them, and what is to be acknowledged.
#[derive(Debug, Default)]
pub(super) struct Updates {
    tasks: BTreeMap<TaskId, Known>,
    /// Ended and dealt with, oldest first.
    ended: VecDeque<TaskId>,
    /// Not sent yet: the highest number of each task.
    waiting: BTreeMap<TaskId, u64>,
    /// Batches to send as they are: halves of one that was refused.
    halves: VecDeque<Vec<(TaskId, u64)>>,
    /// Sent on a connection that is gone, or kept back when it went.
    doubtful: BTreeMap<TaskId, u64>,
    /// Asked about by the session itself; an answer that says nothing new is swallowed.
    checking: BTreeSet<TaskId>,
}

impl Known {
    fn is_ended(&self) -> bool {
        self.state.is_terminal() || self.state == TaskState::Unknown
    }
}

impl Updates {
    /// Tasks that an accept has launched.
    pub(super) fn launched(&mut self, tasks: &[TaskId]) {
        for task in tasks {
            let fresh = Known { delivered: 0, handled: 0, state: TaskState::Staging };
            let known = self.tasks.entry(task.clone()).or_insert(fresh);
            // A name that comes back after its task was forgotten by the cluster counts anew.
            if known.is_ended() {
                *known = Known { delivered: 0, handled: 0, state: TaskState::Staging };
                self.ended.retain(|ended| ended != task);
            }
        }
    }

    /// Whether the scheduler is to hear of this status. A repeat is put in line for its
    /// acknowledgement at once.
    pub(super) fn take(&mut self, status: &TaskStatus) -> bool {
        let is_checked = self.checking.remove(&status.task);
        let Some(known) = self.tasks.get_mut(&status.task) else {
            let fresh = Known { delivered: status.sequence, handled: 0, state: status.state };
            let is_over = status.sequence == 0 && fresh.is_ended();
            // Nothing more will come: there is nothing to remember.
            if !is_over {
                self.tasks.insert(status.task.clone(), fresh);
            }
            return true;
        };
        if status.sequence == 0 {
            let is_news = known.state != status.state && !known.is_ended();
            if is_news {
                known.state = status.state;
                if known.is_ended() {
                    self.ended.push_back(status.task.clone());
                }
            }
            return is_news || (!is_checked && !self.is_ended(&status.task));
        }
        if status.sequence > known.delivered && !known.is_ended() {
            known.delivered = status.sequence;
            known.state = status.state;
            return true;
        }
        // Ended by the answer to a reconciliation before its own update came: the scheduler knows.
        if known.is_ended() && status.sequence > known.delivered {
            known.delivered = status.sequence;
            known.handled = status.sequence;
        }
        if status.sequence <= known.handled {
            self.doubtful.remove(&status.task);
            self.waiting.insert(status.task.clone(), known.handled);
        }
        false
    }

    fn is_ended(&self, task: &TaskId) -> bool {
        self.tasks.get(task).is_some_and(Known::is_ended)
    }

    /// The scheduler has dealt with an update and all earlier ones of its task.
    pub(super) fn handled(&mut self, task: &TaskId, sequence: u64) {
        let Some(known) = self.tasks.get_mut(task) else { return };
        // Never more than was delivered: the author may have typed the number.
        let sequence = sequence.min(known.delivered);
        if sequence <= known.handled {
            return;
        }
        known.handled = sequence;
        if known.is_ended() && sequence == known.delivered {
            self.ended.push_back(task.clone());
        }
        self.doubtful.remove(task);
        self.waiting.insert(task.clone(), sequence);
        while self.ended.len() > ENDED_MAX {
            if let Some(oldest) = self.ended.pop_front() {
                self.tasks.remove(&oldest);
            }
        }
    }

    /// The next acknowledgements to send in one call.
    pub(super) fn next_batch(&mut self) -> Option<Vec<(TaskId, u64)>> {
        if let Some(half) = self.halves.pop_front() {
            return Some(half);
        }
        if self.waiting.len() <= limits::ACKNOWLEDGEMENTS_PER_CALL_MAX {
            let all = std::mem::take(&mut self.waiting);
            return (!all.is_empty()).then(|| all.into_iter().collect());
        }
        let first = std::iter::from_fn(|| self.waiting.pop_first());
        Some(first.take(limits::ACKNOWLEDGEMENTS_PER_CALL_MAX).collect())
    }

    /// A batch was not taken for now.
    pub(super) fn put_back(&mut self, batch: Vec<(TaskId, u64)>) {
        for (task, sequence) in batch {
            let waiting = self.waiting.entry(task).or_default();
            *waiting = sequence.max(*waiting);
        }
    }

    /// A batch was refused for good: find the one that is at fault by halving, and drop it.
    pub(super) fn refused(&mut self, mut batch: Vec<(TaskId, u64)>) {
        if batch.len() > 1 {
            let second = batch.split_off(batch.len() / 2);
            self.halves.push_back(batch);
            self.halves.push_back(second);
        }
    }

    /// The connection is gone, and with it the answers to these batches; see the header.
    pub(super) fn disconnected(&mut self, unanswered: Vec<Vec<(TaskId, u64)>>) {
        let waiting = std::mem::take(&mut self.waiting);
        let halves = std::mem::take(&mut self.halves);
        let batches = unanswered.into_iter().chain(halves);
        self.doubtful.extend(batches.flatten());
        // Last: these are the higher numbers.
        self.doubtful.extend(waiting);
        self.checking.clear();
    }

    /// Every repeat of a new connection has come.
    pub(super) fn caught_up(&mut self) {
        self.doubtful.clear();
    }

    /// No time to wait for repeats: acknowledge once more what is in doubt.
    pub(super) fn settle_doubts(&mut self) {
        let doubtful = std::mem::take(&mut self.doubtful);
        self.put_back(doubtful.into_iter().collect());
    }

    /// Tasks that are thought to live; an answer about one that says nothing new is swallowed.
    pub(super) fn begin_check(&mut self) -> Vec<TaskId> {
        let live = self.tasks.iter().filter(|(_, known)| !known.is_ended());
        let live: Vec<TaskId> = live.map(|(task, _)| task.clone()).collect();
        self.checking.extend(live.iter().cloned());
        live
    }

    /// Whether nothing waits to be acknowledged.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.halves.is_empty() && self.doubtful.is_empty()
    }
}
