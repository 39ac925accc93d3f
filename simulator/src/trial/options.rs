//! How large a trial is and what may go wrong in it. Drawn by swarm: each seed leaves some kinds of
//! faults out and exaggerates others, because faults that are always on hide each other's bugs.

use crate::engine::Chance;
use proto::model::Duration;

/// A trial's settings; all that a seed decides beside chance itself.
#[derive(Debug, Clone)]
pub struct Options {
    /// Decides everything.
    pub seed: u64,
    /// Masters: 3 or 5.
    pub masters: usize,
    /// Agents.
    pub agents: usize,
    /// Frameworks.
    pub frameworks: usize,
    /// Tasks that each framework wants to see finished.
    pub tasks_per_framework: usize,
    /// How long faults come.
    pub faults_for: Duration,
    /// Longest pause between two faults.
    pub fault_every: Duration,
    /// Weights of the kinds of faults, in the order of `faults::Kind`; 0 is off.
    pub weights: Vec<u64>,
    /// Messages between masters lost, of a thousand.
    pub loss_per_mille: u64,
    /// Messages between masters that arrive twice, of a thousand.
    pub duplicate_per_mille: u64,
    /// Entries between snapshots.
    pub snapshot_entries: u64,
    /// Entries kept behind a snapshot.
    pub log_tail_entries: u64,
    /// Machines without a past that an operator may add as masters; with any, masters are added,
    /// replaced and removed.
    pub spare_masters: usize,
    /// Whether frameworks state demand.
    pub wishes: bool,
    /// Whether an operator changes what roles may do.
    pub role_changes: bool,
    /// Accepts that launch task groups, of a thousand.
    pub groups_per_mille: u64,
    /// Whether an operator makes volumes, resizes and destroys them.
    pub volumes: bool,
    /// Whether to fingerprint everything that happens; slow.
    pub trace: bool,
}

impl Options {
    /// A small trial: three masters (five in one of eight), a minute of faults.
    pub fn lite(seed: u64, fault_kinds: usize) -> Self {
        let mut chance = Chance::new(seed, 0);
        let mut weights = Vec::with_capacity(fault_kinds);
        for _ in 0..fault_kinds {
            weights.push(match chance.below(5) {
                0 => 0,
                4 => 4,
                _ => 1,
            });
        }
        if weights.iter().sum::<u64>() == 0 {
            weights.fill(1);
        }
        let rough = chance.per_mille(500);
        Self {
            seed,
            masters: if chance.per_mille(125) { 5 } else { 3 },
            agents: chance.index(4) + 2,
            frameworks: chance.index(3) + 1,
            tasks_per_framework: chance.index(20) + 10,
            faults_for: Duration::from_seconds(60),
            fault_every: chance.time(400, 2_500),
            weights,
            loss_per_mille: if rough { chance.below(150) } else { 0 },
            duplicate_per_mille: if rough { chance.below(100) } else { 5 },
            snapshot_entries: chance.between(15, 120),
            log_tail_entries: chance.below(12),
            spare_masters: 0,
            wishes: chance.per_mille(600),
            role_changes: chance.per_mille(600),
            groups_per_mille: 400,
            volumes: chance.per_mille(600),
            trace: false,
        }
    }

    /// A trial in which the masters change all the time.
    ///
    /// Disks are not lost in it: what a member without a past may do rests on those who are there,
    /// and is tried by the other trials.
    pub fn changing(seed: u64, fault_kinds: usize, wiping: usize) -> Self {
        let mut options = Self::lite(seed, fault_kinds);
        options.weights[wiping] = 0;
        if options.weights.iter().sum::<u64>() == 0 {
            options.weights[0] = 1;
        }
        let masters = if seed.is_multiple_of(3) { 1 } else { 3 };
        // What is launched is nothing to those who agree on it.
        Self { masters, spare_masters: 6, groups_per_mille: 0, volumes: false, ..options }
    }

    /// The same trial, with a fingerprint of all that happens.
    pub fn traced(self) -> Self {
        Self { trace: true, ..self }
    }
}
