//! Overcommit: how much of what tasks may use, and do not, could be given to others, and how often
//! that would have been wrong (Bashir et al., "Take it to the limit", EuroSys'21).
//!
//! ```text
//!  tasks, samples of use ──by lot──▶ machines ──every interval──▶ policy: peak to come
//!                                                                 oracle: peak that came
//! ```
//!
//! Tasks stay on their machine as long as there are samples of them. At every interval a policy
//! predicts, from what was used so far, how much all tasks that are on the machine now will use at
//! most, all together. What their limits are more than that could be given to others; it is a
//! violation when they used more within the oracle's horizon. Nothing is given to anybody here, so
//! that all policies are asked about the same.
//!
//! Amounts are integers, in thousandths of a core times MHz; nothing here knows memory.

mod future;
mod machines;
mod plan;
mod policy;
mod records;
mod run;
mod used;

pub use plan::OvercommitPlan;
pub use policy::Predictor;
pub use used::UsedTasks;
