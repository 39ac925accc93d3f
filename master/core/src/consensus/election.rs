//! Election timeouts from our own seeded generator.
//!
//! raft-rs draws them from the thread's generator whenever term or role changes, which no seed
//! reproduces. After every call into it the value is overwritten by ours: drawn anew when term or
//! role changed, kept otherwise. Deciding by term and role, not by comparing values, matters:
//! raft's draw may equal ours by chance.

use raft::{Raft, StateRole, Storage};
use rand_pcg::{Pcg32, rand_core::Rng};

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
