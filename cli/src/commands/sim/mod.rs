//! `bourse sim`: studies of placement and scheduling in virtual time, and the traces they read.

mod compare;
mod convert;
mod describe;
mod export;
mod progress;
mod run;
mod studies;
mod trace;

use crate::output::Format;
use anyhow::Context as _;
use std::{fs, process::ExitCode};
use trace::TraceCommand;

/// What can be done with studies.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum SimCommand {
    /// Run a study: a built-in one by its name, or a file
    Run(run::RunArgs),
    /// Compare two studies that were run, run by run
    Compare(compare::CompareArgs),
    /// List the studies that come with the program
    Studies,
    /// Print a study's file, to begin one of your own with
    Show(studies::ShowArgs),
    /// Look at workloads and machines that others published, convert and sample them
    #[command(subcommand)]
    Trace(TraceCommand),
}

pub(crate) fn sim(command: &SimCommand, format: Format) -> anyhow::Result<ExitCode> {
    match command {
        SimCommand::Run(args) => run::run(args, format),
        SimCommand::Compare(args) => compare::compare(args, format),
        SimCommand::Studies => studies::list(format),
        SimCommand::Show(args) => studies::show(args),
        SimCommand::Trace(command) => trace::trace(command, format),
    }
}

/// The text of a study: a built-in one by its name, otherwise that of a file.
fn text(which: &str) -> anyhow::Result<String> {
    match study::studies::find(which) {
        Some(built_in) => Ok(built_in.text.to_owned()),
        None => fs::read_to_string(which).with_context(|| {
            format!(
                "`{which}` is neither a study that comes with the program (`bourse sim studies` \
                 lists them) nor a file that can be read"
            )
        }),
    }
}
