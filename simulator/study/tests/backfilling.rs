//! Parallel jobs that wait behind each other: small cases worked by hand, and promises on random
//! ones.

use std::{collections::BTreeMap, fmt::Write as _, fs};
use study::{
    campaign,
    plan::{Policies, expand},
};

/// Numbers of one run over jobs (submit, run, processors, estimate) on four processors.
fn run(jobs: &[(u64, u64, u64, u64)], discipline: &str, estimates: &str) -> BTreeMap<String, f64> {
    let data = tempfile::tempdir().unwrap();
    let mut log = String::from("; MaxProcs: 4\n");
    for (number, (submit, runs, processors, estimate)) in jobs.iter().enumerate() {
        let number = number + 1;
        let rest = "-1 1 1 1 -1 -1 -1 -1 -1";
        let _ = writeln!(
            log,
            "{number} {submit} -1 {runs} {processors} -1 -1 {processors} {estimate} {rest}"
        );
    }
    fs::write(data.path().join("jobs.swf"), log).unwrap();
    let text = format!(
        "name = \"small\"\ntitle = \"small\"\n[backfilling]\nprocessors = 4\n\
         discipline = \"{discipline}\"\nestimates = \"{estimates}\"\n\
         jobs = {{ file = \"jobs.swf\" }}\n"
    );
    let points = expand(&text).unwrap();
    let runs = campaign::run(&points, data.path(), &Policies::new(), 1, &|_| {}).unwrap();
    runs[0].measures.scalars.clone()
}

/// Three processors for 100 s; then all four are wanted; then one for 80 s, one for 200 s.
const JOBS: [(u64, u64, u64, u64); 4] =
    [(0, 100, 3, 100), (10, 50, 4, 50), (20, 80, 1, 80), (30, 200, 1, 200)];

#[test]
fn who_goes_before_whom() {
    let mean = |waits: [f64; 4]| waits.iter().sum::<f64>() / 4.0;
    // In order: 0, 100, 150, 150.
    assert_eq!(run(&JOBS, "fcfs", "exact")["wait"], mean([0.0, 90.0, 130.0, 120.0]));
    // The third one is over at 100 and goes first; the last would put off the second one.
    for discipline in ["easy", "conservative"] {
        let of = run(&JOBS, discipline, "exact");
        assert_eq!(of["wait"], mean([0.0, 90.0, 0.0, 120.0]), "{discipline}");
        assert_eq!((of["backfilled"], of["broken-promises"], of["jobs"]), (1.0, 0.0, 4.0));
    }
    // Who is said to run for longer than until 100 may not go before.
    let mut doubtful = JOBS;
    doubtful[2].3 = 81;
    assert_eq!(run(&doubtful, "easy", "user")["backfilled"], 0.0);
    assert_eq!(run(&doubtful, "easy", "exact")["backfilled"], 1.0);
}

/// EASY puts off everybody but the first; conservative backfilling nobody.
#[test]
fn conservative_is_more_careful_than_easy() {
    // Two run until 100; the first waits for three; the second for four; the third, of two for
    // 100 s, leaves the first one its three at 100 only if it needs one.
    let jobs = [(0, 100, 2, 100), (1, 10, 3, 10), (2, 10, 4, 10), (3, 150, 1, 150)];
    let (easy, careful) = (run(&jobs, "easy", "exact"), run(&jobs, "conservative", "exact"));
    assert_eq!((easy["backfilled"], careful["backfilled"]), (1.0, 0.0));
}

#[test]
fn what_is_too_wide_is_left_out() {
    let of = run(&[(0, 10, 5, 10), (1, 10, 4, 10)], "easy", "exact");
    assert_eq!((of["jobs"], of["too-wide"]), (1.0, 1.0));
}

#[test]
fn jobs_longer_than_time_end_with_it() {
    let long = 15_000_000_000;
    let jobs = [(0, long, 4, long), (1, long, 4, long), (2, long, 2, long)];
    for discipline in ["fcfs", "easy", "conservative"] {
        assert_eq!(run(&jobs, discipline, "exact")["jobs"], 3.0, "{discipline}");
    }
}

#[test]
fn promises_hold_whatever_comes() {
    let mut chance = simulator::engine::Chance::new(5, 0);
    for _ in 0..60 {
        let mut at = 0;
        let jobs: Vec<_> = (0..120)
            .map(|_| {
                at += chance.between(0, 30);
                let runs = chance.between(1, 90);
                (at, runs, chance.between(1, 4), runs + chance.between(0, 60))
            })
            .collect();
        for discipline in ["fcfs", "easy", "conservative"] {
            for estimates in ["exact", "user"] {
                let of = run(&jobs, discipline, estimates);
                assert_eq!((of["jobs"], of["broken-promises"]), (120.0, 0.0));
            }
        }
    }
}
