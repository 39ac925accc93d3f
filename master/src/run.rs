//! A running master: made from settings, ended by a word or by an error it must not survive.
//!
//! Everything is started here, in the order in which it is needed: the disk, the sockets, the core,
//! the peers, the services. A master of several can live in one process; nothing is global but the
//! metrics' recorder.

use crate::{
    core_thread::{CoreError, CoreThread, now},
    disk::SnapshotDirectory,
    inbox::Inbox,
    metrics,
    peers::{self, PeerContext, Peers, join::join, roster::Roster, service::PeerService},
    readers::Readers,
    serve::{
        gateway::Gateway,
        server::{serve_api, serve_peers},
    },
    settings::{MasterSettings, Security},
    storage::{self, OpenStorageError, Opened, Storage},
};
use edge::{
    clock::Clock,
    listener::{Listener, Secure, bind},
    tls::{Tls, TlsError},
};
use master_core::{Master, consensus::OpenError, outbox::RoleChange};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::{oneshot, watch},
    task::{self, JoinHandle},
    time,
};
use tokio_util::sync::CancellationToken;

/// What clients get to hear why their streams end; one that does not listen loses the connection.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// A master that answers on its addresses.
#[derive(Debug)]
pub struct Running {
    /// Where frameworks, agents and operators call.
    pub api_address: SocketAddr,
    /// Where other masters call.
    pub peer_address: Option<SocketAddr>,
    /// Where metrics are read.
    pub metrics_address: Option<SocketAddr>,
    shutdown: Shutdown,
    role: watch::Receiver<RoleChange>,
    core: oneshot::Receiver<Result<(), CoreError>>,
    api: JoinHandle<()>,
    /// The listeners beside the API's.
    others: Vec<JoinHandle<()>>,
    drain: CancellationToken,
    stop: CancellationToken,
}

/// Ends a running master, from anywhere.
#[derive(Debug, Clone)]
pub struct Shutdown(Arc<Inbox>);

