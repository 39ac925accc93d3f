//! A whole cluster in this process: one master with its log on disk, one agent, its own authority.
//!
//! The code path is the one of a real cluster, mutual TLS included; only the addresses are loopback
//! and the certificates short-lived.

use crate::{
    certificates::Authority,
    commands::kill,
    connection::Connection,
    context::{Context, TlsFiles},
    every_page,
    output::rows::TaskRow,
};
use agent::{AgentHandle, AgentSettings, IsolationChoice};
use anyhow::{Context as _, bail};
use master::settings::{MasterSettings, Security, TlsPaths};
use proto::{
    model::{AgentId, ClusterId, Duration as Milliseconds, Principal, Resources},
    wire::v1,
};
use std::{
    collections::BTreeSet,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Notify, task::JoinHandle};

/// What may be said of an all-in-one cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocalSettings {
    /// Where the API listens; a port of the kernel's choice when absent.
    pub(crate) listen: Option<SocketAddr>,
    /// Where the master's metrics are read.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// What the agent offers; what the host has when absent.
    pub(crate) resources: Option<Resources>,
    /// Plain processes even as root.
    pub(crate) plain_processes: bool,
}

/// A running all-in-one cluster.
#[derive(Debug)]
pub(crate) struct Local {
    /// For operators.
    pub(crate) operator: Context,
    /// For the batch framework.
    pub(crate) framework: Context,
    address: SocketAddr,
    full_isolation: bool,
    /// What its agent has.
    pub(crate) resources: Resources,
    agent: Part,
    master: Part,
}

/// A part of the cluster that runs until it is told to stop or fails.
struct Part {
    name: &'static str,
    stop: Box<dyn Fn() + Send + Sync>,
    ended: JoinHandle<anyhow::Result<()>>,
}

/// States of tasks that have a container, or may soon.
const LIVE: [v1::TaskState; 4] = [
    v1::TaskState::TaskStaging,
    v1::TaskState::TaskStarting,
    v1::TaskState::TaskRunning,
    v1::TaskState::TaskKilling,
];

const CLUSTER: &str = "local";
const AGENT: &str = "agent-1";

/// Certificates are made anew at each start.
const VALIDITY: Duration = Duration::from_secs(30 * 24 * 3_600);

