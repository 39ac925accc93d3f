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
        images::ImagesArgs,
        kill::KillArgs,
        listings::TasksArgs,
        logs::LogsArgs,
        maintenance::MaintenanceCommand,
        master::MasterCommand,
        masters::MastersArgs,
        reservations::ReservationsArgs,
        roles::{QuotaArgs, RolesArgs},
        run::RunArgs,
        sim::SimCommand,
        trial::TrialCommand,
        volumes::VolumesArgs,
        why::{DemandArgs, WhyArgs},
    },
    context::ContextArgs,
    logging::LogArgs,
    output::Format,
};
use proto::model::{AgentId, RequestId, Role};

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
    /// List the images of an agent on this host, import, show, remove one
    Images(Box<ImagesArgs>),
    /// Print what a task wrote
    Logs(Client<LogsArgs>),
    /// End a task, or a task group
    Kill(Client<KillArgs>),
    /// Show what changes in the cluster
    Events(Client<EventsArgs>),
    /// Try whole clusters in virtual time, under faults
    #[command(subcommand)]
    Trial(Box<TrialCommand>),
    /// Study placement and scheduling in virtual time
    #[command(subcommand)]
    Sim(Box<SimCommand>),
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

/// Which of an agent's rows are listed.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Of this agent only
    #[arg(long)]
    pub(crate) agent: Option<AgentId>,
    /// Of this role and those below it only
    #[arg(long)]
    pub(crate) role: Option<Role>,
}

/// What a row is to be remembered by.
#[derive(Debug, clap::Args)]
pub(crate) struct LabelArgs {
    /// Something to remember it by, shown and not interpreted; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = parse_label)]
    labels: Vec<Label>,
}

/// Under which id the cluster does something once.
#[derive(Debug, clap::Args)]
pub(crate) struct RequestArgs {
    /// Repeat a call of which it is not known what became: 16 to 64 characters, the same as then;
    /// what was done is done once. Each call has one of its own when nothing is said
    #[arg(long, value_name = "ID")]
    request_id: Option<RequestId>,
}

/// A label as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Label(String, String);

impl RequestArgs {
    /// The id, as a request has it.
    pub(crate) fn id(&self) -> String {
        match &self.request_id {
            Some(id) => id.to_string(),
            None => format!("cli-{:032x}", rand::random::<u128>()),
        }
    }
}

impl ListArgs {
    /// The agent, as a request has it.
    pub(crate) fn agent_id(&self) -> String {
        self.agent.as_ref().map(AgentId::to_string).unwrap_or_default()
    }

    /// The role, as a request has it.
    pub(crate) fn role(&self) -> String {
        self.role.as_ref().map(Role::to_string).unwrap_or_default()
    }

    /// What to say when nothing is listed.
    pub(crate) fn nothing<'a>(&self, there_is_nothing: &'a str) -> &'a str {
        match (&self.agent, &self.role) {
            (None, None) => there_is_nothing,
            _ => "none is of this agent and role; without --agent and --role all are listed",
        }
    }
}

impl LabelArgs {
    /// Keys and values.
    pub(crate) fn into_pairs(self) -> Vec<(String, String)> {
        self.labels.into_iter().map(|Label(key, value)| (key, value)).collect()
    }
}

fn parse_label(text: &str) -> Result<Label, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Label(key.to_owned(), value.to_owned())),
        _ => Err("a label is KEY=VALUE, such as team=search".to_owned()),
    }
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
