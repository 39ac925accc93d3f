//! Containers under supervisors: one jail process each, which outlives the agent.
//!
//! The agent spawns it, gives it a plan, hears once whether the task runs, and then only watches
//! the process. What happened is read from the record that the supervisor left, never guessed from
//! how the supervisor ended. Signals go through a pidfd whose identity was checked.

use super::{
    Containerizer, Size, StartRequest,
    plan::{Style, limits, plan},
    prepare::{prepare, remove_runtime, runtime_dir},
    reports::{cancelled, exit_report, failed, launch_failure, supervisor_lost},
    sweep::sweep,
};
use crate::{images::Images, metrics, sandbox::SandboxTree, volumes::VolumeTree};
use agent_core::{ContainerId, FailureKind, Input, LaunchFailure};
use edge::errors::chain;
use jail::{
    Report,
    cgroups::resize,
    process::ProcessId,
    records::{GRACE_FILE, read_exit, read_jail},
};
use proto::model::Duration;
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest, unix::AsyncFd},
    process::{Child, Command},
    sync::{Semaphore, mpsc},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// More than any report of a jail.
const REPORT_BYTES_MAX: u64 = 64 << 10;
/// How long a destroyed supervisor may take to tidy up before its records are removed anyway.
const DESTROY_PATIENCE: time::Duration = time::Duration::from_secs(30);

/// What a [`Supervised`] is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) style: Style,
    pub(crate) run_dir: PathBuf,
    pub(crate) sandboxes: SandboxTree,
    pub(crate) volumes: VolumeTree,
    pub(crate) images: Arc<Images>,
    /// The supervising program and its arguments.
    pub(crate) program: (PathBuf, Vec<OsString>),
    pub(crate) boot_id: String,
    pub(crate) launches_max: usize,
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) tasks: TaskTracker,
    /// When this is cancelled, the agent ends and the containers go on without it.
    pub(crate) ending: CancellationToken,
}

/// See the file's header.
#[derive(Debug, Clone)]
pub(crate) struct Supervised(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    parts: Parts,
    launches: Semaphore,
    containers: Mutex<BTreeMap<ContainerId, Phase>>,
}

/// How far a container has come.
#[derive(Debug, Clone)]
enum Phase {
    /// No supervisor yet; an order to stop waits for it, and ends what may be given up.
    Preparing { stop: Option<Stop>, stopped: CancellationToken },
    /// This one.
    Supervised(ProcessId),
}

#[derive(Debug, Clone, Copy)]
enum Stop {
    After(Duration),
    Now,
}

impl Supervised {
    pub(crate) fn new(parts: Parts) -> Self {
        let launches = Semaphore::new(parts.launches_max);
        Self(Arc::new(Shared { parts, launches, containers: Mutex::default() }))
    }

    /// Runs something until it is done or the agent ends.
    fn spawn<F>(&self, work: impl FnOnce(Arc<Shared>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let work = work(self.0.clone());
        let ending = self.0.parts.ending.clone();
        self.0.parts.tasks.spawn(async move {
            tokio::select! {
                () = ending.cancelled() => {}
                () = work => {}
            }
        });
    }
}

impl Containerizer for Supervised {
    fn start(&self, request: StartRequest) {
        let phase = Phase::Preparing { stop: None, stopped: CancellationToken::new() };
        self.0.containers().insert(request.container.clone(), phase);
        self.spawn(|shared| async move { shared.run(request).await });
    }

    fn stop(&self, container: &ContainerId, grace_period: Option<Duration>) {
        let wanted = grace_period.map_or(Stop::Now, Stop::After);
        let supervisor = match self.0.containers().get_mut(container) {
            Some(Phase::Preparing { stop, stopped }) => {
                *stop = Some(wanted);
                stopped.cancel();
                return;
            }
            Some(Phase::Supervised(supervisor)) => *supervisor,
            // It has ended, which the core will hear or has heard.
            None => return,
        };
        self.0.signal(container, supervisor, wanted);
    }

