//! The real cores under virtual time.
//!
//! [`engine`] is a clock that jumps and streams of chance that repeat; [`trial`] puts real masters
//! and real agents into a world of failing disks, networks and processes, and watches them with
//! oracles that share no code with what they judge. A run is decided by its seed alone.

#![forbid(unsafe_code)]

pub mod engine;
pub mod trial;
