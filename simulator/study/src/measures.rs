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
    /// Of everything that happened, in its order.
    pub digest: u64,
}

impl Measures {
    /// A number, or a value of a curve.
    pub fn get(&self, measure: &str, at: Option<u32>) -> Option<f64> {
        match at {
            None => self.scalars.get(measure).copied(),
            Some(at) => self.curves.get(measure)?.get(&at).copied(),
        }
    }
}
