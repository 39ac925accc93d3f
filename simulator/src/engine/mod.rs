//! Virtual time and repeatable chance. Knows nothing of masters, agents or clusters.

pub mod chance;
pub mod queue;

pub use chance::Chance;
pub use queue::Queue;
