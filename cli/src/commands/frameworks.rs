//! `bourse frameworks`: the list, and the end of one.

use super::{agents::tell, listings::ListFrameworksArgs};
use crate::{
    arguments::Client,
    connection::{Connection, request},
    context::ContextArgs,
    output::Format,
};
use proto::wire::v1;

/// Flags of `bourse frameworks`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct FrameworksArgs {
    #[command(flatten)]
    pub(crate) context: ContextArgs,
    #[command(flatten)]
    pub(crate) list: ListFrameworksArgs,
    #[command(subcommand)]
    pub(crate) command: Option<FrameworksCommand>,
}

/// What can be done to a framework.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum FrameworksCommand {
    /// End a framework and all of its tasks, for good
    Teardown(Client<TeardownArgs>),
}

/// Flags of `bourse frameworks teardown`.
#[derive(Debug, clap::Args)]
pub(crate) struct TeardownArgs {
    /// Framework id, such as `framework-3`
    framework: String,
}

pub(crate) async fn run(args: FrameworksArgs, format: Format) -> anyhow::Result<()> {
    match args.command {
        None => {
            super::listings::frameworks(&Connection::of(&args.context)?, format, &args.list).await
        }
        Some(FrameworksCommand::Teardown(Client { context, args: TeardownArgs { framework } })) => {
            let message = v1::TeardownFrameworkRequest { framework_id: framework.clone() };
            tell!(Connection::of(&context)?, teardown_framework, message);
            eprintln!("{framework} has ended; its tasks are being killed");
            Ok(())
        }
    }
}
