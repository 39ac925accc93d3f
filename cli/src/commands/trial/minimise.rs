//! `bourse trial minimise`: the smallest scenario that fails alike, as a file.

use super::{ScenarioArgs, ShownFailure, bar};
use crate::output::{Format, print_one, print_text};
use anyhow::{Context as _, bail};
use serde::Serialize;
use std::{fs, path::PathBuf, process::ExitCode};

/// Flags of `bourse trial minimise`.
#[derive(Debug, clap::Args)]
pub(crate) struct MinimiseArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Write the scenario to this file [default: print it]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Shown {
    runs: u64,
    faults_before: usize,
    faults: usize,
    failure: ShownFailure,
    scenario: String,
}

pub(super) fn minimise(args: &MinimiseArgs, format: Format) -> anyhow::Result<ExitCode> {
    let scenario = args.scenario.scenario()?;
    let planned = scenario.faults.len();
    let bar = bar(planned as u64, "{elapsed_precise} {bar:40} {pos}/{len} faults left, {msg}");
    let minimal = simulator::trial::minimise(&scenario, |runs, left| {
        bar.set_position(left as u64);
        bar.set_message(format!("{runs} runs"));
    });
    bar.finish_and_clear();
    let Some(minimal) = minimal else {
        bail!("{} does not fail; there is nothing to make smaller", args.scenario.typed());
    };
    let text = minimal.scenario.write();
    if let Some(path) = &args.out {
        fs::write(path, &text).with_context(|| format!("{} was not written", path.display()))?;
    }
    let shown = Shown {
        runs: minimal.runs,
        faults_before: planned,
        faults: minimal.scenario.faults.len(),
        failure: ShownFailure::new(scenario.options.seed, &minimal.failure),
        scenario: text,
    };
    if args.out.is_none() && format == Format::Table {
        print_text(&shown.scenario)?;
        eprint!("{}", shown.text());
        return Ok(ExitCode::SUCCESS);
    }
    print_one(format, &shown, || shown.text())?;
    Ok(ExitCode::SUCCESS)
}

impl Shown {
    fn text(&self) -> String {
        let Self { runs, faults_before, faults, failure, .. } = self;
        format!(
            "{}{faults} of {faults_before} faults are left, after {runs} runs\n",
            failure.text()
        )
    }
}
