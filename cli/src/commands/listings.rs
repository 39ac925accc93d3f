//! `bourse agents | frameworks | tasks | offers`.

use crate::{
    connection::Connection,
    every_page,
    output::{
        Format, print_rows,
        rows::{AgentRow, FrameworkRow, OfferRow, TaskRow},
    },
};
use anyhow::bail;
use proto::wire::v1;

/// Flags of every listing that any master may answer.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct StaleArgs {
    /// Take the answer of any master, also of one that does not lead; how old that may be is said
    /// on standard error
    #[arg(long)]
    stale_ok: bool,
}

/// Flags of `bourse agents`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListAgentsArgs {
    /// Only agents in these states: `registered`, `unreachable`, `removed`
    #[arg(long, value_delimiter = ',')]
    state: Vec<String>,
    /// Only agents with this id, host name or attributes, such as `rack=r1,hostname=h1`
    #[arg(long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    select: String,
    #[command(flatten)]
    stale: StaleArgs,
}

/// Flags of `bourse frameworks`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListFrameworksArgs {
    /// Only frameworks in these states: `subscribed`, `disconnected`, `removed`
    #[arg(long, value_delimiter = ',')]
    state: Vec<String>,
    /// Only frameworks in this role or in one below it
    #[arg(long, default_value = "", hide_default_value = true)]
    role: String,
    #[command(flatten)]
    stale: StaleArgs,
}

/// Flags of `bourse tasks`.
#[derive(Debug, clap::Args)]
pub(crate) struct TasksArgs {
    /// Only tasks of this framework
    #[arg(long)]
    framework: Option<String>,
    /// Only tasks on this agent
    #[arg(long)]
    agent: Option<String>,
    /// Only tasks in these states, such as `running,staging`
    #[arg(long, value_delimiter = ',')]
    state: Vec<String>,
    /// Only tasks in this role and in those below it
    #[arg(long, default_value = "", hide_default_value = true)]
    role: String,
    #[command(flatten)]
    stale: StaleArgs,
}

pub(crate) async fn agents(
    connection: &Connection,
    format: Format,
    args: &ListAgentsArgs,
) -> anyhow::Result<()> {
    let known = |name: &str| v1::AgentState::from_str_name(name).map(i32::from);
    let message = v1::ListAgentsRequest {
        states: states(&args.state, "AGENT_", "registered, unreachable, removed", known)?,
        selector: args.select.clone(),
        stale_ok: args.stale.stale_ok,
        page: None,
    };
    let mut age;
    let rows = every_page!(connection, list_agents, agents, message, |answer| age = answer.age);
    tell_age(age);
    print_rows(format, &rows.into_iter().map(AgentRow::from).collect::<Vec<_>>())
}

pub(crate) async fn frameworks(
    connection: &Connection,
    format: Format,
    args: &ListFrameworksArgs,
) -> anyhow::Result<()> {
    let known = |name: &str| v1::FrameworkState::from_str_name(name).map(i32::from);
    let message = v1::ListFrameworksRequest {
        states: states(&args.state, "FRAMEWORK_", "subscribed, disconnected, removed", known)?,
        role: args.role.clone(),
        stale_ok: args.stale.stale_ok,
        page: None,
    };
    let mut age;
    let rows =
        every_page!(connection, list_frameworks, frameworks, message, |answer| age = answer.age);
    tell_age(age);
    print_rows(format, &rows.into_iter().map(FrameworkRow::from).collect::<Vec<_>>())
}

pub(crate) async fn offers(connection: &Connection, format: Format) -> anyhow::Result<()> {
    let rows = every_page!(connection, list_offers, offers, v1::ListOffersRequest::default());
    print_rows(format, &rows.into_iter().map(OfferRow::from).collect::<Vec<_>>())
}

pub(crate) async fn tasks(
    connection: &Connection,
    format: Format,
    args: &TasksArgs,
) -> anyhow::Result<()> {
    let known = |name: &str| v1::TaskState::from_str_name(name).map(i32::from);
    let message = v1::ListTasksRequest {
        page: None,
        framework_id: args.framework.clone().unwrap_or_default(),
        agent_id: args.agent.clone().unwrap_or_default(),
        states: states(&args.state, "TASK_", "running, staging, finished, failed, …", known)?,
        role: args.role.clone(),
        stale_ok: args.stale.stale_ok,
    };
    let mut age;
    let rows = every_page!(connection, list_tasks, tasks, message, |answer| age = answer.age);
    tell_age(age);
    print_rows(format, &rows.into_iter().map(TaskRow::from).collect::<Vec<_>>())
}

/// `running`, `RUNNING` and `TASK_RUNNING` are the same state.
pub(super) fn states(
    texts: &[String],
    prefix: &str,
    examples: &str,
    known: impl Fn(&str) -> Option<i32>,
) -> anyhow::Result<Vec<i32>> {
    let read = |text: &String| {
        let name = text.trim().to_uppercase();
        let name = if name.starts_with(prefix) { name } else { format!("{prefix}{name}") };
        match known(&name) {
            Some(state) => Ok(state),
            None => bail!("{text:?} is not a state; try {examples}"),
        }
    };
    texts.iter().map(read).collect()
}

/// Beside the rows, so that whoever reads them as data is not disturbed.
fn tell_age(age: Option<v1::ListingAge>) {
    if let Some(v1::ListingAge { node_id, applied_index, silent_ms }) = age {
        eprintln!(
            "as master {node_id} knows it, up to log index {applied_index}; it heard of a leader \
             {silent_ms} ms ago"
        );
    }
}
