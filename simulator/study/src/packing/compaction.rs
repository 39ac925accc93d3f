//! Compaction: the fewest machines that hold a load, after Verma et al. (CLUSTER'14, section 3.4)
//! and Borg (EuroSys'15, section 5.1): the cell's machines are put into a random order, and of that
//! order the smallest beginning is sought in which at most a part of the tasks stays without a
//! place. Trials with other orders give a distribution; Borg reports its 90th percentile.
//!
//! The search halves, as if whatever fits into some machines fits into more of them. A policy may
//! break that by a few machines; the papers do the same.

use crate::cell::{Cell, Finder, Machine, RequestId, Requests, Tie, TieRule};
use master_core::placement::Placement;

/// What is compacted.
#[derive(Debug, Clone, Copy)]
pub struct Compaction<'a> {
    /// All machines, in the order of which beginnings are taken.
    pub machines: &'a [Machine],
    /// What the tasks ask for.
    pub requests: &'a Requests,
    /// The tasks, in the order in which they come.
    pub tasks: &'a [RequestId],
    /// Of a thousand tasks so many may stay without a place; Borg: 2.
    pub pending_per_mille: u64,
    /// Among equals.
    pub tie: TieRule,
    /// Of everything that is drawn.
    pub seed: u64,
}

/// How few machines hold the tasks; `None` when not even all of them do.
pub fn compact(
    of: Compaction<'_>,
    policy: &mut dyn FnMut() -> Box<dyn Placement>,
) -> Option<usize> {
    let mut holds = |count: usize| {
        let mut cell = Cell::new(of.machines[..count].iter().cloned());
        let tie = Tie::new(of.tie, &cell, of.seed);
        let mut finder = Finder::new(policy(), tie);
        let mut may_wait = of.tasks.len() as u64 * of.pending_per_mille / 1_000;
        for task in of.tasks {
            match finder.best(&cell, of.requests, *task) {
                Some(choice) => {
                    cell.take(choice.machine, of.requests.get(*task), choice.gpu);
                }
                None if may_wait == 0 => return false,
                None => may_wait -= 1,
            }
        }
        true
    };
    let (mut too_few, mut enough) = (0, of.machines.len());
    if !holds(enough) {
        return None;
    }
    while enough - too_few > 1 {
        let middle = too_few.midpoint(enough);
        match holds(middle) {
            true => enough = middle,
            false => too_few = middle,
        }
    }
    Some(enough)
}
