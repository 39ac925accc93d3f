//! Thousands of random histories. At every step: what the oracle says, every invariant, no trace of
//! a refusal, repeats harmless, log entries readable. At some step the ledger is dumped and
//! restored, and both go on alike (D3, C4).

use crate::{
    build::cluster,
    generate::{Action, Draw, commands},
    generate_volumes::{among_volumes, with_volumes},
    oracle::{Oracle, wordless_applied},
};
use master_core::ledger::{
    Command, Event, Ledger, Stamp,
    codec::{Batch, decode_batch, encode_batch, encode_first},
    digest::digest,
    dump::{Restore, records},
    invariants,
};
use proptest::prelude::*;
use proto::model::{Instant, Reason, WallTime};
use std::collections::BTreeSet;

/// Every fact but `TaskForgotten`, which takes more rows than histories have.
const FACTS: [&str; 28] = [
    "AgentDeactivated",
    "AgentDrained",
    "AgentDraining",
    "AgentReactivated",
    "AgentRegistered",
    "AgentRemoved",
    "AgentTaskUnknown",
    "AgentUnreachable",
    "BarrierPassed",
    "FrameworkDisconnected",
    "FrameworkRemoved",
    "FrameworkSubscribed",
    "FrameworkUpdated",
    "GroupAdded",
    "KillRequested",
    "ReservationChanged",
    "RoleChanged",
    "TaskAdded",
    "TaskPreempted",
    "TaskResized",
    "TaskUpdated",
    "UpdateCommitted",
    "UpdatesAcknowledged",
    "VersionRaised",
    "VolumeChanged",
    "WindowEnded",
    "WindowScheduled",
    "WindowStarted",
];

/// What histories have met.
#[derive(Debug, Default)]
struct Met {
    events: BTreeSet<String>,
    reasons: BTreeSet<Reason>,
}

struct Run {
    ledger: Ledger,
    oracle: Oracle,
    stamp: Stamp,
    /// Restored from a dump, and applying what was decoded from bytes.
    twin: Option<Ledger>,
    /// A copy from the time of the dump, and its digest.
    frozen: Option<(Ledger, u128)>,
}

pub(crate) fn restore(ledger: &Ledger) -> Ledger {
    let mut restore = Restore::new();
    for record in records(ledger) {
        restore.push(&record).expect("what was dumped can be read");
    }
    restore.finish().expect("what was dumped is whole")
}

/// Every row, without the header.
fn rows(ledger: &Ledger) -> Vec<Vec<u8>> {
    records(ledger).skip(1).collect()
}

fn sorted(events: &[Event]) -> Vec<String> {
    let mut lines: Vec<_> = events.iter().map(|event| format!("{event:?}")).collect();
    lines.sort();
    lines
}

impl Run {
    fn new() -> Self {
        let stamp = Stamp { index: 0, term: 1, time: Instant(1_000), wall: WallTime(0) };
        Self {
            ledger: Ledger::new(cluster()),
            oracle: Oracle::default(),
            stamp,
            twin: None,
            frozen: None,
        }
    }

    fn history(&mut self, actions: &[Action], cut: usize, met: &mut Met) {
        for (step, action) in actions.iter().enumerate() {
            if step == cut {
                self.cut();
            }
            let mut draw = Draw(action.1 ^ 0x5EED);
            // Time passes, stands still, and in a new term goes back.
            let backwards = draw.one_in(20);
            self.stamp.term += u64::from(backwards);
            self.stamp.time.0 = match backwards {
                true => self.stamp.time.0.saturating_sub(500),
                false => self.stamp.time.0 + draw.pick(&[0, 0, 10, 700]),
            };
            self.stamp.wall.0 += 1;
            self.stamp.index += 1;
            for command in commands(&self.ledger, *action) {
                self.step(&command, draw.one_in(4), met);
            }
            self.ledger.set_applied(self.stamp);
            self.oracle.pass(self.stamp);
            if let Some(twin) = &mut self.twin {
                twin.set_applied(self.stamp);
            }
        }
        if let Some(twin) = &self.twin {
            assert_eq!(digest(twin), digest(&self.ledger), "C4");
        }
        if let Some((ledger, before)) = &self.frozen {
            assert_eq!(digest(ledger), *before, "a copy has changed");
        }
    }

    fn cut(&mut self) {
        let restored = restore(&self.ledger);
        let before = digest(&self.ledger);
        assert_eq!(digest(&restored), before, "D3");
        self.twin = Some(restored);
        self.frozen = Some((self.ledger.clone(), before));
    }

