//! `bourse master`: reads the master's settings and runs it until it is asked to end.
//!
//! What a setting means is the master's business; this only prints them or passes them on.

use super::backup::{RestoreArgs, run_restore};
use master::settings::{MasterArgs, MasterSettings};

/// A master, or what is done to its folder while it does not run.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct MasterCommand {
    #[command(flatten)]
    args: MasterArgs,
    #[command(subcommand)]
    command: Option<Offline>,
}

#[derive(Debug, clap::Subcommand)]
enum Offline {
    /// Make a data directory for a member of a new cluster out of a backup
    Restore(RestoreArgs),
}

pub(crate) async fn run(command: &MasterCommand) -> anyhow::Result<()> {
    if let Some(Offline::Restore(args)) = &command.command {
        return run_restore(args);
    }
    let args = &command.args;
    let settings = MasterSettings::load(args, |name| std::env::var(name).ok())?;
    if args.print_config {
        return crate::output::print_text(&settings.to_toml());
    }
    master::run(settings, crate::shutdown::asked()).await?;
    Ok(())
}
