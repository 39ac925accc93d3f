//! `bourse trial run`: many seeds, and what they came to.

use super::{SeedsArgs, ShownFailure, Size, bar};
use crate::output::{Format, print_text, table};
use serde::Serialize;
use simulator::trial::{CELLS, Campaign, MOMENTS, Preset, Summary};
use std::{collections::BTreeMap, process::ExitCode, time::Instant};

/// Skipped faults that are still a campaign, of a thousand.
const SKIPPED_PER_MILLE_MAX: u64 = 300;

/// Flags of `bourse trial run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    seeds: SeedsArgs,
    /// Threads [default: one for each processor]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    jobs: Option<u16>,
}

/// A campaign's end.
#[derive(Debug, Serialize)]
struct Shown {
    passed: bool,
    seeds: u64,
    /// Those that could not come right: no sound majority of the disks was left.
    excused: u64,
    virtual_ms: u64,
    real_ms: u64,
    /// Virtual time over processor time of all threads.
    speed: u64,
    events: u64,
    faults: u64,
    skipped_per_mille: u64,
    message_faults: u64,
    digests_compared: u64,
    member_changes: u64,
    cells: BTreeMap<&'static str, u64>,
    moments: BTreeMap<&'static str, u64>,
    failures: Vec<ShownFailure>,
    /// What keeps a campaign without failures from being good.
    complaints: Vec<String>,
}

pub(super) fn run(args: &RunArgs, format: Format) -> anyhow::Result<ExitCode> {
    let preset = Preset::from(args.seeds.preset);
    let count = args.seeds.seeds.unwrap_or(preset.seeds());
    let last = args.seeds.first.saturating_add(count - 1);
    let jobs = match args.jobs {
        Some(jobs) => usize::from(jobs),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let campaign = Campaign { preset, seeds: args.seeds.first..=last, jobs };
    let bar = bar(count, "{elapsed_precise} {bar:40} {pos}/{len} seeds, {eta} left {msg}");
    let began = Instant::now();
    let mut failed = 0;
    let summary = campaign.run(|seed, failure| {
        bar.inc(1);
        if let Some(failure) = failure {
            failed += 1;
            bar.set_message(format!("({failed} failed)"));
            bar.suspend(|| eprint!("{}", ShownFailure::new(seed, failure).text()));
        }
    });
    bar.finish_and_clear();
    let real_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let is_whole = count >= preset.seeds() && preset.reaches_everything();
    let shown = Shown::new(&summary, real_ms, jobs, is_whole);
    match format {
        Format::Json => print_text(&(serde_json::to_string_pretty(&shown)? + "\n"))?,
        Format::Table => print_text(&shown.text(&summary, args.seeds.preset))?,
    }
    Ok(if shown.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Shown {
    /// A whole campaign must have reached everything that it can reach.
    fn new(summary: &Summary, real_ms: u64, jobs: usize, is_whole: bool) -> Self {
        let cells: BTreeMap<_, _> =
            CELLS.iter().map(|cell| (cell.id, cell.hits(summary))).collect();
        let mut complaints = Vec::new();
        let skipped_per_mille = summary.skipped_per_mille();
        if skipped_per_mille > SKIPPED_PER_MILLE_MAX {
            complaints.push(format!("{skipped_per_mille} ‰ of the planned faults made no sense"));
        }
        if is_whole {
            let missing = summary.sometimes.missing();
            complaints.extend(missing.iter().map(|moment| format!("never reached: {moment}")));
            let empty = cells.iter().filter(|(_, hits)| **hits == 0);
            complaints.extend(empty.map(|(id, _)| format!("never hit: {id}")));
        }
        let failures: Vec<ShownFailure> = summary
            .failures
            .iter()
            .map(|(seed, failure)| ShownFailure::new(*seed, failure))
            .collect();
        Self {
            passed: failures.is_empty() && complaints.is_empty(),
            seeds: summary.seeds,
            excused: summary.excused,
            virtual_ms: summary.virtual_ms,
            real_ms,
            speed: summary.virtual_ms / (real_ms * jobs as u64).max(1),
            events: summary.events,
            faults: summary.faults,
            skipped_per_mille,
            message_faults: summary.message_faults,
            digests_compared: summary.digests_compared,
            member_changes: summary.member_changes,
            cells,
            moments: MOMENTS.iter().map(|it| (*it, summary.sometimes.count(it))).collect(),
            failures,
            complaints,
        }
    }

    fn text(&self, summary: &Summary, size: Size) -> String {
        let rows = CELLS.iter().map(|cell| {
            vec![cell.id.to_owned(), cell.title.to_owned(), cell.hits(summary).to_string()]
        });
        let mut text = table::render(&["cell", "what happens", "hits"], rows);
        let hours = summary.virtual_ms / 3_600_000;
        let minutes = summary.virtual_ms / 60_000 % 60;
        text += &format!(
            "{} seeds, {hours} h {minutes} min of virtual time in {:.1} s ({} times real time on \
             each processor)\n{} faults ({} ‰ of those planned made no sense), {} message faults, \
             {} digests compared\n",
            self.seeds,
            self.real_ms as f64 / 1_000.0,
            self.speed,
            self.faults,
            self.skipped_per_mille,
            self.message_faults,
            self.digests_compared,
        );
        if self.excused > 0 {
            text += &format!(
                "{} of the seeds are excused from coming right: most masters' disks were lost\n",
                self.excused
            );
        }
        for failure in &self.failures {
            text += &failure.text();
        }
        for complaint in &self.complaints {
            text += &format!("{complaint}\n");
        }
        text += match (self.passed, self.failures.first()) {
            (true, _) => "nothing wrong\n",
            (false, None) => "no seed failed, but this is not enough\n",
            (false, Some(_)) => "",
        };
        if let Some(failure) = self.failures.first() {
            text += &format!(
                "{} of {} seeds failed; `bourse trial minimise {}` makes the first one small\n",
                self.failures.len(),
                self.seeds,
                size.typed(failure.seed)
            );
        }
        text
    }
}
