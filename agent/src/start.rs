//! Starting an agent, in the order in which each thing may rely on the one before; and ending it.
//!
//! Lock, certificates, journal, cgroups, what still runs, listeners, core, loop. Ending it is the
//! reverse, and leaves the containers alone.

use crate::{
    AgentSettings,
    containers::{
        Containerizer,
        emulated::Emulated,
        filters,
        observe::observe,
        plan::{Cgroups, Confinement, Style},
        supervised::{Parts, Supervised},
        sweep::{claim, give_back, sweep},
        user_namespaces,
    },
    disk::{JournalFile, JournalWriter, Space, put_away, watch_space},
    error::AgentError,
    identity::Credentials,
    images::{Images, Retention, keep_room},
    link::Link,
    metrics,
    run::{End, RunLoop},
    sandbox::{SandboxTree, keep_tidy},
    serve::serve_operators,
    settings::IsolationChoice,
    volumes::{VolumeTree, Volumes, say_what_is_amiss},
};
use agent_core::{Agent, Config, ContainerId, Identity, Journal, Observation, Outbox};
use edge::{
    clock::{self, Clock},
    directories::make_durably,
    listener,
    lock::DirectoryLock,
};
use proto::model::{AgentId, AgentInfo, Duration as Milliseconds, VolumeKey, limits};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long callers have to hang up when the agent ends.
const FAREWELL: Duration = Duration::from_millis(500);

/// A running agent. Dropping it ends the agent, as [`AgentHandle::stop`] does, without waiting.
#[derive(Debug)]
pub struct AgentHandle {
    agent_id: AgentId,
    listen: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    ending: CancellationToken,
    task: Option<JoinHandle<Result<(), AgentError>>>,
}

impl AgentHandle {
    /// Who it is.
    pub fn agent_id(&self) -> &AgentId {
        &self.agent_id
    }

    /// Where it listens for operators.
    pub fn listen_address(&self) -> Option<SocketAddr> {
        self.listen
    }

    /// Where its metrics are read.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Waits until the agent ends by itself.
    pub async fn wait(&mut self) -> Result<(), AgentError> {
        let Some(task) = &mut self.task else { return Ok(()) };
        let result = task.await;
        self.task = None;
        result.unwrap_or(Err(AgentError::Panicked))
    }

    /// Ends the agent; its containers run on.
    pub async fn stop(mut self) -> Result<(), AgentError> {
        self.ending.cancel();
        self.wait().await
    }
}

impl Drop for AgentHandle {
    fn drop(&mut self) {
        self.ending.cancel();
    }
}

/// Runs an agent until `shutdown`, or until it ends by itself.
pub async fn run(
    settings: AgentSettings,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let mut agent = start(settings).await?;
    tokio::select! {
        result = agent.wait() => result,
        () = shutdown => agent.stop().await,
    }
}

/// What was there before the agent, opened and looked at; blocks.
struct Ground {
    lock: DirectoryLock,
    data_dir: PathBuf,
    credentials: Option<Credentials>,
    journal_file: JournalFile,
    journal: Journal,
    confinement: Option<Confinement>,
    observed: BTreeMap<ContainerId, Observation>,
    volumes: VolumeTree,
    volumes_found: BTreeSet<VolumeKey>,
    boot_id: String,
    agent_id: AgentId,
    images: Arc<Images>,
}

