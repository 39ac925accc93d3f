//! Studies: which placement and which way of scheduling does what to which load, in virtual time,
//! with the masters' own policies and the frameworks' own code.
//!
//! ```text
//!  study.toml ──plan──▶ runs ──campaign──▶ measures ──outcome──▶ verdicts ──report──▶ files
//!                              (cells, policies, time)
//! ```
//!
//! | here | stands for |
//! |---|---|
//! | [`plan`] | a study as its author writes it; its sweep; what it expects |
//! | [`studies`] | those that come with the program |
//! | [`campaign`] | all runs of a study, on several threads |
//! | [`again`] | a run made again: explained, looked at, gone on with |
//! | [`cell`] | machines, requests, what fits where, the rule for ties, finding the best machine |
//! | [`packing`] | tasks that never leave: how much fits, how fragmented, how few machines do |
//! | [`queueing`] | jobs that wait for schedulers which take their time |
//! | [`backfilling`] | parallel jobs that wait behind each other |
//! | [`overcommit`] | what of tasks' limits could be given to others |
//! | [`probing`] | distributed schedulers, whose jobs wait at the workers |
//! | [`scheduling`] | jobs on machines that are not alike: bands, gangs, constraints |
//! | [`cluster`] | the masters' whole core, and the SDK's frameworks, unchanged |
//! | [`inputs`] | what traces hold, as machines and requests |
//! | [`limits`] | how much one study may ask |
//! | [`error`] | why a run cannot be made |
//! | [`measures`], [`statistics`] | what runs say; means and how sure they are |
//! | [`outcome`] | what a study says, and whether that was expected |
//! | [`running`] | a run that is under way, and whoever looks on |
//! | [`records`] | single tasks, decisions, and how things stood, on request |
//! | [`report`] | what is kept of it: JSON, tables, charts, a page |

#![forbid(unsafe_code)]

/// Of the program: what it keeps says it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub mod again;
pub mod backfilling;
pub mod campaign;
pub mod cell;
pub mod cluster;
pub mod error;
pub mod inputs;
mod level;
pub mod limits;
mod list;
pub mod measures;
pub mod outcome;
pub mod overcommit;
pub mod packing;
pub mod plan;
pub mod probing;
pub mod queueing;
pub mod records;
pub mod report;
pub mod running;
pub mod scheduling;
pub mod statistics;
pub mod studies;
mod times;
