//! Inputs of Google's simulator of 2013 ("Omega"): lists of jobs, what runs at the start, and the
//! distributions that it draws from.

mod distribution;
mod jobs;
mod prefill;

pub use distribution::{Draw, Measure, distribution};
pub use jobs::jobs;
pub use prefill::{prefill, prefill_of_tasks};
