//! Trials by seed: faults first, then everything must come right. `BOURSE_TRIAL_SEEDS` sets how
//! many seeds are tried; `bourse trial replay SEED` repeats one.

mod rig;

use simulator::trial::{CELLS, MOMENTS, Preset, Report, Scenario, Watch, attempt};
use std::{fs, path::Path};

fn run(scenario: &Scenario, watch: Watch) -> Report {
    attempt(scenario, watch).unwrap_or_else(|failure| panic!("{failure:#?}"))
}

#[test]
fn trials_hold_their_promises() {
    let summary = rig::hold_promises(Preset::Quick, 40);
    println!(
        "{} seeds, {} events, {} faults, {} skipped, {} digests",
        summary.seeds, summary.events, summary.faults, summary.skipped, summary.digests_compared
    );
    for moment in MOMENTS {
        println!("{:6}  {moment}", summary.sometimes.count(moment));
    }
    assert!(summary.skipped_per_mille() <= 300, "too many faults made no sense");
    let compared = summary.digests_compared;
    assert!(compared >= summary.seeds, "ledgers were compared too rarely: {compared}");
    assert_eq!(summary.sometimes.missing(), [""; 0], "situations that no seed reached");
    for cell in CELLS {
        assert!(cell.hits(&summary) > 0, "no seed hit {}: {}", cell.id, cell.title);
    }
}

/// The same seed gives the same run, to the last byte of the last effect.
#[test]
fn equal_seeds_give_equal_runs() {
    for seed in [3, 17, 40] {
        let scenario = Preset::Quick.draw(seed);
        let (first, second) =
            (run(&scenario, Watch::Fingerprint), run(&scenario, Watch::Fingerprint));
        assert!(first.trace.is_some());
        assert_eq!(first, second, "seed {seed}");
    }
}

/// Scenarios that once failed; each file tells the story.
#[test]
fn scenarios_that_once_failed() {
    let museum = Path::new(env!("CARGO_MANIFEST_DIR")).join("museum");
    let mut stories = 0;
    for file in fs::read_dir(museum).expect("the museum is part of the repository") {
        let path = file.expect("readable").path();
        let text = fs::read_to_string(&path).expect("readable");
        let scenario = Scenario::read(&text).unwrap_or_else(|wrong| panic!("{path:?}: {wrong:?}"));
        assert!(!scenario.story.trim().is_empty(), "{path:?} has no story");
        run(&scenario, Watch::Oracles);
        stories += 1;
    }
    assert!(stories > 0, "the museum is not empty");
}
