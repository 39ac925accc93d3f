//! T6: what is given up is given up for a reason, for good, and in time: a task of an agent only
//! when the agent's journal is another, a removed journal for ever, a framework that is away when
//! its time is over.

use crate::trial::event::Process;
use proto::model::{AgentId, Duration, FrameworkId, Instant, TaskKey};
use std::collections::{BTreeMap, BTreeSet};

/// For a leader to write down that a framework's time is over, with a clock that may be slow.
const SLACK: Duration = Duration::from_seconds(8);

/// Longer pauses between two looks are pauses of the leader's process.
const LOOK_MAX: Duration = Duration(500);

/// An instance of a framework that is away, and its failover timeout.
pub(crate) type Away = (FrameworkId, u64, Duration);

/// How long each instance is away, as far as a leader was looked at.
type AwaySince = BTreeMap<(FrameworkId, u64), Duration>;

/// What is known of losses.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// The journal of each task's agent when it began.
    journals: BTreeMap<TaskKey, u64>,
    removed: BTreeSet<(AgentId, u64)>,
    /// By leader: when it was looked at last, and how long each instance is away since.
    away: BTreeMap<Process, (Instant, AwaySince)>,
}

impl Losses {
    pub(crate) fn starts(&mut self, key: &TaskKey, journal: u64) {
        self.journals.insert(key.clone(), journal);
    }

    /// A framework hears that a task is gone, because its agent came without it.
    pub(crate) fn gone(&self, key: &TaskKey, journal: u64) {
        let began = self.journals.get(key);
        assert!(
            began != Some(&journal),
            "T6: {key} is gone, and its agent has the journal of then"
        );
    }

    pub(crate) fn removed(&mut self, agent: &AgentId, journal: u64) {
        self.removed.insert((agent.clone(), journal));
    }

    /// An agent is told that it is registered.
    pub(crate) fn registered(&self, agent: &AgentId, journal: u64) {
        let is_removed = self.removed.contains(&(agent.clone(), journal));
        assert!(!is_removed, "T6: {agent} is back with a journal that was removed");
    }

    /// A leader after a turn, and who is away as far as it knows.
    pub(crate) fn look(&mut self, leader: Process, now: Instant, away: Vec<Away>) {
        let (last, before) = self.away.remove(&leader).unwrap_or((now, BTreeMap::new()));
        let passed = now.since(last).min(LOOK_MAX);
        let mut after = BTreeMap::new();
        for (framework, epoch, timeout) in away {
            let before = before.get(&(framework, epoch));
            let since = before.map_or(Duration(0), |was| Duration(was.0 + passed.0));
            let most = Duration(timeout.0 + timeout.0 / 4 + SLACK.0);
            assert!(since <= most, "T6: {framework} is away for {since}, its time is {timeout}");
            after.insert((framework, epoch), since);
        }
        self.away.insert(leader, (now, after));
    }
}
