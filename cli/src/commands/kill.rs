//! `bourse kill TASK | --group GROUP`: asks the master to end a task or a group, and says so.
//!
//! The answer means that the wish is committed; that the task has ended shows in `bourse tasks`.

use super::{
    groups,
    logs::{TaskArgs, find},
};
use crate::{
    connection::{Connection, request},
    output::rows::TaskRow,
};
use proto::{convert::kill_policy::write_kill_grace, model::Duration as Milliseconds, wire::v1};
use std::time::Duration;

/// Flags of `bourse kill`.
#[derive(Debug, clap::Args)]
pub(crate) struct KillArgs {
    /// Task id, or FRAMEWORK/TASK when several frameworks have one of that name; a task of a group
    /// stands for the whole group
    #[arg(required_unless_present = "group", conflicts_with = "group")]
    task: Option<String>,
    /// All of this task group: its id, or FRAMEWORK/GROUP
    #[arg(long)]
    group: Option<String>,
    /// Time between TERM and KILL, such as `10s` [default: the task's own]
    #[arg(long, value_parser = humantime::parse_duration)]
    grace: Option<Duration>,
}

pub(crate) async fn run(connection: &Connection, args: &KillArgs) -> anyhow::Result<()> {
    if let Some(group) = &args.group {
        return groups::kill(connection, group, args.grace).await;
    }
    let task = args.task.clone().unwrap_or_default();
    let task = find(connection, &TaskArgs { task }).await?;
    kill(connection, &task, args.grace).await?;
    eprintln!("{} of {} is being killed", task.id, task.framework);
    Ok(())
}

/// Asks for one task to be ended.
pub(crate) async fn kill(
    connection: &Connection,
    task: &TaskRow,
    grace: Option<Duration>,
) -> anyhow::Result<()> {
    let message = v1::OperatorKillTaskRequest {
        framework_id: task.framework.clone(),
        task_id: task.id.clone(),
        kill_policy: policy(grace),
        group_id: String::new(),
    };
    connection
        .ask(|mut client| {
            let message = request(message.clone());
            async move { client.kill_task(message).await }
        })
        .await?;
    Ok(())
}

/// A grace period as a kill's policy.
pub(super) fn policy(grace: Option<Duration>) -> Option<v1::KillPolicy> {
    let milliseconds = |grace: Duration| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
    write_kill_grace(grace.map(milliseconds).map(Milliseconds))
}
