//! How much each principal may ask: a bucket of tokens each, one token a call.
//!
//! Who asks too much is told when to come back, and loses nothing but time. Buckets are the
//! leader's alone; those that are full again are forgotten, so that there are no more than there
//! are principals that have asked within a bucket's time. Integers only: a token is a million parts
//! and a bucket gains its rate times a thousand of them each millisecond.

use proto::model::{Duration, Instant};
use std::collections::BTreeMap;

/// Parts of one token.
const TOKEN: u64 = 1_000_000;

/// Parts that a rate of one call a second brings each millisecond.
const PARTS_PER_MS: u64 = TOKEN / 1_000;

/// Buckets that are looked at for being full with each call: more than one, so that they become
/// fewer, and not all, so that a call costs what it costs.
const SWEEP: usize = 2;

/// How much somebody may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRate {
    /// In the long run.
    pub calls_per_second: u32,
    /// At once, after a pause.
    pub burst: u32,
}

/// Who may ask how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRates {
    /// Of those who are not named; `None` sets no limit.
    pub default: Option<CallRate>,
    /// By principal.
    pub named: BTreeMap<String, CallRate>,
}

/// A bucket as it was when it was last looked at.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    parts: u64,
    at: Instant,
}

/// All buckets that are not full.
#[derive(Debug)]
pub(crate) struct RateLimits {
    rates: CallRates,
    buckets: BTreeMap<String, Bucket>,
    /// Where the next sweep begins.
    swept: String,
}

impl Default for CallRates {
    /// More than one framework makes today, and less than what keeps others from their answers.
    fn default() -> Self {
        let rate = CallRate { calls_per_second: 20_000, burst: 40_000 };
        Self { default: Some(rate), named: BTreeMap::new() }
    }
}

impl CallRates {
    fn of(&self, principal: &str) -> Option<CallRate> {
        self.named.get(principal).copied().or(self.default)
    }

    /// Whether every rate lets somebody through some time.
    pub fn is_valid(&self) -> bool {
        let sound = |rate: &CallRate| rate.calls_per_second > 0 && rate.burst > 0;
        self.default.iter().chain(self.named.values()).all(sound)
    }
}

impl CallRate {
    fn size(self) -> u64 {
        u64::from(self.burst) * TOKEN
    }

    fn gain_per_ms(self) -> u64 {
        u64::from(self.calls_per_second) * PARTS_PER_MS
    }

    fn refill(self, bucket: Bucket, now: Instant) -> u64 {
        let gained = self.gain_per_ms().saturating_mul(now.since(bucket.at).as_ms());
        bucket.parts.saturating_add(gained).min(self.size())
    }
}

impl RateLimits {
    pub(crate) fn new(rates: CallRates) -> Self {
        Self { rates, buckets: BTreeMap::new(), swept: String::new() }
    }

    /// Takes a principal's token for a call, or says when there will be one.
    pub(crate) fn take(&mut self, principal: &str, now: Instant) -> Result<(), Duration> {
        self.sweep(now);
        let Some(rate) = self.rates.of(principal) else { return Ok(()) };
        let full = Bucket { parts: rate.size(), at: now };
        let bucket = self.buckets.get(principal).copied().unwrap_or(full);
        let parts = rate.refill(bucket, now);
        match parts.checked_sub(TOKEN) {
            Some(parts) => {
                self.buckets.insert(principal.to_owned(), Bucket { parts, at: now });
                Ok(())
            }
            // Nothing is written: a call that is refused costs its caller nothing.
            None => Err(Duration((TOKEN - parts).div_ceil(rate.gain_per_ms()).max(1))),
        }
    }

    /// Forgets some buckets that are full again.
    fn sweep(&mut self, now: Instant) {
        use std::ops::Bound::{Excluded, Unbounded};
        for _ in 0..SWEEP {
            let from = (Excluded(self.swept.as_str()), Unbounded);
            let Some((name, bucket)) = self.buckets.range::<str, _>(from).next() else {
                self.swept.clear();
                return;
            };
            let is_full = |rate: CallRate| rate.refill(*bucket, now) >= rate.size();
            let (name, is_full) = (name.clone(), self.rates.of(name).is_none_or(is_full));
            if is_full {
                self.buckets.remove(&name);
            }
            self.swept = name;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits(calls_per_second: u32, burst: u32) -> RateLimits {
        let rate = Some(CallRate { calls_per_second, burst });
        RateLimits::new(CallRates { default: rate, named: BTreeMap::new() })
    }

    #[test]
    fn a_burst_passes_and_the_next_call_waits() {
        let mut limits = limits(10, 3);
        (0..3).for_each(|_| limits.take("a", Instant(0)).expect("within the burst"));
        assert_eq!(limits.take("a", Instant(0)), Err(Duration(100)));
        assert_eq!(limits.take("a", Instant(60)), Err(Duration(40)));
        assert_eq!(limits.take("b", Instant(60)), Ok(()), "a bucket each");
        assert_eq!(limits.take("a", Instant(100)), Ok(()), "as was said");
        assert_eq!(limits.take("a", Instant(100)), Err(Duration(100)));
    }

    #[test]
    fn those_who_are_named_have_rates_of_their_own() {
        let rate = |burst| CallRate { calls_per_second: 1, burst };
        let named = BTreeMap::from([("big".to_owned(), rate(5))]);
        let mut limits = RateLimits::new(CallRates { default: Some(rate(1)), named });
        let passed = |limits: &mut RateLimits, who: &str| {
            (0..9).filter(|_| limits.take(who, Instant(0)).is_ok()).count()
        };
        assert_eq!((passed(&mut limits, "big"), passed(&mut limits, "small")), (5, 1));
        let mut free = RateLimits::new(CallRates { default: None, named: BTreeMap::new() });
        assert_eq!(passed(&mut free, "anybody"), 9);
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let mut limits = limits(1_000, 5);
        for caller in 0..500 {
            limits.take(&format!("caller-{caller}"), Instant(0)).expect("the first call");
        }
        for call in 0..2_000 {
            limits.take("last", Instant(1_000 + call)).expect("one a millisecond");
        }
        assert!(limits.buckets.len() <= 2, "{}", limits.buckets.len());
    }

    proptest! {
        /// In any stretch of time no more calls pass than the burst and what the rate brings, and
        /// whoever comes back when told is let in.
        #[test]
        fn never_more_than_the_rate(
            rate in 1..2_000u32,
            burst in 1..20u32,
            gaps in prop::collection::vec(0..200u64, 1..200),
        ) {
            let mut limits = limits(rate, burst);
            let mut now = 0;
            let mut passed: Vec<u64> = Vec::new();
            for gap in gaps {
                now += gap;
                match limits.take("a", Instant(now)) {
                    Ok(()) => passed.push(now),
                    Err(wait) => {
                        now += wait.as_ms();
                        prop_assert_eq!(limits.take("a", Instant(now)), Ok(()));
                        passed.push(now);
                    }
                }
            }
            for (index, start) in passed.iter().enumerate() {
                for (further, end) in passed[index..].iter().enumerate() {
                    let brought = u64::from(rate) * (end - start) / 1_000 + 1;
                    prop_assert!(further as u64 <= u64::from(burst) + brought);
                }
            }
        }
    }
}
