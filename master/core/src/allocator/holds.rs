//! Who kept offers without using them, and comes after everybody else for that.
//!
//! What is on offer to one is kept from all others. Whoever hands it back within [`HOLD_FREE`]
//! pays nothing; whoever keeps it longer and uses nothing of it *stands behind* for as long again:
//! it is offered what nobody else wants, and nothing else. Whoever does not answer at all stands
//! behind for as long as an offer usually lasts, each time in a row twice as long, while its offers
//! last half as long: what it costs others goes to nothing. Any answer gives it the usual time
//! again, and the rest is forgotten with time.
//!
//! Everything is by framework, not by role: it is the process that does not answer. Nearly always
//! there is nobody in here. It does not know offers, nor who else wants what.

use crate::liveness::Deadlines;
use proto::model::{
    Duration, FrameworkId, Instant,
    limits::{HOLD_FREE, HOLD_LAPSES_MAX, HOLD_MAX, OFFER_TIMEOUT_LEAST, REFUSE_DEFAULT},
};
use std::collections::BTreeMap;

/// All who kept something for too long.
#[derive(Debug, Clone, Default)]
pub struct Holds {
    charges: BTreeMap<FrameworkId, Charge>,
    /// When nothing is left of each.
    ends: Deadlines<FrameworkId>,
}

/// What one is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Charge {
    behind_until: Instant,
    lapses: u32,
}

/// What one is charged, as of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldCharge {
    /// For how long it still stands behind.
    pub behind: Duration,
    /// How often in a row it has let offers lapse; counted to [`HOLD_LAPSES_MAX`].
    pub lapses: u32,
}

impl Holds {
    /// Whether nobody is charged anything.
    pub fn is_empty(&self) -> bool {
        self.charges.is_empty()
    }

    /// Whether a framework comes after those who do not stand behind.
    pub fn is_behind(&self, framework: FrameworkId, now: Instant) -> bool {
        let charge = self.charges.get(&framework);
        charge.is_some_and(|charge| charge.behind_until > now)
    }

    /// What a framework is charged, if anything.
    pub fn charge(&self, framework: FrameworkId, now: Instant) -> Option<HoldCharge> {
        self.charges.get(&framework).map(|charge| charge.at(now))
    }

    /// How many are charged something.
    pub fn len(&self) -> usize {
        self.charges.len()
    }

    /// Everybody who is charged something.
    pub fn iter(&self, now: Instant) -> impl Iterator<Item = (FrameworkId, HoldCharge)> {
        self.charges.iter().map(move |(framework, charge)| (*framework, charge.at(now)))
    }

    /// How long an offer to a framework lasts that usually lasts `usual`.
    pub fn timeout(&self, framework: FrameworkId, usual: Duration) -> Duration {
        let charge = self.charges.get(&framework);
        charge.map_or(usual, |charge| timeout(charge.lapses, usual))
    }

    /// A framework hands back, unused, what it had for so long.
    pub fn kept(&mut self, framework: FrameworkId, held: Duration, now: Instant) {
        if held > HOLD_FREE {
            let until = now + Duration(held.0 - HOLD_FREE.0).min(HOLD_MAX);
            let lapses = self.charges.get(&framework).map_or(0, |charge| charge.lapses);
            self.set(framework, until, lapses);
        }
    }

    /// Offers to a framework, however many, have ended without an answer at one moment; for how
    /// long the same is not to be offered to it.
    pub fn lapsed(&mut self, framework: FrameworkId, usual: Duration, now: Instant) -> Duration {
        let before = self.charges.get(&framework).map_or(0, |charge| charge.lapses);
        let usual = usual.min(HOLD_MAX);
        let behind = Duration(usual.0 << before).min(HOLD_MAX);
        self.set(framework, now + behind, (before + 1).min(HOLD_LAPSES_MAX));
        Duration(REFUSE_DEFAULT.0 << before).min(usual).max(REFUSE_DEFAULT)
    }

    /// A framework has answered some offer, in time or not: it is there.
    pub fn answered(&mut self, framework: FrameworkId, now: Instant) {
        if let Some(charge) = self.charges.get(&framework).filter(|charge| charge.lapses > 0) {
            let until = charge.behind_until;
            self.set(framework, until, 0);
            self.expire(now);
        }
    }

