//! Whether shares are fair, turn by turn of the master.
//!
//! Whoever has the least dominant share is served next, if its demand fits (DRF, NSDI'11,
//! algorithm 1). So after a turn nobody should still ask for a piece that would have fitted in the
//! place of one that was offered in that turn to a group whose share was larger, by more than a
//! task. The gap of an offer is how much larger it was; where nobody asks for what would have
//! fitted there is no gap. Judged from what the master hears and says alone; it does not know the
//! allocator, nor what it knows.

use super::agents;
use master_core::{input::CallId, outbox::Answer};
use proto::model::{
    AgentId, Offer, OfferId, Operation, Refusal, ResourceName, Resources, SchedulerCall,
    SchedulerEvent, TaskId,
};
use std::collections::BTreeMap;

/// Parts of a whole.
const WHOLE: u128 = 1_000_000;

/// Thousandths of cores and of MiB.
type Amounts = (u128, u128);

/// What groups hold and ask for, and what is left.
#[derive(Debug)]
pub(super) struct Shares {
    capacity: Amounts,
    free: BTreeMap<AgentId, Amounts>,
    /// By group.
    held: Vec<Amounts>,
    /// Of which group each framework is.
    groups: Vec<usize>,
    /// The first piece of who has stated a demand, and has not been offered anything since.
    asks: BTreeMap<usize, Amounts>,
    offers: BTreeMap<OfferId, Holding>,
    tasks: BTreeMap<(usize, TaskId), Holding>,
    /// Accepts that are not answered: their tasks, operation by operation.
    accepts: BTreeMap<CallId, Vec<Vec<(usize, TaskId)>>>,
    /// Offers of this turn.
    made: Vec<OfferId>,
    gaps: Gaps,
    /// To everybody who asks, whether it would have fitted or not.
    all_gaps: Gaps,
    /// The largest share of one piece.
    piece: u128,
}

#[derive(Debug, Clone)]
struct Holding {
    group: usize,
    agent: AgentId,
    amounts: Amounts,
}

#[derive(Debug, Default)]
struct Gaps {
    judged: u64,
    sum: u128,
    most: u128,
}

impl Shares {
    /// Of so many agents that have so much each, and frameworks of these groups.
    pub(super) fn new(each: &Resources, agents: usize, groups: Vec<usize>) -> Self {
        let (each, count) = (amounts(each), agents as u128);
        Self {
            capacity: (each.0 * count, each.1 * count),
            free: (0..agents).map(|number| (agents::id(number), each)).collect(),
            held: vec![(0, 0); groups.iter().max().map_or(0, |most| most + 1)],
            groups,
            asks: BTreeMap::new(),
            offers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            accepts: BTreeMap::new(),
            made: Vec::new(),
            gaps: Gaps::default(),
            all_gaps: Gaps::default(),
            piece: 0,
        }
    }

    /// The master says something to a framework. That a task has ended it says once this is in the
    /// log, and then knows it itself.
    pub(super) fn says(&mut self, framework: usize, event: &SchedulerEvent) {
        match event {
            SchedulerEvent::Offers(offers) => self.offered(framework, offers),
            SchedulerEvent::Rescind(offers) => self.over(offers),
            SchedulerEvent::Update(status) if status.state.is_terminal() => {
                self.ended(&(framework, status.task.clone()));
            }
            _ => {}
        }
    }

    /// The master is asked something by a framework.
    pub(super) fn hears(&mut self, framework: usize, call: CallId, request: &SchedulerCall) {
        match request {
            SchedulerCall::StateDemand { demands, .. } => {
                let first = demands.iter().flatten().next().map(|demand| amounts(&demand.shape));
                match first {
                    Some(piece) => drop(self.asks.insert(framework, piece)),
                    None => drop(self.asks.remove(&framework)),
                }
            }
            SchedulerCall::Decline { offers, .. } => self.over(offers),
            SchedulerCall::Accept { offers, operations, .. } => {
                let offer = offers.first().and_then(|id| self.offers.get(id)).cloned();
                self.over(offers);
                let Some(Holding { group, agent, .. }) = offer else { return };
                let tasks = operations.iter().map(|operation| match operation {
                    Operation::Launch { tasks } => &tasks[..],
                    _ => &[],
                });
                let mut launched = Vec::new();
                for tasks in tasks {
                    launched.push(Vec::new());
                    for task in tasks {
                        let key = (framework, task.id.clone());
                        let amounts = amounts(&task.resources);
                        let holding = Holding { group, agent: agent.clone(), amounts };
                        self.takes(&holding);
                        self.tasks.insert(key.clone(), holding);
                        launched.last_mut().expect("just pushed").push(key);
                    }
                }
                self.accepts.insert(call, launched);
            }
            _ => {}
        }
    }

