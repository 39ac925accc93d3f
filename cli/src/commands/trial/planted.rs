//! `bourse trial planted`: whether trials find the bugs that are known to be there.

use super::Size;
use simulator::trial::Bug;

/// Flags of `bourse trial planted`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlantedArgs {
    /// The bugs to plant, one at a time [default: all]
    #[arg(value_name = "BUG")]
    pub(super) bugs: Vec<Bug>,
    /// Size of all trials [default: quick ones mixed with changing ones]
    #[arg(long, value_enum)]
    pub(super) preset: Option<Size>,
    /// How many trials each bug may take
    #[arg(long, default_value_t = 400, value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(super) seeds: u64,
    /// Threads [default: one for each processor]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(super) jobs: Option<u16>,
}

#[cfg(feature = "planted-bugs")]
pub(super) use super::hunts::planted;

#[cfg(not(feature = "planted-bugs"))]
pub(super) fn planted(
    _: &PlantedArgs,
    _: crate::output::Format,
) -> anyhow::Result<std::process::ExitCode> {
    anyhow::bail!(
        "this build has no bugs planted; type `cargo run --release --features planted-bugs -- \
         trial planted`"
    )
}
