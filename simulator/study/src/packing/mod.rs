//! Packing: tasks come one after another and stay.
//!
//! Two questions, after Verma et al., "Evaluating job packing in warehouse-scale computing" (IEEE
//! CLUSTER'14): how much of a load fits into a cell ([`FillingPlan`]), and how few machines hold a
//! given load ([`compact()`]).

mod compaction;
mod filling;
mod load;
mod typical;

pub use compaction::{Compaction, CompactionPlan, TaskOrder, compact};
pub use filling::FillingPlan;
pub use load::Load;
