//! A stop sends the signals of the plan, each in its time; through the first process of a namespace
//! they reach the task like all others.

use jail::Outcome;
use jail::plan::{Stop, StopStep};

use crate::rig::Rig;

/// Every signal that a plan can name, by name and number.
const SIGNALS: [(&str, i32); 10] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ABRT", 6),
    ("USR1", 10),
    ("USR2", 12),
    ("ALRM", 14),
    ("TERM", 15),
    ("WINCH", 28),
    ("PWR", 30),
];

/// All of them, one after the other; the last one is honoured.
fn judge(rig: &Rig) {
    let traps: String =
        SIGNALS.iter().map(|(name, _)| format!("trap 'echo {name}' {name}; ")).collect();
    let script =
        format!("{traps} trap 'echo PWR; exit 7' PWR; touch ready; while :; do sleep 0.01; done");
    let mut plan = rig.plan(&["bash", "-c", &script]);
    plan.grace_ms = 3_600_000;
    let steps = SIGNALS[1..].iter().zip(1..);
    let step = |((_, signal), index): (&(&str, i32), u64)| StopStep {
        after_ms: 200 * index,
        signal: *signal,
    };
    plan.stop = Stop { signal: SIGNALS[0].1, steps: steps.map(step).collect() };
    let launched = rig.launch(&plan);
    rig.wait_for_file("ready");
    assert!(launched.supervisor().stop().unwrap());
    // Told again: the grace period can only become shorter, and nothing is sent twice.
    assert!(launched.supervisor().stop().unwrap());
    let record = launched.wait();
    assert_eq!(record.outcome, Outcome::Exited { code: 7 });
    assert!(record.killed_by_request);
    let heard: Vec<String> = rig.stdout().lines().map(str::to_owned).collect();
    assert_eq!(heard, SIGNALS.map(|(name, _)| name.to_owned()));
}

#[test]
fn stop_signals() {
    let Some(rig) = Rig::root("stop_signals") else { return };
    judge(&rig);
}

#[test]
fn stop_signals_without_isolation() {
    judge(&Rig::plain());
}

/// What would come after the KILL does not come, and does not put it off.
#[test]
fn steps_end_with_the_grace_period() {
    let rig = Rig::plain();
    let script =
        "trap 'echo INT' INT; trap 'echo TERM' TERM; touch ready; while :; do sleep 0.01; done";
    let mut plan = rig.plan(&["bash", "-c", script]);
    plan.grace_ms = 400;
    let late = StopStep { after_ms: 400, signal: 15 };
    plan.stop = Stop { signal: 2, steps: vec![late] };
    let launched = rig.launch(&plan);
    rig.wait_for_file("ready");
    assert!(launched.supervisor().stop().unwrap());
    assert_eq!(launched.wait().outcome, Outcome::Signaled { signal: 9 });
    assert_eq!(rig.stdout(), "INT\n");
}
