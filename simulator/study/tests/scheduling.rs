//! Jobs on machines that are not alike: small cases worked by hand, and random ones of which every
//! step is judged.

use serde_json::{Value, json};
use simulator::engine::Chance;
use std::{collections::BTreeMap, fmt::Write as _, fs};
use study::{
    campaign,
    error::RunError,
    measures::Measures,
    plan::{Policies, expand},
};

/// Machines of 4 cores and so on, as lines of JSON.
const MACHINES: [&str; 3] = [
    r#"{"name":"big","count":1,"capacity":{"cpus":8000}}"#,
    r#"{"name":"small","count":2,"capacity":{"cpus":4000},"attributes":[{"name":"ssd"}]}"#,
    r#"{"name":"card","count":1,"capacity":{"cpus":4000,"gpus":2000},"gpu_model":"T4","cards":2}"#,
];

fn try_run(machines: &[&str], jobs: &[Value], keys: &str) -> Result<Measures, RunError> {
    let data = tempfile::tempdir().unwrap();
    let mut text = String::from("{\"bourse_trace\":1,\"of\":\"machines\"}\n");
    for (number, machine) in machines.iter().enumerate() {
        let _ =
            writeln!(text, "{{\"machine\":{number},\"at_ns\":0,\"change\":{{\"add\":{machine}}}}}");
    }
    fs::write(data.path().join("machines.jsonl"), text).unwrap();
    let mut text = String::from("{\"bourse_trace\":1,\"of\":\"arrivals\"}\n");
    jobs.iter().for_each(|job| _ = writeln!(text, "{job}"));
    fs::write(data.path().join("jobs.jsonl"), text).unwrap();
    let study = format!(
        "name = \"small\"\ntitle = \"small\"\n[scheduling]\n{keys}\n\
         machines = {{ file = \"machines.jsonl\" }}\njobs = {{ file = \"jobs.jsonl\" }}\n"
    );
    let points = expand(&study).unwrap();
    Ok(campaign::run_here(&points, data.path(), &Policies::new())?.remove(0))
}

fn run(machines: &[&str], jobs: &[Value], keys: &str) -> BTreeMap<String, f64> {
    try_run(machines, jobs, keys).unwrap().scalars
}

/// A job at a second: tasks of so many cores for so many seconds.
fn job(number: u64, at: u64, tasks: u32, cpus: u64, runs: u64) -> Value {
    json!({
        "job": number, "submit_ns": at * 1_000_000_000, "tasks": tasks,
        "each": { "cpus": cpus * 1_000 }, "duration_ns": runs * 1_000_000_000,
    })
}

fn with(mut job: Value, key: &str, value: Value) -> Value {
    job[key] = value;
    job
}

const BANDS: &str = "policy = \"first-fit\"\npreemption = true\n\
     bands = [{ name = \"low\", from = 0 }, { name = \"high\", from = 9 }]";

#[test]
fn the_fewest_and_youngest_of_a_lower_band_give_way_and_start_anew() {
    let high = |job| with(job, "priority", json!(9));
    // Eight cores: 4 since 0, 2 since 10, 2 since 20; then 2 are wanted.
    let low = [job(1, 0, 1, 4, 100), job(2, 10, 1, 2, 100), job(3, 20, 1, 2, 100)];
    let jobs = [low.to_vec(), vec![high(job(4, 30, 1, 2, 50))]].concat();
    let of = run(&MACHINES[..1], &jobs, BANDS);
    assert_eq!((of["evictions-low"], of["evictions-high"], of["violations"]), (1.0, 0.0, 0.0));
    // The youngest ran for 10 s for nothing, began again at 80, and took until 180.
    assert_eq!((of["makespan"], of["wait-high"], of["done"]), (180.0, 0.0, 4.0));
    assert!((of["lost-low"] - 10.0 / 310.0).abs() < 1e-12, "{}", of["lost-low"]);
    assert!((of["eviction-rate-low"] - 7.0 * 86_400.0 / 310.0).abs() < 1e-9);
    // Five cores: one task of 4 is not enough, 4 and 2 are; rather than all three.
    let jobs = [low.to_vec(), vec![high(job(4, 30, 1, 5, 50))]].concat();
    assert_eq!(run(&MACHINES[..1], &jobs, BANDS)["evictions-low"], 2.0);
    // Nobody gives way to its like, nor to what is no preemption.
    let jobs = [low.to_vec(), vec![with(job(4, 30, 1, 2, 50), "priority", json!(8))]].concat();
    let of = run(&MACHINES[..1], &jobs, BANDS);
    assert_eq!((of["evictions"], of["wait-p90"]), (0.0, 70.0));
    let patient = BANDS.replace("preemption = true", "");
    let jobs = [low.to_vec(), vec![high(job(4, 30, 1, 2, 50))]].concat();
    assert_eq!(run(&MACHINES[..1], &jobs, &patient)["evictions"], 0.0);
    // Of those that come together the highest band goes first, and the queue waits for its turn.
    let jobs = [job(1, 0, 2, 4, 100), high(job(2, 0, 1, 8, 50))];
    let of = run(&MACHINES[..1], &jobs, &format!("{BANDS}\nevery_s = 60"));
    assert_eq!((of["evictions"], of["wait-high"], of["wait-low"]), (0.0, 0.0, 60.0));
}