/// Starts an agent.
pub async fn start(settings: AgentSettings) -> Result<AgentHandle, AgentError> {
    let looked = settings.clone();
    let ground = tokio::task::spawn_blocking(move || break_ground(&looked));
    let ground = ground.await.map_err(|_| AgentError::Panicked)??;
    metrics::install();
    let (ending, tasks) = (CancellationToken::new(), TaskTracker::new());
    let service = bind(settings.listen)?;
    let page = bind(settings.metrics_listen)?;
    let (listen, metrics) = (address_of(service.as_ref()), address_of(page.as_ref()));
    let tree = SandboxTree::new(&ground.data_dir);
    let agent_id = ground.agent_id.clone();
    if let Some(service) = service {
        let stop = CancellationToken::new();
        let until = (ending.clone(), stop.clone());
        let (name, credentials) = (agent_id.as_str().into(), ground.credentials.as_ref());
        let serving = serve_operators(service, tree.clone(), name, credentials, until).await;
        tasks.spawn(take_leave(ending.clone(), stop, serving));
    }
    if let Some(page) = page {
        let stop = CancellationToken::new();
        let serving = edge::metrics::serve(page, stop.clone());
        tasks.spawn(take_leave(ending.clone(), stop, serving));
    }
    let task = raise(settings, ground, listen, tree, tasks, ending.clone())
        .inspect_err(|_| ending.cancel())?;
    tracing::info!(agent = %agent_id, ?listen, "the agent runs");
    Ok(AgentHandle { agent_id, listen, metrics, ending, task: Some(task) })
}

fn break_ground(settings: &AgentSettings) -> Result<Ground, AgentError> {
    let data_dir = make_directories(&settings.data_dir)?;
    let lock = DirectoryLock::acquire(&data_dir)?;
    let credentials = Credentials::load(&settings.security)?;
    let wanted = wanted_id(settings, credentials.as_ref())?;
    let system = |what| move |source| AgentError::System { what, source };
    let boot_id = jail::process::boot_id().map_err(system("read the host's boot id"))?;
    let new = || Identity {
        agent: wanted.clone().unwrap_or_else(made_up_id),
        cluster: credentials.as_ref().map(|credentials| credentials.principal.cluster.clone()),
        incarnation: rand::random(),
        boot_id: boot_id.clone(),
        term: 0,
    };
    let (journal_file, journal) = JournalFile::open(&data_dir, new)?;
    let agent_id = wanted.clone().unwrap_or_else(|| journal.identity.agent.clone());
    let confinement = confine(settings, &data_dir)?;
    if let Err(error) = SandboxTree::new(&data_dir).restore_owners(&journal.rows) {
        // Operators can still read them all.
        tracing::warn!(%error, "cannot say again whose the sandboxes are");
    }
    let images = Images::new(&data_dir, settings.registries.clone(), settings.image_pull_timeout);
    if settings.registries != registry::Access::default() {
        // Before a task waits for it.
        images.check_access()?;
    }
    let directory = |name| {
        let path = data_dir.join(name);
        move |source| AgentError::Directory { path, source }
    };
    let observed = observe(&data_dir.join("run"), &boot_id).map_err(directory("run"))?;
    let (volumes, volumes_found) = VolumeTree::open(&data_dir).map_err(directory("volumes"))?;
    if let Some(confinement) = &confinement {
        let running = observed.iter().filter(|(_, found)| **found == Observation::Running);
        let keep: BTreeSet<String> = running.map(|(container, _)| container.to_string()).collect();
        sweep(&confinement.cgroups, &keep);
        if let Err(error) = images.release_others(&keep) {
            // They are only kept for longer.
            tracing::warn!(error = %edge::errors::chain(&error), "cannot release images");
        }
    }
    Ok(Ground {
        lock,
        data_dir,
        credentials,
        journal_file,
        journal,
        confinement,
        observed,
        volumes,
        volumes_found,
        boot_id,
        agent_id,
        images: Arc::new(images),
    })
}

/// What containers are to be kept apart by; `None` for plain processes.
fn confine(settings: &AgentSettings, data_dir: &Path) -> Result<Option<Confinement>, AgentError> {
    // A file that is no profile is said everywhere, also by an agent that has no use for it.
    let profile = filters::profile(&settings.seccomp_profile)?;
    let root = nix::unistd::geteuid().is_root();
    match settings.isolation {
        IsolationChoice::Full if !root => return Err(AgentError::NotRoot),
        IsolationChoice::Full => {}
        IsolationChoice::Auto if root => {}
        IsolationChoice::Auto | IsolationChoice::None | IsolationChoice::Emulated(_) => {
            return Ok(None);
        }
    }
    let (wanted, first_id) = (settings.user_namespaces, settings.user_namespace_first_id);
    let program = jail_program(settings);
    Ok(Some(Confinement {
        user_namespace: user_namespaces::choose(wanted, first_id, data_dir, &program)?,
        system_call_filters: filters::lay_down(profile, data_dir)?,
        // Last: who cannot have the others leaves none.
        cgroups: claim(data_dir)?,
    }))
}

