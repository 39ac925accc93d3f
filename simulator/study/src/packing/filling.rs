//! Filling a cell: requests come one at a time, each is placed or dropped, none leaves.
//!
//! What is sampled is what the FGD study shows (Weng et al., ATC'23, figures 7 and 9): what is
//! allocated, and how fragmented the idle GPUs are, against how much has *arrived*, dropped or not.
//! A sample is the mean over all requests at which the arrived part, in whole percent of the
//! cell's capacity, was the same (rounded half up).

use crate::cell::{Cell, Finder, RequestId, Requests};
use master_core::placement::Fgd;
use proto::model::ResourceName;

/// Percent of the capacity up to which is sampled.
const SAMPLED_MAX: usize = 200;

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
#[derive(Debug, Clone, PartialEq)]
pub struct Filling {
    /// By percent of the capacity that has arrived, from 0; `None` where nothing arrived.
    pub samples: Vec<Option<Filled>>,
    /// Requests placed.
    pub placed: u64,
    /// Requests for which no machine had room.
    pub dropped: u64,
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
    let mut filling = Filling { samples: Vec::new(), placed: 0, dropped: 0 };
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