    /// The master answers: what it refuses was not launched.
    pub(super) fn answers(&mut self, call: CallId, answer: &Result<Answer, Refusal>) {
        for (index, tasks) in self.accepts.remove(&call).into_iter().flatten().enumerate() {
            let is_refused = match answer {
                Ok(Answer::Accepted(results)) => results[index].refusal().is_some(),
                _ => true,
            };
            tasks.iter().filter(|_| is_refused).for_each(|task| self.ended(task));
        }
    }

    fn offered(&mut self, framework: usize, offers: &[Offer]) {
        let group = self.groups[framework];
        self.asks.remove(&framework);
        for offer in offers {
            let amounts = amounts(&offer.resources);
            let holding = Holding { group, agent: offer.agent.clone(), amounts };
            self.piece = self.piece.max(self.dominant(amounts));
            self.takes(&holding);
            self.offers.insert(offer.id, holding);
            self.made.push(offer.id);
        }
    }

    /// Offers are taken back or answered.
    fn over(&mut self, offers: &[OfferId]) {
        for id in offers {
            let offer = self.offers.remove(id);
            offer.into_iter().for_each(|offer| self.gives(&offer));
        }
    }

    /// A turn of the master is over; its offers are judged, or not yet.
    pub(super) fn turned(&mut self, is_judged: bool) {
        for id in std::mem::take(&mut self.made).into_iter().filter(|_| is_judged) {
            let Some(made) = self.offers.get(&id) else { continue };
            let (held, free) = (self.held[made.group], self.free[&made.agent]);
            // As if it had not been made.
            let share = self.dominant(minus(held, made.amounts));
            let room = (free.0 + made.amounts.0, free.1 + made.amounts.1);
            let asks = self.asks.iter().map(|(framework, piece)| {
                let fits = piece.0 <= room.0 && piece.1 <= room.1;
                (fits, self.dominant(self.held[self.groups[*framework]]))
            });
            let asks: Vec<(bool, u128)> = asks.collect();
            let least = |all: bool| {
                asks.iter().filter(|(fits, _)| all || *fits).map(|(_, share)| *share).min()
            };
            let gap = |least: Option<u128>| least.map_or(0, |least| share.saturating_sub(least));
            self.gaps.add(gap(least(false)));
            self.all_gaps.add(gap(least(true)));
        }
    }

    /// By name: in parts of all; none when nobody was judged.
    pub(super) fn numbers(&self) -> Option<[(&'static str, f64); 6]> {
        let part = |share: f64| share / WHOLE as f64;
        (self.gaps.judged > 0).then(|| {
            [
                ("share-gap", part(self.gaps.mean())),
                ("share-gap-most", part(self.gaps.most as f64)),
                ("share-gap-unfitting", part(self.all_gaps.mean())),
                ("share-gap-unfitting-most", part(self.all_gaps.most as f64)),
                ("share-of-piece-most", part(self.piece as f64)),
                ("shares-judged", self.gaps.judged as f64),
            ]
        })
    }

    fn dominant(&self, (cpus, mem): Amounts) -> u128 {
        let part = |amount: u128, of: u128| amount * WHOLE / of.max(1);
        part(cpus, self.capacity.0).max(part(mem, self.capacity.1))
    }

    fn ended(&mut self, task: &(usize, TaskId)) {
        let task = self.tasks.remove(task);
        task.into_iter().for_each(|task| self.gives(&task));
    }

    fn takes(&mut self, holding: &Holding) {
        let held = &mut self.held[holding.group];
        *held = (held.0 + holding.amounts.0, held.1 + holding.amounts.1);
        let free = self.free.get_mut(&holding.agent).expect("an agent of the study");
        *free = minus(*free, holding.amounts);
    }

    fn gives(&mut self, holding: &Holding) {
        let held = &mut self.held[holding.group];
        *held = minus(*held, holding.amounts);
        let free = self.free.get_mut(&holding.agent).expect("an agent of the study");
        *free = (free.0 + holding.amounts.0, free.1 + holding.amounts.1);
    }
}

impl Gaps {
    fn add(&mut self, gap: u128) {
        self.judged += 1;
        self.sum += gap;
        self.most = self.most.max(gap);
    }

