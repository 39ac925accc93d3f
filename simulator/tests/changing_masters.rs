//! Trials in which masters are added, replaced and removed all the time, among crashes, cuts and
//! losses. `BOURSE_TRIAL_SEEDS` sets how many seeds are tried, `BOURSE_TRIAL_SEED` tries one.

use simulator::trial::{
    self, Options, Report,
    faults::{KINDS, Kind},
};

fn run(seed: u64) -> Report {
    let wiping = KINDS.iter().position(|kind| *kind == Kind::WipeMaster).expect("a kind");
    println!("seed {seed}");
    trial::run(Options::changing(seed, KINDS.len(), wiping))
}

#[test]
fn masters_change_and_promises_hold() {
    if let Ok(seed) = std::env::var("BOURSE_TRIAL_SEED") {
        println!("{:#?}", run(seed.parse().expect("a seed")));
        return;
    }
    let seeds =
        std::env::var("BOURSE_TRIAL_SEEDS").map_or(20, |seeds| seeds.parse().expect("a number"));
    let reports: Vec<Report> = (1..=seeds).map(run).collect();
    let (changes, faults, digests) = reports.iter().fold((0, 0, 0), |sum, report| {
        (sum.0 + report.member_changes, sum.1 + report.faults, sum.2 + report.digests_compared)
    });
    println!("{seeds} seeds, {changes} changes of masters, {faults} faults, {digests} digests");
    // Founding is one; to take part in the rest, a master is added and promoted, or goes.
    assert!(changes >= 6 * seeds, "masters changed too rarely: {changes}");
}