    /// Forgets what is over.
    pub fn expire(&mut self, now: Instant) {
        while let Some(framework) = self.ends.pop_due(now) {
            self.charges.remove(&framework);
        }
    }

    /// A framework is gone for good.
    pub fn forget(&mut self, framework: FrameworkId) {
        self.charges.remove(&framework);
        self.ends.cancel(&framework);
    }

    /// What it stands behind for already is not made shorter.
    fn set(&mut self, framework: FrameworkId, behind_until: Instant, lapses: u32) {
        let none = Charge { behind_until, lapses };
        let charge = self.charges.entry(framework).or_insert(none);
        charge.behind_until = charge.behind_until.max(behind_until);
        charge.lapses = lapses;
        let end = match lapses {
            0 => charge.behind_until,
            // Whoever is offered nothing cannot answer: that too is over some time.
            _ => charge.behind_until + HOLD_MAX,
        };
        self.ends.set(framework, end);
    }
}

impl Charge {
    fn at(&self, now: Instant) -> HoldCharge {
        HoldCharge { behind: self.behind_until.max(now).since(now), lapses: self.lapses }
    }
}

impl HoldCharge {
    /// How long an offer lasts that usually lasts `usual`.
    pub fn timeout(&self, usual: Duration) -> Duration {
        timeout(self.lapses, usual)
    }
}

