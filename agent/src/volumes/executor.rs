//! What the core wants done with volumes, done beside the run loop.
//!
//! To make one takes a few writes, and whatever is ordered next may need it: the loop waits, as it
//! does for the journal. To measure or delete takes as long as there are files: on a thread beside
//! the loop, one volume at a time for each of the two, so that they leave the disk to the tasks.

use super::{VolumeTree, directories::VolumeError};
use crate::walk::{Stop, WalkError};
use agent_core::Input;
use edge::errors::chain;
use proto::model::{Milli, VolumeKey};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// See the file's header.
#[derive(Debug)]
pub(crate) struct Volumes {
    tree: VolumeTree,
    inputs: mpsc::Sender<Input>,
    tasks: TaskTracker,
    /// When this is cancelled, whatever is under way stops; a later life begins it again.
    ending: CancellationToken,
    measuring: Arc<Semaphore>,
    deleting: Arc<Semaphore>,
}

impl Volumes {
    pub(crate) fn new(
        tree: VolumeTree,
        inputs: mpsc::Sender<Input>,
        tasks: TaskTracker,
        ending: CancellationToken,
    ) -> Self {
        let one = || Arc::new(Semaphore::new(1));
        Self { tree, inputs, tasks, ending, measuring: one(), deleting: one() }
    }

    /// Makes a volume. The answer is for the core.
    pub(crate) async fn make(&self, key: VolumeKey, version: u64) -> Input {
        let tree = self.tree.clone();
        let made = tokio::task::spawn_blocking(move || tree.make(key)).await;
        let result =
            made.map_err(|error| error.to_string()).and_then(|made| made.map_err(|e| chain(&e)));
        done(key, version, result)
    }

    /// Looks whether no more of a volume is used than it is to have. Ends in `VolumeDone`.
    pub(crate) fn shrink(&self, key: VolumeKey, version: u64, size: Milli) {
        let work = move |tree: VolumeTree, stop: Stop<'_>| tree.check_use(key, size, stop);
        self.spawn(&self.measuring, (key, version), work);
    }

    /// Deletes a volume. Ends in `VolumeDone`.
    pub(crate) fn delete(&self, key: VolumeKey, version: u64) {
        let work = move |tree: VolumeTree, stop: Stop<'_>| tree.delete(key, stop);
        self.spawn(&self.deleting, (key, version), work);
    }

    fn spawn(
        &self,
        turn: &Arc<Semaphore>,
        (key, version): (VolumeKey, u64),
        work: impl FnOnce(VolumeTree, Stop<'_>) -> Result<(), VolumeError> + Send + 'static,
    ) {
        let (turn, tree, ending) = (turn.clone(), self.tree.clone(), self.ending.clone());
        let inputs = self.inputs.clone();
        self.tasks.spawn(async move {
            let turn = tokio::select! {
                () = ending.cancelled() => return,
                turn = turn.acquire_owned() => turn,
            };
            let stop = ending.clone();
            // Waited for to the end: the directory has one agent at a time.
            let worked = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                work(tree, &|| stop.is_cancelled())
            });
            let result = match worked.await {
                Ok(Err(VolumeError::Walk(WalkError::Stopped))) => return,
                Ok(result) => result.map_err(|error| chain(&error)),
                Err(error) => Err(error.to_string()),
            };
            tokio::select! {
                () = ending.cancelled() => {}
                _ = inputs.send(done(key, version, result)) => {}
            }
        });
    }
}

/// What the core hears; and people who look at this agent alone.
fn done(volume: VolumeKey, version: u64, result: Result<(), String>) -> Input {
    match &result {
        Ok(()) => tracing::debug!(%volume, version, "what was ordered of a volume is done"),
        Err(error) => tracing::warn!(%volume, version, error, "a volume stays as it is"),
    }
    Input::VolumeDone { key: volume, version, result }
}
