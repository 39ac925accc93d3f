//! `bourse agents`: the list, one agent in full, and what an operator directs about it.

use super::listings::ListAgentsArgs;
use crate::{
    arguments::Client,
    connection::{Connection, request},
    context::ContextArgs,
    output::{Format, Row as _, print_one, rows::AgentRow, table},
};
use anyhow::anyhow;
use proto::wire::v1;
use std::time::Duration;

/// Flags of `bourse agents`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AgentsArgs {
    #[command(flatten)]
    pub(crate) context: ContextArgs,
    #[command(flatten)]
    pub(crate) list: ListAgentsArgs,
    #[command(subcommand)]
    pub(crate) command: Option<AgentsCommand>,
}

/// What can be done to an agent.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum AgentsCommand {
    /// Show one agent, with the progress and the forecast of its drain
    Show(Client<AgentArg>),
    /// Empty an agent: no new tasks, and those that run end within their frameworks' budgets until
    /// the deadline, then all
    Drain(Client<DrainArgs>),
    /// No new tasks; what runs there runs on
    Deactivate(Client<AgentArg>),
    /// New tasks again
    Reactivate(Client<AgentArg>),
    /// Declare an agent gone for good: its tasks become TASK_GONE at once
    Gone(Client<AgentArg>),
}

/// Which agent.
#[derive(Debug, clap::Args)]
pub(crate) struct AgentArg {
    /// Agent id
    agent: String,
}

/// Flags of `bourse agents drain`.
#[derive(Debug, clap::Args)]
pub(crate) struct DrainArgs {
    /// Agent id
    agent: String,
    /// When all tasks end regardless of budgets, such as `10m`; `0s` ends them now [default: 1h]
    #[arg(long, value_parser = humantime::parse_duration)]
    deadline: Option<Duration>,
    /// Longest time between TERM and KILL, such as `30s` [default: each task's own]
    #[arg(long, value_parser = humantime::parse_duration)]
    max_grace: Option<Duration>,
    /// Once it is empty, declare it gone for good
    #[arg(long)]
    mark_gone: bool,
    /// End the drain: tasks that were not told to end run on, and new ones may come
    #[arg(long, conflicts_with_all = ["deadline", "max_grace", "mark_gone"])]
    cancel: bool,
}

/// Asks with one request and prints nothing but that it is done.
macro_rules! tell {
    ($connection:expr, $method:ident, $message:expr) => {{
        let message = $message;
        $connection
            .ask(|mut client| {
                let message = request(message.clone());
                async move { client.$method(message).await }
            })
            .await?
    }};
}
pub(crate) use tell;

pub(crate) async fn run(args: AgentsArgs, format: Format) -> anyhow::Result<()> {
    match args.command {
        None => super::listings::agents(&Connection::of(&args.context)?, format, &args.list).await,
        Some(AgentsCommand::Show(Client { context, args })) => {
            show(&Connection::of(&context)?, format, args.agent).await
        }
        Some(AgentsCommand::Drain(Client { context, args })) => {
            drain(&Connection::of(&context)?, args).await
        }
        Some(AgentsCommand::Deactivate(Client { context, args: AgentArg { agent } })) => {
            let message = v1::DeactivateAgentRequest { agent_id: agent.clone() };
            tell!(Connection::of(&context)?, deactivate_agent, message);
            eprintln!("{agent} takes no new tasks; what runs there runs on");
            Ok(())
        }
        Some(AgentsCommand::Reactivate(Client { context, args: AgentArg { agent } })) => {
            let message = v1::ReactivateAgentRequest { agent_id: agent.clone() };
            tell!(Connection::of(&context)?, reactivate_agent, message);
            eprintln!("{agent} takes new tasks");
            Ok(())
        }
        Some(AgentsCommand::Gone(Client { context, args: AgentArg { agent } })) => {
            let message = v1::DeclareAgentGoneRequest { agent_id: agent.clone() };
            tell!(Connection::of(&context)?, declare_agent_gone, message);
            eprintln!("{agent} is gone: it may come back only with an empty journal");
            Ok(())
        }
    }
}

async fn drain(connection: &Connection, args: DrainArgs) -> anyhow::Result<()> {
    let agent_id = args.agent;
    if args.cancel {
        tell!(connection, cancel_drain, v1::CancelDrainRequest { agent_id: agent_id.clone() });
        eprintln!("the drain of {agent_id} is cancelled");
        return Ok(());
    }
    let plan = drain_plan(args.deadline, args.max_grace, args.mark_gone);
    let message = v1::DrainAgentRequest { agent_id: agent_id.clone(), plan: Some(plan) };
    tell!(connection, drain_agent, message);
    eprintln!("{agent_id} is being drained; see `bourse agents show {agent_id}`");
    Ok(())
}

/// What was typed, as the API says it.
pub(crate) fn drain_plan(
    deadline: Option<Duration>,
    max_grace: Option<Duration>,
    mark_gone: bool,
) -> v1::DrainPlan {
    let ms = |time: Duration| milliseconds(time);
    v1::DrainPlan {
        deadline_ms: deadline.map(ms),
        max_grace_period_ms: max_grace.map(ms),
        mark_gone,
    }
}

/// What does not fit is refused by the master as too long.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

async fn show(connection: &Connection, format: Format, agent: String) -> anyhow::Result<()> {
    let answer = tell!(connection, get_agent, v1::GetAgentRequest { agent_id: agent.clone() });
    let summary = answer.agent.ok_or_else(|| anyhow!("the master says nothing about {agent}"))?;
    let row = AgentRow::from(summary);
    print_one(format, &row, || {
        let titles = AgentRow::TITLES.iter().copied();
        // The drain in full is better than its cell.
        let cells = titles.zip(row.cells()).filter(|(title, _)| *title != "duty");
        let lines: Vec<(&str, String)> = cells.chain(row.duty_lines()).collect();
        let width = lines.iter().map(|(title, _)| title.len()).max().unwrap_or_default();
        let line =
            |(title, text): &(&str, String)| format!("{title:width$}  {}\n", table::escape(text));
        lines.iter().map(line).collect()
    })
}
