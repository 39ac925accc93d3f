//! A scripted master: takes any agent that connects, records what it says, says what it is told.

use super::PATIENCE;
use proto::{
    convert::orders::{read_agent_message, write_master_message},
    model::{
        AgentCall, AgentInfo, Duration, FrameworkId, Order, TaskKey, TaskStatus, VolumeKey,
        VolumeReport, agent::AgentTask,
    },
    wire::v1::{self, agent_server, leadership_server},
};
use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle, time::timeout};
use tokio_stream::{
    Stream, StreamExt,
    wrappers::{ReceiverStream, TcpListenerStream},
};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, ServerTlsConfig},
};

type Orders = mpsc::Sender<Result<v1::MasterMessage, Status>>;

/// A registration and the way to answer it.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) info: AgentInfo,
    pub(crate) incarnation: u64,
    pub(crate) tasks: Vec<AgentTask>,
    pub(crate) volumes: Vec<VolumeKey>,
    orders: Orders,
}

/// One update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) framework: FrameworkId,
    pub(crate) status: TaskStatus,
}

/// See the file's header. Its term is 5 unless a test says otherwise.
#[derive(Debug)]
pub(crate) struct Master {
    address: SocketAddr,
    registrations: mpsc::Receiver<Registration>,
    updates: mpsc::Receiver<Update>,
    reports: mpsc::Receiver<VolumeReport>,
    orders: Option<Orders>,
    term: Arc<AtomicU64>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Service {
    registrations: mpsc::Sender<Registration>,
    updates: mpsc::Sender<Update>,
    reports: mpsc::Sender<VolumeReport>,
    refusal: Option<Status>,
    term: Arc<AtomicU64>,
}

/// Says that it leads, in whatever its term is.
#[derive(Debug)]
struct Leading {
    term: Arc<AtomicU64>,
    address: SocketAddr,
}

impl Master {
    pub(crate) async fn start() -> Self {
        Self::start_with(None, None).await
    }

    /// A master that ends every stream at once with this status.
    pub(crate) async fn refusing(status: Status) -> Self {
        Self::start_with(Some(status), None).await
    }

    /// A master that shows and asks for certificates.
    pub(crate) async fn with_tls(tls: ServerTlsConfig) -> Self {
        Self::start_with(None, Some(tls)).await
    }

    async fn start_with(refusal: Option<Status>, tls: Option<ServerTlsConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let term = Arc::new(AtomicU64::new(5));
        let (registered, registrations) = mpsc::channel(1_024);
        let (updated, updates) = mpsc::channel(1_024);
        let (reported, reports) = mpsc::channel(1_024);
        let service = Service {
            registrations: registered,
            updates: updated,
            reports: reported,
            refusal,
            term: term.clone(),
        };
        let server = tokio::spawn(async move {
            let leadership = Leading { term: service.term.clone(), address };
            let leadership = leadership_server::LeadershipServer::new(leadership);
            let service = agent_server::AgentServer::new(service);
            let incoming = TcpListenerStream::new(listener);
            let mut server = Server::builder();
            if let Some(tls) = tls {
                server = server.tls_config(tls).expect("good certificates");
            }
            let server = server.add_service(service).add_service(leadership);
            server.serve_with_incoming(incoming).await.expect("serves");
        });
        Self { address, registrations, updates, reports, orders: None, term, server }
    }

    /// From now on it speaks in this term.
    pub(crate) fn set_term(&self, term: u64) {
        self.term.store(term, Ordering::Relaxed);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for an agent and registers it.
    pub(crate) async fn registration(&mut self) -> Registration {
        let registration = self.registration_only().await;
        self.welcome().await;
        registration
    }

    /// Answers the last registration.
    pub(crate) async fn welcome(&self) {
        self.order(Order::Registered {
            // Five of these without a word end the stream: an agent whose journal waits for a busy
            // disk says nothing meanwhile, and hears nothing.
            heartbeat_interval: Duration(2_000),
            cluster: "test".parse().expect("an id"),
        })
        .await;
    }

    /// Waits for an agent and does not answer it.
    pub(crate) async fn registration_only(&mut self) -> Registration {
        let next = timeout(PATIENCE, self.registrations.recv()).await.expect("an agent in time");
        let registration = next.expect("the server runs");
        self.orders = Some(registration.orders.clone());
        registration
    }

    /// Whether an agent has ever said who it is.
    pub(crate) fn was_registered_with(&mut self) -> bool {
        self.registrations.try_recv().is_ok()
    }

    pub(crate) async fn order(&self, order: Order) {
        let message = write_master_message(self.term.load(Ordering::Relaxed), &order);
        let orders = self.orders.as_ref().expect("an agent is there");
        // The agent may have hung up, which is a test's own business.
        let _ = orders.send(Ok(message)).await;
    }

    /// The next update, be it a repetition or not.
    pub(crate) async fn update(&mut self) -> Update {
        timeout(PATIENCE, self.updates.recv()).await.expect("an update in time").expect("serves")
    }

    /// What the agent says next of a volume.
    pub(crate) async fn report(&mut self) -> VolumeReport {
        timeout(PATIENCE, self.reports.recv()).await.expect("a report in time").expect("serves")
    }

    pub(crate) async fn commit(&self, update: &Update) {
        let key = TaskKey { framework: update.framework, task: update.status.task.clone() };
        self.order(Order::Committed { key, sequence: update.status.sequence }).await;
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[tonic::async_trait]
impl agent_server::Agent for Service {
    type ConnectStream = Pin<Box<dyn Stream<Item = Result<v1::MasterMessage, Status>> + Send>>;

    async fn connect(
        &self,
        request: Request<Streaming<v1::AgentMessage>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        if let Some(status) = &self.refusal {
            return Err(status.clone());
        }
        let mut incoming = request.into_inner();
        let (orders, outgoing) = mpsc::channel(64);
        let (registrations, updates) = (self.registrations.clone(), self.updates.clone());
        let reports = self.reports.clone();
        let term = self.term.clone();
        tokio::spawn(async move {
            while let Some(Ok(message)) = incoming.next().await {
                match read_agent_message(message).expect("a good message") {
                    AgentCall::Register { info, incarnation, tasks, volumes } => {
                        let orders = orders.clone();
                        let registration =
                            Registration { info, incarnation, tasks, volumes, orders };
                        let _ = registrations.send(registration).await;
                    }
                    AgentCall::Heartbeat => {
                        let term = term.load(Ordering::Relaxed);
                        let _ =
                            orders.send(Ok(write_master_message(term, &Order::Heartbeat))).await;
                    }
                    AgentCall::Volume(report) => drop(reports.send(report).await),
                    AgentCall::Update { framework, status } => {
                        let _ = updates.send(Update { framework, status }).await;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }
}

#[tonic::async_trait]
impl leadership_server::Leadership for Leading {
    async fn find_leader(
        &self,
        _: Request<v1::FindLeaderRequest>,
    ) -> Result<Response<v1::FindLeaderResponse>, Status> {
        Ok(Response::new(v1::FindLeaderResponse {
            cluster_id: "test".to_owned(),
            term: self.term.load(Ordering::Relaxed),
            leader_address: self.address.to_string(),
        }))
    }
}
