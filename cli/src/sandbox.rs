//! The files of one task, read at its agent.
//!
//! The masters say where the agent is; that the caller may read there is the agent's to decide.

use crate::{
    connection::{Connection, request},
    output::rows::{AgentRow, TaskRow},
};
use anyhow::{Context as _, anyhow, bail};
use proto::{convert::refusal::from_status, model::Refusal, wire::v1};
use std::io::Write;
use tonic::{Status, transport::Channel};
use v1::sandbox_client::SandboxClient;

/// What a task left, or is still writing.
#[derive(Debug)]
pub(crate) struct Sandbox {
    client: SandboxClient<Channel>,
    framework_id: String,
    task_id: String,
}

fn refused(status: &Status) -> anyhow::Error {
    anyhow!(from_status(status))
}

impl Sandbox {
    /// Finds the agent of a task and connects to it.
    pub(crate) async fn of(connection: &Connection, task: &TaskRow) -> anyhow::Result<Self> {
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
        let client = SandboxClient::new(connection.channel(&agent.address, &name).await?);
        let (framework_id, task_id) = (task.framework.clone(), task.id.clone());
        Ok(Self { client, framework_id, task_id })
    }

    /// Copies a file to a writer; when following, until the task has ended.
    pub(crate) async fn copy(
        &mut self,
        path: &str,
        follow: bool,
        to: &mut (dyn Write + Send),
    ) -> anyhow::Result<()> {
        let message = v1::ReadFileRequest {
            framework_id: self.framework_id.clone(),
            task_id: self.task_id.clone(),
            path: path.to_owned(),
            offset_bytes: 0,
            follow,
        };
        let answer = self.client.read_file(request(message)).await;
        let mut chunks = answer.map_err(|status| refused(&status))?.into_inner();
        while let Some(chunk) = chunks.message().await.map_err(|status| refused(&status))? {
            match to.write_all(&chunk.data).and_then(|()| to.flush()) {
                Err(problem) if problem.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                written => written.context("cannot write the output")?,
            }
        }
        Ok(())
    }

    /// What is in a directory, by name.
    pub(crate) async fn list(&mut self, path: &str) -> Result<Vec<v1::FileEntry>, Refusal> {
        let (framework_id, task_id) = (self.framework_id.clone(), self.task_id.clone());
        let message = v1::ListFilesRequest { framework_id, task_id, path: path.to_owned() };
        let answer = self.client.list_files(request(message)).await;
        answer.map(|answer| answer.into_inner().entries).map_err(|status| from_status(&status))
    }
}
