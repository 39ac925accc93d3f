//! Election timeouts from our own seeded generator.
//!
//! raft-rs draws them from the thread's generator whenever term or role changes, which no seed
//! reproduces. After every call into it the value is overwritten by ours: drawn anew when term or
//! role changed, kept otherwise. Deciding by term and role, not by comparing values, matters:
//! raft's draw may equal ours by chance.

use raft::{Raft, StateRole, Storage};
use rand_pcg::{Pcg32, rand_core::Rng};

/// The first of them may be over at once.
const HURRY_TICKS_MIN: u32 = 2;

const HURRY_TICKS_SPREAD: u32 = 3;

#[derive(Debug)]
pub(crate) struct Election {
    generator: Pcg32,
    ticks_min: usize,
    ticks: usize,
    drawn_for: (u64, StateRole),
}

impl Election {
    pub(crate) fn new(seed: u64, ticks_min: usize) -> Self {
        let generator = Pcg32::new(seed, 0x1f1f_2b2b_5a5a_c3c3);
        // No raft term is u64::MAX: the first call draws.
        Self { generator, ticks_min, ticks: ticks_min, drawn_for: (u64::MAX, StateRole::Follower) }
    }

    /// How many ticks of the timeout to count as passed when the leader is known to be gone. A few
    /// are left: the others must have noticed too, and two who stand at the same moment may divide
    /// the votes.
    pub(crate) fn hurry(&mut self) -> usize {
        let left = HURRY_TICKS_MIN + self.generator.next_u32() % HURRY_TICKS_SPREAD;
        self.ticks.saturating_sub(usize::try_from(left).expect("few ticks"))
    }

    /// To be called after everything that may have changed raft's term or role.
    pub(crate) fn overwrite<S: Storage>(&mut self, raft: &mut Raft<S>) {
        let now = (raft.term, raft.state);
        if self.drawn_for != now {
            self.drawn_for = now;
            let spread = u32::try_from(self.ticks_min).expect("few ticks");
            let extra = usize::try_from(self.generator.next_u32() % spread).expect("few ticks");
            self.ticks = self.ticks_min + extra;
        }
        raft.set_randomized_election_timeout(self.ticks);
    }
}
