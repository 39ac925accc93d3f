//! `bourse groups`, and the end of one: `bourse kill --group GROUP`.

use super::{kill::policy, listings::states};
use crate::{
    connection::{Connection, request},
    every_page,
    output::{Format, groups::GroupRow, print_rows},
};
use anyhow::bail;
use proto::wire::v1;
use std::time::Duration;

/// Flags of `bourse groups`.
#[derive(Debug, clap::Args)]
pub(crate) struct GroupsArgs {
    /// Only groups of this framework
    #[arg(long)]
    framework: Option<String>,
    /// Only groups on this agent
    #[arg(long)]
    agent: Option<String>,
    /// Only groups in these states, such as `running,initializing`
    #[arg(long, value_delimiter = ',')]
    state: Vec<String>,
}

pub(crate) async fn run(
    connection: &Connection,
    format: Format,
    args: &GroupsArgs,
) -> anyhow::Result<()> {
    let known = |name: &str| v1::GroupState::from_str_name(name).map(i32::from);
    let message = v1::ListGroupsRequest {
        framework_id: args.framework.clone().unwrap_or_default(),
        agent_id: args.agent.clone().unwrap_or_default(),
        states: states(&args.state, "GROUP_", "running, initializing, finished, failed, …", known)?,
        ..v1::ListGroupsRequest::default()
    };
    let rows = every_page!(connection, list_groups, groups, message);
    print_rows(format, &rows.into_iter().map(GroupRow::from).collect::<Vec<_>>())
}

/// Ends a group that is named by its id, or by framework and id.
pub(crate) async fn kill(
    connection: &Connection,
    name: &str,
    grace: Option<Duration>,
) -> anyhow::Result<()> {
    let group = find(connection, name).await?;
    let message = v1::OperatorKillTaskRequest {
        framework_id: group.framework.clone(),
        group_id: group.id.clone(),
        kill_policy: policy(grace),
        ..v1::OperatorKillTaskRequest::default()
    };
    connection
        .ask(|mut client| {
            let message = request(message.clone());
            async move { client.kill_task(message).await }
        })
        .await?;
    eprintln!("the group {} of {} is being killed", group.id, group.framework);
    Ok(())
}

async fn find(connection: &Connection, name: &str) -> anyhow::Result<GroupRow> {
    let (framework_id, group_id) = match name.split_once('/') {
        Some((framework, group)) => (framework.to_owned(), group.to_owned()),
        None => (String::new(), name.to_owned()),
    };
    let message =
        v1::ListGroupsRequest { framework_id, group_id, ..v1::ListGroupsRequest::default() };
    let rows = every_page!(connection, list_groups, groups, message);
    let mut rows = rows.into_iter().map(GroupRow::from);
    match (rows.next(), rows.next()) {
        (Some(group), None) => Ok(group),
        (None, _) => bail!("there is no group {name}; `bourse groups` lists them"),
        (Some(one), Some(other)) => bail!(
            "{} and {} have a group {name}; type `bourse kill --group {}/{name}` for one of them",
            one.framework,
            other.framework,
            one.framework
        ),
    }
}
