//! The agent: one value, one way to change it.

use crate::{
    config::Config,
    input::{Ending, ExitReport, Input},
    journal::{Identity, TaskRow, VolumeRow},
    outbox::Outbox,
    session::Session,
    tasks::Tasks,
    updates::Delivery,
    volumes::Volumes,
};
use proto::model::{Instant, Refusal, Resources, TaskKey, VolumeKey, jitter::Jitter};

/// An agent between two inputs. Made by [`Agent::recover`].
#[derive(Debug)]
pub struct Agent {
    pub(crate) config: Config,
    pub(crate) identity: Identity,
    pub(crate) jitter: Jitter,
    pub(crate) session: Session,
    pub(crate) tasks: Tasks,
    pub(crate) delivery: Delivery,
    pub(crate) volumes: Volumes,
    pub(crate) journal_low: bool,
    pub(crate) stale_orders: u64,
    pub(crate) refused_without_row: Option<Refusal>,
}

impl Agent {
    pub(crate) fn new(config: Config, identity: Identity) -> Self {
        Self {
            identity,
            jitter: Jitter::new(config.seed),
            session: Session::new(&config),
            tasks: Tasks::new(config.info.resources.clone()),
            delivery: Delivery::default(),
            volumes: Volumes::default(),
            journal_low: false,
            stale_orders: 0,
            refused_without_row: None,
            config,
        }
    }

    /// Takes one input, and everything else that is due at `now`; fills the outbox.
    pub fn step(&mut self, now: Instant, input: Input, outbox: &mut Outbox) {
        match input {
            Input::Tick => {}
            Input::Connected { session } => self.connected(session, now, outbox),
            Input::Disconnected { session } => self.disconnected(session, now),
            Input::Order { session, term, order } => {
                self.take_order(session, term, order, now, outbox);
            }
            Input::LeaderFound { question, answer } => {
                self.leader_found(question, answer, now, outbox);
            }
            Input::ContainerStarted { container } => {
                self.container_started(&container, now, outbox);
            }
            Input::ContainerFailed { container, failure } => {
                let ending = Ending::LaunchFailed(failure);
                let report =
                    ExitReport { ending, killed_by_request: false, memory_peak_bytes: None };
                self.container_gone(&container, &report, now, outbox);
            }
            Input::ContainerResized { container, version, result } => {
                self.container_resized(&container, version, result, now, outbox);
            }
            Input::ContainerExited { container, report } => {
                self.container_gone(&container, &report, now, outbox);
            }
            Input::VolumeDone { key, version, result } => {
                self.volume_done(key, version, result, now, outbox);
            }
            Input::JournalSpace { low } => self.journal_low = low,
        }
        self.run_session(now, outbox);
        self.run_completions(now, outbox);
        self.run_groups(now, outbox);
        self.run_kill_checks(now, outbox);
        self.run_volumes(now, outbox);
        self.run_delivery(now, outbox);
        self.run_doubt(now, outbox);
    }

    /// When the next [`Input::Tick`] is due, if ever.
    pub fn deadline(&self) -> Option<Instant> {
        let kill = self.tasks.kill_checks.deadline();
        let completion = self.tasks.completions.deadline();
        let again = self.delivery.deadline().filter(|_| self.session.is_registered());
        let deletion = self.volumes.deadline();
        [self.session.deadline(), kill, completion, again, deletion].into_iter().flatten().min()
    }

    /// Who this agent is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Every task, ordered by key.
    pub fn tasks(&self) -> impl ExactSizeIterator<Item = &TaskRow> {
        self.tasks.rows()
    }

    /// One task.
    pub fn task(&self, key: &TaskKey) -> Option<&TaskRow> {
        self.tasks.get(key)
    }

    /// Every volume that was ordered and is not gone, ordered by key.
    pub fn volumes(&self) -> impl ExactSizeIterator<Item = &VolumeRow> {
        self.volumes.rows()
    }

    /// One volume.
    pub fn volume(&self, key: &VolumeKey) -> Option<&VolumeRow> {
        self.volumes.get(key)
    }

    /// Whether the directory of a volume that has data was not found when this agent came to life.
    pub fn is_volume_missing(&self, key: &VolumeKey) -> bool {
        self.volumes.is_missing(key)
    }

    /// Directories that were found then and belong to no volume of the journal: they are left
    /// alone, for people to look at.
    pub fn stranger_volumes(&self) -> impl ExactSizeIterator<Item = &VolumeKey> {
        self.volumes.strangers()
    }

    /// What live tasks hold together.
    pub fn promised(&self) -> &Resources {
        self.tasks.capacity.promised()
    }

    /// All that the agent has.
    pub fn total(&self) -> &Resources {
        &self.config.info.resources
    }

    /// Whether a leader has confirmed the present registration.
    pub fn is_registered(&self) -> bool {
        self.session.is_registered()
    }

    /// Whether the cluster has removed this agent for good.
    pub fn is_abandoned(&self) -> bool {
        self.session.is_abandoned()
    }

    /// Tasks with updates that no leader has confirmed.
    pub fn unconfirmed_tasks(&self) -> usize {
        self.delivery.len()
    }

    /// Orders ignored because their term was over.
    pub fn stale_orders(&self) -> u64 {
        self.stale_orders
    }

    /// Takes the last refusal for which there was not even room for a row, for the log.
    pub fn take_refused_without_row(&mut self) -> Option<Refusal> {
        self.refused_without_row.take()
    }
}
