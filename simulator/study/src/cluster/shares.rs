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
    SchedulerEvent, TaskId, TaskInfo,
};
use std::collections::BTreeMap;

/// Parts of a whole.
const WHOLE: i128 = 1_000_000;

/// Thousandths of cores and of MiB; of what is left also less than nothing, when the end of a task
/// is not told yet and the master has offered what it held.
type Amounts = (i128, i128);

/// What groups hold and ask for, and what is left.
#[derive(Debug)]
pub(super) struct Shares {
    capacity: Amounts,
    free: BTreeMap<AgentId, Amounts>,
    /// By group.
    held: Vec<Amounts>,
    /// Of which group each framework is.
    groups: Vec<usize>,
    /// A piece of the first demand that each has stated, and how many it has not been offered.
    asks: BTreeMap<usize, (Amounts, u32)>,
    offers: BTreeMap<OfferId, Holding>,
    tasks: BTreeMap<(usize, TaskId), Holding>,
    /// Accepts that are not answered: their tasks, operation by operation.
    accepts: BTreeMap<CallId, Vec<Vec<(usize, TaskId)>>>,
    /// The last piece of each offer of this turn.
    made: Vec<(OfferId, Amounts)>,
    gaps: Gaps,
    /// To everybody who asks, whether it would have fitted or not.
    all_gaps: Gaps,
    /// The largest share of one piece.
    piece: i128,
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
    sum: i128,
    most: i128,
}