    fn step(&mut self, command: &Command, twice: bool, met: &mut Met) {
        let before = digest(&self.ledger);
        let mut events = Vec::new();
        let outcome = self.ledger.apply(self.stamp, command, &mut events);
        let broken = invariants::check(&self.ledger);
        assert_eq!(broken, [], "after {command:?}");

        let expected = self.oracle.apply(self.stamp, command);
        match (&outcome, &expected) {
            (Ok(applied), Ok((model, facts))) => {
                assert_eq!(wordless_applied(applied), *model, "{command:?}");
                assert_eq!(sorted(&events), sorted(facts), "{command:?}");
            }
            (Err(refusal), Err((reason, field))) => {
                assert_eq!((refusal.reason, &refusal.field), (*reason, field), "{command:?}");
                assert_eq!((digest(&self.ledger), events.len()), (before, 0), "{command:?}");
                met.reasons.insert(*reason);
            }
            _ => panic!("{command:?}: {outcome:?}, and the oracle says {expected:?}"),
        }
        self.oracle.compare(&self.ledger);
        let kind = |event| format!("{event:?}").split(['(', ' ']).next().map(str::to_owned);
        met.events.extend(events.iter().filter_map(kind));

        let decoded = self.through_bytes(command);
        if let Some(twin) = &mut self.twin {
            let mut twins = Vec::new();
            assert_eq!(twin.apply(self.stamp, &decoded, &mut twins), outcome);
            assert_eq!(twins, events, "{command:?}");
        }
        // Each subscription is a new epoch; all else may be repeated without effect (N6).
        let is_new_each_time = matches!(
            command,
            // The last is due again when a window's end has passed before its beginning was seen.
            Command::SubscribeFramework { .. }
                | Command::ScheduleWindow(_)
                | Command::TurnWindow(_)
                // What is reserved adds up; in accepts a request id makes it safe to repeat.
                | Command::ChangeReservations(_)
                | Command::Accept { request: None, .. }
        );
        if twice && !is_new_each_time {
            let mut again = self.ledger.clone();
            let _answer = again.apply(self.stamp, command, &mut Vec::new());
            assert_eq!(rows(&again), rows(&self.ledger), "{command:?} twice");
        }
    }

    fn through_bytes(&self, command: &Command) -> Command {
        let (time, wall) = (self.stamp.time, self.stamp.wall);
        let batch = Batch { time, wall, commands: vec![command.clone()] };
        let bytes = encode_batch(&batch);
        assert_eq!(encode_first(time, wall, [command].into_iter()), (bytes.clone(), 1));
        let mut decoded = decode_batch(&bytes).expect("what was written can be read");
        assert_eq!(decoded, batch);
        decoded.commands.remove(0)
    }
}

/// So many histories, or as many as `PROPTEST_CASES` asks for, if these are more.
fn at_least(cases: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig { cases: asked.cases.max(cases), ..asked }
}

proptest! {
    #![proptest_config(at_least(2_048))]

    #[test]
    fn any_history(
        actions in prop::collection::vec(any::<Action>(), 0..60),
        cut in 0..60usize,
    ) {
        Run::new().history(&actions, cut, &mut Met::default());
    }
}

proptest! {
    #![proptest_config(at_least(512))]

    /// Random histories rarely come so far that tasks compete for volumes.
    #[test]
    fn any_history_of_volumes(
        actions in prop::collection::vec(any::<Action>(), 0..60),
        cut in 0..60usize,
    ) {
        let mut run = Run::new();
        let met = &mut Met::default();
        run.stamp.index += 1;
        for command in with_volumes() {
            run.step(&command, false, met);
        }
        let actions: Vec<_> = actions.into_iter().map(among_volumes).collect();
        run.history(&actions, cut, met);
        prop_assert!(!met.events.is_empty());
    }
}

/// The histories would be worth little if they never met what they are to test.
#[test]
fn histories_meet_every_fact_and_every_refusal() {
    let mut met = Met::default();
    for seed in 0..1_500 {
        let mut draw = Draw(seed);
        let actions: Vec<_> = (0..80).map(|_| (draw.below(256) as u8, draw.next())).collect();
        Run::new().history(&actions, 40, &mut met);
    }
    assert_eq!(met.events.iter().map(String::as_str).collect::<Vec<_>>(), FACTS);
    use Reason::*;
    let reasons = [
        InvalidField,
        LimitExceeded,
        Overloaded,
        NotAuthorized,
        FrameworkUnknown,
        FrameworkRemoved,
        FrameworkFenced,
        NotSubscribed,
        ResourcesTaken,
        TaskExists,
        TaskUnknown,
        SequenceUnknown,
        AgentUnknown,
        AgentUnreachable,
        AgentRemoved,
        AgentFenced,
        TransitionIllegal,
        QuotaExceeded,
        CapacityExceeded,
        AgentDeactivated,
        WindowUnknown,
        ReservationUnknown,
        ReservationInUse,
        VersionTooLow,
        ResizeUnderWay,
        TaskNotRunning,
        VolumeUnknown,
        VolumeExists,
        VolumeInUse,
        VolumeChanging,
        VolumeDestroying,
        VolumeBroken,
    ];
    assert_eq!(met.reasons, reasons.into_iter().collect());
}
