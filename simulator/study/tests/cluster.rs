//! Whole clusters of the real cores: small cases with known results.

use std::{collections::BTreeMap, path::Path};
use study::{
    campaign,
    plan::{Policies, expand},
};

fn run(text: &str) -> (BTreeMap<String, f64>, u64) {
    let points = expand(text).unwrap();
    let runs = campaign::run(&points, Path::new("."), &Policies::new(), 1, &|_| {}).unwrap();
    (runs[0].measures.scalars.clone(), runs[0].measures.digest)
}

fn cluster(agents: &str, frameworks: &str) -> String {
    format!(
        "name = \"small\"\ntitle = \"small\"\n[cluster]\nuntil_s = 600\nplacement = \"pack\"\n\
         [cluster.agents]\n{agents}\n{frameworks}"
    )
}

/// The shipped batch framework runs its job to the end, on nothing but what a study says.
#[test]
fn a_shipped_framework_runs_unchanged() {
    let text = cluster(
        "count = 2\ncpus = 2\nmem = 1024",
        "[cluster.frameworks.all]\ncount = 3\ntasks = 8\ncpus = 0.5\nmem = 64\nrun_s = 10\n\
         decide_s = 0.5",
    );
    let (of, digest) = run(&text);
    assert_eq!((of["all.done"], of["all.started"], of["launched"]), (1.0, 24.0, 24.0));
    assert_eq!(of["refused"], 0.0);
    // Four cores hold eight tasks at once, so that there are three rounds of ten seconds at least.
    assert!((30.0..40.0).contains(&of["all.makespan-most"]), "{}", of["all.makespan-most"]);
    assert!(of["all.busy"] > 0.0, "they decide for half a second each time");
    assert!((0.75..=1.0).contains(&of["cpus-used"]), "{}", of["cpus-used"]);
    assert_eq!(run(&text).1, digest, "the same again");
}

/// DRF NSDI'11, section 4.1, by the master's own allocator.
#[test]
fn dominant_shares_are_equal() {
    let text = study::studies::find("drf-canonical").unwrap().text;
    let points = expand(text).unwrap();
    let by_pieces = points.iter().find(|point| point.labels["placement"] == "pack").unwrap();
    let runs = campaign::run(
        std::slice::from_ref(by_pieces),
        Path::new("."),
        &Policies::new(),
        1,
        &|_| {},
    )
    .unwrap();
    let of = &runs[0].measures.scalars;
    assert_eq!((of["A.started"], of["B.started"]), (3.0, 2.0));
}

#[test]
fn weights_count() {
    let text = cluster(
        "count = 1\ncpus = 6\nmem = 8192\nstart_s = 5",
        "[cluster.weights]\nheavy = 2\n\
         [cluster.frameworks.heavy]\ncount = 1\nrole = \"heavy\"\ntasks = 9\ncpus = 1\nmem = 64\n\
         run_s = 3600\n\
         [cluster.frameworks.light]\ncount = 1\nrole = \"light\"\ntasks = 9\ncpus = 1\nmem = 64\n\
         run_s = 3600",
    );
    let (of, _) = run(&text);
    assert_eq!((of["heavy.started"], of["light.started"]), (4.0, 2.0));
}

/// Nobody is offered what it has not asked for, however much is free.
#[test]
fn a_framework_is_offered_what_it_states_and_no_more() {
    let text = cluster(
        "count = 50\ncpus = 4\nmem = 4096",
        "[cluster.frameworks.all]\ncount = 4\ntasks = 2\ncpus = 1\nmem = 64\nrun_s = 5",
    );
    let (of, _) = run(&text);
    assert_eq!(of["all.done"], 1.0);
    assert!(of["offers"] <= 8.0, "{} offers for 8 tasks", of["offers"]);
}

#[test]
fn what_is_wrong_in_a_plan_is_said() {
    let good = cluster(
        "count = 1\ncpus = 1\nmem = 64",
        "[cluster.frameworks.all]\ncount = 1\ntasks = 1\ncpus = 1\nmem = 64\nrun_s = 1",
    );
    let problem = |from: &str, to: &str| {
        let text = good.replace(from, to);
        assert_ne!(text, good);
        match expand(&text) {
            Err(problem) => problem.to_string(),
            Ok(points) => {
                let runs = campaign::run(&points, Path::new("."), &Policies::new(), 1, &|_| {});
                runs.unwrap_err().to_string()
            }
        }
    };
    assert!(problem("\"pack\"", "\"fullest\"").contains("fullest"));
    assert!(problem("run_s = 1", "run_s = 1\nrole = \"a//b\"").contains("the role `a//b`"));
    assert!(problem("cpus = 1\nmem = 64\nrun", "cpus = -1\nmem = 64\nrun").contains("-1"));
    assert!(problem("tasks = 1", "tasks = 0").contains("all-0"));
    assert!(
        problem("count = 1\ncpus = 1\nmem", "count = 4000000000\ncpus = 1\nmem")
            .contains("agents.count")
    );
    assert!(problem("frameworks.all", "frameworks.\"no name\"").contains("no name-0"));
}

