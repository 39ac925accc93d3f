//! Readers that never stop asking, and an oracle for what they are told.
//!
//! Each master is asked again and again by a thread of its own which index it serves. Whoever
//! answers as the leader must know everything that an earlier answer, of whichever master, knew
//! before the question was asked (C7). A leader that was stopped and wakes up is asked at once.

use crate::{authority::Files, operator::Operator};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

const PAUSE: Duration = Duration::from_millis(20);

/// Readers at work until they are stopped.
#[derive(Debug)]
pub struct Readers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    /// The highest index in any answer so far.
    highest: AtomicU64,
    reads: AtomicU64,
    stale: Mutex<Vec<String>>,
}

/// What readers were told.
#[derive(Debug)]
pub struct Read {
    /// Answers of leaders.
    pub reads: u64,
    /// Those that were of the past.
    pub stale: Vec<String>,
}

impl Readers {
    /// One reader for each master.
    pub fn start(masters: &BTreeMap<u64, SocketAddr>, files: &Files) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut threads = Vec::new();
        for (id, address) in masters {
            let operator = Operator::new(&BTreeMap::from([(*id, *address)]), files)?;
            let (id, shared) = (*id, Arc::clone(&shared));
            threads.push(thread::spawn(move || {
                while !shared.is_over.load(SeqCst) {
                    shared.ask(id, &operator);
                    thread::sleep(PAUSE);
                }
            }));
        }
        Ok(Self { shared, threads })
    }

    /// Ends them.
    pub fn stop(self) -> Read {
        self.shared.is_over.store(true, SeqCst);
        for thread in self.threads {
            // A reader that panicked has told nobody anything.
            let _ = thread.join();
        }
        let mut stale = self.shared.stale.lock().unwrap_or_else(PoisonError::into_inner);
        Read { reads: self.shared.reads.load(SeqCst), stale: std::mem::take(&mut stale) }
    }
}

impl Shared {
    fn ask(&self, id: u64, operator: &Operator) {
        let known = self.highest.load(SeqCst);
        let Ok(answer) = operator.cluster_at(id) else { return };
        // Without a leader it is no answer, only a word about who is asked.
        if answer.leader_id != 0 {
            self.judge(id, known, answer.term, answer.committed_index);
        }
    }

    /// `known` is what was known to somebody before the question.
    fn judge(&self, id: u64, known: u64, term: u64, index: u64) {
        self.reads.fetch_add(1, SeqCst);
        if index < known {
            let text = format!("master {id} answers {index} of term {term} after {known} (C7)");
            self.stale.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        }
        self.highest.fetch_max(index, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_past_is_seen() {
        let shared = Shared::default();
        shared.judge(1, 0, 1, 10);
        shared.judge(2, 10, 2, 12);
        shared.judge(1, 10, 1, 10);
        assert!(shared.stale.lock().unwrap().is_empty(), "asked before the newer answer");
        shared.judge(1, 12, 1, 11);
        assert_eq!(shared.stale.lock().unwrap().len(), 1);
    }
}