/// Brings the core to life and puts the loop around it.
fn raise(
    settings: AgentSettings,
    ground: Ground,
    listen: Option<SocketAddr>,
    tree: SandboxTree,
    tasks: TaskTracker,
    ending: CancellationToken,
) -> Result<JoinHandle<Result<(), AgentError>>, AgentError> {
    let (sender, inputs) = mpsc::channel(limits::INPUTS_MAX);
    let (clock, wall) = (Clock::start(), clock::wall());
    let up = jail::process::up_time()
        .map_err(|source| AgentError::System { what: "read the host's clock", source })?;
    let info = info(&settings, ground.agent_id.clone(), listen);
    let mut config = Config::new(info, rand::random(), &ground.boot_id, wall);
    config.up_at_origin = Milliseconds(u64::try_from(up.as_millis()).unwrap_or(u64::MAX));
    let mut outbox = Outbox::new();
    let (journal, observed, found) = (ground.journal, ground.observed, ground.volumes_found);
    let agent = Agent::recover(config, journal, observed, found, clock.now(), &mut outbox)?;
    say_what_is_amiss(&agent);
    let cgroups = ground.confinement.as_ref().map(|confinement| confinement.cgroups.clone());
    let images = ground.images.clone();
    let style = Style {
        agent: ground.agent_id,
        full: ground.confinement,
        cpu_quota: settings.cpu_quota,
        pids_max: settings.pids_max,
    };
    let parts = Parts {
        style,
        run_dir: ground.data_dir.join("run"),
        sandboxes: tree.clone(),
        volumes: ground.volumes.clone(),
        images: ground.images.clone(),
        program: jail_program(&settings),
        boot_id: ground.boot_id,
        launches_max: settings.launches_max,
        inputs: sender.clone(),
        tasks: tasks.clone(),
        ending: ending.clone(),
    };
    let containers = containerizer(settings.isolation, parts);
    let (of_volumes, until) = (sender.clone(), ending.clone());
    let volumes = Volumes::new(ground.volumes, of_volumes, tasks.clone(), until);
    let journal = JournalWriter::start(ground.journal_file)
        .map_err(|source| AgentError::System { what: "start the journal's thread", source })?;
    let link = Link::new(settings.masters, rand::random(), ground.credentials, sender.clone());
    let space = watch_space(ground.data_dir.clone(), Space::default(), sender);
    tasks.spawn(until_ending(ending.clone(), space));
    let tidy = keep_tidy(tree, settings.sandbox_retention, settings.sandboxes_max);
    tasks.spawn(until_ending(ending.clone(), tidy));
    let (age, disk_percent) = (settings.image_retention, settings.image_disk_percent);
    let room = keep_room(images, Retention { age, disk_percent });
    tasks.spawn(until_ending(ending.clone(), room));
    let until = ending.clone();
    let run =
        RunLoop { agent, clock, outbox, inputs, journal, link, containers, volumes, ending: until };
    let (lock, data_dir) = (ground.lock, ground.data_dir);
    Ok(tokio::spawn(async move {
        let (result, journal) = run.run().await;
        ending.cancel();
        tasks.close();
        tasks.wait().await;
        let wound_up =
            tokio::task::spawn_blocking(move || wind_up(result, journal, cgroups, &data_dir));
        let result = wound_up.await.unwrap_or(Err(AgentError::Panicked));
        drop(lock);
        result
    }))
}

fn containerizer(isolation: IsolationChoice, parts: Parts) -> Box<dyn Containerizer> {
    match isolation {
        IsolationChoice::Emulated(time) => Box::new(Emulated::new(time, parts.inputs, parts.tasks)),
        IsolationChoice::Auto | IsolationChoice::Full | IsolationChoice::None => {
            Box::new(Supervised::new(parts))
        }
    }
}

