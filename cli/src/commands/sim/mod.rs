//! `bourse sim`: studies of placement and scheduling in virtual time, and the traces they read.

mod compare;
mod convert;
mod describe;
mod explain;
mod export;
mod kept;
mod progress;
mod replay;
mod report;
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
    /// Run all that a study varies, on several threads: `run` by another name
    Sweep(run::RunArgs),
    /// Make a run again and say why a task went where it did: who had room, scores, ties, and what
    /// the others lack
    Explain(explain::ExplainArgs),
    /// Make a run again up to a moment and show how things stood
    Replay(replay::ReplayArgs),
    /// Go on from a checkpoint, also with another policy
    Resume(replay::ResumeArgs),
    /// Make tables, charts and the page again; of several studies, a page that compares them
    Report(report::ReportArgs),
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
        SimCommand::Run(args) | SimCommand::Sweep(args) => run::run(args, format),
        SimCommand::Explain(args) => explain::explain(args, format),
        SimCommand::Replay(args) => replay::replay(args, format),
        SimCommand::Resume(args) => replay::resume(args, format),
        SimCommand::Report(args) => report::report(args, format),
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
