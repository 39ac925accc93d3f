//! Overcommit from its file on, over a small table of the readers' own tests; and what is wrong in
//! a file.

use std::{fs, path::Path};
use study::{
    campaign,
    outcome::Outcome,
    plan::{Policies, Study, expand},
};

const STUDY: &str = r#"
name = "small"
title = "small"

[overcommit]
tasks = { file = "tasks.jsonl" }
used = "fragments.parquet"
core_mhz = 2100
machines = 4
machine_cpus = 64
interval_s = 30
warm_up_s = 60
history_s = 600
policy = { kind = "oracle" }

[sweep]
"overcommit.policy" = [
  { kind = "oracle" },
  { kind = "max", n = 2, percent = 95 },
  { kind = "limit-part", percent = 90 },
]

[repeat]
seed = 2

[[expect]]
measure = "violations"
where = { policy = "oracle" }
value = 0
within = 0
"#;

/// Two tasks of one core, of which there are three samples, and one of which there is none.
const TASKS: &str = r#"{"bourse_trace":1,"of":"arrivals"}
{"job":7,"submit_ns":30000000000,"tasks":1,"each":{"cpus":1000}}
{"job":8,"submit_ns":60000000000,"tasks":1,"each":{"cpus":1000}}
{"job":9,"submit_ns":60000000000,"tasks":1,"each":{"cpus":1000}}
"#;

/// With what they used: 0.0005 and 1,600.25 MHz of the first one, nothing of the second one.
fn data() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/tests/data");
    fs::copy(samples.join("fragments.parquet"), data.path().join("fragments.parquet")).unwrap();
    fs::write(data.path().join("tasks.jsonl"), TASKS).unwrap();
    data
}

fn outcome(threads: usize) -> Outcome {
    let (points, data) = (expand(STUDY).unwrap(), data());
    let runs = campaign::run(&points, data.path(), &Policies::new(), threads, &|_| {}).unwrap();
    Outcome::of(&Study::parse(STUDY).unwrap(), &runs)
}

#[test]
fn a_study_of_files_does_the_same_whatever_the_number_of_threads() {
    let (one, three) = (outcome(1), outcome(3));
    assert!(one.passed(), "{:?}", one.verdicts);
    assert_eq!(one.digest, three.digest);
    assert_eq!((one.runs, one.digest.as_str()), (6, "8c7b6827456389da"));
    let of = |policy: &str, name: &str| {
        let group = one.groups.iter().find(|group| group.labels["policy"] == policy).unwrap();
        group.scalars[name].mean
    };
    assert_eq!((of("oracle", "tasks"), of("oracle", "without-use")), (2.0, 1.0));
    // At 30 s a core is there, and 1.6 GHz of its 2.1 will be used; at 60 s the same of it, and
    // nothing of the other one, be it on the same machine or not.
    let bound = 1.0 - 2.0 * 1_600.25 / (3.0 * 2_100.0);
    assert!((of("oracle", "saved") - bound).abs() < 1e-9);
    assert_eq!(of("oracle", "saved"), of("limit-part 90", "saved-bound"));
    assert!((of("limit-part 90", "saved") - 0.1).abs() < 1e-9);
    // Whoever is younger than a minute counts by its limit.
    let saved = of("max 2 95", "saved");
    assert!((0.0..bound).contains(&saved), "{saved}");
}

#[test]
fn what_is_wrong_in_a_file_is_said() {
    let data = data();
    let problem = |from: &str, to: &str| {
        assert!(STUDY.contains(from));
        match expand(&STUDY.replace(from, to)) {
            Err(problem) => problem.to_string(),
            Ok(points) => campaign::run(&points, data.path(), &Policies::new(), 1, &|_| {})
                .expect_err(to)
                .to_string(),
        }
    };
    for (from, to, said) in [
        ("machines = 4", "machines = 0", "`overcommit.machines`: has to be at least one"),
        ("machines = 4", "machines = 2000000", "is more than 1000000"),
        ("machine_cpus = 64", "machine_cpus = 0", "`overcommit.machine_cpus`"),
        ("core_mhz = 2100", "core_mhz = 0", "`overcommit.core_mhz`"),
        ("interval_s = 30", "interval_s = 0", "`overcommit.interval_s`"),
        ("warm_up_s", "warm_s", "unknown field `warm_s`"),
        ("n = 2, percent = 95", "n = 2", "missing field `percent`"),
        ("percent = 90", "percent = -1", "expected u32"),
        ("kind = \"max\"", "kind = \"most\"", "unknown variant `most`"),
        ("fragments.parquet", "no.parquet", "cannot read the data"),
        ("fragments.parquet", "tasks.jsonl", "no Parquet file"),
    ] {
        let got = problem(from, to);
        assert!(got.contains(said), "{to}: {got}");
    }
}
