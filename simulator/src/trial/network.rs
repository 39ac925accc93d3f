//! Links between masters and the reach of clients. Every direction of a link is its own; what is
//! sent may be lost, late, doubled and overtaken.

use super::streams::Client;
use crate::engine::Chance;
use proto::model::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// The state of all links.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) chance: Chance,
    /// Directions that carry nothing, and how many faults say so.
    blocked: BTreeMap<(usize, usize), u32>,
    /// Clients that reach nobody, and how many faults say so.
    isolated: BTreeMap<Client, u32>,
    pub(crate) loss_per_mille: u64,
    pub(crate) duplicate_per_mille: u64,
    /// Messages lost, doubled or made late.
    pub(crate) faults: u64,
    /// Directions on which everything takes long.
    pub(crate) slow: BTreeSet<(usize, usize)>,
}

impl Network {
    pub(crate) fn new(chance: Chance, loss_per_mille: u64, duplicate_per_mille: u64) -> Self {
        let (blocked, isolated, slow) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { chance, blocked, isolated, loss_per_mille, duplicate_per_mille, faults: 0, slow }
    }

    pub(crate) fn block(&mut self, from: usize, to: usize) {
        *self.blocked.entry((from, to)).or_default() += 1;
    }

    pub(crate) fn unblock(&mut self, from: usize, to: usize) {
        release(&mut self.blocked, (from, to));
    }

    pub(crate) fn isolate(&mut self, client: Client) {
        *self.isolated.entry(client).or_default() += 1;
    }

    pub(crate) fn rejoin(&mut self, client: Client) {
        release(&mut self.isolated, client);
    }

    pub(crate) fn is_isolated(&self, client: Client) -> bool {
        self.isolated.contains_key(&client)
    }

    /// Everything works from now on.
    pub(crate) fn heal(&mut self) {
        self.blocked.clear();
        self.isolated.clear();
        self.slow.clear();
        (self.loss_per_mille, self.duplicate_per_mille) = (0, 0);
    }

    /// When each copy of a message arrives; no copy when it is lost.
    pub(crate) fn carry(&mut self, from: usize, to: usize) -> Vec<Duration> {
        let lost = self.chance.per_mille(self.loss_per_mille);
        if self.blocked.contains_key(&(from, to)) || lost {
            self.faults += 1;
            return Vec::new();
        }
        let copies = 1 + usize::from(self.chance.per_mille(self.duplicate_per_mille));
        let slow = self.slow.contains(&(from, to));
        self.faults += u64::from(copies > 1 || slow);
        (0..copies).map(|_| self.delay(slow)).collect()
    }

    /// How long one message takes.
    pub(crate) fn delay(&mut self, slow: bool) -> Duration {
        if slow {
            return self.chance.time(20, 900);
        }
        match self.chance.below(50) {
            0 => self.chance.time(10, 300),
            _ => self.chance.time(0, 8),
        }
    }
}

fn release<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}
