//! `bourse logs TASK [-f]`: what a task printed, read from its agent.

use crate::{
    connection::{Connection, request},
    output::rows::{AgentRow, TaskRow},
};
use anyhow::{Context as _, anyhow, bail};
use proto::{convert::refusal, wire::v1};
use v1::sandbox_client::SandboxClient;

/// Which task.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TaskArgs {
    /// Task id, or FRAMEWORK/TASK when several frameworks have one of that name
    pub(crate) task: String,
}

/// Flags of `bourse logs`.
#[derive(Debug, clap::Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    task: TaskArgs,
    /// Go on until the task has ended
    #[arg(short, long)]
    follow: bool,
    /// Standard error instead of standard output
    #[arg(long, conflicts_with = "file")]
    stderr: bool,
    /// Another file of the sandbox
    #[arg(long)]
    file: Option<String>,
}

pub(crate) async fn run(connection: &Connection, args: &LogsArgs) -> anyhow::Result<()> {
    let task = find(connection, &args.task).await?;
    let path = match (&args.file, args.stderr) {
        (Some(file), _) => file.as_str(),
        (None, true) => "stderr",
        (None, false) => "stdout",
    };
    copy(connection, &task, path, args.follow, &mut std::io::stdout()).await
}

/// Copies a file of a task's sandbox to a writer.
pub(crate) async fn copy(
    connection: &Connection,
    task: &TaskRow,
    path: &str,
    follow: bool,
    to: &mut (dyn std::io::Write + Send),
) -> anyhow::Result<()> {
    let message = v1::GetAgentRequest { agent_id: task.agent.clone() };
    let answer = connection
        .ask(|mut client| {
            let message = request(message.clone());
            async move { client.get_agent(message).await }
        })
        .await?;
    let agent = AgentRow::from(answer.agent.unwrap_or_default());
    if agent.address.is_empty() {
        bail!("agent {} serves no files: it was started without --listen", task.agent);
    }
    let name = crate::certificates::agent_name(&task.agent);
    let channel = connection.channel(&agent.address, &name).await?;
    let message = v1::ReadFileRequest {
        framework_id: task.framework.clone(),
        task_id: task.id.clone(),
        path: path.to_owned(),
        offset_bytes: 0,
        follow,
    };
    let mut chunks = SandboxClient::new(channel)
        .read_file(request(message))
        .await
        .map_err(|status| anyhow!(refusal::from_status(&status)))?
        .into_inner();
    while let Some(chunk) =
        chunks.message().await.map_err(|status| anyhow!(refusal::from_status(&status)))?
    {
        match to.write_all(&chunk.data).and_then(|()| to.flush()) {
            Err(problem) if problem.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.context("cannot write the output")?,
        }
    }
    Ok(())
}

/// Finds a task by its id, or by framework and id.
pub(crate) async fn find(connection: &Connection, args: &TaskArgs) -> anyhow::Result<TaskRow> {
    let (framework_id, task_id) = match args.task.split_once('/') {
        Some((framework, task)) => (framework.to_owned(), task.to_owned()),
        None => (String::new(), args.task.clone()),
    };
    let message = v1::GetTaskRequest { framework_id, task_id };
    let answer = connection
        .ask(|mut client| {
            let message = request(message.clone());
            async move { client.get_task(message).await }
        })
        .await
        .map_err(|problem| anyhow!("{problem:#}; `bourse tasks` lists the tasks"))?;
    Ok(TaskRow::from(answer.task.unwrap_or_default()))
}
