//! What the questions in `benches/` share: arguments, figures, tables, clusters to measure.
//!
//! Each question prints what it measured beside what was promised, and how loaded the machine was;
//! it never fails for being slow. What the figures mean stands in `docs/PERFORMANCE.md`.

#![forbid(unsafe_code)]

pub mod allocation;
pub mod arguments;
pub mod certificates;
pub mod cluster;
pub mod fleet;
pub mod growth;
pub mod held;
pub mod load;
pub mod machine;
pub mod masters;
pub mod mesos_cluster;
pub mod plot;
pub mod pollers;
pub mod probe;
pub mod processor;
pub mod report;
pub mod rows;
pub mod samples;
