//! A central scheduler as Hawk has it: a task goes to the worker that is expected to be done with
//! all central tasks first. It knows how long tasks of a job run in the mean, and hears of starts
//! and ends, but nothing of tasks that others sent.

use super::worker::WorkerId;
use simulator::engine::Time;
use std::{collections::BTreeSet, ops::Range};

/// What it knows of its workers.
#[derive(Debug)]
pub(super) struct Central {
    first: WorkerId,
    workers: Vec<Known>,
    /// By when they are done, then by number.
    order: BTreeSet<(Time, WorkerId)>,
}

/// What it knows of one.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// When all that was sent there is done, as far as is known.
    done_at: Time,
    /// Of what was sent there and has not begun, as far as is known.
    waiting: Time,
}

impl Central {
    pub(super) fn new(workers: Range<WorkerId>) -> Self {
        Self {
            first: workers.start,
            workers: vec![Known::default(); workers.len()],
            order: workers.map(|worker| (Time::ZERO, worker)).collect(),
        }
    }

    /// Where a task goes that is expected to run for so long. There is a worker.
    pub(super) fn assign(&mut self, now: Time, estimate: Time) -> WorkerId {
        let (_, worker) = *self.order.first().expect("a central scheduler has workers");
        let known = self.known(worker);
        let done_at = known.done_at.max(now) + estimate;
        self.becomes(worker, Known { done_at, waiting: known.waiting + estimate });
        worker
    }

    /// A task has begun there.
    pub(super) fn began(&mut self, worker: WorkerId, at: Time, estimate: Time) {
        // A sum that reached the end of time has lost what it was of.
        let waiting = Time(self.known(worker).waiting.0.saturating_sub(estimate.0));
        self.becomes(worker, Known { done_at: at + estimate + waiting, waiting });
    }

    /// A task has ended there.
    pub(super) fn ended(&mut self, worker: WorkerId, at: Time) {
        let waiting = self.known(worker).waiting;
        self.becomes(worker, Known { done_at: at + waiting, waiting });
    }

    fn known(&self, worker: WorkerId) -> Known {
        self.workers[(worker - self.first) as usize]
    }

    fn becomes(&mut self, worker: WorkerId, known: Known) {
        let place = &mut self.workers[(worker - self.first) as usize];
        self.order.remove(&(place.done_at, worker));
        self.order.insert((known.done_at, worker));
        *place = known;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_goes_where_it_is_expected_to_begin_first() {
        let mut central = Central::new(2..4);
        assert_eq!(central.assign(Time(0), Time(10)), 2);
        assert_eq!(central.assign(Time(0), Time(4)), 3);
        assert_eq!(central.assign(Time(0), Time(4)), 3, "done at 4, and 10 at the other one");
        assert_eq!(central.assign(Time(0), Time(1)), 3, "done at 8");
        // The first of three has begun late: all are later.
        central.began(3, Time(5), Time(4));
        assert_eq!(central.known(3).done_at, Time(14));
        central.began(2, Time(1), Time(10));
        assert_eq!(central.assign(Time(5), Time(1)), 2, "done at 11, and at 14");
        central.ended(3, Time(6));
        assert_eq!(central.known(3).done_at, Time(11), "it ended early");
        assert_eq!(central.assign(Time(20), Time(7)), 3, "both are done; it was first");
        assert_eq!(central.known(3).done_at, Time(27));
    }
}
