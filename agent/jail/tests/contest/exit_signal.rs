//! The signal that ended the task is kept, and default actions work on it although it lives below
//! pid 1.

use jail::Outcome;

use crate::rig::Rig;

const SIGNALS: [(&str, i32); 3] = [("TERM", 15), ("KILL", 9), ("USR1", 10)];

#[test]
fn exit_signal_is_kept() {
    for (name, signal) in SIGNALS {
        let Some(rig) = Rig::root("exit_signal_is_kept") else { return };
        let record = rig.run(&rig.shell(&format!("kill -{name} $$; exit 1")));
        assert_eq!(record.outcome, Outcome::Signaled { signal });
        assert!(!record.killed_by_request, "it was the task's own doing");
    }
}

#[test]
fn exit_signal_is_kept_without_isolation() {
    for (name, signal) in SIGNALS {
        let rig = Rig::plain();
        let record = rig.run(&rig.shell(&format!("kill -{name} $$; exit 1")));
        assert_eq!(record.outcome, Outcome::Signaled { signal });
    }
}
