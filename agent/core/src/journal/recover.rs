//! A new life: what the journal says, set against what really runs.
//!
//! | the journal says | the kernel says | then |
//! |---|---|---|
//! | live | its supervisor runs | adopt it; report RUNNING if that was never said |
//! | live | it left an exit record | report how it ended |
//! | intended, never seen to run | nothing | DROPPED: it never ran, and never will |
//! | ran | nothing | FAILED, supervisor lost; KILLED if that was asked |
//! | live, in an earlier boot | nothing | FAILED, host rebooted; KILLED if that was asked |
//! | ended, not confirmed | anything | clean up; send the updates again |
//! | nothing | a container | destroy it: nobody answers for it |
//! | of a group, its turn has not come | nothing | it waits on, or ends with its group |
//!
//! A task whose container was once intended is never started a second time, whatever happened.
//! What was under way of volumes is wanted once more, which does no harm; one whose directory was
//! not found is kept in the journal, and is not there for anybody else.

use super::{
    record::{ContainerId, Identity, Record, TaskRow},
    volume_row::VolumeRow,
};
use crate::{
    agent::Agent,
    config::Config,
    input::{Ending, ExitReport, Input},
    outbox::{Effect, Outbox},
    tasks::lifecycle::News,
};
use proto::{
    model::{
        AgentId, Instant, StatusReason, TaskKey, TaskState, VolumeKey, resources::ResourceError,
    },
    planted::{self, Bug},
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything in a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// Who made it.
    pub identity: Identity,
    /// Its tasks, in any order.
    pub rows: Vec<TaskRow>,
    /// Its volumes, in any order.
    pub volumes: Vec<VolumeRow>,
}

/// What the shell found of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// Its supervisor runs.
    Running,
    /// It left an exit record.
    Exited(ExitReport),
    /// Some trace, but neither; whatever was left of it has been killed.
    Nothing,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// It belongs to another agent.
    #[error("the journal belongs to the agent {journal}, the settings say {settings}")]
    OtherAgent {
        /// Whose it is.
        journal: AgentId,
        /// Who wants to use it.
        settings: AgentId,
    },
    /// Two rows for one task.
    #[error("the journal holds the task {key} twice")]
    TaskTwice {
        /// Which task.
        key: TaskKey,
    },
    /// Two rows with one container.
    #[error("the journal holds the container {container} twice")]
    ContainerTwice {
        /// Which container.
        container: ContainerId,
    },
    /// Two rows for one volume.
    #[error("the journal holds the volume {key} twice")]
    VolumeTwice {
        /// Which volume.
        key: VolumeKey,
    },
    /// A task that lives has so many updates that no more could be counted and read back.
    #[error("the journal holds the task {key} with {sequence} updates, more than any comes to")]
    TooManyUpdates {
        /// Which task.
        key: TaskKey,
        /// The number of its last update.
        sequence: u64,
    },
    /// What its tasks hold cannot be added up.
    #[error("the journal promises impossible resources with the task {key}")]
    Promised {
        /// The task that does not fit the others.
        key: TaskKey,
        /// What is wrong.
        #[source]
        source: ResourceError,
    },
}

/// What becomes of a live row.
#[derive(Debug)]
enum Verdict {
    Adopt,
    Ended(ExitReport),
    NeverRan,
    Lost,
    Rebooted,
}

fn judge(row: &TaskRow, rebooted: bool, observed: Option<Observation>) -> Verdict {
    match observed {
        // An exit record was written before any reboot that followed it.
        Some(Observation::Exited(report)) => Verdict::Ended(report),
        _ if rebooted => Verdict::Rebooted,
        Some(Observation::Running) => Verdict::Adopt,
        // A supervisor leaves a trace before it lets the task go; no trace, no task.
        _ if row.state == TaskState::Staging => Verdict::NeverRan,
        Some(Observation::Nothing) | None => Verdict::Lost,
    }
}

