//! Another size for a task that runs: intend, apply, tell.
//!
//! ```text
//!  order ──▶ journal: resizing ──▶ the container's limits ──▶ journal: size, version ──▶ update
//! ```
//!
//! While a size is being applied the larger of both is promised. What became of it is an update
//! like any other: in the journal before it is sent, sent until it is committed. So an order that
//! is heard again needs no answer of its own, and after a restart only what was intended is applied
//! once more, which does no harm.

use super::lifecycle::News;
use crate::{
    agent::Agent,
    journal::{ContainerId, Resizing},
    outbox::{Effect, Outbox},
};
use proto::model::{
    Instant, Resources, StatusReason, TaskKey, TaskState,
    resize::{check_resize, larger},
};

impl Agent {
    /// Takes an order to resize. One for a task that does not run, or is being ended, is void: the
    /// leader hears of its end.
    pub(crate) fn resize(
        &mut self,
        key: &TaskKey,
        resources: Resources,
        version: u64,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let Some(row) = self.tasks.get(key) else { return };
        let is_known = version <= row.size_version || row.resizing.is_some();
        if is_known || row.state != TaskState::Running {
            return;
        }
        let task = row.task.as_ref().expect("a task that runs has a description");
        let from = task.resources.clone();
        let held = check_resize(&from, &resources)
            .map_err(|error| error.to_string())
            .and_then(|()| larger(&from, &resources).map_err(|error| error.to_string()));
        let admitted = held.and_then(|held| {
            let problem = |error| format!("the agent does not have what the task needs: {error}");
            self.tasks.capacity.exchange(&from, &held).map_err(problem)
        });
        let row = self.tasks.get_mut(key).expect("the row was just seen");
        match admitted {
            Ok(()) => {
                row.resizing = Some(Resizing { version, resources });
                self.record(key, outbox);
                self.apply_size(key, outbox);
            }
            Err(problem) => {
                row.size_version = version;
                let news = News::new(TaskState::Running, StatusReason::ResizeFailed, problem);
                self.add_update(key, news, now, outbox);
            }
        }
    }

    /// Has the size that is intended applied, be it for the first time or again.
    pub(crate) fn apply_size(&mut self, key: &TaskKey, outbox: &mut Outbox) {
        let Some(row) = self.tasks.get(key) else { return };
        let (Some(resizing), Some(container), Some(task)) =
            (&row.resizing, &row.container, &row.task)
        else {
            return;
        };
        outbox.push(Effect::ResizeContainer {
            container: container.clone(),
            version: resizing.version,
            from: task.resources.clone(),
            to: resizing.resources.clone(),
        });
    }

    /// The container's limits are the new ones; or still the old ones, for this reason.
    pub(crate) fn container_resized(
        &mut self,
        container: &ContainerId,
        version: u64,
        result: Result<(), String>,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let Some(key) = self.tasks.key_of(container).cloned() else { return };
        let row = self.tasks.get_mut(&key).filter(|row| row.is_live());
        let Some(row) = row else { return };
        let Some(resizing) = row.resizing.take_if(|resizing| resizing.version == version) else {
            return;
        };
        let task = row.task.as_mut().expect("a task that runs has a description");
        let held = larger(&task.resources, &resizing.resources).expect("it was admitted");
        let news = match result {
            Ok(()) => {
                task.resources = resizing.resources;
                News::new(TaskState::Running, StatusReason::Resized, "")
            }
            Err(problem) => News::new(TaskState::Running, StatusReason::ResizeFailed, problem),
        };
        row.size_version = version;
        let (now_held, is_running) = (task.resources.clone(), row.state == TaskState::Running);
        self.tasks.capacity.exchange(&held, &now_held).expect("it is no more than before");
        match is_running {
            true => self.add_update(&key, news, now, outbox),
            // It is being ended, and the leader will hear of that.
            false => self.record(&key, outbox),
        }
    }
}