    fn mean(&self) -> f64 {
        self.sum as f64 / self.judged.max(1) as f64
    }
}

fn amounts(resources: &Resources) -> Amounts {
    let milli = |name| u128::from(resources.scalar(name).0.unsigned_abs());
    (milli(&ResourceName::CPUS), milli(&ResourceName::MEM))
}

/// Overflow checks are on: nobody gives more than was taken.
fn minus(from: Amounts, what: Amounts) -> Amounts {
    (from.0 - what.0, from.1 - what.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::model::{DeclineFilter, FrameworkId, Priority, Role, StatedDemand};

    /// Two agents of 100 cores, two frameworks with groups of their own.
    fn two() -> Shares {
        Shares::new(&cores(100), 2, vec![0, 1])
    }

    fn cores(cores: i64) -> Resources {
        Resources::cpus_mem(cores * 1_000, 0)
    }

    fn number(shares: &Shares, name: &str) -> f64 {
        let numbers = shares.numbers().expect("somebody was judged");
        numbers.iter().find(|(known, _)| *known == name).expect("it is measured").1
    }

    fn role() -> Role {
        "any".parse().expect("a role")
    }

    fn states(shares: &mut Shares, framework: usize, shape: Resources) {
        let demand = StatedDemand {
            id: "job".parse().expect("an id"),
            shape,
            count: 1,
            constraints: Vec::new(),
            per_agent_max: None,
            spread: Vec::new(),
            gang_timeout: None,
            priority: Priority::default(),
            revocable: false,
        };
        let request = SchedulerCall::StateDemand { role: role(), demands: Some(vec![demand]) };
        shares.hears(framework, CallId(1), &request);
    }

    /// Offers are numbered by the test.
    fn offers(shares: &mut Shares, number: u64, framework: usize, agent: usize, what: Resources) {
        let offer = Offer {
            id: OfferId { term: 1, number },
            framework: FrameworkId(framework as u64),
            role: role(),
            agent: agents::id(agent),
            hostname: String::new(),
            resources: what,
            attributes: Vec::new(),
            domain: None,
            expires_in: None,
            unavailability: None,
            pieces: Vec::new(),
            revocable: false,
            reserved: Vec::new(),
            volumes: Vec::new(),
        };
        shares.says(framework, &SchedulerEvent::Offers(vec![offer]));
    }

    #[test]
    fn who_would_have_fitted_was_passed_over() {
        let mut shares = two();
        offers(&mut shares, 1, 0, 0, cores(60));
        shares.turned(false);
        states(&mut shares, 1, cores(50));
        // On the first agent 40 are left: it does not fit there.
        offers(&mut shares, 2, 0, 0, cores(10));
        shares.turned(true);
        assert_eq!(number(&shares, "share-gap-most"), 0.0);
        assert_eq!(number(&shares, "share-gap-unfitting-most"), 0.3);
        // On the second it would have fitted.
        offers(&mut shares, 3, 0, 1, cores(10));
        shares.turned(true);
        assert_eq!(number(&shares, "share-gap-most"), 0.35);
        assert_eq!(number(&shares, "shares-judged"), 2.0);
        assert_eq!(number(&shares, "share-of-piece-most"), 0.3);
    }

    #[test]
    fn who_is_served_in_the_same_turn_was_not_passed_over() {
        let mut shares = two();
        states(&mut shares, 1, cores(10));
        offers(&mut shares, 1, 0, 0, cores(50));
        offers(&mut shares, 2, 0, 0, cores(40));
        offers(&mut shares, 3, 1, 0, cores(10));
        shares.turned(true);
        assert_eq!(number(&shares, "share-gap-unfitting-most"), 0.0);
    }

    #[test]
    fn what_is_declined_is_free_again() {
        let mut shares = two();
        offers(&mut shares, 1, 0, 0, cores(60));
        let refuse = DeclineFilter::default();
        let id = OfferId { term: 1, number: 1 };
        let decline = SchedulerCall::Decline { offers: vec![id], refuse };
        shares.hears(0, CallId(2), &decline);
        // It has nothing again: nobody has less.
        states(&mut shares, 1, cores(50));
        offers(&mut shares, 2, 0, 0, cores(10));
        shares.turned(true);
        assert_eq!(number(&shares, "share-gap-unfitting-most"), 0.0);
    }

    #[test]
    fn nobody_judged_is_no_number() {
        assert!(two().numbers().is_none());
    }
}