#[test]
fn a_gang_starts_whole_or_not_at_all() {
    let gang = |job| with(job, "gang", json!(true));
    let first_fit = "policy = \"first-fit\"";
    // Twenty cores; six are taken until 100; a gang of four tasks of 4 waits, a lone task goes by.
    let jobs = [job(1, 0, 1, 6, 100), gang(job(2, 10, 5, 4, 50)), job(3, 20, 2, 4, 10)];
    let of = run(&MACHINES, &jobs, first_fit);
    assert_eq!((of["gangs"], of["gang-most"], of["violations"]), (1.0, 5.0, 0.0));
    assert_eq!((of["makespan"], of["started"], of["done"]), (150.0, 8.0, 8.0));
    // Parts of other shapes start with it, and none stays behind when another has no room.
    let card = |tasks: u32, gpus: u64| {
        let part = gang(job(2, 0, tasks, 1, 50));
        with(part, "each", json!({ "cpus": 1_000, "gpus": gpus }))
    };
    let two = |gpus| [with(gang(job(2, 0, 3, 4, 50)), "more", json!(true)), card(1, gpus)];
    assert_eq!(run(&MACHINES, &two(2_000), first_fit)["done"], 4.0);
    let of = run(&MACHINES, &two(3_000), first_fit);
    assert_eq!((of["impossible"], of["tasks"], of["started"]), (4.0, 0.0, 0.0));
    let jobs = [card(3, 1_000), job(3, 0, 1, 4, 50)];
    let of = run(&MACHINES, &jobs, first_fit);
    assert_eq!((of["left"], of["gangs"], of["done"]), (3.0, 0.0, 1.0), "larger than the cell");
    // Lower ones give way to a gang only if that helps all of it.
    let high = |job| with(gang(job), "priority", json!(9));
    let low = job(1, 0, 5, 4, 100);
    let jobs = [low.clone(), high(job(2, 10, 6, 4, 50))];
    assert_eq!(run(&MACHINES, &jobs, BANDS)["evictions"], 0.0);
    let of = run(&MACHINES, &[low, high(job(2, 10, 5, 4, 50))], BANDS);
    assert_eq!((of["evictions"], of["makespan"], of["violations"]), (5.0, 160.0, 0.0));
}

#[test]
fn constraints_are_kept() {
    let policy = "policy = \"first-fit\"\nproperties = { ssd = [\"fast\"], \"*\" = [\"any\"] }";
    let said = |job, constraints| with(job, "constraints", constraints);
    let wants = |names: &[&str]| {
        let all: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
        json!({ "properties": all })
    };
    // Two machines have an SSD: three tasks that fill one each take two turns.
    let of = run(&MACHINES, &[said(job(1, 0, 3, 4, 50), wants(&["fast", "any"]))], policy);
    assert_eq!((of["makespan"], of["constrained"], of["violations"]), (100.0, 3.0, 0.0));
    // The second of them, by its name with a domain; nobody has all of these.
    let of = run(&MACHINES, &[said(job(1, 0, 2, 4, 50), wants(&["small2.site"]))], policy);
    assert_eq!((of["makespan"], of["violations"]), (100.0, 0.0));
    let of = run(&MACHINES, &[said(job(1, 0, 2, 4, 50), wants(&["small1", "small2"]))], policy);
    assert_eq!((of["impossible"], of["started"]), (2.0, 0.0));
    let avoids = json!({ "properties": [{ "name": "ssd", "wanted": false }] });
    let of = run(&MACHINES, &[said(job(1, 0, 4, 4, 50), avoids)], policy);
    assert_eq!((of["makespan"], of["violations"]), (100.0, 0.0), "three have room");
    // Who is alone on a machine waits for the last one to go, and others for it.
    let alone = |job| said(job, json!({ "exclusive": true }));
    let jobs = [job(1, 0, 1, 1, 50), alone(job(2, 10, 1, 1, 50)), job(3, 20, 1, 1, 50)];
    let of = run(&MACHINES[..1], &jobs, policy);
    assert_eq!((of["makespan"], of["wait-p90"], of["violations"]), (120.0, 60.0, 0.0));
    // Two of a group on a machine at most, whatever their jobs.
    let two = json!({ "per_machine": 2, "group": "web" });
    let jobs = [said(job(1, 0, 2, 1, 50), two.clone()), said(job(2, 0, 1, 1, 50), two)];
    let of = run(&MACHINES[..1], &jobs, policy);
    assert_eq!((of["makespan"], of["violations"]), (100.0, 0.0));
    let cards = json!({ "gpu_models": ["T4"] });
    let half = with(job(1, 0, 5, 1, 50), "each", json!({ "cpus": 100, "gpus": 500 }));
    let of = run(&MACHINES, &[said(half, cards)], policy);
    assert_eq!((of["makespan"], of["violations"]), (100.0, 0.0), "four halves at once");
}

