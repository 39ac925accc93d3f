//! Which tasks of one agent are to give way, so that a piece fits: the cheapest set.
//!
//! Cheap means, in this order: as few as possible of the highest priority among them, then of the
//! next, down to the lowest, and after all these the revocable ones in the same way; of such sets
//! the one whose oldest task is the youngest; ties by id. A set must give enough of everything that
//! is needed, and stay within what may be taken: from a framework's disruption budget, from a role
//! above its guarantee, from a share that is larger.
//!
//! The first answer comes from a greedy pass and is then improved by a search that looks at the
//! cheapest first and leaves out what cannot be better. The search is bounded; on an agent with
//! many small tasks its answer is the best that it has found. Pure: it knows neither ledger nor
//! roles.

use crate::allocator::{Amounts, Share};
use proto::model::{Instant, Milli, Priority, ResourceName, TaskKey, limits};
use std::cmp::Reverse;

/// Steps of one search. A dozen tasks are searched through in fewer.
const STEPS_MAX: u32 = 20_000;

/// A task that may give way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub key: TaskKey,
    /// It may give way whatever its priority.
    pub revocable: bool,
    /// Unless it is revocable, lower than that of whoever it gives way to.
    pub priority: Priority,
    /// When it was launched.
    pub launched: Instant,
    /// What it gives of each need, in the needs' order.
    pub gives: Vec<u128>,
    /// What it takes.
    pub takes: Amounts,
    /// From which purses it is taken.
    pub purses: Vec<usize>,
}

/// A bound on what may be taken together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purse {
    /// So many tasks: a disruption budget.
    Tasks(u32),
    /// So much of these resources: what a role uses beyond its guarantee.
    Amounts(Vec<(ResourceName, u128)>),
    /// As much as leaves a share that is no smaller than another.
    Share(Box<ShareBound>),
}

/// A share from which no more may be taken than leaves it as large as another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareBound {
    /// Of what it is a share.
    pub totals: Amounts,
    /// What the share's owner weighs.
    pub weight: Milli,
    /// What it uses.
    pub used: Amounts,
    /// The share of whoever asks, once it has the piece.
    pub least: Share,
}

/// What is needed, who may give it, and what binds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// Amounts that are missing.
    pub needs: Vec<u128>,
    /// Who may give way.
    pub candidates: Vec<Candidate>,
    /// Bounds.
    pub purses: Vec<Purse>,
}

/// What a set of victims costs; compares as one would rather pay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// Tasks by priority, the highest first.
    counts: Counts,
    /// When they were launched, the oldest first.
    launched: Vec<Reverse<Instant>>,
    keys: Vec<TaskKey>,
}

/// So many tasks that are not revocable at each priority, the highest first, then such as are.
type Counts = [u32; 2 * PRIORITIES];

const PRIORITIES: usize = limits::PRIORITY_MAX as usize + 1;

/// Who gives way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// By index among the candidates, in order.
    pub victims: Vec<usize>,
    /// What that costs.
    pub cost: Cost,
}

impl Purse {
    /// Takes a task of so much from it, if that is allowed.
    #[must_use]
    pub fn take(&mut self, takes: &Amounts) -> bool {
        match self {
            Purse::Tasks(left) => match left.checked_sub(1) {
                Some(rest) => *left = rest,
                None => return false,
            },
            Purse::Amounts(spare) => {
                if spare.iter().any(|(name, spare)| takes.get(name) > *spare) {
                    return false;
                }
                spare.iter_mut().for_each(|(name, spare)| *spare -= takes.get(name));
            }
            Purse::Share(bound) => return bound.take(takes),
        }
        true
    }
}

impl ShareBound {
    fn take(&mut self, takes: &Amounts) -> bool {
        let mut rest = self.used.clone();
        for (name, milli) in takes.iter() {
            rest.set(name, rest.get(name).saturating_sub(milli));
        }
        let is_enough = Share::dominant(&self.totals, self.weight, &rest) >= self.least;
        if is_enough {
            self.used = rest;
        }
        is_enough
    }
}

impl Problem {
    /// The cheapest set that is found; `None` when there is none.
    pub fn choose(&self) -> Option<Choice> {
        let mut order: Vec<usize> = (0..self.candidates.len()).collect();
        order.sort_by_key(|index| {
            let task = &self.candidates[*index];
            (!task.revocable, task.priority, Reverse(task.launched), &task.key)
        });
        let mut search = Search { problem: self, best: self.greedy(&order), steps: 0, order };
        let state = State { left: self.needs.clone(), purses: self.purses.clone(), ..State::new() };
        search.go(0, state);
        search.best
    }