impl Agent {
    /// Brings an agent to life from its journal and from what the shell found; `observed` names
    /// every container of which there is any trace, `found` every volume whose directory is there,
    /// except those of which the deletion has begun.
    ///
    /// A new agent is one whose journal has no rows.
    pub fn recover(
        config: Config,
        journal: Journal,
        observed: BTreeMap<ContainerId, Observation>,
        found: BTreeSet<VolumeKey>,
        now: Instant,
        outbox: &mut Outbox,
    ) -> Result<Self, RecoverError> {
        let Journal { mut identity, mut rows, volumes } = journal;
        if planted::is(Bug::LastRowForgotten) {
            rows.pop();
        }
        if identity.agent != config.info.id {
            let (journal, settings) = (identity.agent, config.info.id);
            return Err(RecoverError::OtherAgent { journal, settings });
        }
        let rebooted = identity.boot_id != config.boot_id;
        if rebooted {
            identity.boot_id.clone_from(&config.boot_id);
            outbox.record(Record::Identity(identity.clone()));
        }
        let mut agent = Agent::new(config, identity);
        for row in rows {
            agent.tasks.restore(row)?;
        }
        // Before anything is started that is to find them.
        agent.restore_volumes(volumes, found, outbox)?;
        let owned: BTreeSet<_> =
            agent.tasks.rows().filter_map(|row| row.container.clone()).collect();
        for container in observed.keys().filter(|container| !owned.contains(*container)) {
            outbox.push(Effect::RemoveContainer { container: container.clone() });
        }
        agent.settle(rebooted, observed, now, outbox);
        agent.step(now, Input::Tick, outbox);
        Ok(agent)
    }

    /// Goes through the rows and does what the table says.
    fn settle(
        &mut self,
        rebooted: bool,
        mut observed: BTreeMap<ContainerId, Observation>,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let keys: Vec<TaskKey> = self.tasks.rows().map(|row| row.key.clone()).collect();
        for key in keys {
            let Some(row) = self.tasks.get(&key) else { continue };
            let container = row.container.clone();
            let found = container.as_ref().and_then(|container| observed.remove(container));
            if !row.pending.is_empty() {
                self.delivery.wait(&key);
            }
            let waits = row.is_live() && row.container.is_none();
            if waits {
                // Its turn has not come; what became of the others says whether it ever does.
            } else if row.is_live() {
                let verdict = judge(row, rebooted, found);
                self.carry_out(verdict, &key, now, outbox);
            } else {
                if let (Some(container), Some(_)) = (container, found) {
                    outbox.push(Effect::RemoveContainer { container });
                }
                self.retire_if_done(&key, outbox);
            }
        }
    }

    fn carry_out(&mut self, verdict: Verdict, key: &TaskKey, now: Instant, outbox: &mut Outbox) {
        let kill = self.tasks.get(key).and_then(|row| row.kill);
        let asked = |otherwise: News| match kill {
            Some(kill) => kill.news(otherwise.message),
            None => otherwise,
        };
        match verdict {
            Verdict::Adopt => self.adopt(key, now, outbox),
            Verdict::Ended(report) => self.container_ended(key, &report, now, outbox),
            Verdict::NeverRan => {
                let message = "the agent restarted before the task ran";
                let reason = StatusReason::AgentRestarted;
                self.end_task(key, News::new(TaskState::Dropped, reason, message), now, outbox);
            }
            Verdict::Lost => {
                let ending = Ending::SupervisorLost;
                let report =
                    ExitReport { ending, killed_by_request: false, memory_peak_bytes: None };
                self.container_ended(key, &report, now, outbox);
            }
            Verdict::Rebooted if planted::is(Bug::StartedAgain) => self.start_again(key, outbox),
            Verdict::Rebooted => {
                let message = "the host was rebooted while the task ran";
                let news = News::new(TaskState::Failed, StatusReason::HostRebooted, message);
                self.end_task(key, asked(news), now, outbox);
            }
        }
    }

    /// What must never be.
    fn start_again(&self, key: &TaskKey, outbox: &mut Outbox) {
        let row = self.tasks.get(key).expect("the caller has just seen the row");
        let TaskRow { key, owner, task: Some(task), container: Some(container), .. } = row.clone()
        else {
            return;
        };
        outbox.push(Effect::StartContainer { container, key, owner, task });
    }

    fn adopt(&mut self, key: &TaskKey, now: Instant, outbox: &mut Outbox) {
        let row = self.tasks.get(key).expect("the caller has just seen the row");
        let container = row.container.clone().expect("a live task has a container");
        outbox.push(Effect::AdoptContainer { container: container.clone() });
        self.container_started(&container, now, outbox);
        self.watch_completion(key, now, outbox);
        self.apply_size(key, outbox);
        // Started or not: an order to end it may have been lost with the earlier life.
        self.repeat_stop(key, now, outbox);
    }
}
