//! One file per family of formats: its columns, their units, and its traps.
//!
//! Each function takes bytes and a table of names and gives a stream. Tables with a header are read
//! by the names in it, in whatever order they stand; columns that are not known are left alone.

pub mod alibaba;
pub mod google2011;
pub mod google2019;
pub mod omega;
pub mod openb;
pub mod philly;
pub mod surf;
pub mod swf;

/// What a column of tasks holds.
const TASKS: &str = "a number of tasks from 1 to 4294967295";
/// What a column of seconds holds.
const SECONDS: &str = "a number of seconds from 0 to 18 billion";
