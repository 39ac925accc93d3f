//! `bourse kill TASK`: asks the master to end a task, and says so.
//!
//! The answer means that the wish is committed; that the task has ended shows in `bourse tasks`.

use super::logs::{TaskArgs, find};
use crate::{
    connection::{Connection, request},
    output::rows::TaskRow,
};
use proto::{convert::kill_policy::write_kill_grace, model::Duration as Milliseconds, wire::v1};
use std::time::Duration;

/// Flags of `bourse kill`.
#[derive(Debug, clap::Args)]
pub(crate) struct KillArgs {
    #[command(flatten)]
    task: TaskArgs,
    /// Time between TERM and KILL, such as `10s` [default: the task's own]
    #[arg(long, value_parser = humantime::parse_duration)]
    grace: Option<Duration>,
}

pub(crate) async fn run(connection: &Connection, args: &KillArgs) -> anyhow::Result<()> {
    let task = find(connection, &args.task).await?;
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
    let milliseconds = |grace: Duration| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
    let message = v1::OperatorKillTaskRequest {
        framework_id: task.framework.clone(),
        task_id: task.id.clone(),
        kill_policy: write_kill_grace(grace.map(milliseconds).map(Milliseconds)),
    };
    connection
        .ask(|mut client| {
            let message = request(message.clone());
            async move { client.kill_task(message).await }
        })
        .await?;
    Ok(())
}
