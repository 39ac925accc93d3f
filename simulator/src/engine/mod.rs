//! Virtual time and repeatable chance, for trials and for studies. Knows nothing of masters, agents
//! or clusters.

pub mod chance;
pub mod digest;
pub mod queue;
pub mod radix;
pub mod time;

pub use chance::Chance;
pub use digest::Digest;
pub use queue::Queue;
pub use radix::RadixHeap;
pub use time::Time;
