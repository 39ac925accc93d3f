//! Containers without processes: each task "runs" for a set time and succeeds.
//!
//! For load tests of everything but the kernel: an agent with a hundred thousand of these costs
//! little more than its journal. Nothing survives a restart of the agent, as the core then finds
//! out.

use super::{Containerizer, Size, StartRequest};
use agent_core::{ContainerId, Ending, ExitReport, Input};
use proto::model::Duration;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

/// See the file's header.
#[derive(Debug, Clone)]
pub(crate) struct Emulated {
    task_time: time::Duration,
    inputs: mpsc::Sender<Input>,
    tasks: TaskTracker,
    stops: Arc<Mutex<BTreeMap<ContainerId, oneshot::Sender<()>>>>,
}

impl Emulated {
    pub(crate) fn new(
        task_time: time::Duration,
        inputs: mpsc::Sender<Input>,
        tasks: TaskTracker,
    ) -> Self {
        Self { task_time, inputs, tasks, stops: Arc::default() }
    }

    fn stops(&self) -> std::sync::MutexGuard<'_, BTreeMap<ContainerId, oneshot::Sender<()>>> {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Containerizer for Emulated {
    fn start(&self, request: StartRequest) {
        let container = request.container;
        let (stop, stopped) = oneshot::channel();
        self.stops().insert(container.clone(), stop);
        let this = self.clone();
        self.tasks.spawn(async move {
            let started = Input::ContainerStarted { container: container.clone() };
            if this.inputs.send(started).await.is_err() {
                return;
            }
            let killed_by_request = tokio::select! {
                () = tokio::time::sleep(this.task_time) => false,
                stopped = stopped => stopped.is_ok(),
            };
            let ending = if killed_by_request { Ending::Signaled(15) } else { Ending::Exited(0) };
            let report = ExitReport { ending, killed_by_request, memory_peak_bytes: None };
            let _ = this.inputs.send(Input::ContainerExited { container, report }).await;
        });
    }

    fn stop(&self, container: &ContainerId, _grace_period: Option<Duration>) {
        if let Some(stop) = self.stops().remove(container) {
            let _ = stop.send(());
        }
    }

    /// There is nothing to hold to a limit.
    fn resize(&self, container: &ContainerId, size: Size) {
        let (inputs, version) = (self.inputs.clone(), size.version);
        let resized =
            Input::ContainerResized { container: container.clone(), version, result: Ok(()) };
        self.tasks.spawn(async move {
            let _ = inputs.send(resized).await;
        });
    }

    fn adopt(&self, container: &ContainerId) {
        tracing::error!(%container, "an emulated container cannot have survived");
    }

    fn remove(&self, container: &ContainerId) {
        self.stops().remove(container);
    }
}