    fn resize(&self, container: &ContainerId, size: Size) {
        let container = container.clone();
        self.spawn(|shared| async move {
            let version = size.version;
            let result = shared.clone().change_limits(container.clone(), size).await;
            shared.give(Input::ContainerResized { container, version, result }).await;
        });
    }

    fn adopt(&self, container: &ContainerId) {
        let container = container.clone();
        let record = read_jail(&runtime_dir(&self.0.parts.run_dir, &container));
        // Known at once, so that a stop that follows finds it.
        let supervisor = record.ok().flatten().map(|record| record.supervisor());
        if let Some(supervisor) = supervisor {
            self.0.containers().insert(container.clone(), Phase::Supervised(supervisor));
        }
        self.spawn(|shared| async move {
            if let Some(supervisor) = supervisor {
                wait_for(supervisor).await;
            }
            shared.ended(container).await;
        });
    }

    fn remove(&self, container: &ContainerId) {
        let known = self.0.containers().remove(container).is_some();
        let container = container.clone();
        self.spawn(|shared| async move {
            if !known {
                shared.destroy(&container).await;
            }
            let runtime = runtime_dir(&shared.parts.run_dir, &container);
            let (images, gone) = (shared.parts.images.clone(), container.clone());
            let work = move || (remove_runtime(&runtime), images.release(&gone));
            let Ok((removed, released)) = tokio::task::spawn_blocking(work).await else { return };
            if let Err(error) = removed {
                tracing::warn!(%container, %error, "cannot remove a runtime directory");
            }
            if let Err(error) = released {
                tracing::warn!(%container, error = %chain(&error), "cannot release an image");
            }
        });
    }
}

impl Shared {
    fn containers(&self) -> MutexGuard<'_, BTreeMap<ContainerId, Phase>> {
        self.containers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancelled when a container that has no supervisor yet is to stop, or is none any more.
    fn stopped(&self, container: &ContainerId) -> CancellationToken {
        match self.containers().get(container) {
            Some(Phase::Preparing { stopped, .. }) => stopped.clone(),
            _ => {
                let stopped = CancellationToken::new();
                stopped.cancel();
                stopped
            }
        }
    }

    async fn give(&self, input: Input) {
        // The run loop is gone only when the agent ends.
        let _ = self.parts.inputs.send(input).await;
    }

    /// The whole life of a container, as far as this agent lives to see it.
    async fn run(self: Arc<Self>, request: StartRequest) {
        let container = request.container.clone();
        let began = time::Instant::now();
        match self.clone().launch(request).await {
            Ok(mut child) => {
                metrics::launched(began.elapsed());
                self.give(Input::ContainerStarted { container: container.clone() }).await;
                if let Err(error) = child.wait().await {
                    tracing::warn!(%container, %error, "cannot wait for a supervisor");
                }
                self.ended(container).await;
            }
            Err(failure) => {
                tracing::info!(%container, message = failure.message, "launch failed");
                self.give(Input::ContainerFailed { container, failure }).await;
            }
        }
    }

