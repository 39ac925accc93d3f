//! What will happen, by time; what happens at the same time happens in the order in which it was
//! asked for. Time never goes back: nothing can be asked for in the past.

use super::{RadixHeap, Time};

/// Events to come, and what time it is.
#[derive(Debug)]
pub struct Queue<E> {
    now: Time,
    heap: RadixHeap<E>,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { now: Time::ZERO, heap: RadixHeap::new() }
    }
}

impl<E> Queue<E> {
    /// Nothing will happen, at time zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// What time it is.
    pub fn now(&self) -> Time {
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

    /// When the next event happens.
    pub fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(Time)
    }

    /// Asks for an event at a time.
    ///
    /// # Panics
    /// When that time is over.
    pub fn at(&mut self, at: Time, event: E) {
        assert!(at >= self.now, "asked at {} for something at {at}", self.now);
        self.heap.push(at.0, event);
    }

    /// Asks for an event after a while.
    pub fn after(&mut self, wait: Time, event: E) {
        self.at(self.now + wait, event);
    }

    /// The next event; it becomes its time.
    pub fn next_event(&mut self) -> Option<E> {
        self.take(None)
    }

    /// The next event that happens before a time; it becomes its time. Otherwise it stays what time
    /// it is.
    pub fn next_before(&mut self, end: Time) -> Option<E> {
        self.take(Some(end.0))
    }

    fn take(&mut self, end: Option<u64>) -> Option<E> {
        let (at, event) = self.heap.pop_before(end)?;
        self.now = Time(at);
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_by_order_of_asking() {
        let mut queue = Queue::new();
        queue.at(Time(5), "late");
        for name in ["a", "b", "c", "d"] {
            queue.at(Time(3), name);
        }
        queue.at(Time(1), "early");
        let mut order = Vec::new();
        while let Some(event) = queue.next_event() {
            if event == "early" {
                queue.after(Time(2), "e");
            }
            order.push((queue.now().0, event));
        }
        let expected =
            [(1, "early"), (3, "a"), (3, "b"), (3, "c"), (3, "d"), (3, "e"), (5, "late")];
        assert_eq!(order, expected);
    }

    #[test]
    fn what_happens_at_the_end_happens_after_it() {
        let mut queue = Queue::new();
        queue.at(Time(2), "before");
        queue.at(Time(3), "at");
        assert_eq!(queue.next_before(Time(3)), Some("before"));
        assert_eq!((queue.next_before(Time(3)), queue.now()), (None, Time(2)));
        // Between the two something may still be asked for.
        queue.after(Time(0), "now");
        assert_eq!(queue.next_event(), Some("now"));
        assert_eq!((queue.next_event(), queue.now()), (Some("at"), Time(3)));
        assert!(queue.is_empty());
    }

    #[test]
    #[should_panic(expected = "for something at")]
    fn the_past_is_over() {
        let mut queue = Queue::new();
        queue.at(Time(2), ());
        queue.next_event();
        queue.at(Time(1), ());
    }
}
