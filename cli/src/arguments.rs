//! What can be typed: one variant per command, and the flags that all of them share.
//!
//! Help, completion and parsing come from these definitions. Does not know what a command does.

use crate::{
    commands::{
        agents::AgentsArgs,
        certificates::CertificatesArgs,
        completion::CompletionArgs,
        dev::DevArgs,
        events::EventsArgs,
        frameworks::FrameworksArgs,
        groups::GroupsArgs,
        kill::KillArgs,
        listings::TasksArgs,
        logs::LogsArgs,
        maintenance::MaintenanceCommand,
        master::MasterCommand,
        masters::MastersArgs,
        reservations::ReservationsArgs,
        roles::{QuotaArgs, RolesArgs},
        run::RunArgs,
        volumes::VolumesArgs,
        why::{DemandArgs, WhyArgs},
    },
    context::ContextArgs,
    logging::LogArgs,
    output::Format,
};

/// Bourse: a two-level cluster resource scheduler.
#[derive(Debug, clap::Parser)]
#[command(name = "bourse", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Form of listings and results
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One command.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Start a whole cluster on this machine and keep it up
    Dev(DevArgs),
    /// Run a command or a job file to completion
    Run(Box<Client<RunArgs>>),
    /// Run a master
    Master(Box<MasterCommand>),
    /// List, add, remove and replace masters, hand leadership over, take a backup
    Masters(Box<MastersArgs>),
    /// Run an agent
    Agent(Box<agent::settings::AgentArgs>),
    /// Who leads, who is there, how much is running
    Status(ContextArgs),
    /// List agents, show, drain, deactivate or give up one
    Agents(Box<AgentsArgs>),
    /// Plan, list and cancel maintenance
    #[command(subcommand)]
    Maintenance(Box<MaintenanceCommand>),
    /// List frameworks, or end one
    Frameworks(Box<FrameworksArgs>),
    /// List tasks
    Tasks(Client<TasksArgs>),
    /// List task groups
    Groups(Client<GroupsArgs>),
    /// List live offers
    Offers(ContextArgs),
    /// Why a framework, a demand or a task gets nothing
    Why(Client<WhyArgs>),
    /// List what frameworks have stated that they want
    Demand(Client<DemandArgs>),
    /// List roles with their weights and shares, or set a weight
    Roles(Box<RolesArgs>),
    /// List quotas, set or remove one
    Quota(Box<QuotaArgs>),
    /// List what of agents is kept for roles, reserve, give up, move
    Reservations(Box<ReservationsArgs>),
    /// List volumes, make, grow, shrink, destroy one
    Volumes(Box<VolumesArgs>),
    /// Print what a task wrote
    Logs(Client<LogsArgs>),
    /// End a task, or a task group
    Kill(Client<KillArgs>),
    /// Show what changes in the cluster
    Events(Client<EventsArgs>),
    /// Make certificates for a cluster's parties
    Certificates(CertificatesArgs),
    /// Print a completion script for a shell
    Completion(CompletionArgs),
}

/// Flags of a command that calls a cluster. Not global: masters and agents have flags of the same
/// names, such as `--insecure`, that mean their own listeners.
#[derive(Debug, clap::Args)]
pub(crate) struct Client<T: clap::Args> {
    #[command(flatten)]
    pub(crate) context: ContextArgs,
    #[command(flatten)]
    pub(crate) args: T,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn no_two_flags_have_one_name() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn servers_and_clients_have_an_insecure_of_their_own() {
        for line in [
            &["bourse", "master", "--insecure", "--data-dir", "d"][..],
            &["bourse", "agent", "--ca", "c", "--key", "k", "--insecure=false"],
            &["bourse", "status", "--insecure", "--masters", "a:1,b:2"],
            &["bourse", "run", "--insecure", "--local", "--", "true", "--insecure"],
        ] {
            Arguments::try_parse_from(line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        }
    }
}
