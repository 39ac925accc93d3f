//! Whole studies, from their file to what is kept of them, on small data of our own.

use std::{fs, path::Path};
use study::{
    campaign,
    outcome::Outcome,
    plan::{PlanError, Policies, Study, expand},
    report::{self, KeptError, Ran, Summary},
};

/// Two machines with two GPUs each, one with CPUs alone.
const NODES: &str = "sn,cpu_milli,memory_mib,gpu,model\n\
                     a,8000,8192,2,T4\n\
                     b,8000,8192,2,G2\n\
                     c,8000,8192,0,\n";

/// Eight halves, two of which want a G2, and two whole ones: six GPUs for four.
const PODS: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n\
                    1,1000,512,1,500,\n\
                    2,1000,512,1,500,\n\
                    3,1000,512,1,500,\n\
                    4,1000,512,1,500,\n\
                    5,1000,512,1,500,\n\
                    6,1000,512,1,500,\n\
                    7,1000,512,1,500,G2\n\
                    8,1000,512,1,500,G2\n\
                    9,1000,512,1,1000,\n\
                    10,1000,512,1,1000,\n";

const STUDY: &str = r#"
name = "small"
title = "Halves & wholes"

[variables]
list = "pods"

[filling]
counted = "gpus"
policy = "pack"

[filling.machines]
file = "nodes.csv"

[filling.tasks]
file = "{list}.csv"

[sweep]
"filling.policy" = ["fgd", "spread"]
"filling.tie" = ["index", "random-each"]

[repeat]
seed = 20

[[expect]]
measure = "placed"
where = { policy = "fgd" }
minus = { policy = "spread" }
least = -1
most = 1

[[expect]]
measure = "allocated"
at = 150
along = "policy"
order = ["spread", "fgd"]

[[expect]]
measure = "placed"
value = 99
within = 1
"#;

fn data() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nodes.csv"), NODES).unwrap();
    fs::write(directory.path().join("pods.csv"), PODS).unwrap();
    directory
}

fn outcome(text: &str, data: &Path, threads: usize) -> Outcome {
    let points = expand(text).unwrap();
    let runs = campaign::run(&points, data, &Policies::new(), threads, &|_| {}).unwrap();
    Outcome::of(&Study::parse(text).unwrap(), &runs)
}

#[test]
fn a_study_says_what_came_whatever_the_number_of_threads() {
    let data = data();
    let one = outcome(STUDY, data.path(), 1);
    let four = outcome(STUDY, data.path(), 4);
    assert_eq!(one.digest, four.digest);
    assert_eq!((one.runs, one.groups.len()), (80, 4));
    // Spreading halves over all GPUs leaves none whole.
    let passed: Vec<_> = one.verdicts.iter().map(|verdict| verdict.passed).collect();
    assert_eq!(passed, [true, true, false], "{:#?}", one.verdicts);
    for group in &one.groups {
        let placed = group.scalars["placed"];
        assert_eq!(placed.count, 20);
        assert_eq!(placed.mean + group.scalars["dropped"].mean, 10.0);
    }
    // The digest is of what happened: it is the same on every machine.
    assert_eq!(one.digest, "6d43a3cc04f35f58");
}

#[test]
fn what_is_kept_is_complete() {
    let data = data();
    let (points, study) = (expand(STUDY).unwrap(), Study::parse(STUDY).unwrap());
    let runs = campaign::run(&points, data.path(), &Policies::new(), 2, &|_| {}).unwrap();
    let outcome = Outcome::of(&study, &runs);
    let ran = Ran { study: &study, file: STUDY, data: data.path(), runs: &runs, outcome: &outcome };
    let directory = data.path().join("out");
    let mut files: Vec<_> = ran
        .write(&directory)
        .unwrap()
        .into_iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    let charts = ["allocated", "dropped", "fragmented", "fragmented-of-idle", "placed"];
    let mut expected: Vec<_> = charts.map(|name| format!("{name}.svg")).into();
    expected.extend(["curves.csv", "report.html", "runs.csv", "summary.json"].map(str::to_owned));
    expected.sort();
    assert_eq!(files, expected);
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert_eq!(read("runs.csv").lines().count(), 81);
    assert!(
        read("report.html").contains("Halves &amp; wholes")
            && !read("report.html").contains("http://localhost")
    );
    let summary: serde_json::Value = serde_json::from_str(&read("summary.json")).unwrap();
    assert_eq!(summary["each"].as_array().unwrap().len(), 80);
    assert_eq!(summary["verdicts"][2]["passed"], false);
    assert_eq!(summary["digest"], outcome.digest);

    // All but the summary is made of it again: numbers to the last digit but one.
    let again = Summary::read(&directory).unwrap();
    for path in again.draw(&data.path().join("again")).unwrap() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let (text, first) = (fs::read_to_string(&path).unwrap(), read(name));
        match name {
            "curves.csv" => assert!(nearly(&text, &first), "{name}"),
            _ if name.ends_with(".svg") => assert_eq!(text.len(), first.len(), "{name}"),
            _ => assert!(text == first, "{name}"),
        }
    }
    let both = report::comparison(&[("one".to_owned(), again.clone()), ("two".to_owned(), again)]);
    assert!(both.contains("<td>fgd, index</td><td>placed</td>"), "{both}");
    fs::write(directory.join("summary.json"), "{}").unwrap();
    assert!(matches!(Summary::read(&directory), Err(KeptError::Summary { .. })));
    assert!(matches!(Summary::read(data.path()), Err(KeptError::File { .. })));
}

