//! `bourse sim trace`: what its commands have in common.

use super::{convert, describe, export};
use crate::output::{Format, stderr_is_terminal};
use anyhow::bail;
use clap::builder::PossibleValue;
use indicatif::{ProgressBar, ProgressStyle};
use std::{path::PathBuf, process::ExitCode};
use traces::{
    ReadError,
    model::Names,
    open::{self, FORMATS, Opened},
};

/// Rows between two looks at the clock for the bar.
const ROWS_PER_TICK: u64 = 8_192;

/// What can be done with traces.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum TraceCommand {
    /// Sum up what a trace holds, and what of it was repaired or skipped
    Describe(describe::DescribeArgs),
    /// Write a trace in one of our own forms, which keep everything that was read
    Convert(convert::ConvertArgs),
    /// Write some of a trace's jobs, chosen by a seed
    Sample(convert::SampleArgs),
    /// Write what a master's log says has happened, for replay under another policy
    Export(export::ExportArgs),
}

/// A format of the input, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named(open::Format);

/// The file that is read.
#[derive(Debug, clap::Args)]
pub(super) struct InputArgs {
    /// The trace, plain, gzip or zstd
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Its format [default: what its first lines look like]
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<Named>,
}

pub(super) fn trace(command: &TraceCommand, format: Format) -> anyhow::Result<ExitCode> {
    match command {
        TraceCommand::Describe(args) => describe::describe(args, format)?,
        TraceCommand::Convert(args) => convert::convert(args)?,
        TraceCommand::Sample(args) => convert::sample(args)?,
        TraceCommand::Export(args) => export::export(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl InputArgs {
    pub(super) fn open(&self) -> anyhow::Result<Opened> {
        let format = self.format.map(|Named(format)| format);
        match open::open(&self.file, format, Names::new()) {
            Err(error @ ReadError::Unknown { .. }) => {
                let names: Vec<&str> = FORMATS.iter().map(|(_, name)| *name).collect();
                bail!("{error} (`--format` is one of {})", names.join(", "))
            }
            opened => Ok(opened?),
        }
    }

    /// How many rows were read, on a terminal.
    pub(super) fn bar(&self) -> RowsBar {
        if !stderr_is_terminal() {
            return RowsBar { bar: ProgressBar::hidden(), rows: 0 };
        }
        let template = "{elapsed_precise} {spinner} {human_pos} rows, {per_sec} {msg}";
        let style = ProgressStyle::with_template(template).expect("a valid template");
        let message = self.file.display().to_string();
        let bar = ProgressBar::no_length().with_style(style).with_message(message);
        RowsBar { bar, rows: 0 }
    }
}

/// A bar without an end.
#[derive(Debug)]
pub(super) struct RowsBar {
    bar: ProgressBar,
    rows: u64,
}

impl RowsBar {
    pub(super) fn row(&mut self) {
        self.rows += 1;
        if self.rows.is_multiple_of(ROWS_PER_TICK) {
            self.bar.set_position(self.rows);
        }
    }
}

impl Drop for RowsBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl clap::ValueEnum for Named {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Named; FORMATS.len()] = {
            let mut all = [Named(FORMATS[0].0); FORMATS.len()];
            let mut index = 0;
            while index < FORMATS.len() {
                all[index] = Named(FORMATS[index].0);
                index += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}
