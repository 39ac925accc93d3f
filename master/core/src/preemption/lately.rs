//! What gave way in the last minute, as a member saw it in the log.
//!
//! So many tasks may give way in a minute, whoever leads: a leader that begins goes on where the
//! one before it stood. The ledger forgets a task soon after its end, but each member applies each
//! entry, so that each may count. What a member learnt from a snapshot it has not seen: one that
//! was away for the last minute may allow too much of the next one.

use crate::liveness::rate_limit::WINDOW;
use proto::model::Instant;
use std::collections::VecDeque;

/// When tasks gave way, on the cluster's clock.
#[derive(Debug)]
pub(crate) struct GaveWay {
    /// In order; never more than may give way in a minute.
    times: VecDeque<Instant>,
    most: usize,
}

impl GaveWay {
    /// Nothing has been seen, and so much counts at most.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { times: VecDeque::new(), most: per_minute as usize }
    }

    /// A task gives way, by an entry of this time.
    pub(crate) fn note(&mut self, at: Instant) {
        self.times.push_back(at);
        if self.times.len() > self.most {
            self.times.pop_front();
        }
    }

    /// What counts at a time, as the times from when on it does not.
    pub(crate) fn counts_until(&self, now: Instant) -> impl Iterator<Item = Instant> {
        let counting = self.times.iter().filter(move |at| now.since(**at) < WINDOW);
        counting.map(|at| *at + WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_remembered_and_no_more_than_may_be() {
        let mut gave_way = GaveWay::new(2);
        let seen = |gave_way: &GaveWay, now| {
            gave_way.counts_until(Instant(now)).map(|at| at.0).collect::<Vec<_>>()
        };
        gave_way.note(Instant(1_000));
        gave_way.note(Instant(2_000));
        assert_eq!(seen(&gave_way, 60_999), [61_000, 62_000]);
        assert_eq!(seen(&gave_way, 61_000), [62_000]);
        gave_way.note(Instant(3_000));
        assert_eq!(seen(&gave_way, 3_000), [62_000, 63_000]);
        assert_eq!(seen(&gave_way, 63_000), []);
    }
}
