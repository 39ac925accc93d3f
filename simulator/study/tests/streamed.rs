//! Jobs that are read as they come are the same as those that are held, to every kind of study.

use simulator::engine::Chance;
use std::{fmt::Write as _, fs};
use study::{
    backfilling::RigidJobs,
    campaign,
    measures::Measures,
    plan::{Policies, Study, expand},
    probing::ProbedJobs,
    scheduling::Work,
};

const MACHINES: &str = "{\"bourse_trace\":1,\"of\":\"machines\"}\n\
    {\"machine\":0,\"at_ns\":0,\"change\":{\"add\":{\"name\":\"m\",\"count\":3,\
    \"capacity\":{\"cpus\":8000},\"attributes\":[{\"name\":\"ssd\"}]}}}\n\
    {\"machine\":1,\"at_ns\":0,\"change\":{\"add\":{\"name\":\"n\",\"count\":3,\
    \"capacity\":{\"cpus\":4000}}}}\n";

const SECOND: u64 = 1_000_000_000;

/// Jobs in order of time, several at a moment now and then: some of parts, gangs, of which nobody
/// knows how long they ran, or for which no machine is large enough.
fn jobs(seed: u64) -> String {
    let mut chance = Chance::of(seed, "jobs", 0);
    let mut text = String::from("{\"bourse_trace\":1,\"of\":\"arrivals\"}\n");
    let mut at = 0;
    for job in 0..200 {
        at += chance.below(5) * chance.below(3);
        let parts = 1 + chance.below(8) / 6;
        let (priority, gang) = (chance.below(12), chance.below(3) == 0);
        let wanted = chance.below(5) == 0;
        for part in 1..=parts {
            let (tasks, cpus) = (1 + chance.below(3), 1 + chance.below(4) * chance.below(4));
            let _ = write!(
                text,
                "{{\"job\":{job},\"submit_ns\":{},\"tasks\":{tasks},\
                 \"priority\":{priority},\"gang\":{gang},\"more\":{},\
                 \"each\":{{\"cpus\":{cpus}000}}",
                at * SECOND,
                part < parts
            );
            if chance.below(20) > 0 {
                let _ = write!(text, ",\"duration_ns\":{}000000000", 1 + chance.below(30));
            }
            if wanted {
                text += ",\"constraints\":{\"properties\":[{\"name\":\"ssd\",\"wanted\":true}]}";
            }
            text += "}\n";
        }
    }
    text
}

fn text(kind: &str, keys: &str, transform: &str) -> String {
    format!(
        "name = \"small\"\ntitle = \"small\"\n[{kind}]\n{keys}\n\
         jobs = {{ file = \"jobs.jsonl\"{transform} }}\n"
    )
}

const SORTED: &str = ", transform = [\"sort\"]";

const KINDS: [(&str, &str); 12] = [
    ("backfilling", "processors = 24\ndiscipline = \"fcfs\""),
    ("backfilling", "processors = 24\ndiscipline = \"easy\""),
    ("backfilling", "processors = 24\ndiscipline = \"conservative\""),
    ("probing", "workers = 30\nscheme = \"random\"\nload = 0.9\ncutoff_s = 10"),
    ("probing", "workers = 30\nscheme = \"per-task\"\nnetwork_ms = 50"),
    ("probing", "workers = 30\nscheme = \"batch\"\ntask_times = \"exponential\""),
    ("probing", "workers = 30\nscheme = \"late-binding\"\nload = 0.8\nwarm_up = 0.2"),
    ("probing", "workers = 30\nscheme = \"late-binding\"\ncancel = false\nnetwork_ms = 20"),
    ("probing", "workers = 30\nscheme = \"central\""),
    (
        "probing",
        "workers = 30\nscheme = \"hybrid\"\ncutoff_s = 10\nshort_workers = 0.2\nsteal_tries = 5\n\
         network_ms = 1",
    ),
    ("probing", "workers = 30\nscheme = \"omniscient\"\nload = 0.7"),
    (
        "scheduling",
        "machines = { file = \"machines.jsonl\" }\nprefill = { file = \"jobs.jsonl\" }\n\
         policy = \"best-fit\"\npreemption = true\nuntil_s = 900\n\
         bands = [{ name = \"low\", from = 0 }, { name = \"high\", from = 9 }]",
    ),
];

fn run(data: &tempfile::TempDir, text: &str) -> Measures {
    let points = expand(text).unwrap();
    campaign::run_here(&points, data.path(), &Policies::new()).unwrap().remove(0)
}

#[test]
fn jobs_that_are_read_as_they_come_are_the_same() {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("machines.jsonl"), MACHINES).unwrap();
    for seed in 0..4 {
        fs::write(data.path().join("jobs.jsonl"), jobs(seed)).unwrap();
        for (kind, keys) in KINDS {
            let streamed = run(&data, &text(kind, keys, ""));
            let held = run(&data, &text(kind, keys, SORTED));
            assert_eq!(streamed, held, "{kind}: {keys}, seed {seed}");
            assert_ne!(streamed.digest, 0);
        }
    }
}

#[test]
fn what_stands_in_order_is_not_held() {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("machines.jsonl"), MACHINES).unwrap();
    fs::write(data.path().join("jobs.jsonl"), jobs(1)).unwrap();
    for (transform, held) in [("", false), (SORTED, true)] {
        for (kind, keys) in KINDS {
            let study = Study::parse(&text(kind, keys, transform)).unwrap();
            let data = data.path();
            let is_held = match (&study.backfilling, &study.probing, &study.scheduling) {
                (Some(plan), ..) => RigidJobs::open(data, &plan.jobs, 1).unwrap().is_held(),
                (_, Some(plan), _) => ProbedJobs::open(data, &plan.jobs, 1).unwrap().is_held(),
                (.., Some(plan)) => Work::open(data, plan, 1).unwrap().is_held(),
                _ => unreachable!("there are three kinds"),
            };
            assert_eq!(is_held, held, "{kind}: {keys}");
        }
    }
}
