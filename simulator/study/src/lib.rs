//! Studies: which placement and which way of scheduling does what to which load, in virtual time,
//! with the masters' own policies and the frameworks' own code.
//!
//! | here | stands for |
//! |---|---|
//! | [`cell`] | machines, requests, what fits where, the rule for ties, finding the best machine |
//! | [`packing`] | tasks that never leave: how much fits, how fragmented it is, how few machines do |

pub mod cell;
pub mod packing;
