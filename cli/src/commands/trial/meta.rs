//! `bourse trial meta`: whether equal seeds give equal runs, to the last byte of the last effect.

use super::{SeedsArgs, ShownFailure, bar};
use crate::output::{Format, print_one};
use serde::Serialize;
use simulator::trial::{Preset, Watch, attempt};
use std::process::ExitCode;

/// Seeds that are compared when no number is given.
const SEEDS: u64 = 20;

/// Flags of `bourse trial meta`.
#[derive(Debug, clap::Args)]
pub(crate) struct MetaArgs {
    #[command(flatten)]
    seeds: SeedsArgs,
}

#[derive(Debug, Serialize)]
struct Shown {
    passed: bool,
    seeds: u64,
    /// Whose two runs differ.
    different: Vec<u64>,
    failures: Vec<ShownFailure>,
}

pub(super) fn meta(args: &MetaArgs, format: Format) -> anyhow::Result<ExitCode> {
    let preset = Preset::from(args.seeds.preset);
    let seeds = args.seeds.seeds.unwrap_or(SEEDS);
    let bar = bar(seeds, "{elapsed_precise} {bar:40} {pos}/{len} seeds, {eta} left");
    let (mut different, mut failures) = (Vec::new(), Vec::new());
    for seed in args.seeds.first..args.seeds.first.saturating_add(seeds) {
        let scenario = preset.draw(seed);
        let first = attempt(&scenario, Watch::Fingerprint);
        if first != attempt(&scenario, Watch::Fingerprint) {
            different.push(seed);
        }
        failures.extend(first.err().map(|failure| ShownFailure::new(seed, &failure)));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let passed = different.is_empty() && failures.is_empty();
    let shown = Shown { passed, seeds, different, failures };
    print_one(format, &shown, || shown.text())?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Shown {
    fn text(&self) -> String {
        let failures: String = self.failures.iter().map(ShownFailure::text).collect();
        let verdict = match &self.different[..] {
            [] => format!("seeds run twice: {}; no difference\n", self.seeds),
            seeds => format!(
                "{} of {} seeds differ from run to run: {seeds:?}; compare two of `bourse trial \
                 replay SEED --trace`\n",
                seeds.len(),
                self.seeds
            ),
        };
        failures + &verdict
    }
}
