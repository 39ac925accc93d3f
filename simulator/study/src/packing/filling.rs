//! Filling a cell: requests come one at a time, each is placed or dropped, none leaves.
//!
//! What is sampled is what the FGD study shows (Weng et al., ATC'23, figures 7 and 9): what is
//! allocated, and how fragmented the idle GPUs are, against how much has *arrived*, dropped or not.
//! A sample is the mean over all requests at which the arrived part, in whole percent of the
//! cell's capacity, was the same (rounded half up).

use super::{load::Load, typical};
use crate::{
    cell::{Cell, Finder, RequestId, Requests, Tie, TieRule},
    limits::{UNTIL_PERCENT_MAX, within},
    measures::Measures,
    plan::{Input, PlanError, Policies, ResourceKey, Study},
};
use master_core::placement::{Fgd, Resolution};
use proto::model::ResourceName;
use serde::Deserialize;
use simulator::engine::{Chance, Digest};

/// Percent of the capacity up to which is sampled.
const SAMPLED_MAX: usize = 200;

/// `[filling]` of a study.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FillingPlan {
    /// The machines, all free at the start.
    pub machines: Input,
    /// The tasks. They come in a shuffled order.
    pub tasks: Input,
    /// After the list, tasks drawn from it come until the next one would ask, all together, for
    /// more than so many percent of what is counted.
    pub until_percent: Option<u32>,
    /// Which resource is counted.
    pub counted: ResourceKey,
    /// Which machine is best.
    pub policy: String,
    /// Which of equals.
    #[serde(default)]
    pub tie: TieRule,
    /// Of what the rule for ties draws.
    #[serde(default)]
    pub tie_seed: u64,
    /// What is typical: the most popular requests that together are so many percent of the list.
    #[serde(default = "covered_percent")]
    pub typical_percent: u32,
}

/// As in the FGD study.
fn covered_percent() -> u32 {
    95
}

/// Samples at one percentage of arrived.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Filled {
    /// Allocated, in percent of the capacity.
    pub allocated: f64,
    /// Fragmented, in percent of the capacity; 0 where nobody says what is typical.
    pub fragmented: f64,
    /// Fragmented, in percent of what is idle.
    pub fragmented_of_idle: f64,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Filling {
    /// By percent of the capacity that has arrived, from 0; `None` where nothing arrived.
    pub samples: Vec<Option<Filled>>,
    /// Requests placed.
    pub placed: u64,
    /// Requests for which no machine had room.
    pub dropped: u64,
    /// Of what was placed where, in order.
    pub digest: Digest,
}

/// A mean in the making, over what is summed in whole thousandths.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    count: u64,
    allocated: u128,
    fragmented: u128,
    of_idle: f64,
}

/// Fills a cell. What is counted is one resource, of which the cell has some; `typical` says what
/// fragmentation is.
pub fn fill(
    cell: &mut Cell,
    requests: &Requests,
    arrivals: impl IntoIterator<Item = RequestId>,
    finder: &mut Finder,
    counted: &ResourceName,
    typical: Option<&Fgd>,
) -> Filling {
    let capacity = cell.capacity(counted).max(1);
    let mut sums = [Sum::default(); SAMPLED_MAX + 1];
    let (mut arrived, mut allocated) = (0, 0);
    let mut filling = Filling { samples: Vec::new(), placed: 0, dropped: 0, digest: Digest::new() };
    let fragmentation = |cell: &Cell, machine| {
        typical.map_or(0, |typical| typical.fragmentation(&cell.candidate(machine)))
    };
    let machines = 0..u32::try_from(cell.len()).expect("machines are numbered");
    let mut fragmented: u128 = machines.map(|machine| fragmentation(cell, machine)).sum();
    let weight = typical.map_or(1, |typical| typical.count().max(1));
    for number in arrivals {
        let request = requests.get(number);
        let amount = request.shape.get(counted);
        arrived += amount;
        match finder.best(cell, requests, number) {
            None => filling.dropped += 1,
            Some(choice) => {
                fragmented -= fragmentation(cell, choice.machine);
                cell.take(choice.machine, request, choice.gpu);
                let gpu = choice.gpu.map_or(0, |gpu| gpu as u64 + 1);
                filling.digest.add(&[number.into(), choice.machine.into(), gpu]);
                fragmented += fragmentation(cell, choice.machine);
                allocated += amount;
                filling.placed += 1;
            }
        }
        let percent = usize::try_from((arrived * 200 + capacity) / (2 * capacity));
        let Some(sum) = percent.ok().and_then(|percent| sums.get_mut(percent)) else { continue };
        sum.count += 1;
        sum.allocated += allocated;
        sum.fragmented += fragmented;
        let idle = (capacity - allocated) * weight;
        sum.of_idle += if idle == 0 { 0.0 } else { fragmented as f64 / idle as f64 };
    }
    filling.samples = sums.iter().map(|sum| sum.mean(capacity, weight)).collect();
    while filling.samples.last().is_some_and(Option::is_none) {
        filling.samples.pop();
    }
    filling
}

impl FillingPlan {
    /// One run of a study of this.
    ///
    /// # Errors
    /// When the policy is unknown.
    pub fn run(
        &self,
        study: &Study,
        load: &Load,
        policies: &Policies,
    ) -> Result<Measures, PlanError> {
        let percent = u64::from(self.until_percent.unwrap_or(0));
        within("filling.until_percent", percent, UNTIL_PERCENT_MAX)?;
        let kind = policies.find(study, &self.policy)?;
        let mut cell = load.cell();
        let typical = typical::of(load, self.typical_percent);
        // Fragmentation is the same however fine the scores are.
        let fgd = Fgd::with_models(&typical, Resolution::Exact);
        let seed = Chance::of(study.seed, "policy", 0).number();
        let tie = Tie::new(self.tie, &cell, self.tie_seed);
        let mut finder = Finder::new(kind.make(seed, &typical), tie);
        let mut chance = Chance::of(study.seed, "workload", 0);
        let counted = &self.counted.0;
        let arrivals = load.arrivals(&mut chance, counted, self.until_percent);
        let filling = fill(&mut cell, &load.requests, arrivals, &mut finder, counted, Some(&fgd));
        Ok(filling.measures())
    }
}

impl Filling {
    fn measures(&self) -> Measures {
        let mut measures = Measures { digest: self.digest.value(), ..Measures::default() };
        measures.scalars.insert("placed".to_owned(), self.placed as f64);
        measures.scalars.insert("dropped".to_owned(), self.dropped as f64);
        let mut curve = |name: &str, of: fn(&Filled) -> f64| {
            let samples = (0..).zip(&self.samples);
            let values = samples.filter_map(|(at, sample)| Some((at, of(sample.as_ref()?))));
            measures.curves.insert(name.to_owned(), values.collect());
        };
        curve("allocated", |sample| sample.allocated);
        curve("fragmented", |sample| sample.fragmented);
        curve("fragmented-of-idle", |sample| sample.fragmented_of_idle);
        measures
    }
}

impl Sum {
    fn mean(&self, capacity: u128, weight: u128) -> Option<Filled> {
        (self.count > 0).then(|| {
            let all = (self.count as f64) * (capacity as f64);
            Filled {
                allocated: self.allocated as f64 / all * 100.0,
                fragmented: self.fragmented as f64 / weight as f64 / all * 100.0,
                fragmented_of_idle: self.of_idle / self.count as f64 * 100.0,
            }
        })
    }
}