/// Whether tables say the same, but for the last digit of numbers.
fn nearly(one: &str, other: &str) -> bool {
    let cells = |text: &str| text.split([',', '\n']).map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (cells(one), cells(other));
    let same = |(one, other): (&String, &String)| match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => (one - other).abs() <= 1e-12 * one.abs().max(1.0),
        _ => one == other,
    };
    one.len() == other.len() && one.iter().zip(&other).all(same)
}

#[test]
fn what_is_wrong_in_a_file_is_said() {
    let problem = |from: &str, to: &str| {
        assert!(STUDY.contains(from));
        expand(&STUDY.replace(from, to)).unwrap_err().to_string()
    };
    assert!(problem("counted", "count").contains("unknown field `count`"));
    assert!(
        problem("\"filling.tie\" = [\"index\"", "\"filling.tie\" = [\"best\"").contains("best")
    );
    assert!(problem("filling.policy\" =", "name.policy\" =").contains("leads through `name`"));
    assert!(problem("seed = 20", "seed = 0").contains("no run"));
    assert!(problem("seed = 20", "seed = 1000000").contains("at most 100000"));
    assert!(problem("within = 1", "least = 2").contains("`[[expect]]` of `placed`"));
    assert!(matches!(Study::parse("name = \"a\"\ntitle = \"b\""), Err(PlanError::Asks(0))));

    let data = data();
    let run = |from: &str, to: &str| {
        let points = expand(&STUDY.replace(from, to)).unwrap();
        campaign::run(&points, data.path(), &Policies::new(), 2, &|_| {}).unwrap_err()
    };
    let unknown = run("\"fgd\", \"spread\"", "\"fgd\", \"best\"").to_string();
    assert!(unknown.contains("no policy `best`") && unknown.contains("e-pvm"), "{unknown}");
    let missing = run("nodes.csv", "no.csv");
    assert!(missing.to_string().contains("cannot read"), "{missing}");
}

/// Published results on published data, where somebody has it.
#[test]
fn fragmentation_gradient_descent_allocates_what_was_published() {
    let Some(traces) = std::env::var_os("BOURSE_TRACES") else {
        println!(
            "SKIPPED fragmentation_gradient_descent_allocates_what_was_published: \
             BOURSE_TRACES is not set to a directory of published traces"
        );
        return;
    };
    let text = study::studies::find("fgd-fig9").unwrap().text;
    // A hundred times less than the study itself.
    let fewer =
        text.replace("seed = 10\n\"filling.tie_seed\" = 10", "seed = 1\n\"filling.tie_seed\" = 1");
    assert_ne!(text, fewer);
    let outcome = outcome(&fewer, traces.as_ref(), 2);
    for group in &outcome.groups {
        let published = match group.labels["policy"].as_str() {
            "random" => 86.30,
            "least-product" => 90.62,
            "gpu-clustering" => 91.65,
            "gpu-packing" => 91.78,
            "best-fit-percent" => 92.86,
            "fgd-percent" => 95.23,
            other => panic!("{other}"),
        };
        let allocated = group.curves["allocated"][&100].mean;
        assert!((allocated - published).abs() < 1.5, "{:?}: {allocated}", group.labels);
    }
}
