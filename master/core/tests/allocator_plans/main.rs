//! The allocator on a real ledger and a real book: by hand, against a naive oracle, and at its
//! edges.

mod by_hand;
mod demanded;
mod devices;
mod explained;
mod filtered;
mod gathered;
mod incremental;
mod naive;
mod naive_quota;
mod placed;
mod promised;
mod property;
mod spread;
mod terms;
mod world;
