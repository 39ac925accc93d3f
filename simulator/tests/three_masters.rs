//! Trials by seed: faults first, then everything must come right. `BOURSE_TRIAL_SEEDS` sets how
//! many seeds are tried; `bourse trial replay SEED` repeats one.

mod rig;

use simulator::trial::{CELLS, MOMENTS, Preset, Report, Scenario, Watch, attempt, minimise};
use std::{fs, path::Path};

fn run(scenario: &Scenario, watch: Watch) -> Report {
    attempt(scenario, watch).unwrap_or_else(|failure| panic!("{failure:#?}"))
}

#[test]
fn trials_hold_their_promises() {
    let summary = rig::hold_promises(Preset::Quick, 60);
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

/// More tasks than healing has time for: what fails is an answer, and a smaller scenario fails
/// alike.
#[test]
fn a_failing_scenario_is_told_and_made_small() {
    let mut scenario = Preset::Quick.draw(5);
    let options = &mut scenario.options;
    (options.masters, options.agents, options.frameworks) = (1, 2, 2);
    (options.tasks_per_framework, options.faults_for_ms) = (2_000, 5_000);
    (options.groups_per_mille, options.volumes, options.wishes) = (0, false, false);
    scenario.faults.retain(|fault| fault.at_ms < 5_000);
    assert!(!scenario.faults.is_empty(), "there is something to take out");
    let failure = attempt(&scenario, Watch::Oracles).expect_err("it asks for too much");
    assert!(failure.message.starts_with("not right"), "{failure:#?}");
    assert!(failure.place.contains("healing.rs:"), "{failure:#?}");
    assert!(failure.at_ms > 180_000, "{failure:#?}");

    let minimal = minimise(&scenario, |_, _| ()).expect("it fails");
    assert_eq!(minimal.failure.place, failure.place);
    assert_eq!(minimal.scenario.faults, [], "no fault is needed for it");
    let options = &minimal.scenario.options;
    assert_eq!((options.agents, options.frameworks), (1, 1));
    assert!(options.tasks_per_framework < 2_000, "half of them would do");
    assert!(attempt(&minimal.scenario, Watch::Oracles).is_err_and(|it| it.is_like(&failure)));

    let sound = minimise(&Preset::Quick.draw(1), |_, _| ());
    assert_eq!(sound, None, "what does not fail is not made smaller");
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