/// The last things, in order; blocks.
fn wind_up(
    result: Result<End, AgentError>,
    journal: JournalWriter,
    cgroups: Option<Cgroups>,
    data_dir: &Path,
) -> Result<(), AgentError> {
    drop(journal);
    let end = result?;
    let is_empty = !matches!(end, End::Asked { live_tasks: true });
    if let Some(cgroups) = cgroups.filter(|_| is_empty) {
        give_back(&cgroups);
    }
    match end {
        End::Asked { .. } => Ok(()),
        End::Abandoned(refusal) => {
            let path = data_dir.to_owned();
            let journal =
                put_away(data_dir).map_err(|source| AgentError::Directory { path, source })?;
            Err(AgentError::Removed { refusal: Box::new(refusal), journal })
        }
    }
}

fn make_directories(data_dir: &Path) -> Result<PathBuf, AgentError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| AgentError::Directory { path, source }
    };
    // Others may pass through, to a sandbox of their own, and see nothing.
    let make = |path: &Path, mode| make_durably(path, mode).map_err(failed(path));
    make(data_dir, 0o711)?;
    // The jail takes no detours.
    let data_dir = data_dir.canonicalize().map_err(failed(data_dir))?;
    make(&data_dir.join("run"), 0o700)?;
    make(&data_dir.join("sandboxes"), 0o711)?;
    Ok(data_dir)
}

fn wanted_id(
    settings: &AgentSettings,
    credentials: Option<&Credentials>,
) -> Result<Option<AgentId>, AgentError> {
    let certificate = credentials.map(|credentials| credentials.principal.id.clone());
    match (settings.agent_id.clone(), certificate) {
        (Some(settings), Some(certificate)) if settings.as_str() != certificate => {
            Err(AgentError::TwoIds { settings, certificate })
        }
        (None, Some(id)) => Ok(Some(AgentId::new(&id).expect("a principal's id is an id"))),
        (wanted, _) => Ok(wanted),
    }
}

/// For an agent that nobody named: kept in its journal from now on.
fn made_up_id() -> AgentId {
    let number: u64 = rand::random();
    AgentId::new(&format!("agent-{number:016x}")).expect("letters and digits are an id")
}

fn info(settings: &AgentSettings, id: AgentId, listen: Option<SocketAddr>) -> AgentInfo {
    let reached = |listen: SocketAddr| match listen.ip().is_unspecified() {
        true => format!("{}:{}", settings.hostname, listen.port()),
        false => listen.to_string(),
    };
    let address = listen.map(|listen| settings.advertise.clone().unwrap_or(reached(listen)));
    AgentInfo {
        id,
        hostname: settings.hostname.clone(),
        address: address.unwrap_or_default(),
        resources: settings.resources.clone(),
        attributes: settings.attributes.clone(),
        domain: settings.domain.clone(),
        reservations: settings.reservations.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn jail_program(settings: &AgentSettings) -> (PathBuf, Vec<OsString>) {
    match &settings.jail_program {
        Some(program) => (program.clone(), Vec::new()),
        None => (PathBuf::from("/proc/self/exe"), vec![OsString::from("jail")]),
    }
}

fn bind(address: Option<SocketAddr>) -> Result<Option<TcpListener>, AgentError> {
    let bind =
        |address| listener::bind(address).map_err(|source| AgentError::Listen { address, source });
    address.map(bind).transpose()
}

fn address_of(listener: Option<&TcpListener>) -> Option<SocketAddr> {
    listener.and_then(|listener| listener.local_addr().ok())
}

async fn until_ending(ending: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = ending.cancelled() => {}
        () = work => {}
    }
}

/// Callers that do not hang up are hung up on.
async fn take_leave(
    ending: CancellationToken,
    stop: CancellationToken,
    mut serving: JoinHandle<()>,
) {
    ending.cancelled().await;
    let left = tokio::time::timeout(FAREWELL, &mut serving).await;
    stop.cancel();
    if left.is_err() && tokio::time::timeout(FAREWELL, &mut serving).await.is_err() {
        serving.abort();
    }
}
