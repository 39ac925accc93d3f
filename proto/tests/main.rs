//! The tests of this crate's outside, in one program: they share their generators.
//!
//! It knows the public interface alone; what is private is tested beside its code.

mod arithmetic;
mod compat;
mod compat_values;
mod doubt;
mod fuzz;
#[cfg(feature = "grpc")]
mod grpc_statuses;
mod refusals;
mod round_trips;
mod strategies;