/// Two frameworks with queues on one cell; what they ask for, and for how long they decide, differ.
fn queues(asks: &str, decide_s: f64) -> String {
    let stream = |class: &str, between: u64| {
        format!(
            "[[cluster.jobs.{class}.jobs.generate]]\nname = \"{class}\"\nclass = \"{class}\"\n\
             between = {{ exponential = {{ mean = {between} }} }}\ntasks = {{ constant = 6 }}\n\
             duration = {{ constant = 20000000000 }}\neach = {{ cpus = 500, mem = 64000 }}\n"
        )
    };
    let group = |class: &str, decide_s: f64, between: u64| {
        format!(
            "[cluster.jobs.{class}]\nrole = \"{class}\"\nasks = \"{asks}\"\n\
             decide_s = {decide_s}\ndecide_task_s = 0.01\n\
             jobs.end = {{ before_ns = 300000000000 }}\n{}",
            stream(class, between)
        )
    };
    cluster(
        "count = 30\ncpus = 2\nmem = 1024",
        &(group("batch", 0.1, 3_000_000_000) + &group("service", decide_s, 30_000_000_000)),
    )
}

/// Whatever way they come to resources, every job is placed, and a slow service framework is busy
/// for as long as its decisions take.
#[test]
fn queues_of_jobs_are_decided_one_after_the_other() {
    for asks in ["demand", "plain", "shared"] {
        let (of, digest) = run(&queues(asks, 5.0));
        let jobs = of["batch.jobs"] + of["service.jobs"];
        assert!(jobs > 80.0, "{asks}: {jobs} jobs");
        let placed = of["batch.placed"] + of["service.placed"];
        assert_eq!((placed, of["launched"]), (jobs, 6.0 * jobs), "{asks}");
        assert_eq!((of["batch.left"], of["batch.abandoned"]), (0.0, 0.0), "{asks}");
        let busy = of["service.jobs"] * 5.06 / of["end"];
        assert!(
            (of["service.busy"] - busy).abs() < 0.02,
            "{asks}: {} for {busy}",
            of["service.busy"]
        );
        // Twenty seconds on half a core, of sixty cores.
        let used = 6.0 * jobs * 20.0 * 0.5 / (60.0 * of["end"]);
        assert!((of["cpus-used"] - used).abs() < 0.01, "{asks}: {} for {used}", of["cpus-used"]);
        assert_eq!(run(&queues(asks, 5.0)).1, digest, "{asks}: the same again");
    }
}

/// A slow framework that takes any offers keeps them from the other one while it decides; one that
/// says what it wants does not.
#[test]
fn a_slow_framework_holds_what_it_is_offered() {
    let waits = |asks| {
        let (of, _) = run(&queues(asks, 10.0));
        (of["batch.wait"], of["cpus-held"])
    };
    let (plain, demand, shared) = (waits("plain"), waits("demand"), waits("shared"));
    assert!(plain.1 > 5.0 * demand.1, "held: {plain:?}, {demand:?}");
    assert!(plain.0 > demand.0, "waited: {plain:?}, {demand:?}");
    assert_eq!(shared.1, 0.0, "nothing is offered");
}

#[test]
fn a_queue_of_jobs_that_ask_for_what_no_agent_has_is_refused() {
    let text = queues("demand", 1.0).replace("mem = 64000 }", "mem = 64000, gpus = 1000 }");
    let points = expand(&text).unwrap();
    let runs = campaign::run(&points, Path::new("."), &Policies::new(), 1, &|_| {});
    let problem = runs.unwrap_err().to_string();
    assert!(problem.contains("cluster.jobs.") && problem.contains("gpus"), "{problem}");
}

/// What is offered in turn is fair, also when the pieces of a job are on several agents and the log
/// takes its time.
#[test]
fn nobody_is_served_before_one_with_less_who_would_have_fitted() {
    let text = queues("demand", 0.1)
        .replace("count = 30", "count = 3")
        .replace("[cluster]\n", "[cluster]\nshares_from_s = 0\ncommit_ms = 5\n");
    let (of, _) = run(&text);
    assert!(of["shares-judged"] > 100.0, "{of:?}");
    // Half a core of six.
    assert!((of["share-of-piece-most"] - 0.5 / 6.0).abs() < 1e-5, "{of:?}");
    assert_eq!(of["share-gap-most"], 0.0, "{of:?}");
}

#[test]
fn shares_are_judged_of_what_they_are_judged_by() {
    let judged = queues("demand", 0.1).replace("[cluster]\n", "[cluster]\nshares_from_s = 0\n");
    let problem = |text: &str| {
        let points = expand(text).unwrap();
        let runs = campaign::run(&points, Path::new("."), &Policies::new(), 1, &|_| {});
        runs.unwrap_err().to_string()
    };
    let batch = "[cluster.frameworks.more]\ncount = 1\ntasks = 1\ncpus = 1\nmem = 1\nrun_s = 1\n";
    for text in [
        judged.replace("\"demand\"", "\"plain\""),
        judged.replace("role = \"service\"", "role = \"batch\""),
        format!("{judged}[cluster.weights]\nbatch = 2.0\n"),
        format!("{judged}[cluster.roles.batch]\nlimit = {{ cpus = 1, mem = 1 }}\n"),
        format!("{judged}{batch}"),
    ] {
        let problem = problem(&text);
        assert!(problem.contains("cluster.shares_from_s"), "{problem}");
    }
}
