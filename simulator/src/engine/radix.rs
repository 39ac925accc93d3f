//! A monotone radix heap: the queue of a simulation, in which nothing is asked for in the past.
//!
//! An event waits in the bucket numbered by the highest bit in which its time differs from the
//! last time that was given out; bucket 0 holds those of that very time. When bucket 0 is empty,
//! the first bucket that is not gives its least time, and its events move to lower buckets: each
//! moves at most 64 times, in practice two or three, always to the end of a list, so that memory is
//! touched in order and the cost does not grow with how many wait.
//!
//! Equal times always stand in one bucket, and every move keeps their order: **ties come out in the
//! order in which they were asked for**, without a number in each event. (Ahuja, Mehlhorn, Orlin,
//! Tarjan: "Faster algorithms for the shortest path problem", J. ACM 37(2), 1990, with one level.)

use std::{collections::VecDeque, mem};

/// Events by a time that never goes back.
#[derive(Debug)]
pub struct RadixHeap<E> {
    /// What was given out last; no event is earlier.
    last: u64,
    len: usize,
    /// Events at `last`.
    due: VecDeque<E>,
    /// Bucket b holds what differs from `last` first in bit b.
    later: [Vec<(u64, E)>; 64],
    /// Bit b: whether bucket b holds anything.
    filled: u64,
}

impl<E> Default for RadixHeap<E> {
    fn default() -> Self {
        Self { last: 0, len: 0, due: VecDeque::new(), later: [const { Vec::new() }; 64], filled: 0 }
    }
}

impl<E> RadixHeap<E> {
    /// Nothing waits, at time 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The time that was given out last.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Adds an event.
    ///
    /// # Panics
    /// When its time is over.
    pub fn push(&mut self, at: u64, event: E) {
        assert!(at >= self.last, "asked at {} for something at {at}", self.last);
        self.len += 1;
        self.place(at, event);
    }

    /// When the next event comes.
    pub fn peek(&self) -> Option<u64> {
        match self.due.is_empty() {
            false => Some(self.last),
            true => self.first_later().map(|(_, at)| at),
        }
    }

    /// The next event with its time, of equal times the one that was added first.
    pub fn pop(&mut self) -> Option<(u64, E)> {
        self.pop_before(None)
    }

    /// The next event, if it comes before this time (when one is given).
    pub fn pop_before(&mut self, end: Option<u64>) -> Option<(u64, E)> {
        let too_late = |at| end.is_some_and(|end| at >= end);
        if self.due.is_empty() {
            let (bucket, at) = self.first_later()?;
            if too_late(at) {
                return None;
            }
            self.turn_to(bucket, at);
        } else if too_late(self.last) {
            return None;
        }
        self.len -= 1;
        self.due.pop_front().map(|event| (self.last, event))
    }

    /// The first bucket that holds anything, and the least time in it.
    fn first_later(&self) -> Option<(usize, u64)> {
        (self.filled != 0).then(|| {
            let bucket = self.filled.trailing_zeros() as usize;
            let least = self.later[bucket].iter().map(|(at, _)| *at).min();
            (bucket, least.expect("a filled bucket"))
        })
    }

    /// It becomes the least time of the first filled bucket.
    fn turn_to(&mut self, bucket: usize, at: u64) {
        let mut moving = mem::take(&mut self.later[bucket]);
        self.filled &= !(1 << bucket);
        self.last = at;
        for (at, event) in moving.drain(..) {
            self.place(at, event);
        }
        // The room is kept for the next time.
        self.later[bucket] = moving;
        assert!(!self.due.is_empty(), "the least time has an event");
    }

    fn place(&mut self, at: u64, event: E) {
        match (at ^ self.last).checked_ilog2() {
            None => self.due.push_back(event),
            Some(bit) => {
                self.later[bit as usize].push((at, event));
                self.filled |= 1 << bit;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Chance;
    use std::{cmp::Reverse, collections::BinaryHeap};

    /// Random pushes and pops, against a heap of (time, number).
    #[test]
    fn it_gives_what_a_binary_heap_of_numbered_events_gives() {
        for seed in 0..200 {
            let mut chance = Chance::new(seed, 0);
            let (mut radix, mut binary) = (RadixHeap::new(), BinaryHeap::new());
            let spread = 1 << chance.below(62);
            for number in 0..600_u64 {
                if chance.per_mille(600) {
                    let at = radix.last().saturating_add(chance.below(spread));
                    radix.push(at, number);
                    binary.push(Reverse((at, number)));
                } else {
                    let end = chance
                        .per_mille(300)
                        .then(|| radix.last().saturating_add(chance.below(spread)));
                    let expected = binary.peek().map(|Reverse(next)| *next);
                    assert_eq!(radix.peek(), expected.map(|(at, _)| at));
                    let expected = expected.filter(|(at, _)| end.is_none_or(|end| *at < end));
                    assert_eq!(radix.pop_before(end), expected);
                    expected.and_then(|_| binary.pop());
                }
                assert_eq!((radix.len(), radix.is_empty()), (binary.len(), binary.is_empty()));
            }
            while let Some(Reverse(next)) = binary.pop() {
                assert_eq!(radix.pop(), Some(next));
            }
            assert_eq!(radix.pop(), None);
        }
    }

    #[test]
    fn the_ends_of_time_are_times() {
        let mut heap = RadixHeap::new();
        heap.push(u64::MAX, "end");
        heap.push(0, "start");
        assert_eq!([heap.pop(), heap.pop()], [Some((0, "start")), Some((u64::MAX, "end"))]);
        heap.push(u64::MAX, "again");
        assert_eq!(heap.pop(), Some((u64::MAX, "again")));
    }

    #[test]
    #[should_panic(expected = "for something at 1")]
    fn the_past_is_over() {
        let mut heap = RadixHeap::new();
        heap.push(2, ());
        heap.pop();
        heap.push(1, ());
    }
}
