//! What a trace comes to: rows, span, totals, rates, and how its sizes are spread.
//!
//! Read once, in bounded memory: percentiles are those of buckets of a 128th of their value.

mod machines;
mod spread;
mod work;

pub use machines::{Capacity, MachinesSummary, Model};
pub use spread::{Percentiles, Spread};
pub use work::{Amount, WorkSummary};

use crate::model::{Kind, Notes, Shape};
use serde::Serialize;

/// What was left out or mended, for reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mended {
    /// What was done with the rows, and why.
    pub what: String,
    /// How many rows.
    pub rows: u64,
}

/// The notes of a reader as rows of a report.
pub fn mended(notes: &Notes) -> Vec<Mended> {
    notes.iter().map(|(note, rows)| Mended { what: note.to_string(), rows }).collect()
}

/// Adds to sums that do not overflow.
fn add(sums: &mut [u128; 5], shape: &Shape, times: u128) {
    for (sum, amount) in sums.iter_mut().zip(shape.0) {
        *sum = sum.saturating_add(u128::from(amount).saturating_mul(times));
    }
}

/// Thousandths as a number of units, for people.
fn units(thousandths: u128) -> f64 {
    thousandths as f64 / 1_000.0
}

/// The unit of a kind's amounts once they are divided by a thousand.
const fn unit(kind: Kind) -> &'static str {
    match kind {
        Kind::Cpus => "cores",
        Kind::Mem | Kind::Disk => "MiB",
        Kind::Gpus => "cards",
        Kind::Network => "% of a network card",
    }
}