/// Why a master did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory.
    #[error("the data directory cannot be used")]
    Storage(#[source] Box<OpenStorageError>),
    /// The certificates.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    /// A port is taken, or not ours to take.
    #[error("cannot listen on {address} ({key})")]
    Listen {
        /// Which setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The log and the settings do not belong together.
    #[error("this master cannot start from its log")]
    Core(#[from] OpenError),
    /// A thread.
    #[error("a thread cannot be started")]
    Thread(#[source] io::Error),
    /// The opening of the data directory was interrupted.
    #[error("the start was interrupted")]
    Interrupted(#[from] task::JoinError),
}

/// Why a master did not start, or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It never ran.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It had to stop.
    #[error("the master had to stop")]
    Stopped(#[source] CoreError),
}

/// The sockets, bound before anything else runs, so that a taken port changes nothing.
struct Sockets {
    api: TcpListener,
    peer: Option<TcpListener>,
    metrics: Option<TcpListener>,
}

/// Runs a master until `shutdown` resolves, or until it must not go on.
pub async fn run(
    settings: MasterSettings,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let running = start(settings).await?;
    let handle = running.shutdown_handle();
    let mut ended = std::pin::pin!(running.join());
    tokio::select! {
        outcome = &mut ended => return outcome,
        () = shutdown => handle.shutdown(),
    }
    ended.await
}

/// Starts a master. Port 0 is possible for one without others: it tells its clients what it got.
pub async fn start(mut settings: MasterSettings) -> Result<Running, StartError> {
    metrics::install();
    let tls = match &settings.security {
        Security::Tls(paths) => Some(Tls::load(paths)?),
        Security::Insecure => None,
    };
    let sockets = Sockets::bind(&settings)?;
    let api_address = sockets.api_address()?;
    advertise(&mut settings, api_address);
    tell_security(&settings, &sockets);
    let (opened, settings) = task::spawn_blocking(move || {
        let opened = storage::open(&settings);
        opened.map(|opened| (opened, settings))
    })
    .await?
    .map_err(|error| StartError::Storage(Box::new(error)))?;
    assemble(settings, opened, sockets, tls, api_address)
}

fn assemble(
    settings: MasterSettings,
    opened: Opened,
    sockets: Sockets,
    tls: Option<Tls>,
    api_address: SocketAddr,
) -> Result<Running, StartError> {
    let Opened { directory, store, restored, ledger, newest, blank } = opened;
    let (clock, inbox) = (Clock::start(), Arc::new(Inbox::new()));
    let (drain, stop) = (CancellationToken::new(), CancellationToken::new());
    let (node, cluster) = (settings.node, settings.cluster.clone());
    let master = Master::open(settings.core_config(rand::random()), restored, ledger, now(&clock))?;
    let (snapshots, disk_cluster) = (directory.snapshots(), directory.cluster().clone());
    let storage =
        Storage::start(store, directory, newest, Arc::clone(&inbox)).map_err(StartError::Thread)?;
    let roster = Arc::<Roster>::default();
    let context = PeerContext {
        cluster: cluster.clone(),
        node,
        inbox: Arc::clone(&inbox),
        stop: stop.clone(),
        roster: Arc::clone(&roster),
    };
    let runtime = peers::runtime::start(stop.clone()).map_err(StartError::Thread)?;
    let peers = start_peers(&runtime, &settings, context, tls.clone(), snapshots.clone(), blank);
    let (role, roles) = watch::channel(RoleChange::default());
    let gateway = Arc::new(Gateway::new(Arc::clone(&inbox), cluster.clone(), node));
    let listener = |socket, name| {
        let config = tls.as_ref().map(|tls| Arc::clone(&tls.server));
        let secure = config.map(|config| Secure { config, cluster: cluster.clone() });
        Listener { socket, secure, drain: drain.clone(), stop: stop.clone(), name }
    };
    let [peer_address, metrics_address] = [&sockets.peer, &sockets.metrics].map(bound_to);
    let core = CoreThread {
        node,
        master,
        clock,
        tick: Duration::from_millis(settings.tick.as_ms()),
        inbox: Arc::clone(&inbox),
        storage,
        peers,
        readers: Readers::start(settings.read_rows_per_second).map_err(StartError::Thread)?,
        roster: Arc::clone(&roster),
        role,
    };
    let core = core.start().map_err(StartError::Thread)?;
    let api = serve_api(listener(sockets.api, "api"), &gateway, Arc::clone(&roster), roles.clone());
    let mut others = Vec::new();
    if let Some(socket) = sockets.peer {
        let service = PeerService { gateway, roster, snapshots, disk_cluster };
        let _inside = runtime.enter();
        others.push(serve_peers(listener(moved(socket)?, "peer"), service));
    }
    if let Some(socket) = sockets.metrics {
        others.push(edge::metrics::serve(socket, stop.clone()));
    }
    tracing::info!(%node, %cluster, api = %api_address, "master started");
    Ok(Running {
        api_address,
        peer_address,
        metrics_address,
        shutdown: Shutdown(inbox),
        role: roles,
        core,
        api,
        others,
        drain,
        stop,
    })
}

/// Connects to those that the settings name; the core names others once it knows them.
fn start_peers(
    runtime: &Handle,
    settings: &MasterSettings,
    context: PeerContext,
    tls: Option<Tls>,
    snapshots: SnapshotDirectory,
    blank: bool,
) -> Peers {
    let others = settings.members.iter().filter(|(id, _)| **id != settings.node);
    let others = others.filter_map(|(id, member)| Some((*id, member.peer.clone()?))).collect();
    if !settings.join.is_empty() {
        runtime.spawn(join(context.clone(), settings.join.clone(), tls.clone()));
    }
    Peers::start(runtime.clone(), context, others, tls, snapshots, blank)
}

/// The peers' socket, for the runtime that this is called in.
fn moved(socket: TcpListener) -> Result<TcpListener, StartError> {
    let address = socket.local_addr().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
    let moved = socket.into_std().and_then(TcpListener::from_std);
    moved.map_err(|source| StartError::Listen { key: "peer_listen", address, source })
}

fn bound_to(socket: &Option<TcpListener>) -> Option<SocketAddr> {
    socket.as_ref().and_then(|socket| socket.local_addr().ok())
}

/// A lone master may learn its port from the kernel; clients are then told that one.
fn advertise(settings: &mut MasterSettings, bound: SocketAddr) {
    let alone = settings.members.len() == 1;
    for addresses in settings.members.values_mut().filter(|_| alone) {
        if addresses.api.ends_with(":0") {
            addresses.api = bound.to_string();
        }
    }
}

/// What protects this master, in its first lines of log.
fn tell_security(settings: &MasterSettings, sockets: &Sockets) {
    let node = settings.node;
    match &settings.security {
        Security::Insecure => tracing::warn!(
            %node,
            "--insecure: plain text, no identities; whoever reaches a port may act as anybody"
        ),
        Security::Tls(paths) => tracing::info!(
            %node,
            ca = %paths.ca.display(),
            certificate = %paths.certificate.display(),
            "security: TLS 1.3, certificates required from everybody, calls allowed by table"
        ),
    }
    let metrics = sockets.metrics.as_ref().and_then(|socket| socket.local_addr().ok());
    if let Some(address) = metrics.filter(|address| !address.ip().is_loopback()) {
        tracing::warn!(%node, %address, "metrics can be read by whoever reaches this address");
    }
}

impl Sockets {
    fn bind(settings: &MasterSettings) -> Result<Self, StartError> {
        let listen = |key, address| {
            bind(address).map_err(|source| StartError::Listen { key, address, source })
        };
        // A lone master has nobody to listen for, unless it is to get company.
        let peer = settings.peer_listen;
        Ok(Self {
            api: listen("listen", settings.listen)?,
            peer: peer.map(|address| listen("peer_listen", address)).transpose()?,
            metrics: settings
                .metrics_listen
                .map(|address| listen("metrics_listen", address))
                .transpose()?,
        })
    }

    fn api_address(&self) -> Result<SocketAddr, StartError> {
        let address = SocketAddr::from(([0, 0, 0, 0], 0));
        let failed = |source| StartError::Listen { key: "listen", address, source };
        self.api.local_addr().map_err(failed)
    }
}

impl Running {
    /// For ending it from elsewhere.
    pub fn shutdown_handle(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Who leads, as this master sees it; changes can be awaited.
    pub fn role(&self) -> watch::Receiver<RoleChange> {
        self.role.clone()
    }

    /// Asks it to end.
    pub fn shutdown(&self) {
        self.shutdown.shutdown();
    }

    /// Waits until it has ended and its data directory and its ports are free again.
    pub async fn join(mut self) -> Result<(), RunError> {
        let outcome = (&mut self.core).await.unwrap_or(Err(CoreError::Panicked));
        // The core's last words are on their way to clients; then everything ends.
        self.drain.cancel();
        let drained = time::timeout(DRAIN_TIMEOUT, &mut self.api).await.is_ok();
        self.stop.cancel();
        let api = (!drained).then_some(&mut self.api);
        for server in self.others.iter_mut().chain(api) {
            let _ = time::timeout(DRAIN_TIMEOUT, server).await;
        }
        outcome.map_err(RunError::Stopped)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.shutdown();
        self.drain.cancel();
        self.stop.cancel();
    }
}

impl Shutdown {
    /// Asks the master to end; returns at once.
    pub fn shutdown(&self) {
        self.0.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        disk::{AppendError, BatchFault, WriterEvent},
        inbox::Arrival,
        storage::StorageError,
    };
    use master_core::{Input, input::CallId, input::OperatorCall, outbox::SnapshotMark};
    use proto::model::{ClusterId, Principal, TaskId, TaskKey};

    async fn alone(folder: &tempfile::TempDir) -> Running {
        let cluster = ClusterId::new("c").unwrap();
        let data = folder.path().join("data");
        start(MasterSettings::alone(cluster, data, Security::Insecure)).await.unwrap()
    }

    #[tokio::test]
    async fn a_disk_that_fails_ends_the_master_and_is_not_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        let running = alone(&folder).await;
        let fault = BatchFault::Gap { index: 2, expected: 1 };
        let error = AppendError::Refused(fault);
        running.shutdown.0.report(Arrival::Written(WriterEvent::Failed { error }));
        let outcome = running.join().await;
        let Err(RunError::Stopped(CoreError::Storage(StorageError::Append(error)))) = outcome
        else {
            panic!("{outcome:?}");
        };
        assert!(matches!(error, AppendError::Refused(found) if found == fault));
    }

    #[tokio::test]
    async fn a_panic_of_the_core_ends_the_master_and_leaves_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let running = alone(&folder).await;
        let inbox = Arc::clone(&running.shutdown.0);
        // A report about a snapshot that nobody asked for: our own state would be torn.
        let error = crate::disk::SnapshotWriteError::ChunkLength { bytes: 0 };
        let pointer = crate::disk::SnapshotPointer {
            file: String::new(),
            index: 1,
            term: 1,
            digest: 0,
            size_bytes: 0,
        };
        inbox.report(Arrival::SnapshotTaken(SnapshotMark::default(), Ok(pointer)));
        let (reply, answer) = oneshot::channel();
        let key =
            TaskKey { framework: "framework-1".parse().unwrap(), task: TaskId::new("t").unwrap() };
        let principal: Principal = "spiffe://c/operator/o".parse().unwrap();
        let request = OperatorCall::KillTask { key, grace_period: None };
        let input = Input::OperatorCall { call: CallId(1), principal, request };
        let _ = inbox.offer(Arrival::Call(CallId(1), reply, input)).await;
        let outcome = running.join().await;
        assert!(matches!(outcome, Err(RunError::Stopped(CoreError::Panicked))), "{outcome:?}");
        // Answered with a refusal or dropped: in either case there is an end to the waiting.
        assert!(!matches!(answer.await, Ok(Ok(_))));
        let late = inbox.offer(Arrival::SnapshotTaken(SnapshotMark::default(), Err(error))).await;
        assert!(late.is_err());
    }
}
