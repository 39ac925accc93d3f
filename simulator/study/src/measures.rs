//! What a run says: numbers and curves by name. Which names there are, and in which unit, is the
//! business of what was asked; here they are only kept.

use serde::Serialize;
use std::collections::BTreeMap;

/// The numbers of one run.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Measures {
    /// Numbers by name.
    pub scalars: BTreeMap<String, f64>,
    /// Curves by name: values over whole numbers.
    pub curves: BTreeMap<String, BTreeMap<u32, f64>>,
    /// Queues that still grew at the end, with how many were left in each; the only one has no
    /// name.
    pub saturated: BTreeMap<String, u64>,
    /// Of everything that happened, in its order.
    pub digest: u64,
}

/// Whether a measure says how long those waited who stood in a queue.
pub fn is_wait(measure: &str, queue: &str) -> bool {
    let of_queue = measure.strip_prefix(queue).map(|rest| rest.trim_start_matches(['-', '.']));
    of_queue.is_some_and(|what| what.starts_with("wait") || what.starts_with("slowdown"))
}

impl Measures {
    /// A queue still grew, with so many left in it. When all of them were served in the end, what
    /// they waited is known, though it says little; otherwise it is not: those who wait longest are
    /// missing in it.
    pub(crate) fn is_saturated(&mut self, queue: String, left: u64, is_drained: bool) {
        if !is_drained {
            self.scalars.retain(|name, _| !is_wait(name, &queue));
        }
        self.saturated.insert(queue, left);
    }

    /// Whether a measure says how long those waited who stood in a queue that still grew.
    pub fn is_of_saturated(&self, measure: &str) -> bool {
        self.saturated.keys().any(|queue| is_wait(measure, queue))
    }

    /// A number, or a value of a curve.
    pub fn get(&self, measure: &str, at: Option<u32>) -> Option<f64> {
        match at {
            None => self.scalars.get(measure).copied(),
            Some(at) => self.curves.get(measure)?.get(&at).copied(),
        }
    }
}
