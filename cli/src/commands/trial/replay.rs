//! `bourse trial replay`: one scenario again, with everything that happens in it if wanted.

use super::{ScenarioArgs, ShownFailure};
use crate::output::{Format, print_one};
use serde::Serialize;
use simulator::trial::{Report, Watch, attempt};
use std::{collections::BTreeMap, process::ExitCode};

/// Flags of `bourse trial replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Print every input and effect: milliseconds, host (masters from 0, agents from 100), what
    #[arg(long)]
    trace: bool,
    /// Print the scenario as a file, and run nothing
    #[arg(long, conflicts_with = "trace")]
    print: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    passed: bool,
    failure: Option<ShownFailure>,
    /// What a run that passed came to.
    report: Option<ShownReport>,
}

#[derive(Debug, Serialize)]
struct ShownReport {
    virtual_ms: u64,
    healed_after_ms: u64,
    /// It did not come right: no sound majority of the disks was left.
    excused: bool,
    events: u64,
    faults: BTreeMap<String, u64>,
    skipped: u64,
}

pub(super) fn replay(args: &ReplayArgs, format: Format) -> anyhow::Result<ExitCode> {
    let scenario = args.scenario.scenario()?;
    if args.print {
        crate::output::print_text(&scenario.write())?;
        return Ok(ExitCode::SUCCESS);
    }
    let watch = if args.trace { Watch::Print } else { Watch::Oracles };
    let seed = scenario.options.seed;
    let shown = match attempt(&scenario, watch) {
        Ok(report) => {
            let report = Some(ShownReport::new(&report));
            Shown { passed: true, failure: None, report }
        }
        Err(failure) => {
            let failure = Some(ShownFailure::new(seed, &failure));
            Shown { passed: false, failure, report: None }
        }
    };
    print_one(format, &shown, || shown.text(&args.scenario.typed()))?;
    Ok(if shown.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Shown {
    fn text(&self, typed: &str) -> String {
        let failure = self.failure.as_ref().map(|failure| {
            format!("{}`bourse trial minimise {typed}` makes it small\n", failure.text())
        });
        failure.or(self.report.as_ref().map(ShownReport::text)).unwrap_or_default()
    }
}

impl ShownReport {
    fn new(report: &Report) -> Self {
        Self {
            virtual_ms: report.virtual_ms,
            healed_after_ms: report.healed_after_ms,
            excused: report.excused,
            events: report.events,
            faults: report.kinds.iter().map(|(kind, count)| (kind.to_string(), *count)).collect(),
            skipped: report.skipped,
        }
    }

    fn text(&self) -> String {
        let faults: Vec<String> =
            self.faults.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let healed = match self.excused {
            true => "it could not come right, for most masters' disks were lost".to_owned(),
            false => {
                let seconds = self.healed_after_ms as f64 / 1_000.0;
                format!("everything was right {seconds:.1} s after the last fault")
            }
        };
        format!(
            "nothing wrong in {:.1} s of virtual time, {} events; {healed}\n{} faults made no \
             sense, the others: {}\n",
            self.virtual_ms as f64 / 1_000.0,
            self.events,
            self.skipped,
            faults.join(", ")
        )
    }
}
