//! Volumes: directories whose data outlive the tasks that use them.
//!
//! ```text
//! DATA/volumes/making/VOLUME/        not whole yet; no task has ever seen it
//! DATA/volumes/VOLUME/data/          what tasks write
//! DATA/volumes/VOLUME/owner          whose user that belongs to, from its first task on
//! DATA/volumes/destroying/VOLUME/    to be deleted, or deleted in part
//! ```
//!
//! Each step from one line to another is a rename that is on the disk before it is told, and can be
//! done again from wherever it was broken off. Nothing is deleted, or even looked for, but what the
//! core names; what else lies here is shown in the log and left.

mod deletion;
mod directories;
mod executor;
mod owner;
mod standing;
#[cfg(test)]
mod tests;

pub(crate) use directories::VolumeTree;
pub(crate) use executor::Volumes;
pub(crate) use standing::{Standing, say_what_is_amiss};
