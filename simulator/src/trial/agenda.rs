//! What will happen in a trial: the engine's queue in the cores' own milliseconds, with moments at
//! which the whole cluster's machines stand still.

use crate::engine::{Queue, Time};
use proto::model::{Duration, Instant};

/// Events to come, and what time it is.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    queue: Queue<E>,
    /// Of the last event: later than it was to come when everything stood still.
    now: Instant,
    /// Nothing happens before.
    frozen_until: Instant,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Self {
        Self { queue: Queue::new(), now: Instant(0), frozen_until: Instant(0) }
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Asks for an event at a time.
    ///
    /// # Panics
    /// When that time is over.
    pub(crate) fn at(&mut self, at: Instant, event: E) {
        assert!(at >= self.now, "asked at {:?} for something at {at:?}", self.now);
        self.queue.at(Time::milliseconds(at.0), event);
    }

    /// Asks for an event after a while.
    pub(crate) fn after(&mut self, wait: Duration, event: E) {
        self.at(self.now + wait, event);
    }

    /// Nothing happens for a while; what was to come happens then, in its order.
    pub(crate) fn freeze(&mut self, wait: Duration) {
        self.frozen_until = self.now + wait;
    }

    /// The next event; it becomes its time.
    pub(crate) fn next_event(&mut self) -> Option<E> {
        let event = self.queue.next_event()?;
        Some(self.has_come(event))
    }

    /// The next event before a time; it becomes its time.
    pub(crate) fn next_before(&mut self, end: Instant) -> Option<E> {
        if self.frozen_until >= end {
            return None;
        }
        let event = self.queue.next_before(Time::milliseconds(end.0))?;
        Some(self.has_come(event))
    }

    fn has_come(&mut self, event: E) -> E {
        let due = Instant(self.queue.now().0 / Time::milliseconds(1).0);
        self.now = due.max(self.frozen_until);
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_to_come_while_all_stands_still_comes_late_and_in_order() {
        let mut agenda = Agenda::new();
        agenda.at(Instant(2), "first");
        agenda.at(Instant(1), "before");
        agenda.at(Instant(30), "after");
        let end = Instant(31);
        assert_eq!(agenda.next_before(end), Some("before"));
        agenda.freeze(Duration(20));
        assert_eq!(agenda.next_before(Instant(21)), None);
        assert_eq!((agenda.next_before(end), agenda.now()), (Some("first"), Instant(21)));
        assert_eq!((agenda.next_before(end), agenda.now()), (Some("after"), Instant(30)));
        assert_eq!(agenda.next_before(end), None);
    }
}
