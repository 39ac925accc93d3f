//! Many seeds of one size on several threads, and what they came to together. Results are added in
//! the order of the seeds, so that the same campaign says the same whoever was faster.

use super::{Failure, Preset, Report, Sometimes, Watch, attempt::attempt, faults::Kind};
use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

/// Which seeds are tried.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Size of each trial.
    pub preset: Preset,
    /// Which ones.
    pub seeds: RangeInclusive<u64>,
    /// Threads; at least 1.
    pub jobs: usize,
}

/// What all seeds of a campaign came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Seeds tried.
    pub seeds: u64,
    /// Those that failed, and how.
    pub failures: Vec<(u64, Failure)>,
    /// Faults injected.
    pub faults: u64,
    /// Faults that made no sense at their moment.
    pub skipped: u64,
    /// Trials that did not come right, because no sound majority of the disks was left.
    pub excused: u64,
    /// Events of all runs.
    pub events: u64,
    /// Messages between masters that were lost, late, doubled or overtaken.
    pub message_faults: u64,
    /// Virtual time of all runs.
    pub virtual_ms: u64,
    /// Digests compared between hosts.
    pub digests_compared: u64,
    /// Changes of the masters that were committed.
    pub member_changes: u64,
    /// Faults injected, by kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// Situations reached.
    pub sometimes: Sometimes,
}

impl Campaign {
    /// Tries them all; `finished` hears of each seed as it ends, in any order.
    pub fn run(&self, mut finished: impl FnMut(u64, Option<&Failure>)) -> Summary {
        let next = AtomicU64::new(*self.seeds.start());
        let last = *self.seeds.end();
        let mut outcomes = BTreeMap::new();
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel(self.jobs.max(1));
            for _ in 0..self.jobs.max(1) {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || {
                    loop {
                        let seed = next.fetch_add(1, Relaxed);
                        if seed > last {
                            return;
                        }
                        let outcome = attempt(&self.preset.draw(seed), Watch::Oracles);
                        if sender.send((seed, outcome)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for (seed, outcome) in receiver {
                finished(seed, outcome.as_ref().err());
                outcomes.insert(seed, outcome);
            }
        });
        let mut summary = Summary::default();
        for (seed, outcome) in outcomes {
            summary.add(seed, outcome);
        }
        summary
    }
}

impl Summary {
    fn add(&mut self, seed: u64, outcome: Result<Report, Failure>) {
        self.seeds += 1;
        let report = match outcome {
            Ok(report) => report,
            Err(failure) => return self.failures.push((seed, failure)),
        };
        self.faults += report.faults();
        self.skipped += report.skipped;
        self.excused += u64::from(report.excused);
        self.events += report.events;
        self.message_faults += report.message_faults;
        self.virtual_ms += report.virtual_ms;
        self.digests_compared += report.digests_compared;
        self.member_changes += report.member_changes;
        for (kind, count) in report.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self.sometimes.add(&report.sometimes);
    }

    /// Skipped faults, of a thousand planned.
    pub fn skipped_per_mille(&self) -> u64 {
        self.skipped * 1_000 / (self.faults + self.skipped).max(1)
    }
}
