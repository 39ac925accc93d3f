//! Our own two forms, which keep everything that the model has: JSON Lines to read and to write by
//! hand, and a binary one that is read ten times as fast.
//!
//! Both hold either arrivals or machines, say so at their begin, and are complete with their last
//! line or block: what was cut off is an error in the binary form.

mod binary;
mod check;
mod json;
mod record;

pub use binary::BinaryWriter;
pub use json::JsonWriter;

use crate::{
    error::ReadError,
    model::{Arrival, MachineEvent, Names},
    reader::{Arrivals, Machines},
    source::Source,
};
use std::io;

/// How the binary form begins; the last byte is no text in any encoding.
pub const BINARY_MAGIC: &[u8; 8] = b"BOURSE\x1aT";
/// How the JSON form begins.
pub const JSON_MAGIC: &[u8] = b"{\"bourse_trace\":";

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// Work.
    Arrivals,
    /// Machines.
    Machines,
}

/// Why a trace cannot be written further.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The system does not take it.
    #[error("cannot be written")]
    Io(#[from] io::Error),
    /// A value speaks of a name that is not in the table that came with it.
    #[error("a name with the number {0} is not in the table of names")]
    Name(usize),
    /// There are more different constraints than a file may have.
    #[error("more than {} different constraints", crate::limits::CONSTRAINTS_MAX)]
    Constraints,
}

/// Reads arrivals in the binary form.
pub fn binary_arrivals(source: Source, names: Names) -> Result<Arrivals, ReadError> {
    Ok(Arrivals::new(binary::Arrivals::open(source)?, names))
}

/// Reads machines in the binary form.
pub fn binary_machines(source: Source, names: Names) -> Result<Machines, ReadError> {
    Ok(Machines::new(binary::Machines::open(source)?, names))
}

/// Reads arrivals in the JSON form.
pub fn json_arrivals(source: Source, names: Names) -> Result<Arrivals, ReadError> {
    Ok(Arrivals::new(json::open::<Arrival>(source, Of::Arrivals)?, names))
}

/// Reads machines in the JSON form.
pub fn json_machines(source: Source, names: Names) -> Result<Machines, ReadError> {
    Ok(Machines::new(json::open::<MachineEvent>(source, Of::Machines)?, names))
}

/// Takes values of the model one after the other, into one of our forms.
///
/// The table of names may have grown since the last call, but what was in it must stay.
pub trait Write {
    /// Writes an arrival.
    ///
    /// # Panics
    /// When the file is one of machines.
    fn arrival(&mut self, arrival: &Arrival, names: &Names) -> Result<(), WriteError>;

    /// Writes what happens to a machine.
    ///
    /// # Panics
    /// When the file is one of arrivals.
    fn machine(&mut self, event: &MachineEvent, names: &Names) -> Result<(), WriteError>;

    /// Writes what is still held, and the end, after which nothing may be written.
    fn finish(&mut self, names: &Names) -> Result<(), WriteError>;
}

impl Of {
    /// As it is written in files and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arrivals => "arrivals",
            Self::Machines => "machines",
        }
    }
}
