//! `bourse trial`: clusters of the real cores in a virtual world that fails, by seed;
//! and real processes under faults.

#[cfg(feature = "planted-bugs")]
mod hunts;
mod live;
mod meta;
mod minimise;
mod planted;
mod replay;
mod run;

use crate::output::{Format, stderr_is_terminal};
use anyhow::Context as _;
use clap::ValueEnum as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use simulator::trial::{Failure, Preset, Scenario};
use std::{fs, path::PathBuf, process::ExitCode};

/// What can be done with trials.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum TrialCommand {
    /// Try many seeds
    Run(run::RunArgs),
    /// Run one seed, or one scenario file, again
    Replay(replay::ReplayArgs),
    /// Make a failing seed or scenario as small as it goes
    Minimise(minimise::MinimiseArgs),
    /// Run seeds twice and compare every input and effect
    Meta(meta::MetaArgs),
    /// Harm real masters and agents under a load, and judge what became of it
    Live(live::LiveArgs),
    /// Plant known bugs, one at a time, and see which of them trials find
    Planted(planted::PlantedArgs),
}

/// How large trials are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Size {
    /// Two virtual minutes of a small cluster
    #[default]
    Quick,
    /// Ten virtual minutes of three to five masters and up to fifty agents
    Gate,
    /// As gate, for a night
    Soak,
    /// Two virtual minutes in which masters are added, replaced and removed
    Changing,
}

/// Flags of commands that are about several seeds.
#[derive(Debug, clap::Args)]
struct SeedsArgs {
    /// Size of the trials
    #[arg(long, value_enum, default_value_t)]
    preset: Size,
    /// The first seed
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    first: u64,
    /// How many seeds [default: 20 for `meta`, else as the preset says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    seeds: Option<u64>,
}

/// Flags of commands that are about one scenario.
#[derive(Debug, clap::Args)]
struct ScenarioArgs {
    /// A seed, or a scenario file
    #[arg(value_name = "SEED|FILE")]
    which: Which,
    /// Size of the seed's trial
    #[arg(long, value_enum, default_value_t)]
    preset: Size,
}

#[derive(Debug, Clone)]
enum Which {
    Seed(u64),
    File(PathBuf),
}

/// What went wrong, for people and programs.
#[derive(Debug, Serialize)]
struct ShownFailure {
    seed: u64,
    at_ms: u64,
    message: String,
    place: String,
}

pub(crate) fn trial(command: &TrialCommand, format: Format) -> anyhow::Result<ExitCode> {
    match command {
        TrialCommand::Run(args) => run::run(args, format),
        TrialCommand::Replay(args) => replay::replay(args, format),
        TrialCommand::Minimise(args) => minimise::minimise(args, format),
        TrialCommand::Meta(args) => meta::meta(args, format),
        TrialCommand::Live(args) => live::live(args, format),
        TrialCommand::Planted(args) => planted::planted(args, format),
    }
}

impl Size {
    /// A seed of this size, as it is typed.
    fn typed(self, seed: u64) -> String {
        match self.to_possible_value() {
            Some(name) if self != Self::default() => format!("{seed} --preset {}", name.get_name()),
            _ => seed.to_string(),
        }
    }
}

impl From<Size> for Preset {
    fn from(size: Size) -> Self {
        match size {
            Size::Quick => Self::Quick,
            Size::Gate => Self::Gate,
            Size::Soak => Self::Soak,
            Size::Changing => Self::Changing,
        }
    }
}

impl std::str::FromStr for Which {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::File(PathBuf::from(text)), Self::Seed))
    }
}

impl ScenarioArgs {
    fn scenario(&self) -> anyhow::Result<Scenario> {
        match &self.which {
            Which::Seed(seed) => Ok(Preset::from(self.preset).draw(*seed)),
            Which::File(path) => {
                let text = fs::read_to_string(path).with_context(|| {
                    format!("{} is neither a seed nor a file that can be read", path.display())
                })?;
                Scenario::read(&text).with_context(|| path.display().to_string())
            }
        }
    }

    /// As it is typed again.
    fn typed(&self) -> String {
        match &self.which {
            Which::Seed(seed) => self.preset.typed(*seed),
            Which::File(path) => path.display().to_string(),
        }
    }
}

impl ShownFailure {
    fn new(seed: u64, failure: &Failure) -> Self {
        let Failure { message, place, at_ms } = failure.clone();
        Self { seed, at_ms, message, place }
    }

    /// Several lines: when, what, and who says so.
    fn text(&self) -> String {
        let at = std::time::Duration::from_millis(self.at_ms);
        let Self { seed, message, place, .. } = self;
        format!("seed {seed} fails at {at:.1?}: {message}\n    ({place})\n")
    }
}

/// A bar on a terminal, nothing elsewhere.
fn bar(total: u64, template: &str) -> ProgressBar {
    if !stderr_is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).expect("a valid template");
    ProgressBar::new(total).with_style(style)
}
