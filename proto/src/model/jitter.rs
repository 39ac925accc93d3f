//! The seeded generator: pauses that do not align across processes, and names that do not repeat.
//!
//! SplitMix64 (Steele, Lea and Flood, 2014): one addition and two multiplications, and every seed
//! is a good one. It hides nothing from nobody; do not use it for secrets.

use super::Duration;

/// How long to wait before trying again: a pause that doubles from one end to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub min: Duration,
    /// No pause is longer.
    pub max: Duration,
}

/// A stream of numbers decided by its seed.
#[derive(Debug, Clone)]
pub struct Jitter(u64);

impl Jitter {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The pause before attempt number `attempt` (from 0): between half and the whole of a length
    /// that doubles each time.
    pub fn pause(&mut self, backoff: Backoff, attempt: u32) -> Duration {
        let doubled = backoff.min.0.saturating_mul(1_u64 << attempt.min(20));
        let whole = doubled.clamp(1, backoff.max.0.max(1));
        let half = whole / 2;
        Duration(half + self.draw() % (whole - half + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sequence() {
        let mut jitter = Jitter::new(1_234_567);
        assert_eq!(jitter.draw(), 6_457_827_717_110_365_317);
        assert_eq!(jitter.draw(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn pauses_grow_up_to_their_end() {
        let backoff = Backoff { min: Duration(100), max: Duration(1_000) };
        let mut jitter = Jitter::new(7);
        for (attempt, whole) in [(0, 100), (1, 200), (3, 800), (4, 1_000), (60, 1_000)] {
            for _ in 0..100 {
                let pause = jitter.pause(backoff, attempt).0;
                assert!((whole / 2..=whole).contains(&pause), "attempt {attempt}: {pause}");
            }
        }
    }
}
