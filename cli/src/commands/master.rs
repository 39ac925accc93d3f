//! `bourse master`: reads the master's settings and runs it until it is asked to end.
//!
//! What a setting means is the master's business; this only prints them or passes them on.

use super::backup::{RestoreArgs, run_restore};
use master::settings::{MasterArgs, MasterSettings};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

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
    raise_open_files();
    master::run(settings, crate::shutdown::asked()).await?;
    Ok(())
}

/// As many open files as this process may have: one for each agent and framework. What a shell or
/// systemd grants at first, often 1,024, is for programs that use `select`.
fn raise_open_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "the number of open files stays as it is; agents may be refused");
    }
}
