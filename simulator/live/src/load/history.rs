//! What a load asked and was told, and when; the oracles read it afterwards.
//!
//! An accept that was never answered stays open: it may have happened or not, for ever.

use bourse_sdk::model::TaskState;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// Everything of one load.
#[derive(Debug)]
pub struct History {
    /// When the load began.
    pub begun: Instant,
    /// By the one task of each.
    pub accepts: BTreeMap<String, Accept>,
    /// When each acknowledgement came, in order.
    pub acknowledged: Vec<Instant>,
    /// Subscriptions that were answered, of all frameworks.
    pub subscriptions: u64,
    /// Tasks whose end is not acknowledged: the cluster must know it.
    pub withheld: BTreeSet<String>,
    /// What was said that cannot be.
    pub nonsense: Vec<String>,
}

/// One accept.
#[derive(Debug, Clone, Default)]
pub struct Accept {
    /// What was answered.
    pub answer: Answer,
    /// What was said of its task, in order: state and sequence number.
    pub updates: Vec<(TaskState, u64)>,
}

/// What an accept was answered with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: possibly done.
    #[default]
    Open,
    /// It is done.
    Accepted,
    /// It is not.
    Refused(String),
}

impl History {
    /// An empty one that begins now.
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            accepts: BTreeMap::new(),
            acknowledged: Vec::new(),
            subscriptions: 0,
            withheld: BTreeSet::new(),
            nonsense: Vec::new(),
        }
    }

    /// An accept was sent.
    pub fn asked(&mut self, task: &str) {
        self.accepts.insert(task.to_owned(), Accept::default());
    }

    /// An accept was acknowledged; `as_asked` when the answer names its task and no other.
    pub fn accepted(&mut self, task: &str, as_asked: bool) {
        if !as_asked {
            self.nonsense.push(format!("the answer to the accept of {task} names other tasks"));
        }
        self.acknowledged.push(Instant::now());
        self.answered(task, Answer::Accepted);
    }

    /// An accept was refused.
    pub fn refused(&mut self, task: &str, why: &str) {
        self.answered(task, Answer::Refused(why.to_owned()));
    }

    /// Something was said of a task.
    pub fn updated(&mut self, task: &str, state: TaskState, sequence: u64) {
        match self.accepts.get_mut(task) {
            Some(accept) => accept.updates.push((state, sequence)),
            None => self.nonsense.push(format!("an update of {task}, for which nobody asked")),
        }
    }

    /// Whether all is answered, and all that was acknowledged has ended.
    pub fn is_settled(&self) -> bool {
        self.accepts.values().all(|accept| match accept.answer {
            Answer::Open => false,
            Answer::Accepted => accept.end().is_some(),
            Answer::Refused(_) => true,
        })
    }

    /// For each beginning of a fault: the longest time without an acknowledgement that reaches into
    /// the time until the next fault. `None` when nothing was acknowledged any more.
    pub fn write_gaps(&self, faults: &[Instant], end: Instant) -> Vec<Option<Duration>> {
        let ends = faults.iter().skip(1).copied().chain([end]);
        let gap = |(begin, end): (&Instant, Instant)| {
            let pairs = self.acknowledged.windows(2).map(|pair| (pair[0], pair[1]));
            let reaches = pairs.filter(|(from, to)| to > begin && *from < end);
            reaches.map(|(from, to)| to.duration_since(from)).max()
        };
        faults.iter().zip(ends).map(gap).collect()
    }

    fn answered(&mut self, task: &str, answer: Answer) {
        match self.accepts.get_mut(task) {
            Some(accept) if accept.answer == Answer::Open => accept.answer = answer,
            _ => self.nonsense.push(format!("a second answer for {task}: {answer:?}")),
        }
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl Accept {
    /// How its task ended.
    pub fn end(&self) -> Option<TaskState> {
        self.updates.iter().map(|(state, _)| *state).find(|state| state.is_terminal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_belongs_to_the_fault_that_it_follows() {
        let mut history = History::new();
        let at = |ms| history.begun + Duration::from_millis(ms);
        let (faults, end) = ([at(100), at(5_000)], at(9_000));
        let acknowledged = [50, 90, 2_090, 2_100, 4_990, 5_990, 6_000].map(at);
        history.acknowledged = acknowledged.to_vec();
        let gaps = history.write_gaps(&faults, end);
        assert_eq!(gaps, [Some(Duration::from_millis(2_890)), Some(Duration::from_millis(1_000))]);
        let after = history.begun + Duration::from_millis(8_000);
        assert_eq!(history.write_gaps(&[after], end), [None], "silence to the end");
    }

    #[test]
    fn what_is_not_answered_is_not_settled() {
        let mut history = History::new();
        history.asked("a");
        assert!(!history.is_settled(), "open");
        history.accepted("a", true);
        assert!(!history.is_settled(), "it runs");
        history.updated("a", TaskState::Finished, 1);
        assert!(history.is_settled());
        history.refused("a", "no");
        assert_eq!(history.nonsense.len(), 1, "one answer for each");
    }
}
