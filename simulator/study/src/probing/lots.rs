//! Which workers are asked: by lot, nobody twice before everybody was asked once.

use super::worker::WorkerId;
use simulator::engine::Chance;

/// Workers in an order that is never the same.
#[derive(Debug)]
pub(super) struct Lots {
    order: Vec<WorkerId>,
    chance: Chance,
}

impl Lots {
    /// Among these workers; there is at least one.
    pub(super) fn new(workers: std::ops::Range<WorkerId>, seed: u64, stream: &str) -> Self {
        assert!(!workers.is_empty(), "lots are drawn among workers");
        Self { order: workers.collect(), chance: Chance::of(seed, stream, 0) }
    }

    /// So many workers; those beyond the number of all are others of a further round.
    pub(super) fn draw(&mut self, count: usize, into: &mut Vec<WorkerId>) {
        let all = self.order.len();
        for number in 0..count {
            // The first part of a shuffle (Fisher and Yates) from whatever order there was.
            let place = number % all;
            let other = place + self.chance.index(all - place);
            self.order.swap(place, other);
            into.push(self.order[place]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_drawn_twice_before_everybody_was() {
        let mut lots = Lots::new(3..10, 1, "test");
        let mut counts = [0; 10];
        for _ in 0..700 {
            let mut drawn = Vec::new();
            lots.draw(9, &mut drawn);
            drawn.iter().for_each(|worker| counts[*worker as usize] += 1);
            let mut round: Vec<_> = drawn.drain(..7).collect();
            round.sort_unstable();
            assert_eq!(round, [3, 4, 5, 6, 7, 8, 9]);
            assert!(drawn.len() == 2 && drawn[0] != drawn[1]);
        }
        // Each 900 times in the mean, 200 of which are by lot.
        assert!(counts[3..].iter().all(|count| (840..960).contains(count)), "{counts:?}");
        assert_eq!(counts[..3], [0; 3]);
    }
}
