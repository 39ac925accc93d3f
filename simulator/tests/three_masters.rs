//! Trials by seed: faults first, then everything must come right. `BOURSE_TRIAL_SEEDS` sets how
//! many seeds are tried, `BOURSE_TRIAL_SEED` tries a single one.

use simulator::trial::{self, MOMENTS, Options, Report, Sometimes, faults::KINDS};
use std::{fs, path::Path};

/// Says which seed it was when a trial panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was seed {0}; again with BOURSE_TRIAL_SEED={0}", self.0);
        }
    }
}

fn options(seed: u64) -> Options {
    Options::lite(seed, KINDS.len())
}

fn run(options: Options) -> Report {
    let _named = Named(options.seed);
    trial::run(options)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number")))
}

#[test]
fn trials_hold_their_promises() {
    if let Some(seed) = number("BOURSE_TRIAL_SEED") {
        println!("{:#?}", run(options(seed)));
        return;
    }
    let seeds = number("BOURSE_TRIAL_SEEDS").unwrap_or(40);
    let mut sometimes = Sometimes::default();
    let (mut faults, mut skipped, mut events, mut compared) = (0, 0, 0, 0);
    for seed in 1..=seeds {
        let report = run(options(seed));
        sometimes.add(&report.sometimes);
        faults += report.faults;
        skipped += report.skipped;
        events += report.events;
        compared += report.digests_compared;
    }
    println!(
        "{seeds} seeds, {events} events, {faults} faults, {skipped} skipped, {compared} digests"
    );
    for moment in MOMENTS {
        println!("{:6}  {moment}", sometimes.count(moment));
    }
    assert!(skipped * 10 <= (faults + skipped) * 3, "too many faults made no sense");
    assert!(compared >= seeds, "ledgers were compared too rarely: {compared}");
    assert_eq!(sometimes.missing(), [""; 0], "situations that no seed reached");
}

/// The same seed gives the same run, to the last byte of the last effect.
#[test]
fn equal_seeds_give_equal_runs() {
    for seed in [3, 17, 40] {
        let (first, second) = (run(options(seed).traced()), run(options(seed).traced()));
        assert!(first.trace.is_some());
        assert_eq!(first, second, "seed {seed}");
    }
}

/// Seeds that once failed; each file tells the story and ends with the seeds.
#[test]
fn seeds_that_once_failed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let mut stories = 0;
    for story in fs::read_dir(folder).expect("the folder is part of the repository") {
        let text = fs::read_to_string(story.expect("readable").path()).expect("readable");
        let seeds = text.lines().filter_map(|line| line.strip_prefix("seed "));
        let seeds: Vec<u64> = seeds.map(|seed| seed.trim().parse().expect("a seed")).collect();
        assert!(!seeds.is_empty(), "a story without a seed:\n{text}");
        for seed in seeds {
            run(options(seed));
        }
        stories += 1;
    }
    assert!(stories > 0, "the museum is not empty");
}