impl Local {
    /// Starts the cluster in a directory, which may hold an earlier one's state.
    pub(crate) async fn start(directory: &Path, settings: &LocalSettings) -> anyhow::Result<Self> {
        let cluster = ClusterId::new(CLUSTER).expect("a valid id");
        let authority = Authority::open_or_create(&directory.join("certificates"), &cluster)?;
        let issue = |name: &str| -> anyhow::Result<TlsFiles> {
            let principal: Principal = format!("spiffe://{CLUSTER}/{name}").parse()?;
            let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned()];
            let issued = authority.issue(&principal, &hosts, VALIDITY)?;
            let (certificate, key) = (issued.certificate, issued.key);
            Ok(TlsFiles { ca: authority.certificate(), certificate, key })
        };
        let master =
            start_master(cluster.clone(), &directory.join("master"), issue("master/1")?, settings)
                .await?;
        let address = master.api_address;
        let masters = vec![address.to_string()];
        let tls = issue(&format!("agent/{AGENT}"))?;
        let agent =
            agent_settings(masters.clone(), &Self::data_dir_of_agent(directory), tls, settings)?;
        let resources = agent.resources.clone();
        let agent = agent::start(agent).await.context("the agent does not start")?;
        let context = |name: &str| -> anyhow::Result<Context> {
            Ok(Context { masters: masters.clone(), tls: Some(issue(name)?) })
        };
        let (operator, framework) = (context("operator/local")?, context("framework/batch")?);
        let full_isolation = !settings.plain_processes && nix::unistd::geteuid().is_root();
        let (master, agent) = (master_part(master), agent_part(agent));
        Ok(Self { operator, framework, address, full_isolation, resources, agent, master })
    }

    /// Where the agent of a cluster in this directory keeps everything.
    pub(crate) fn data_dir_of_agent(directory: &Path) -> PathBuf {
        directory.join("agent")
    }

    /// Waits until the agent is registered: before that nothing can run.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        use crate::connection::request;
        let connection = Connection::new(self.operator.clone())?;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let message = v1::GetAgentRequest { agent_id: AGENT.to_owned() };
            let asked = connection
                .ask(|mut client| {
                    let message = request(message.clone());
                    async move { client.get_agent(message).await }
                })
                .await;
            match asked {
                Ok(_) => return Ok(()),
                Err(problem) if tokio::time::Instant::now() >= deadline => {
                    return Err(problem.context("the agent does not register"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Whether tasks run in containers of their own.
    pub(crate) fn full_isolation(&self) -> bool {
        self.full_isolation
    }

    /// Where the API listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resolves when a part of the cluster has failed.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        let (part, ended) = tokio::select! {
            ended = &mut self.master.ended => (self.master.name, ended),
            ended = &mut self.agent.ended => (self.agent.name, ended),
        };
        match ended.map_err(anyhow::Error::from).and_then(|ended| ended) {
            Ok(()) => anyhow::anyhow!("{part} has ended"),
            Err(problem) => problem.context(format!("{part} has failed")),
        }
    }

    /// Ends every task that still runs: containers outlive an agent, and nobody adopts these.
    pub(crate) async fn kill_all(&self) -> anyhow::Result<()> {
        let connection = Connection::new(self.operator.clone())?;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        let mut asked = BTreeSet::new();
        loop {
            let wanted =
                v1::ListTasksRequest { states: LIVE.map(i32::from).to_vec(), ..Default::default() };
            let live = every_page!(connection, list_tasks, tasks, wanted.clone());
            if live.is_empty() {
                return Ok(());
            }
            if tokio::time::Instant::now() >= deadline {
                bail!("{} tasks do not end; they run on until they end by themselves", live.len());
            }
            for task in live.into_iter().map(TaskRow::from) {
                if asked.insert((task.framework.clone(), task.id.clone())) {
                    kill::kill(&connection, &task, Some(Duration::from_secs(2))).await?;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends the agent and the master.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let agent = self.agent.stop().await;
        let master = self.master.stop().await;
        agent.and(master)
    }
}

impl Part {
    async fn stop(self) -> anyhow::Result<()> {
        (self.stop)();
        self.ended.await?.with_context(|| format!("{} has ended badly", self.name))
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("name", &self.name).finish_non_exhaustive()
    }
}

fn master_part(master: master::Running) -> Part {
    let shutdown = master.shutdown_handle();
    let stop = Box::new(move || shutdown.shutdown());
    let ended = tokio::spawn(async move { Ok(master.join().await?) });
    Part { name: "the master", stop, ended }
}

fn agent_part(mut agent: AgentHandle) -> Part {
    let stopping = Arc::new(Notify::new());
    let asked = Arc::clone(&stopping);
    let stop = Box::new(move || stopping.notify_one());
    let ended = tokio::spawn(async move {
        tokio::select! {
            ended = agent.wait() => return Ok(ended?),
            () = asked.notified() => {}
        }
        Ok(agent.stop().await?)
    });
    Part { name: "the agent", stop, ended }
}

async fn start_master(
    cluster: ClusterId,
    directory: &Path,
    tls: TlsFiles,
    settings: &LocalSettings,
) -> anyhow::Result<master::Running> {
    let TlsFiles { ca, certificate, key } = tls;
    let security = Security::Tls(TlsPaths { ca, certificate, key });
    let mut master = MasterSettings::alone(cluster, directory.to_owned(), security);
    // Alone there is nobody to be outvoted by: elect at once.
    master.tick = Milliseconds(10);
    master.listen = settings.listen.unwrap_or(master.listen);
    master.metrics_listen = settings.metrics_listen;
    master::start(master).await.context("the master does not start")
}

fn agent_settings(
    masters: Vec<String>,
    directory: &Path,
    tls: TlsFiles,
    settings: &LocalSettings,
) -> anyhow::Result<AgentSettings> {
    let TlsFiles { ca, certificate, key } = tls;
    let security = agent::Security::Tls(agent::TlsPaths { ca, certificate, key });
    let mut agent = AgentSettings::new(masters, PathBuf::from(directory), security)?;
    agent.agent_id = Some(AgentId::new(AGENT).expect("a valid id"));
    agent.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    "localhost".clone_into(&mut agent.hostname);
    if let Some(resources) = &settings.resources {
        agent.resources = resources.clone();
    }
    if settings.plain_processes {
        agent.isolation = IsolationChoice::None;
    }
    Ok(agent)
}
