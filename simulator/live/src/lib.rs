//! Real `bourse` processes under faults, with a load whose every promise is written down, and
//! judges who compare.
//!
//! The simulator shows what the cores do in virtual time; here it is the released program on a real
//! kernel: `kill -9`, stopped processes, real sockets and disks. An exercise ([`exercises`]) starts
//! a cluster, keeps a load on it, does one kind of harm again and again, and then asks the oracles
//! ([`verdict`], [`reads`]) whether anything that was acknowledged is lost or there twice.
//!
//! The crate knows the program by its path and its public face alone: command line, API, metrics.
//! It never links a master or an agent.

#![forbid(unsafe_code)]

mod attendance;
pub mod authority;
mod cgroups;
pub mod cluster;
pub mod exercises;
pub mod figures;
pub mod guard;
pub mod home;
pub mod load;
pub mod lossy_disk;
pub mod metrics_page;
pub mod network;
pub mod node;
pub mod operator;
pub mod patience;
mod places;
pub mod process;
pub mod reads;
mod squad;
pub mod tracer;
pub mod verdict;
pub mod witness;
