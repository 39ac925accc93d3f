//! `bourse completion SHELL`.

use crate::arguments::Arguments;
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Flags of `bourse completion`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionArgs {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

pub(crate) fn run(args: &CompletionArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "bourse", &mut script);
    crate::output::print_text(&String::from_utf8_lossy(&script))
}
