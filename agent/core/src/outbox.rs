//! What a step wants done: journal first, then act, then tell.
//!
//! Records are collected apart from all other effects and come out first, as one unit. So no step
//! can act on what is not durable, whatever order its code runs in; and a shell that lets several
//! steps share one outbox commits them together without weakening that.

use crate::journal::{ContainerId, Record, RowKey};
use proto::{
    model::{
        AgentCall, Duration, Milli, OwnerId, Question, Refusal, Resources, TaskInfo, TaskKey,
        VolumeKey,
    },
    planted::{self, Bug},
};
use std::collections::BTreeMap;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Make all of these durable, or none. Every later effect waits for it.
    Journal(Vec<Record>),
    /// Set the container up and run the task in it.
    StartContainer {
        /// Its name; never used before.
        container: ContainerId,
        /// Whose task.
        key: TaskKey,
        /// Who may read its sandbox besides operators.
        owner: Option<OwnerId>,
        /// The task.
        task: Box<TaskInfo>,
    },
    /// Watch a container that an earlier life of this agent started.
    AdoptContainer {
        /// Which.
        container: ContainerId,
    },
    /// Give a container that runs other limits, all or none of them. Repeating it is harmless.
    ResizeContainer {
        /// Which.
        container: ContainerId,
        /// Which size, to be said with the result.
        version: u64,
        /// What is in force, and stays so if the others cannot be had.
        from: Resources,
        /// What its limits are to be made of.
        to: Resources,
    },
    /// End a container; also one that is still being set up. Repeating it is harmless.
    StopContainer {
        /// Which.
        container: ContainerId,
        /// Between TERM and KILL; `None` destroys it at once.
        grace_period: Option<Duration>,
    },
    /// Remove all that is left of a container that has ended, except the sandbox; destroy it first
    /// if it still runs.
    RemoveContainer {
        /// Which.
        container: ContainerId,
    },
    /// Make a volume's directory, empty. One that is there already was made by this order, in an
    /// earlier life of the agent, and is kept. Containers that are started later find it.
    MakeVolume {
        /// Which.
        key: VolumeKey,
        /// Which order, to be said with the result.
        version: u64,
    },
    /// Measure what is used of a volume: more than this size is a failure.
    ShrinkVolume {
        /// Which.
        key: VolumeKey,
        /// Which order, to be said with the result.
        version: u64,
        /// Of `disk`, in MiB.
        size: Milli,
    },
    /// Delete a volume's directory and all that is in it; that there is none is no failure.
    /// Repeating it is harmless.
    DeleteVolume {
        /// Which; no container that used it is left.
        key: VolumeKey,
        /// Which order, to be said with the result.
        version: u64,
    },
    /// Open a stream to a master.
    Connect {
        /// The number of the new session.
        session: u64,
        /// The leader's address, where a master named it; else the next of the settings.
        leader: Option<String>,
    },
    /// Close a stream; what still arrives from it is ignored.
    Disconnect {
        /// Which.
        session: u64,
    },
    /// Ask another master than the one of this session who leads; [`crate::Input::LeaderFound`]
    /// says what it answered, or that it did not.
    FindLeader {
        /// Whose leader is silent.
        session: u64,
        /// What.
        question: Question,
    },
    /// Say this to the master.
    Send {
        /// On which stream.
        session: u64,
        /// What.
        call: AgentCall,
    },
    /// The cluster has removed this agent, and its last container has ended: put the journal away.
    Abandon(Refusal),
}

/// Effects of one or more steps, in the order in which they must be executed.
#[derive(Debug, Default)]
pub struct Outbox {
    /// By row; only the last record of a row counts.
    records: BTreeMap<RowKey, Record>,
    effects: Vec<Effect>,
}

impl Outbox {
    /// An empty one.
    pub const fn new() -> Self {
        Self { records: BTreeMap::new(), effects: Vec::new() }
    }

    /// Takes everything out, in order.
    pub fn drain(&mut self) -> Vec<Effect> {
        let mut effects = Vec::with_capacity(self.effects.len() + 1);
        if !self.records.is_empty() {
            let records = std::mem::take(&mut self.records);
            effects.push(Effect::Journal(records.into_values().collect()));
        }
        effects.append(&mut self.effects);
        if planted::is(Bug::ActsBeforeJournal) {
            effects.sort_by_key(|effect| matches!(effect, Effect::Journal(_)));
        }
        effects
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.effects.is_empty()
    }

    /// Adds a record; it replaces an earlier one of the same row.
    pub(crate) fn record(&mut self, record: Record) {
        self.records.insert(record.key(), record);
    }

    pub(crate) fn extend_with(&mut self, effect: Option<Effect>) {
        effect.into_iter().for_each(|effect| self.push(effect));
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        assert!(!matches!(effect, Effect::Journal(_)), "records have their own way in");
        self.effects.push(effect);
    }
}
