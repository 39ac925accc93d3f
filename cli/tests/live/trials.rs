//! `bourse trial`, as somebody uses it who looks for what breaks a cluster.

use crate::rig::{Home, Outcome, bourse, run};
use std::fs;

fn trial(home: &Home, words: &[&str]) -> Outcome {
    run(bourse(home).arg("trial").args(words))
}

#[test]
fn a_few_seeds_are_tried_and_the_fault_matrix_is_shown() {
    let home = Home::new();
    let words = ["run", "--seeds", "2", "--first", "3", "--output", "json"];
    let end = trial(&home, &words).json();
    assert_eq!((&end["passed"], &end["seeds"]), (&true.into(), &2.into()), "{end:#}");
    assert!(end["cells"]["P2"].is_u64() && end["faults"].as_u64() > Some(0), "{end:#}");
    let table = trial(&home, &words[..5]).success();
    assert!(table.contains("a master is killed") && table.ends_with("nothing wrong\n"), "{table}");
    let meta = trial(&home, &["meta", "--seeds", "1"]).success();
    assert_eq!(meta, "seeds run twice: 1; no difference\n");
}

#[test]
fn a_scenario_is_a_file_that_runs_again() {
    let home = Home::new();
    let text = trial(&home, &["replay", "3", "--print"]).success();
    let path = home.path().join("three.toml");
    let file = path.to_str().unwrap();
    fs::write(&path, &text).unwrap();
    let (seed, again) = (trial(&home, &["replay", "3"]), trial(&home, &["replay", file]));
    assert_eq!(seed.success(), again.success());
    let sound = trial(&home, &["minimise", file]).failure();
    assert!(sound.contains("three.toml does not fail"), "{sound}");

    fs::write(&path, text.replace("volumes = ", "volume = ")).unwrap();
    let wrong = trial(&home, &["replay", file]).failure();
    assert!(wrong.contains("three.toml") && wrong.contains("volume"), "{wrong}");
    let missing = trial(&home, &["replay", "four.toml"]).failure();
    assert!(missing.contains("four.toml is neither a seed nor a file"), "{missing}");
}

/// What the oracles say is an answer, and no panic of the command.
#[test]
fn a_scenario_that_fails_says_so_and_what_to_type_next() {
    let home = Home::new();
    let text = trial(&home, &["replay", "3", "--print"]).success();
    let (_, options) = text.split_once("[options]").expect("the settings stand below the faults");
    let changed = |line: &str| match line.split_once(" = ").map(|(name, _)| name) {
        Some("tasks_per_framework") => "tasks_per_framework = 3000".to_owned(),
        Some(name @ ("masters" | "agents" | "frameworks")) => format!("{name} = 1"),
        _ => line.to_owned(),
    };
    let options: Vec<String> = options.lines().map(changed).collect();
    let path = home.path().join("many.toml");
    fs::write(&path, format!("[options]{}", options.join("\n"))).unwrap();
    let end = trial(&home, &["replay", path.to_str().unwrap()]);
    assert_eq!((end.code, end.stderr.as_str()), (Some(1), ""), "{}", end.stdout);
    assert!(end.stdout.contains("fails at") && end.stdout.contains("not right"), "{}", end.stdout);
    assert!(end.stdout.contains("`bourse trial minimise "), "{}", end.stdout);
}