    /// Everything up to the moment in which the task runs.
    async fn launch(self: Arc<Self>, request: StartRequest) -> Result<Child, LaunchFailure> {
        let ended = |_| failed(FailureKind::Abandoned, "the agent ends");
        let stopped = self.stopped(&request.container);
        let (container, isolated) = (&request.container, self.parts.style.full.is_some());
        // Others launch meanwhile: this may take minutes.
        let image = self.parts.images.for_task(container, &request.task, isolated, &stopped);
        let image = image.await?;
        let _permit = self.launches.acquire().await.map_err(ended)?;
        if stopped.is_cancelled() {
            return Err(cancelled());
        }
        let (shared, asked) = (self.clone(), request.clone());
        let work = move || {
            let Parts { sandboxes, volumes, run_dir, .. } = &shared.parts;
            prepare(&asked, sandboxes, volumes, image, run_dir, isolated)
        };
        let place = tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| failed(FailureKind::Other, error.to_string()))??;
        let plan = plan(&request, &self.parts.style, place);
        let invalid = |error: &dyn std::error::Error| failed(FailureKind::Invalid, chain(error));
        plan.validate().map_err(|error| invalid(&error))?;
        let json = plan.to_json().map_err(|error| invalid(&error))?;
        let mut child = self.spawn_jail(&request.container).map_err(|error| {
            failed(FailureKind::Other, format!("cannot start the supervisor: {error}"))
        })?;
        let conversed = self.converse(&request.container, &mut child, &json).await;
        conversed.map(|()| child).map_err(|failure| name_program(failure, &request))
    }

    fn spawn_jail(&self, container: &ContainerId) -> io::Result<Child> {
        let (program, arguments) = &self.parts.program;
        let child = Command::from(jail::launch::command(program, arguments)).spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        // A child that was not waited for keeps its number, so that this is that very process.
        let supervisor = pid.and_then(|pid| ProcessId::of(pid).ok().flatten());
        if let Some(supervisor) = supervisor {
            let before = self.containers().insert(container.clone(), Phase::Supervised(supervisor));
            if let Some(Phase::Preparing { stop: Some(stop), .. }) = before {
                self.signal(container, supervisor, stop);
            }
        }
        Ok(child)
    }