    /// What the chosen ones cost.
    fn cost(&self, victims: &[usize]) -> Cost {
        let tasks = || victims.iter().map(|index| &self.candidates[*index]);
        let mut cost = Cost { counts: [0; 2 * PRIORITIES], launched: vec![], keys: vec![] };
        for task in tasks() {
            cost.counts[place_of(task)] += 1;
            cost.launched.push(Reverse(task.launched));
            cost.keys.push(task.key.clone());
        }
        cost.launched.sort_by_key(|launched| Reverse(*launched));
        cost.keys.sort();
        cost
    }

    /// The cheapest ones until there is enough; then without those that turned out not to be
    /// needed, the dearest first.
    fn greedy(&self, order: &[usize]) -> Option<Choice> {
        let mut purses = self.purses.clone();
        let mut victims: Vec<usize> = Vec::new();
        for index in order {
            if self.is_enough(&victims) {
                break;
            }
            if self.take(&mut purses, *index) {
                victims.push(*index);
            }
        }
        if !self.is_enough(&victims) {
            return None;
        }
        for index in order.iter().rev() {
            let rest: Vec<usize> = victims.iter().copied().filter(|it| it != index).collect();
            if rest.len() < victims.len() && self.is_enough(&rest) {
                victims = rest;
            }
        }
        Some(self.choice(victims))
    }

    fn choice(&self, mut victims: Vec<usize>) -> Choice {
        victims.sort_unstable();
        Choice { cost: self.cost(&victims), victims }
    }

    fn is_enough(&self, victims: &[usize]) -> bool {
        let given = |need: usize| -> u128 {
            victims.iter().map(|index| self.candidates[*index].gives[need]).sum()
        };
        self.needs.iter().enumerate().all(|(need, missing)| given(need) >= *missing)
    }

    fn take(&self, purses: &mut [Purse], index: usize) -> bool {
        let task = &self.candidates[index];
        // One that is taken from and another that refuses: then neither is taken from.
        let before: Vec<Purse> = task.purses.iter().map(|purse| purses[*purse].clone()).collect();
        if task.purses.iter().all(|purse| purses[*purse].take(&task.takes)) {
            return true;
        }
        for (purse, before) in task.purses.iter().zip(before) {
            purses[*purse] = before;
        }
        false
    }
}

/// A search under way.
struct Search<'a> {
    problem: &'a Problem,
    /// Candidates, the cheapest first.
    order: Vec<usize>,
    best: Option<Choice>,
    steps: u32,
}

/// How far one branch of it is.
#[derive(Clone)]
struct State {
    left: Vec<u128>,
    purses: Vec<Purse>,
    victims: Vec<usize>,
    counts: Counts,
    /// Places in the order that were left out: another one that gives and costs the same is left
    /// out too, since it is older.
    left_out: Vec<usize>,
}

impl State {
    fn new() -> Self {
        Self {
            left: Vec::new(),
            purses: Vec::new(),
            victims: Vec::new(),
            counts: [0; 2 * PRIORITIES],
            left_out: Vec::new(),
        }
    }

    fn is_enough(&self) -> bool {
        self.left.iter().all(|left| *left == 0)
    }
}

impl Search<'_> {
    fn go(&mut self, at: usize, state: State) {
        self.steps += 1;
        if state.is_enough() {
            let choice = self.problem.choice(state.victims);
            if self.best.as_ref().is_none_or(|best| choice.cost < best.cost) {
                self.best = Some(choice);
            }
            return;
        }
        // One more at least: as many as the best has now are too many then.
        let is_dear = self.best.as_ref().is_some_and(|best| state.counts >= best.cost.counts);
        if self.steps > STEPS_MAX || is_dear || !self.suffices(at, &state) {
            return;
        }
        let index = self.order[at];
        let task = &self.problem.candidates[index];
        let is_like = |out: &usize| {
            let out = &self.problem.candidates[self.order[*out]];
            (place_of(out), &out.gives, &out.takes, &out.purses)
                == (place_of(task), &task.gives, &task.takes, &task.purses)
        };
        let mut with = state.clone();
        if !state.left_out.iter().any(is_like) && self.problem.take(&mut with.purses, index) {
            for (left, gives) in with.left.iter_mut().zip(&task.gives) {
                *left = left.saturating_sub(*gives);
            }
            with.victims.push(index);
            with.counts[place_of(task)] += 1;
            self.go(at + 1, with);
        }
        let mut without = state;
        without.left_out.push(at);
        self.go(at + 1, without);
    }

    /// Whether all that follow would be enough together.
    fn suffices(&self, at: usize, state: &State) -> bool {
        let rest = &self.order[at..];
        state.left.iter().enumerate().all(|(need, left)| {
            let given = |index: &usize| self.problem.candidates[*index].gives[need];
            rest.iter().map(given).sum::<u128>() >= *left
        })
    }
}

/// Where a task is counted.
fn place_of(task: &Candidate) -> usize {
    let place = usize::from(limits::PRIORITY_MAX - task.priority.get());
    place + if task.revocable { PRIORITIES } else { 0 }
}