/// A job of anything.
fn any_job(number: u64, chance: &mut Chance) -> Value {
    let mut it = job(number, chance.below(200), 1, 1, chance.between(1, 60));
    it["tasks"] = json!(chance.between(1, 4));
    it["each"] = json!({ "cpus": chance.between(1, 4) * 1_000 });
    it["priority"] = json!(chance.below(12));
    it["gang"] = json!(chance.per_mille(300));
    if chance.per_mille(300) {
        let gpus = *chance.pick(&[300, 500, 1_000, 2_000]).unwrap();
        it["each"] = json!({ "cpus": 500, "gpus": gpus });
    }
    match chance.below(8) {
        0 => it["constraints"] = json!({ "properties": [{ "name": "ssd" }] }),
        1 => it["constraints"] = json!({ "properties": [{ "name": "small1", "wanted": false }] }),
        2 => it["constraints"] = json!({ "exclusive": true }),
        3 => it["constraints"] = json!({ "per_machine": chance.between(1, 2) }),
        4 => it["constraints"] = json!({ "per_machine": 2, "group": "one" }),
        5 => it["constraints"] = json!({ "gpu_models": ["T4"] }),
        _ => {}
    }
    it
}

#[test]
fn whatever_comes_nothing_is_violated_and_nothing_is_lost() {
    let mut seen: BTreeMap<&str, f64> = BTreeMap::new();
    for seed in 0..60 {
        let mut chance = Chance::of(seed, "jobs", 0);
        let jobs: Vec<Value> = (0..60).map(|number| any_job(number, &mut chance)).collect();
        let policy = *chance.pick(&["random", "first-fit", "best-fit", "fgd"]).unwrap();
        let every = chance.below(3) * 7;
        let keys = BANDS.replace("first-fit", policy);
        let keys = format!("{keys}\nevery_s = {every}\nlooked_at = 2");
        let measures = try_run(&MACHINES, &jobs, &keys).unwrap();
        let of = &measures.scalars;
        assert_eq!(of["violations"], 0.0, "{seed}: {of:?}");
        assert_eq!(of["tasks"], of["done"] + of["left"], "{seed}: {of:?}");
        assert_eq!(of["started"], of["done"] + of["evictions"], "{seed}: {of:?}");
        assert_eq!(try_run(&MACHINES, &jobs, &keys).unwrap().digest, measures.digest);
        for name in ["evictions", "gangs", "constrained", "done"] {
            *seen.entry(name).or_default() += of[name];
        }
    }
    assert!(seen.values().all(|count| *count > 300.0), "{seen:?}");
}

#[test]
fn what_cannot_be_is_said() {
    let problem = |keys: &str| try_run(&MACHINES, &[], keys).unwrap_err().to_string();
    let wrong = problem("policy = \"worst\"");
    assert!(wrong.contains("no policy `worst`"), "{wrong}");
    let wrong = problem(&BANDS.replace("from = 9", "from = 0"));
    assert!(wrong.contains("each begins above the one before it"), "{wrong}");
    let bands: Vec<String> =
        (0..11).map(|from| format!("{{ name = \"{from}\", from = {from} }}")).collect();
    let wrong = problem(&format!("policy = \"fgd\"\nbands = [{}]", bands.join(", ")));
    assert!(wrong.contains("11 is more than 10"), "{wrong}");
    let wrong = problem("policy = \"fgd\"\nlooked_at = 4000000000");
    assert!(wrong.contains("is more than 1000000"), "{wrong}");
    let many = r#"{"name":"many","count":4000000000,"capacity":{"cpus":1}}"#;
    let wrong = try_run(&[many], &[], "policy = \"fgd\"").unwrap_err().to_string();
    assert!(wrong.contains("4000000000 is more than 1000000"), "{wrong}");
    let jobs = [job(1, 0, u32::MAX, 0, 1)];
    let wrong = try_run(&MACHINES, &jobs, "policy = \"fgd\"").unwrap_err().to_string();
    assert!(wrong.contains("is more than 20000000"), "{wrong}");
    // Without machines nothing is possible; what would end after all time does not end.
    let of = run(&[], &[job(1, 0, 1, 1, 1)], "policy = \"random\"");
    assert_eq!((of["impossible"], of["violations"]), (1.0, 0.0));
    let late = with(job(1, 0, 2, 8, 1), "submit_ns", json!(u64::MAX - 5));
    let late = with(late, "duration_ns", json!(u64::MAX));
    let of = run(&MACHINES[..1], &[late], "policy = \"random\"\nevery_s = 60");
    assert_eq!((of["started"], of["done"], of["left"]), (1.0, 0.0, 1.0));
}
