//! Everything that a study reads: workloads and machines, in whatever form they were published.
//!
//! ```text
//!  file ──Source──▶ text ──formats──▶ Reader<Arrival>, Reader<MachineEvent>
//!       (unpacked)  (rows, places)    (integers, names, notes)
//! ```
//!
//! A [`Source`] is bytes with a name; each function of [`formats`] makes a stream of values of the
//! [`model`] out of one. Readers hold no more than they must, say where a file is wrong
//! ([`ReadError`]), and count what they left out or mended ([`model::Notes`]).
//!
//! ```
//! use traces::{Source, formats::openb, model::{Kind, Names}};
//!
//! let text = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,4000,1024,1,500\n";
//! let source = Source::new("pods.csv", text.as_bytes())?;
//! let pods: Vec<_> = openb::pods(source, Names::new())?.collect::<Result<_, _>>()?;
//! assert_eq!(pods[0].each[Kind::Gpus], 500);
//! # Ok::<(), traces::ReadError>(())
//! ```
//!
//! It knows nothing of schedulers, clusters or simulated time.

#![forbid(unsafe_code)]

pub mod chance;
pub mod describe;
pub mod error;
pub mod formats;
pub mod generate;
pub mod limits;
pub mod model;
pub mod open;
pub mod own;
mod parquet;
pub mod reader;
pub mod source;
mod text;
pub mod transform;

pub use error::{Place, ReadError};
pub use parquet::{Cell, ColumnKind, ParquetWriter};
pub use reader::{Arrivals, Machines, Reader};
pub use source::Source;
