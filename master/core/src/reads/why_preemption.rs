//! What a demand could gain from work of a lower priority, and what it is gaining.

use crate::{
    Ledger,
    allocator::{Bidder, wanted::Entry},
    ledger::Preempted,
    master::leadership::Leadership,
};
use proto::wire::v1;

/// `None` when nothing runs that is revocable or at a lower priority than the demand's; and for
/// what is revocable itself, to which nothing gives way.
pub(super) fn standing(
    ledger: &Ledger,
    leader: &Leadership,
    bidder: &Bidder,
    entry: &Entry,
) -> Option<v1::PreemptionStanding> {
    let lowest = ledger.lowest_priority()?;
    let is_lower = lowest < entry.stated().priority || ledger.revocable_task_count() > 0;
    if !is_lower || entry.stated().revocable {
        return None;
    }
    let gives_way = |to: &&Preempted| {
        to.framework == bidder.framework
            && to.role == bidder.role
            && to.demand.as_ref() == Some(entry.id())
    };
    let ending = ledger.preempted_tasks().map(|(_, to)| to).filter(gives_way);
    let deadlines: Vec<_> = ending.map(|to| to.deadline).collect();
    let now = ledger.applied().time;
    let outlook = leader.preemption.outlook(bidder, entry.id());
    Some(v1::PreemptionStanding {
        tasks_ending: u32::try_from(deadlines.len()).unwrap_or(u32::MAX),
        deadline_in_ms: deadlines.into_iter().max().map_or(0, |last| last.since(now).as_ms()),
        tasks_lower: outlook.lower,
        tasks_not_entitled: outlook.not_entitled,
        tasks_in_budgets: outlook.in_budgets,
        rate_limited: outlook.is_rate_limited,
    })
}