impl Shares {
    /// Of so many agents that have so much each, and frameworks of these groups.
    pub(super) fn new(each: &Resources, agents: usize, groups: Vec<usize>) -> Self {
        let (each, count) = (amounts(each), agents as i128);
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
                let first = demands.iter().flatten().next();
                match first.map(|demand| (amounts(&demand.shape), demand.count)) {
                    Some(asked) => drop(self.asks.insert(framework, asked)),
                    None => drop(self.asks.remove(&framework)),
                }
            }
            SchedulerCall::Decline { offers, .. } => self.over(offers),
            SchedulerCall::Accept { offers, operations, .. } => {
                self.over(offers);
                let mut begun = Vec::new();
                for operation in operations {
                    let tasks = match operation {
                        Operation::Launch { tasks } => &tasks[..],
                        _ => &[],
                    };
                    begun.push(tasks.iter().map(|task| self.begins(framework, task)).collect());
                }
                self.accepts.insert(call, begun);
            }
            _ => {}
        }
    }

    fn begins(&mut self, framework: usize, task: &TaskInfo) -> (usize, TaskId) {
        let (group, amounts) = (self.groups[framework], amounts(&task.resources));
        let holding = Holding { group, agent: task.agent.clone(), amounts };
        self.takes(&holding);
        self.tasks.insert((framework, task.id.clone()), holding);
        (framework, task.id.clone())
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
        for offer in offers {
            let pieces = offer.pieces.iter().map(|(_, count)| count).sum();
            self.makes(framework, (offer.id, &offer.agent), amounts(&offer.resources), pieces);
        }
    }

    /// An offer of so many equal pieces; of none, it is one.
    fn makes(
        &mut self,
        framework: usize,
        (id, agent): (OfferId, &AgentId),
        amounts: Amounts,
        pieces: u32,
    ) {
        let count = i128::from(pieces.max(1));
        let piece = (amounts.0 / count, amounts.1 / count);
        self.piece = self.piece.max(self.dominant(piece));
        if let Some((_, left)) = self.asks.get_mut(&framework) {
            *left = left.saturating_sub(pieces.max(1));
            if *left == 0 {
                self.asks.remove(&framework);
            }
        }
        let holding = Holding { group: self.groups[framework], agent: agent.clone(), amounts };
        self.takes(&holding);
        self.offers.insert(id, holding);
        self.made.push((id, piece));
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
        for (id, piece) in std::mem::take(&mut self.made).into_iter().filter(|_| is_judged) {
            let Some(made) = self.offers.get(&id) else { continue };
            let (held, free) = (self.held[made.group], self.free[&made.agent]);
            // As if it had had a piece less.
            let share = self.dominant(minus(held, piece));
            let room = plus(free, piece);
            let asks = self.asks.iter().map(|(framework, (piece, _))| {
                let fits = piece.0 <= room.0 && piece.1 <= room.1;
                (fits, self.dominant(self.held[self.groups[*framework]]))
            });
            let asks: Vec<(bool, i128)> = asks.collect();
            let least = |all: bool| {
                asks.iter().filter(|(fits, _)| all || *fits).map(|(_, share)| *share).min()
            };
            let gap = |least: Option<i128>| least.map_or(0, |least| (share - least).max(0));
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

    fn dominant(&self, (cpus, mem): Amounts) -> i128 {
        let part = |amount: i128, of: i128| amount * WHOLE / of.max(1);
        part(cpus, self.capacity.0).max(part(mem, self.capacity.1))
    }

    fn ended(&mut self, task: &(usize, TaskId)) {
        let task = self.tasks.remove(task);
        task.into_iter().for_each(|task| self.gives(&task));
    }

    fn takes(&mut self, holding: &Holding) {
        let held = &mut self.held[holding.group];
        *held = plus(*held, holding.amounts);
        let free = self.free.get_mut(&holding.agent).expect("an agent of the study");
        *free = minus(*free, holding.amounts);
    }

    fn gives(&mut self, holding: &Holding) {
        let held = &mut self.held[holding.group];
        *held = minus(*held, holding.amounts);
        let free = self.free.get_mut(&holding.agent).expect("an agent of the study");
        *free = plus(*free, holding.amounts);
    }
}

impl Gaps {
    fn add(&mut self, gap: i128) {
        self.judged += 1;
        self.sum += gap;
        self.most = self.most.max(gap);
    }

    fn mean(&self) -> f64 {
        self.sum as f64 / self.judged.max(1) as f64
    }
}

fn amounts(resources: &Resources) -> Amounts {
    let milli = |name| i128::from(resources.scalar(name).0);
    (milli(&ResourceName::CPUS), milli(&ResourceName::MEM))
}

fn plus(to: Amounts, what: Amounts) -> Amounts {
    (to.0 + what.0, to.1 + what.1)
}

fn minus(from: Amounts, what: Amounts) -> Amounts {
    (from.0 - what.0, from.1 - what.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::model::{
        Command, DeclineFilter, OperationResult, Priority, Reason, Role, StatedDemand,
    };

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

    fn id(number: u64) -> OfferId {
        OfferId { term: 1, number }
    }

    /// An offer of one piece; numbered by the test.
    fn offers(shares: &mut Shares, number: u64, framework: usize, agent: usize, what: Resources) {
        shares.makes(framework, (id(number), &agents::id(agent)), amounts(&what), 1);
    }

    /// Accepts an offer of the first agent with one task, named after the call.
    fn accepts(shares: &mut Shares, number: u64, framework: usize, what: Resources) {
        let task = TaskId::new(&format!("task-{number}")).expect("an id");
        let command = Command::default();
        let task = TaskInfo::new(task, agents::id(0), what, command);
        let request = SchedulerCall::Accept {
            offers: vec![id(number)],
            operations: vec![Operation::Launch { tasks: vec![task] }],
            partial: false,
            refuse: DeclineFilter::default(),
            request: None,
        };
        shares.hears(framework, CallId(number), &request);
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
        let decline = SchedulerCall::Decline { offers: vec![id(1)], refuse };
        shares.hears(0, CallId(2), &decline);
        // It has nothing again: nobody has less.
        states(&mut shares, 1, cores(50));
        offers(&mut shares, 2, 0, 0, cores(10));
        shares.turned(true);
        assert_eq!(number(&shares, "share-gap-unfitting-most"), 0.0);
    }

    #[test]
    fn what_is_launched_is_held_and_what_is_refused_is_not() {
        let gap = |is_refused: bool| {
            let mut shares = two();
            offers(&mut shares, 1, 0, 0, cores(60));
            accepts(&mut shares, 1, 0, cores(60));
            let refusal = Refusal::new(Reason::OfferInvalid, "gone");
            let launched = OperationResult::Launched { tasks: Vec::new() };
            let answer = if is_refused { Err(refusal) } else { Ok(vec![launched]) };
            shares.answers(CallId(1), &answer.map(Answer::Accepted));
            states(&mut shares, 1, cores(50));
            offers(&mut shares, 2, 0, 1, cores(10));
            shares.turned(true);
            number(&shares, "share-gap-most")
        };
        assert_eq!((gap(false), gap(true)), (0.3, 0.0));
    }

    #[test]
    fn of_an_offer_the_last_piece_is_judged() {
        let mut shares = two();
        states(&mut shares, 1, cores(30));
        shares.makes(0, (id(1), &agents::id(0)), amounts(&cores(100)), 10);
        shares.makes(0, (id(2), &agents::id(1)), amounts(&cores(90)), 3);
        shares.turned(true);
        // In the place of a piece of 30 it would have fitted, in that of one of 10 not.
        assert_eq!(number(&shares, "share-gap-most"), 0.8);
        assert_eq!(number(&shares, "share-gap-unfitting-most"), 0.9);
    }

    #[test]
    fn nobody_judged_is_no_number() {
        assert!(two().numbers().is_none());
    }
}