fn timeout(lapses: u32, usual: Duration) -> Duration {
    Duration(usual.0 >> lapses).max(OFFER_TIMEOUT_LEAST.min(usual))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SLOW: FrameworkId = FrameworkId(1);
    const USUAL: Duration = Duration::from_seconds(60);

    fn at(seconds: u64) -> Instant {
        Instant(seconds * 1_000)
    }

    fn behind(holds: &Holds, now: Instant) -> Option<(u64, u32)> {
        holds.charge(SLOW, now).map(|charge| (charge.behind.0, charge.lapses))
    }

    #[test]
    fn who_answers_at_once_is_charged_nothing() {
        let mut holds = Holds::default();
        holds.kept(SLOW, HOLD_FREE, at(100));
        holds.answered(SLOW, at(100));
        assert!(holds.is_empty() && !holds.is_behind(SLOW, at(100)));
        assert_eq!(holds.timeout(SLOW, USUAL), USUAL);
    }

    #[test]
    fn what_was_kept_counts_for_as_long_again() {
        let mut holds = Holds::default();
        holds.kept(SLOW, Duration::from_seconds(25), at(100));
        assert!(holds.is_behind(SLOW, at(119)) && !holds.is_behind(SLOW, at(120)));
        // Others of the same moment count once, and shorter ones not at all.
        holds.kept(SLOW, Duration::from_seconds(25), at(100));
        holds.kept(SLOW, Duration::from_seconds(6), at(101));
        assert_eq!(behind(&holds, at(110)), Some((10_000, 0)));
        assert_eq!(holds.timeout(SLOW, USUAL), USUAL, "it does answer");
        holds.expire(at(120));
        assert!(holds.is_empty());
        holds.kept(SLOW, Duration(u64::MAX), at(200));
        assert_eq!(behind(&holds, at(200)), Some((HOLD_MAX.0, 0)), "bounded");
    }

    #[test]
    fn who_never_answers_has_less_and_less_time() {
        let mut holds = Holds::default();
        let mut timeouts = Vec::new();
        let mut refused = Vec::new();
        for (round, behind) in (0..).zip([60, 120, 240, 480, 600, 600, 600, 600]) {
            let then = 1_000 * round;
            refused.push(holds.lapsed(SLOW, USUAL, at(then)).0);
            timeouts.push(holds.timeout(SLOW, USUAL).0);
            assert!(holds.is_behind(SLOW, at(then + behind - 1)));
            assert!(!holds.is_behind(SLOW, at(then + behind)));
        }
        let halves = [30_000, 15_000, 7_500, 3_750, 1_875, 1_000, 1_000, 1_000];
        assert_eq!(timeouts, halves);
        assert_eq!(refused, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000, 60_000]);
        holds.answered(SLOW, at(7_001));
        assert_eq!(holds.timeout(SLOW, USUAL), USUAL);
        assert!(holds.is_behind(SLOW, at(7_599)), "what it held it held");
        holds.expire(at(7_600));
        assert!(holds.is_empty());
    }

    #[test]
    fn silence_is_forgotten_with_time() {
        let mut holds = Holds::default();
        holds.lapsed(SLOW, USUAL, at(0));
        let over = at(60) + HOLD_MAX;
        holds.expire(Instant(over.0 - 1));
        assert_eq!(behind(&holds, over), Some((0, 1)));
        holds.expire(over);
        assert!(holds.is_empty());
        // A timeout below the least is not made longer, nor one without an end a charge without.
        holds.lapsed(SLOW, Duration(300), at(0));
        assert_eq!(holds.timeout(SLOW, Duration(300)), Duration(300));
        assert_eq!(holds.lapsed(SLOW, Duration(u64::MAX), at(0)), Duration(10_000));
        assert_eq!(behind(&holds, at(0)), Some((HOLD_MAX.0, 2)));
        holds.forget(SLOW);
        assert!(holds.is_empty() && holds.ends.is_empty());
    }

    #[derive(Debug, Clone)]
    enum Step {
        Kept(u64, u64),
        Lapsed(u64),
        Answered(u64),
        Forget(u64),
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..3u64, 0..900_000u64).prop_map(|(who, held)| Step::Kept(who, held)),
            (0..3u64).prop_map(Step::Lapsed),
            (0..3u64).prop_map(Step::Answered),
            (0..3u64).prop_map(Step::Forget),
            (0..400_000u64).prop_map(Step::Pass),
        ]
    }

    proptest! {
        /// Against the whole history, searched from end to end: who stands behind is whom any of
        /// its charges still covers, and its lapses are those since it last answered.
        #[test]
        fn a_charge_is_what_the_history_says(steps in prop::collection::vec(step(), 0..120)) {
            let (mut holds, mut now) = (Holds::default(), Instant(0));
            let mut history: Vec<(u64, Instant, bool)> = Vec::new();
            for step in steps {
                match step {
                    Step::Kept(who, held) => {
                        holds.kept(FrameworkId(who), Duration(held), now);
                        if held > HOLD_FREE.0 {
                            let charged = Duration((held - HOLD_FREE.0).min(HOLD_MAX.0));
                            history.push((who, now + charged, false));
                        }
                    }
                    Step::Lapsed(who) => {
                        holds.lapsed(FrameworkId(who), USUAL, now);
                        let before = history.iter().filter(|row| row.0 == who && row.2).count();
                        let behind = Duration(USUAL.0 << before.min(20)).min(HOLD_MAX);
                        history.push((who, now + behind, true));
                    }
                    Step::Answered(who) => {
                        holds.answered(FrameworkId(who), now);
                        history.iter_mut().filter(|row| row.0 == who).for_each(|row| row.2 = false);
                    }
                    Step::Forget(who) => {
                        holds.forget(FrameworkId(who));
                        history.retain(|row| row.0 != who);
                    }
                    Step::Pass(ms) => {
                        now = now + Duration(ms);
                        holds.expire(now);
                        for who in 0..3 {
                            let of = history.iter().filter(|row| row.0 == who);
                            let last = of.map(|row| row.1).max();
                            if last.is_some_and(|last| last + HOLD_MAX <= now) {
                                history.retain(|row| row.0 != who);
                            }
                        }
                    }
                }
                for who in 0..3 {
                    let of = || history.iter().filter(|row| row.0 == who);
                    let framework = FrameworkId(who);
                    prop_assert_eq!(holds.is_behind(framework, now), of().any(|row| row.1 > now));
                    let lapses = of().filter(|row| row.2).count().min(HOLD_LAPSES_MAX as usize);
                    let charge = holds.charge(framework, now);
                    prop_assert_eq!(charge.map_or(0, |charge| charge.lapses as usize), lapses);
                    prop_assert!(charge.is_none_or(|charge| charge.behind <= HOLD_MAX));
                }
            }
        }
    }
}
