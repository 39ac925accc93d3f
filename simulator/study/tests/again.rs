//! Runs that are made again: stopped at any moment, taken up, gone on with otherwise, explained.

use simulator::engine::{Chance, Time};
use std::{collections::BTreeMap, fs, path::Path};
use study::{
    again::{self, Checkpoint, CheckpointError},
    campaign,
    error::RunError,
    measures::Measures,
    plan::{Point, Policies, expand},
    records::{Answer, Explanation},
};
use toml::Value;

const NODES: &str = "sn,cpu_milli,memory_mib,gpu,model\na,8000,8192,2,T4\nb,8000,8192,2,G2\n\
                     c,8000,8192,0,\nd,8000,8192,0,\n";

/// A study of each kind that has a middle.
fn kinds() -> Vec<(&'static str, String)> {
    let jobs = |table: &str| {
        format!(
            "[{table}.jobs]\nend = {{ jobs = 300 }}\n[[{table}.jobs.generate]]\nname = \"b\"\n\
             class = \"batch\"\nbetween = {{ exponential = {{ mean = 6000000000 }} }}\n\
             tasks = {{ uniform = {{ least = 1, most = 6 }} }}\n\
             duration = {{ exponential = {{ mean = 20000000000 }} }}\n\
             each = {{ cpus = 1000, mem = 1024000 }}\n"
        )
    };
    let queueing = |architecture: &str, count: u32| {
        format!(
            "[queueing]\nuntil_s = 2000\nmachines = {{ count = {count}, cpus = 4, mem = 8192 }}\n\
             batch = {{ job_s = 2, task_s = 0.5 }}\nservice = {{ job_s = 5, task_s = 0.1 }}\n\
             batch_schedulers = 2\narchitecture = \"{architecture}\"\n{}",
            jobs("queueing")
        )
    };
    let filling = "[filling]\ncounted = \"gpus\"\npolicy = \"random\"\ntie = \"random-each\"\n\
                   machines = { file = \"nodes.csv\" }\ntasks = { file = \"pods.csv\" }\n";
    let cluster = "[cluster]\nuntil_s = 2000\nagents = { count = 2, cpus = 4, mem = 4096 }\n\
                   [cluster.frameworks.small]\ncount = 2\ntasks = 12\ncpus = 1\nmem = 512\n\
                   run_s = 5\nrun_deviation_s = 2\nevery_s = 8\n";
    let backfilling =
        format!("[backfilling]\nprocessors = 8\ndiscipline = \"easy\"\n{}", jobs("backfilling"));
    vec![
        ("queueing.policy", queueing("monolithic", 5)),
        ("queueing.policy", queueing("shared", 5)),
        ("queueing.policy", queueing("compat", 50)),
        ("filling.policy", filling.to_owned()),
        ("backfilling.discipline", backfilling),
        ("", cluster.to_owned()),
    ]
}

fn point(text: &str) -> Point {
    expand(&format!("name = \"small\"\ntitle = \"small\"\nseed = 3\n{text}")).unwrap().remove(0)
}

fn data() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n".to_owned();
    for pod in 0..40 {
        pods += match pod % 4 {
            0 => "p,1000,512,1,500,\n",
            1 => "p,1000,512,1,1000,G2\n",
            _ => "p,1500,512,0,0,\n",
        };
    }
    fs::write(directory.path().join("nodes.csv"), NODES).unwrap();
    fs::write(directory.path().join("pods.csv"), pods).unwrap();
    directory
}

fn whole(point: &Point, data: &Path) -> Measures {
    let runs = campaign::run_here(std::slice::from_ref(point), data, &Policies::new());
    runs.unwrap().remove(0)
}

fn checkpoint(point: &Point, data: &Path, at: Time) -> Checkpoint {
    let (look, _) = again::look(point, data, &Policies::new(), at).unwrap().unwrap();
    let kept = Checkpoint::of(point, data, at, &look);
    // As it comes back from a file.
    serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap()
}

#[test]
fn whoever_stops_and_goes_on_comes_to_the_same_end() {
    let data = data();
    let mut chance = Chance::new(11, 0);
    for (_, text) in &kinds() {
        let point = point(text);
        let unbroken = whole(&point, data.path());
        let mut digests = BTreeMap::new();
        for _ in 0..6 {
            let seconds = match text {
                text if text.starts_with("[filling]") => 20,
                text if text.starts_with("[cluster]") => 15,
                _ => 1_500,
            };
            let at = Time(chance.below(seconds) * 1_000_000_007);
            let kept = checkpoint(&point, data.path(), at);
            let (_, resumed) = kept.resume(&[], &Policies::new()).unwrap();
            assert_eq!(resumed, unbroken, "from {at}: {text}");
            let (look, end) =
                again::look(&point, data.path(), &Policies::new(), at).unwrap().unwrap();
            assert_eq!(end, unbroken.digest);
            assert!(look.state.at <= at);
            digests.insert(at, look.state.digest);
        }
        let last = again::look(&point, data.path(), &Policies::new(), Time(u64::MAX)).unwrap();
        assert_eq!(last.unwrap().0.state.digest, unbroken.digest);
        assert!(digests.values().any(|digest| *digest != unbroken.digest), "stopped in the middle");
    }
}