    /// Gives the plan and waits for the one answer.
    async fn converse(
        &self,
        container: &ContainerId,
        child: &mut Child,
        plan: &[u8],
    ) -> Result<(), LaunchFailure> {
        if let Some(mut stdin) = child.stdin.take() {
            // If it died it will not report, and that says more than a broken pipe.
            let _ = stdin.write_all(plan).await;
        }
        let mut answer = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let read = stdout.take(REPORT_BYTES_MAX).read_to_end(&mut answer).await;
            read.map_err(|error| failed(FailureKind::Other, error.to_string()))?;
        }
        let error = match Report::parse(&answer) {
            Ok(Report::Started(_)) => return Ok(()),
            Ok(Report::Failed(failure)) => {
                let _ = child.wait().await;
                return Err(launch_failure(failure));
            }
            Err(error) => error,
        };
        let _ = child.wait().await;
        let runtime = runtime_dir(&self.parts.run_dir, container);
        if read_jail(&runtime).is_ok_and(|record| record.is_some()) {
            // It had let the task go, or was about to: the records must tell.
            return Ok(());
        }
        Err(failed(FailureKind::Other, chain(&error)))
    }

    fn signal(&self, container: &ContainerId, supervisor: ProcessId, stop: Stop) {
        let sent = match stop {
            Stop::Now => supervisor.destroy(),
            Stop::After(grace) => {
                if let Err(error) = self.write_grace(container, grace) {
                    tracing::warn!(%container, %error, "the task's own grace period is used");
                }
                supervisor.stop()
            }
        };
        if let Err(error) = sent {
            tracing::warn!(%container, error = %chain(&error), "cannot stop a container");
        }
    }

    /// By rename, so that the supervisor reads a whole number or none.
    fn write_grace(&self, container: &ContainerId, grace: Duration) -> io::Result<()> {
        let runtime = runtime_dir(&self.parts.run_dir, container);
        let temporary = runtime.join(".grace.new");
        std::fs::write(&temporary, grace.as_ms().to_string())?;
        std::fs::rename(temporary, runtime.join(GRACE_FILE))
    }

    /// In the container's cgroups, where it has any.
    async fn change_limits(
        self: Arc<Self>,
        container: ContainerId,
        size: Size,
    ) -> Result<(), String> {
        let style = &self.parts.style;
        let Some(cgroups) = style.full.as_ref().map(|full| full.cgroups.clone()) else {
            return Ok(());
        };
        let of = |resources| limits(resources, style, &cgroups);
        let (old, new) = (of(&size.from), of(&size.to));
        let work = move || {
            let (layout, parent) = (&cgroups.layout, &cgroups.parent);
            resize(layout, parent, container.as_str(), &old, &new).map_err(|error| chain(&error))
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// The supervisor has ended: its record says how the container did.
    async fn ended(&self, container: ContainerId) {
        let record = read_exit(&runtime_dir(&self.parts.run_dir, &container));
        let report = match record {
            Ok(Some(record)) => exit_report(record),
            Ok(None) => {
                tracing::warn!(%container, "a supervisor ended without an exit record");
                self.sweep_without(&container).await;
                supervisor_lost()
            }
            Err(error) => {
                tracing::warn!(%container, error = %chain(&error), "an exit record is unreadable");
                supervisor_lost()
            }
        };
        self.give(Input::ContainerExited { container, report }).await;
    }

    /// Ends what a lost supervisor left in its cgroups. No launch may be under way meanwhile: the
    /// sweep would take a container that it was not told of for a leftover.
    async fn sweep_without(&self, container: &ContainerId) {
        let full = self.parts.style.full.as_ref();
        let Some(cgroups) = full.map(|full| full.cgroups.clone()) else { return };
        let all = u32::try_from(self.parts.launches_max).unwrap_or(u32::MAX);
        let Ok(_permits) = self.launches.acquire_many(all).await else { return };
        let keep: BTreeSet<String> = {
            let containers = self.containers();
            let others = containers.keys().filter(|other| *other != container);
            others.map(ToString::to_string).collect()
        };
        let _ = tokio::task::spawn_blocking(move || sweep(&cgroups, &keep)).await;
    }

    /// Ends a container that nobody answers for.
    async fn destroy(&self, container: &ContainerId) {
        let record = read_jail(&runtime_dir(&self.parts.run_dir, container)).ok().flatten();
        let record = record.filter(|record| record.boot_id == self.parts.boot_id);
        let Some(supervisor) = record.map(|record| record.supervisor()) else { return };
        match supervisor.destroy() {
            Ok(false) => return,
            Ok(true) => tracing::warn!(%container, "destroyed a container without a task"),
            Err(error) => tracing::warn!(%container, error = %chain(&error), "cannot destroy"),
        }
        let _ = tokio::time::timeout(DESTROY_PATIENCE, wait_for(supervisor)).await;
    }
}

/// Until this very process has ended.
#[expect(deprecated, reason = "unsound for foreign types only; an OwnedFd keeps its descriptor")]
async fn wait_for(supervisor: ProcessId) {
    let descriptor = match supervisor.open() {
        Ok(Some(descriptor)) => descriptor,
        Ok(None) => return,
        Err(error) => {
            tracing::warn!(error = %chain(&error), "cannot watch a supervisor");
            return wait_by_looking(supervisor).await;
        }
    };
    let watched = AsyncFd::<OwnedFd>::with_interest(descriptor, Interest::READABLE);
    match watched {
        Ok(watched) => drop(watched.readable().await),
        Err(_) => wait_by_looking(supervisor).await,
    }
}

/// For kernels and sandboxes without process descriptors.
async fn wait_by_looking(supervisor: ProcessId) {
    let mut interval = tokio::time::interval(time::Duration::from_secs(1));
    while supervisor.is_running().unwrap_or(false) {
        interval.tick().await;
    }
}

/// A program that is not there, or is none, is said to be which.
fn name_program(failure: LaunchFailure, request: &StartRequest) -> LaunchFailure {
    let program = request.task.command.arguments.first();
    match (failure.kind, program) {
        (FailureKind::NotFound | FailureKind::NotExecutable, Some(program)) => {
            LaunchFailure { message: format!("{program:?}: {}", failure.message), ..failure }
        }
        _ => failure,
    }
}
