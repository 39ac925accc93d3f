//! What will happen, by time; what happens at the same time happens in the order in which it was
//! asked for. Time never goes back: nothing can be asked for in the past.

use proto::model::{Duration, Instant};
use std::{cmp::Ordering, collections::BinaryHeap};

/// Events to come, and what time it is.
#[derive(Debug)]
pub struct Queue<E> {
    now: Instant,
    /// Nothing happens before.
    frozen_until: Instant,
    asked: u64,
    heap: BinaryHeap<Pending<E>>,
}

#[derive(Debug)]
struct Pending<E> {
    at: Instant,
    number: u64,
    event: E,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { now: Instant(0), frozen_until: Instant(0), asked: 0, heap: BinaryHeap::new() }
    }
}

impl<E> Queue<E> {
    /// Nothing will happen, at time zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// What time it is.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing will happen.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Asks for an event at a time.
    ///
    /// # Panics
    /// When that time is over.
    pub fn at(&mut self, at: Instant, event: E) {
        assert!(at >= self.now, "asked at {:?} for something at {at:?}", self.now);
        self.asked += 1;
        self.heap.push(Pending { at, number: self.asked, event });
    }

    /// Asks for an event after a while.
    pub fn after(&mut self, wait: Duration, event: E) {
        self.at(self.now + wait, event);
    }

    /// Nothing happens for a while; what was to come happens then, in its order.
    pub fn freeze(&mut self, wait: Duration) {
        self.frozen_until = self.now + wait;
    }

    /// The next event; it becomes its time.
    pub fn next_event(&mut self) -> Option<E> {
        let pending = self.heap.pop()?;
        self.now = pending.at.max(self.frozen_until);
        Some(pending.event)
    }

    /// When the next event happens.
    pub fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|pending| pending.at.max(self.frozen_until))
    }
}

impl<E> PartialEq for Pending<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Pending<E> {}

impl<E> PartialOrd for Pending<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Pending<E> {
    /// The heap gives its greatest first: the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_by_order_of_asking() {
        let mut queue = Queue::new();
        queue.at(Instant(5), "late");
        for name in ["a", "b", "c", "d"] {
            queue.at(Instant(3), name);
        }
        queue.at(Instant(1), "early");
        let mut order = Vec::new();
        while let Some(event) = queue.next_event() {
            if event == "early" {
                queue.after(Duration(2), "e");
            }
            order.push((queue.now().0, event));
        }
        let expected =
            [(1, "early"), (3, "a"), (3, "b"), (3, "c"), (3, "d"), (3, "e"), (5, "late")];
        assert_eq!(order, expected);
    }

    #[test]
    fn what_was_to_come_while_all_stands_still_comes_late_and_in_order() {
        let mut queue = Queue::new();
        queue.at(Instant(2), "first");
        queue.at(Instant(1), "before");
        queue.at(Instant(30), "after");
        queue.next_event();
        queue.freeze(Duration(20));
        assert_eq!(queue.next_at(), Some(Instant(21)));
        assert_eq!((queue.next_event(), queue.now()), (Some("first"), Instant(21)));
        assert_eq!((queue.next_event(), queue.now()), (Some("after"), Instant(30)));
    }

    #[test]
    #[should_panic(expected = "for something at")]
    fn the_past_is_over() {
        let mut queue = Queue::new();
        queue.at(Instant(2), ());
        queue.next_event();
        queue.at(Instant(1), ());
    }
}
