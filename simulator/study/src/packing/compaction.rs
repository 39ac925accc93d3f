//! Compaction: the fewest machines that hold a load, after Verma et al. (CLUSTER'14, section 3.4)
//! and Borg (EuroSys'15, section 5.1): the cell's machines are put into a random order, and of that
//! order the smallest beginning is sought in which at most a part of the tasks stays without a
//! place. Trials with other orders give a distribution; Borg reports its 90th percentile.
//!
//! The search halves, as if whatever fits into some machines fits into more of them. A policy may
//! break that by a few machines; the papers do the same.

use super::{load::Load, typical};
use crate::{
    cell::{Cell, Finder, Machine, RequestId, Requests, Tie, TieRule},
    measures::Measures,
    plan::{Input, Maker, PlanError, Policies, Study},
};
use master_core::placement::Placement;
use serde::Deserialize;
use simulator::engine::{Chance, Digest};
use std::sync::Arc;

/// Machines that are tried first; then twice as many, and so on.
const FIRST: usize = 32;

/// `[compaction]` of a study. Each run draws another order of the machines.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompactionPlan {
    /// The cell's machines.
    pub machines: Input,
    /// The tasks.
    pub tasks: Input,
    /// Other lists of tasks, each on machines of its own; what is counted is all of them.
    #[serde(default)]
    pub apart: Vec<Input>,
    /// In which order the tasks come.
    #[serde(default)]
    pub order: TaskOrder,
    /// Every amount that is asked for becomes the next power of two.
    #[serde(default)]
    pub powers_of_two: bool,
    /// Which machine is best.
    pub policy: String,
    /// Which of equals.
    #[serde(default)]
    pub tie: TieRule,
    /// Of a thousand tasks so many may stay without a place.
    #[serde(default = "pending_per_mille")]
    pub pending_per_mille: u64,
}

/// As at Borg: 0.2 %.
fn pending_per_mille() -> u64 {
    2
}

/// In which order tasks come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskOrder {
    /// As they are listed.
    #[default]
    Listed,
    /// Drawn anew for every run.
    Shuffled,
    /// Those first that ask for most: the sum over resources, each as a part of all machines'.
    LargestFirst,
}

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
    let (mut too_few, mut enough) = (0, FIRST.min(of.machines.len()));
    while !holds(enough) {
        if enough == of.machines.len() {
            return None;
        }
        too_few = enough;
        enough = (2 * enough).min(of.machines.len());
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

impl CompactionPlan {
    /// All lists of tasks.
    pub fn lists(&self) -> impl Iterator<Item = &Input> {
        [&self.tasks].into_iter().chain(&self.apart)
    }

    /// One run of a study of this, over its lists. Without a result when all machines do not hold
    /// the tasks of one.
    ///
    /// # Errors
    /// When the policy is unknown.
    pub fn run(
        &self,
        study: &Study,
        loads: &[Arc<Load>],
        policies: &Policies,
    ) -> Result<Measures, PlanError> {
        let kind = policies.find(study, &self.policy)?;
        let needed: Vec<_> = loads.iter().map(|load| self.compact(study, load, &kind)).collect();
        let mut digest = Digest::new();
        needed.iter().for_each(|needed| digest.add(&[needed.map_or(0, |count| count as u64)]));
        let mut measures = Measures { digest: digest.value(), ..Measures::default() };
        let mut say = |name: String, count: Option<usize>| {
            measures.scalars.extend(count.map(|count| (name, count as f64)));
        };
        say("machines".to_owned(), needed.iter().copied().sum());
        if let [_, _, ..] = needed.as_slice() {
            let lists = (1..).zip(&needed);
            lists.for_each(|(list, needed)| say(format!("machines-{list}"), *needed));
        }
        Ok(measures)
    }

    fn compact(&self, study: &Study, load: &Load, kind: &Maker) -> Option<usize> {
        let mut machines = load.machines.clone();
        Chance::of(study.seed, "machines", 0).shuffle(&mut machines);
        let rounded = self.powers_of_two.then(|| load.in_powers_of_two());
        let load = rounded.as_ref().unwrap_or(load);
        let mut tasks = load.tasks.clone();
        match self.order {
            TaskOrder::Listed => {}
            TaskOrder::Shuffled => Chance::of(study.seed, "workload", 0).shuffle(&mut tasks),
            TaskOrder::LargestFirst => load.largest_first(&mut tasks),
        }
        let typical = typical::of(load, 95);
        let seed = Chance::of(study.seed, "policy", 0).number();
        let compaction = Compaction {
            machines: &machines,
            requests: &load.requests,
            tasks: &tasks,
            pending_per_mille: self.pending_per_mille,
            tie: self.tie,
            seed: study.seed,
        };
        compact(compaction, &mut || kind.make(seed, &typical))
    }
}
