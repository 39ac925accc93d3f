//! `bourse sim run` and its companions, as a researcher uses them.

use crate::rig::{Home, Outcome, bourse, run};
use std::fs;

const STUDY: &str = r#"
name = "rounds"
title = "How many rounds a job takes"

[cluster]
until_s = 600
placement = "pack"

[cluster.agents]
count = 2
cpus = 2
mem = 1024

[cluster.frameworks.all]
count = 1
tasks = 8
cpus = 1
mem = 64
run_s = 10
run_deviation_s = 1

[repeat]
seed = 3

[[expect]]
measure = "all.makespan"
least = 20
most = 30
"#;

fn sim(home: &Home, words: &[&str]) -> Outcome {
    run(bourse(home).arg("sim").args(words))
}

/// A file in the home, and its path as a word.
fn file(home: &Home, name: &str, text: &str) -> String {
    let path = home.path().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_study_is_run_kept_and_compared() {
    let home = Home::new();
    let study = file(&home, "study.toml", STUDY);
    let slower = file(&home, "slower.toml", &STUDY.replace("run_s = 10", "run_s = 12"));
    let at = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (one, same, other) = (at("one"), at("same"), at("other"));
    let text = sim(&home, &["run", &study, "--out", &one, "--check"]).success();
    for words in ["all.makespan", "from 20 to 30", "1 of 1 expectations came", "report.html"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let json = sim(&home, &["run", &study, "--out", &same, "--output", "json"]).json();
    assert_eq!((&json["runs"], &json["verdicts"][0]["passed"]), (&3.into(), &true.into()));
    sim(&home, &["run", &slower, "--out", &other]).success();
    let text = sim(&home, &["compare", &one, &same]).success();
    assert!(text.contains("3 pairs") && text.contains("in 3 the same happened"), "{text}");
    // What differs is said, and is the exit code.
    let compared = run(bourse(&home).args(["sim", "compare", &one, &other]));
    assert!(compared.code == Some(1));
    assert!(compared.stdout.contains("all.makespan"), "{}", compared.stdout);
    let page = fs::read_to_string(home.path().join("one/report.html")).unwrap();
    assert!(page.contains("How many rounds a job takes") && page.contains("<svg"));
}

#[test]
fn what_does_not_come_or_cannot_be_read_is_said() {
    let home = Home::new();
    let hasty = file(&home, "hasty.toml", &STUDY.replace("most = 30", "most = 20.5"));
    let outcome = run(bourse(&home).args(["sim", "run", &hasty]));
    assert!(outcome.code == Some(1) && outcome.stdout.contains("NO"), "{}", outcome.stdout);
    let wrong = file(&home, "wrong.toml", &STUDY.replace("until_s", "until"));
    let message = sim(&home, &["run", &wrong]).failure();
    assert!(message.contains("unknown field `until`"), "{message}");
    let message = sim(&home, &["run", "no-such-study"]).failure();
    assert!(message.contains("bourse sim studies"), "{message}");
    let message = sim(&home, &["run", "fgd-fig9", "--data", "/nowhere"]).failure();
    assert!(message.contains("BOURSE_TRACES") && message.contains("openb"), "{message}");
    let text = sim(&home, &["studies"]).success();
    assert!(text.contains("fgd-fig9") && text.contains("drf-canonical"), "{text}");
    assert!(sim(&home, &["show", "fgd-fig9"]).success().contains("[policies.fgd-percent]"));
}
