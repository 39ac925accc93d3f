//! The hunts behind `bourse trial planted`, in builds that have bugs planted.

use super::{Size, bar, planted::PlantedArgs};
use crate::output::{Format, print_text, table};
use clap::ValueEnum as _;
use serde::Serialize;
use simulator::trial::{BUGS, Bug, Hunt, Hunted, Preset};
use std::{process::ExitCode, time::Instant};

/// All hunts.
#[derive(Debug, Serialize)]
struct Shown {
    passed: bool,
    found: usize,
    real_ms: u64,
    bugs: Vec<ShownBug>,
}

#[derive(Debug, Serialize)]
struct ShownBug {
    bug: String,
    what: &'static str,
    /// Invariants that should notice.
    watched: &'static str,
    found: bool,
    /// Who noticed.
    by: String,
    message: String,
    place: String,
    /// As it is typed.
    seed: String,
    at_ms: u64,
    tried: u64,
    real_ms: u64,
}

pub(super) fn planted(args: &PlantedArgs, format: Format) -> anyhow::Result<ExitCode> {
    let jobs = match args.jobs {
        Some(jobs) => usize::from(jobs),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let bugs: &[Bug] = if args.bugs.is_empty() { BUGS } else { &args.bugs };
    let bar =
        bar(bugs.len() as u64, "{elapsed_precise} {bar:40} {pos}/{len} bugs, {eta} left {msg}");
    let began = Instant::now();
    let (mut all, mut shown) = (Vec::new(), Vec::new());
    for bug in bugs {
        let began = Instant::now();
        let mut tried = 0;
        let preset = args.preset.map(Preset::from);
        let hunt = Hunt { bug: *bug, preset, seeds: args.seeds, jobs };
        let hunted = hunt.run(|| {
            tried += 1;
            bar.set_message(format!("({bug}, {tried} seeds)"));
        });
        bar.inc(1);
        shown.push(ShownBug::new(&hunted, milliseconds(began)));
        all.push(hunted);
    }
    bar.finish_and_clear();
    let passed = Hunted::are_enough(&all);
    let found = shown.iter().filter(|bug| bug.found).count();
    let shown = Shown { passed, found, real_ms: milliseconds(began), bugs: shown };
    match format {
        Format::Json => print_text(&(serde_json::to_string_pretty(&shown)? + "\n"))?,
        Format::Table => print_text(&shown.text())?,
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl ShownBug {
    fn new(hunted: &Hunted, real_ms: u64) -> Self {
        let Hunted { bug, tried, found } = hunted;
        let failure = found.as_ref().map(|find| find.failure.clone());
        let typed = |find: &simulator::trial::Find| Size::from(find.preset).typed(find.seed);
        Self {
            bug: bug.to_string(),
            what: bug.what(),
            watched: bug.watched(),
            found: found.is_some(),
            by: failure.as_ref().map(simulator::trial::Failure::who).unwrap_or_default(),
            at_ms: failure.as_ref().map_or(0, |failure| failure.at_ms),
            message: failure.as_ref().map(|it| it.message.clone()).unwrap_or_default(),
            place: failure.map(|failure| failure.place).unwrap_or_default(),
            seed: found.as_ref().map(typed).unwrap_or_default(),
            tried: *tried,
            real_ms,
        }
    }
}

impl Shown {
    fn text(&self) -> String {
        let rows = self.bugs.iter().map(|bug| {
            let by = if bug.found { bug.by.clone() } else { "NOT FOUND".to_owned() };
            vec![bug.bug.clone(), bug.what.to_owned(), by, bug.tried.to_string()]
        });
        let mut text = table::render(&["bug", "what is wrong", "found by", "seeds"], rows);
        text += &format!(
            "{} of {} bugs found, in {:.1} s\n",
            self.found,
            self.bugs.len(),
            self.real_ms as f64 / 1_000.0
        );
        if !self.passed {
            text += "fewer than 19 of 20: something is never tried, or nobody watches it\n";
        }
        text
    }
}

impl From<Preset> for Size {
    fn from(preset: Preset) -> Self {
        let all = Self::value_variants().iter().copied();
        let same = all.into_iter().find(|size| Preset::from(*size) == preset);
        same.expect("every preset is a size")
    }
}