#[test]
fn a_fork_is_the_same_until_there_and_another_one_from_there() {
    let data = data();
    let set = |key: &str, value: &str| vec![(key.to_owned(), Value::from(value))];
    for (key, text) in kinds().into_iter().filter(|(key, _)| !key.is_empty()) {
        let point = point(&text);
        let unbroken = whole(&point, data.path());
        let (own, other) = match key {
            "backfilling.discipline" => ("easy", "fcfs"),
            _ => ("random", "first-fit"),
        };
        let seconds = if key.starts_with("filling") { 10 } else { 400 };
        let middle = checkpoint(&point, data.path(), Time::seconds(seconds));
        let fork = |kept: &Checkpoint, policy: &str| {
            kept.resume(&set(key, policy), &Policies::new()).unwrap().1.digest
        };
        assert_eq!(fork(&middle, own), unbroken.digest, "the same policy: {text}");
        assert_ne!(fork(&middle, other), unbroken.digest, "{text}");
        // From the beginning on it is a run of the other policy; at the end it changes nothing.
        let changed = point.with(&set(key, other)).unwrap();
        let first = checkpoint(&point, data.path(), Time::ZERO);
        assert_eq!(fork(&first, other), whole(&changed, data.path()).digest, "{text}");
        let last = checkpoint(&point, data.path(), Time(u64::MAX));
        assert_eq!(fork(&last, other), unbroken.digest);
    }
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let data = data();
    let point = point(&kinds()[3].1);
    let kept = checkpoint(&point, data.path(), Time::seconds(20));
    let text = serde_json::to_string(&kept).unwrap();
    let policies = Policies::new();
    let refused = |from: &str, to: &str, changes: &[(String, Value)]| {
        assert!(text.contains(from), "{from} {text}");
        let changed: Checkpoint = serde_json::from_str(&text.replace(from, to)).unwrap();
        changed.resume(changes, &policies).unwrap_err()
    };
    let version = format!("\"version\":\"{}\"", study::VERSION);
    assert!(matches!(
        refused("\"bourse_checkpoint\":1", "\"bourse_checkpoint\":2", &[]),
        CheckpointError::Form { found: 2 }
    ));
    let other = refused(&version, "\"version\":\"0.0.9\"", &[]);
    assert!(matches!(other, CheckpointError::Version { .. }), "{other}");
    let other = refused("seed = 3", "seed = 4", &[]);
    assert!(matches!(other, CheckpointError::Study { .. }), "{other}");
    let elsewhere = refused("\"at_ns\":20000000000", "\"at_ns\":2000000000", &[]);
    assert!(matches!(elsewhere, CheckpointError::Run(RunError::Elsewhere { .. })), "{elsewhere}");
    let set = |key: &str, value: &str| [(key.to_owned(), Value::from(value))];
    let fixed = refused("seed", "seed", &set("filling.counted", "cpus"));
    assert!(fixed.to_string().contains("what can: filling.policy, filling.tie"), "{fixed}");
    let unknown = refused("seed", "seed", &set("filling.policy", "best"));
    assert!(unknown.to_string().contains("no policy `best`"), "{unknown}");
    let unknown = refused("seed", "seed", &set("filling.policies", "best"));
    assert!(unknown.to_string().contains("unknown field"), "{unknown}");
    // Data that is another one.
    let nodes = data.path().join("nodes.csv");
    fs::write(nodes, NODES.replace("8000", "1500")).unwrap();
    let moved = kept.resume(&[], &policies).unwrap_err();
    assert!(matches!(moved, CheckpointError::Run(RunError::Elsewhere { .. })), "{moved}");
}

fn explanation(point: &Point, data: &Path, job: u64) -> Explanation {
    let answer = again::explain(point, data, &Policies::new(), (job, 0)).unwrap().unwrap().0;
    match answer {
        Some(Answer::Machines(explanation)) => explanation,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_decision_is_explained_by_every_machine() {
    let data = data();
    let text =
        kinds()[3].1.replace("policy = \"random\"\ntie = \"random-each\"", "policy = \"pack\"");
    let point = point(&text);
    let mut none = 0;
    for job in 0..40 {
        let it = explanation(&point, data.path(), job);
        assert_eq!(it.fitting.len() + it.lacking.len(), 4);
        assert_eq!(it.chosen.as_ref(), it.fitting.first(), "the best one is taken");
        assert!(it.fitting.is_sorted_by(|one, other| one.score >= other.score));
        assert!(it.lacking.iter().all(|it| !it.lacks.is_empty()), "{:?}", it.lacking);
        for machine in it.lacking.iter().filter(|_| it.asks.contains_key("gpus")) {
            let lacks: Vec<&str> = machine.lacks.iter().map(|lack| lack.of.as_str()).collect();
            if machine.name.as_str() > "b" {
                assert!(lacks.contains(&"gpus"), "{lacks:?}");
            }
        }
        none += u64::from(it.chosen.is_none());
    }
    assert!(none > 0, "some found no place");
    let policies = Policies::new();
    let nobody = again::explain(&point, data.path(), &policies, (99, 0)).unwrap().unwrap();
    assert!(nobody.0.is_none());
}

#[test]
fn who_goes_before_others_is_explained() {
    let data = data();
    let point = point(&kinds()[4].1);
    let answer = again::explain(&point, data.path(), &Policies::new(), (7, 0)).unwrap().unwrap();
    let Some(Answer::Line(place)) = answer.0 else { panic!("{answer:?}") };
    assert_eq!(place.job, 7);
    assert_eq!(answer.1, whole(&point, data.path()).digest);
}
