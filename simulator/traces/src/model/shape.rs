//! How much of everything: one fixed vector of five kinds, in thousandths.

use std::ops::{Index, IndexMut};

/// What a machine has and a task asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Thousandths of a core.
    Cpus,
    /// Thousandths of a MiB of memory.
    Mem,
    /// Thousandths of a card. Below 1000 it is a part of one card; else whole cards.
    Gpus,
    /// Thousandths of a MiB of disk.
    Disk,
    /// Thousandths of a per cent of a network card.
    Network,
}

/// Every kind, in the order in which [`Shape`] holds them.
pub const KINDS: [Kind; 5] = [Kind::Cpus, Kind::Mem, Kind::Gpus, Kind::Disk, Kind::Network];

/// An amount of every kind, in thousandths of its unit.
///
/// Data whose unit is the largest machine (Google's) has 1,000,000 thousandths for 1.0, which is
/// finer than its own steps; then the units above do not hold, only the proportions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Shape(pub [u64; 5]);

impl Kind {
    /// As it is written in files and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpus => "cpus",
            Self::Mem => "mem",
            Self::Gpus => "gpus",
            Self::Disk => "disk",
            Self::Network => "network",
        }
    }
}

impl Shape {
    /// Nothing of anything.
    pub const ZERO: Self = Self([0; 5]);

    /// Whether there is nothing of anything.
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 5]
    }

    /// Whether there is, of every kind, no more than `room` has.
    pub fn fits(&self, room: &Self) -> bool {
        self.0.iter().zip(room.0).all(|(amount, room)| *amount <= room)
    }

    /// So many times this; no kind grows beyond `u64::MAX`.
    #[must_use]
    pub fn times(&self, count: u64) -> Self {
        Self(self.0.map(|amount| amount.saturating_mul(count)))
    }
}

impl Index<Kind> for Shape {
    type Output = u64;

    fn index(&self, kind: Kind) -> &u64 {
        &self.0[kind as usize]
    }
}

impl IndexMut<Kind> for Shape {
    fn index_mut(&mut self, kind: Kind) -> &mut u64 {
        &mut self.0[kind as usize]
    }
}
