//! The run loop: the only caller of [`Agent::step`].
//!
//! Inputs come through one bounded queue. All that wait are stepped together; then their records
//! are committed together, and only then is anything done or said. While a commit is under way
//! nothing is stepped, so that the next one is larger instead.

use crate::{
    containers::{Containerizer, Size, StartRequest},
    disk::JournalWriter,
    error::AgentError,
    link::Link,
    metrics::publish,
    volumes::{Standing, Volumes},
};
use agent_core::{Agent, Effect, Input, Outbox};
use edge::clock::Clock;
use proto::model::{Refusal, TaskState};
use std::{collections::BTreeMap, fmt, time::Duration};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Steps in one commit; more wait for the next, so that what is decided is done soon.
const STEPS_MAX: usize = 1_024;
const FIGURES_INTERVAL: Duration = Duration::from_secs(1);

/// The loop and everything it moves.
pub(crate) struct RunLoop {
    pub(crate) agent: Agent,
    pub(crate) clock: Clock,
    /// What recovery decided.
    pub(crate) outbox: Outbox,
    pub(crate) inputs: mpsc::Receiver<Input>,
    pub(crate) journal: JournalWriter,
    pub(crate) link: Link,
    pub(crate) containers: Box<dyn Containerizer>,
    pub(crate) volumes: Volumes,
    pub(crate) ending: CancellationToken,
}

/// How a loop came to its end.
#[derive(Debug)]
pub(crate) enum End {
    /// It was asked to.
    Asked {
        /// Whether it leaves tasks running.
        live_tasks: bool,
    },
    /// The cluster has removed the agent.
    Abandoned(Refusal),
}

/// What the metrics page shows.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) tasks: BTreeMap<TaskState, u32>,
    pub(crate) volumes: BTreeMap<Standing, u32>,
    pub(crate) unconfirmed: u32,
    pub(crate) registered: bool,
    pub(crate) stale_orders: u64,
}

impl RunLoop {
    /// Runs until the agent ends; gives back the journal's thread, to be ended in order.
    pub(crate) async fn run(mut self) -> (Result<End, AgentError>, JournalWriter) {
        let result = self.turn_until_end().await;
        (result, self.journal)
    }

    async fn turn_until_end(&mut self) -> Result<End, AgentError> {
        let mut figures = tokio::time::interval(FIGURES_INTERVAL);
        let mut was_registered = false;
        loop {
            if let Some(refusal) = self.execute().await? {
                return Ok(End::Abandoned(refusal));
            }
            if self.agent.is_registered() != was_registered {
                was_registered = !was_registered;
                tracing::info!(registered = was_registered, "registration changed");
            }
            if let Some(refusal) = self.agent.take_refused_without_row() {
                tracing::warn!(%refusal, "a launch was ignored");
            }
            let deadline = self.agent.deadline().map(|at| self.clock.at(at));
            tokio::select! {
                biased;
                () = self.ending.cancelled() => {
                    let live_tasks = self.agent.tasks().any(|row| row.is_live());
                    return Ok(End::Asked { live_tasks });
                }
                _ = figures.tick() => publish(&self.figures()),
                input = self.inputs.recv() => {
                    // The containerizer and the link keep senders for as long as this loop lives.
                    let input = input.expect("somebody can still send");
                    self.step_all(input);
                }
                () = until(deadline) => self.step(Input::Tick),
            }
        }
    }

    fn step_all(&mut self, first: Input) {
        self.step(first);
        for _ in 1..STEPS_MAX {
            match self.inputs.try_recv() {
                Ok(input) => self.step(input),
                Err(_) => break,
            }
        }
    }

    fn step(&mut self, input: Input) {
        tracing::trace!(?input, "step");
        self.agent.step(self.clock.now(), input, &mut self.outbox);
    }

    /// Does what the steps want, in order; the answer is set when the cluster has removed the
    /// agent.
    async fn execute(&mut self) -> Result<Option<Refusal>, AgentError> {
        while !self.outbox.is_empty() {
            let (mut lost, mut made) = (None, Vec::new());
            for effect in self.outbox.drain() {
                match effect {
                    Effect::Journal(records) => self.journal.commit(records).await?,
                    Effect::MakeVolume { key, version } => {
                        tracing::info!(volume = %key, "making a volume");
                        made.push(self.volumes.make(key, version).await);
                    }
                    Effect::Abandon(refusal) => return Ok(Some(refusal)),
                    other => lost = self.act(other).or(lost),
                }
            }
            if let Some(session) = lost {
                self.step(Input::Disconnected { session });
            }
            made.into_iter().for_each(|done| self.step(done));
        }
        Ok(None)
    }

    /// Starts what does not end here. The answer is a session whose master did not keep up.
    fn act(&mut self, effect: Effect) -> Option<u64> {
        match effect {
            Effect::StartContainer { container, key, owner, task } => {
                tracing::info!(%container, task = %key, "starting a container");
                self.containers.start(StartRequest { container, key, owner, task });
            }
            Effect::AdoptContainer { container } => {
                tracing::info!(%container, "adopting a container");
                self.containers.adopt(&container);
            }
            Effect::ResizeContainer { container, version, from, to } => {
                tracing::info!(%container, %from, %to, "changing a container's limits");
                self.containers.resize(&container, Size { version, from, to });
            }
            Effect::StopContainer { container, grace_period } => {
                tracing::info!(%container, ?grace_period, "stopping a container");
                self.containers.stop(&container, grace_period);
            }
            Effect::RemoveContainer { container } => {
                tracing::debug!(%container, "removing a container");
                self.containers.remove(&container);
            }
            Effect::ShrinkVolume { key, version, size } => {
                tracing::info!(volume = %key, %size, "measuring a volume");
                self.volumes.shrink(key, version, size);
            }
            Effect::DeleteVolume { key, version } => {
                tracing::info!(volume = %key, "deleting a volume");
                self.volumes.delete(key, version);
            }
            Effect::Connect { session, leader } => self.link.connect(session, leader),
            Effect::Disconnect { session } => self.link.disconnect(Some(session)),
            Effect::FindLeader { session, question } => self.link.find_leader(session, question),
            Effect::Send { session, call } => {
                return (!self.link.send(session, &call)).then_some(session);
            }
            Effect::Journal(_) | Effect::MakeVolume { .. } | Effect::Abandon(_) => {
                unreachable!("the caller took these")
            }
        }
        None
    }

    fn figures(&self) -> Figures {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut figures = Figures {
            unconfirmed: count(self.agent.unconfirmed_tasks()),
            registered: self.agent.is_registered(),
            stale_orders: self.agent.stale_orders(),
            ..Figures::default()
        };
        for row in self.agent.tasks() {
            *figures.tasks.entry(row.state).or_default() += 1;
        }
        for row in self.agent.volumes() {
            let standing = Standing::of(row.stage, self.agent.is_volume_missing(&row.key));
            *figures.volumes.entry(standing).or_default() += 1;
        }
        figures
    }
}

impl fmt::Debug for RunLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunLoop").field("agent", &self.agent).finish_non_exhaustive()
    }
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
