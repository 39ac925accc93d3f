//! The words everybody speaks.
//!
//! Three rooms and one rule. [`wire`] is generated from `schema/` and believed by nobody. [`model`]
//! is plain Rust: typed ids, exact resources, tasks, statuses, limits. [`convert`] is the only way
//! from the first to the second, and the only place where input is checked for form. Everything
//! behind it may rely on what the model's types promise. Beside them, [`planted`] is asked for bugs
//! that are made on purpose.

#![forbid(unsafe_code)]

#[cfg(feature = "grpc")]
pub mod codec;
pub mod convert;
pub mod model;
pub mod planted;
pub mod wire;
