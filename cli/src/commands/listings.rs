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
}

pub(crate) async fn agents(connection: &Connection, format: Format) -> anyhow::Result<()> {
    let rows = every_page!(connection, list_agents, agents, v1::ListAgentsRequest::default());
    print_rows(format, &rows.into_iter().map(AgentRow::from).collect::<Vec<_>>())
}

pub(crate) async fn frameworks(connection: &Connection, format: Format) -> anyhow::Result<()> {
    let rows =
        every_page!(connection, list_frameworks, frameworks, v1::ListFrameworksRequest::default());
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
    let request = v1::ListTasksRequest {
        page: None,
        framework_id: args.framework.clone().unwrap_or_default(),
        agent_id: args.agent.clone().unwrap_or_default(),
        states: args.state.iter().map(|text| state(text)).collect::<Result<_, _>>()?,
    };
    let rows = every_page!(connection, list_tasks, tasks, request.clone());
    print_rows(format, &rows.into_iter().map(TaskRow::from).collect::<Vec<_>>())
}

/// `running`, `RUNNING` and `TASK_RUNNING` are the same state.
fn state(text: &str) -> anyhow::Result<i32> {
    let name = text.trim().to_uppercase();
    let name = if name.starts_with("TASK_") { name } else { format!("TASK_{name}") };
    match v1::TaskState::from_str_name(&name) {
        Some(state) => Ok(state.into()),
        None => bail!("{text:?} is not a task state; try running, staging, finished, failed, …"),
    }
}
