//! Trials in which masters are added, replaced and removed all the time, among crashes, cuts and
//! losses. `BOURSE_TRIAL_SEEDS` sets how many seeds are tried; `bourse trial replay SEED --preset
//! changing` repeats one.

mod rig;

use simulator::trial::Preset;

#[test]
fn masters_change_and_promises_hold() {
    let summary = rig::hold_promises(Preset::Changing, 60);
    let (changes, seeds) = (summary.member_changes, summary.seeds);
    println!("{seeds} seeds, {changes} changes of masters");
    // Founding is one; to take part in the rest, a master is added and promoted, or goes. The
    // average is 6.4, but of twenty seeds alone it is more or less by a half.
    assert!(changes >= 6 * seeds, "masters changed too rarely: {changes}");
}
