//! Schedulers without a queue: small cases worked by hand, and what is wrong in a file.

use std::{collections::BTreeMap, fmt::Write as _, fs};
use study::{
    campaign,
    outcome::Outcome,
    plan::{Point, Policies, Study, expand},
};

/// Jobs as (submit in s, tasks, duration in s), for `[probing]` as given beside the rest.
fn study(jobs: &[(u64, u64, u64)], probing: &str) -> (tempfile::TempDir, String) {
    let data = tempfile::tempdir().unwrap();
    let titles = "job_id,workload,submit_s,num_tasks,task_duration_s,cpus_per_task,mem_gb_per_task";
    let mut list = format!("{titles}\n");
    for (number, (submit, tasks, duration)) in jobs.iter().enumerate() {
        let _ = writeln!(list, "{number},Batch,{submit},{tasks},{duration},1,1");
    }
    fs::write(data.path().join("jobs.csv"), list).unwrap();
    let text = format!(
        "name = \"small\"\ntitle = \"small\"\n[probing]\njobs = {{ file = \"jobs.csv\" }}\n{probing}"
    );
    (data, text)
}

fn run(jobs: &[(u64, u64, u64)], probing: &str) -> BTreeMap<String, f64> {
    let (data, text) = study(jobs, probing);
    let points = expand(&text).unwrap();
    let runs = campaign::run(&points, data.path(), &Policies::new(), 1, &|_| {}).unwrap();
    runs[0].measures.scalars.clone()
}

#[test]
fn every_message_takes_its_time() {
    let one = |scheme: &str| {
        run(&[(5, 1, 10)], &format!("workers = 3\nscheme = \"{scheme}\"\nnetwork_ms = 100\n"))
    };
    let near = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
    // A task's way; a probe's and its answer's before it; a reservation's, a question's, an
    // answer's.
    for (scheme, wait, messages) in [
        ("omniscient", 0.0, None),
        ("random", 0.1, Some(1.0)),
        ("central", 0.1, Some(1.0)),
        ("per-task", 0.3, Some(5.0)),
        ("batch", 0.3, Some(5.0)),
        // The second worker has asked before it could be told not to.
        ("late-binding", 0.3, Some(6.0)),
    ] {
        let of = one(scheme);
        assert!(near(of["wait"], wait) && near(of["response"], 10.0 + wait), "{scheme}: {of:?}");
        assert!(near(of["response-ratio"], 1.0 + wait / 10.0), "{scheme}");
        assert_eq!(of.get("messages").copied(), messages, "{scheme}");
    }
}

#[test]
fn an_idle_worker_takes_short_work_from_behind_long_work() {
    // Four workers, one of them for short jobs alone. Three long tasks hold the others until 100;
    // then short jobs come, with reservations at all four, so that there is work behind long work.
    let jobs = [(0, 3, 100), (10, 2, 1), (10, 2, 1), (10, 2, 1), (10, 2, 1)];
    let hybrid = |tries| {
        run(
            &jobs,
            &format!(
                "workers = 4\nscheme = \"hybrid\"\ncutoff_s = 50\nshort_workers = 0.25\n\
                 steal_tries = {tries}\n"
            ),
        )
    };
    let (alone, helped) = (hybrid(0), hybrid(10));
    assert_eq!((alone["long-wait"], helped["long-wait"]), (0.0, 0.0));
    assert_eq!((alone["stolen"], alone["short-jobs"]), (0.0, 0.8));
    // Alone: the jobs' second tasks wait behind long ones, until 100, and the last one until 101.
    assert_eq!(alone["short-wait"], 90.25);
    // The idle worker does all eight: four first ones from 10 to 14, then four that it has stolen.
    assert_eq!(helped["short-response"], 6.5);
    let median = helped["short-response-p50"];
    assert!((median - 6.0).abs() <= 6.0 / 2_048.0, "{median}: as sharp as bins are");
    assert_eq!((helped["stolen"], helped["response-p99"]), (4.0 / 11.0, 100.0));
}

#[test]
fn reservations_that_are_not_needed_cost_a_question() {
    // One worker has the first task until 10, the other one the second task from 1 on; at 10 the
    // first worker holds a reservation of a job that has begun.
    let jobs = [(0, 1, 10), (1, 1, 20)];
    let messages = |cancel| {
        let more = format!("workers = 2\nscheme = \"late-binding\"\ncancel = {cancel}\n");
        run(&jobs, &more)["messages"]
    };
    // Of the first job two reservations, two questions, two answers. Of the second one two
    // reservations, a question, an answer, and a word that the other one is not needed, or a
    // question and an answer for it.
    assert_eq!((messages(true), messages(false)), ((6.0 + 5.0) / 2.0, (6.0 + 6.0) / 2.0));
}

#[test]
fn a_load_is_kept_and_the_first_jobs_are_not_measured() {
    let jobs: Vec<_> = (0..100).map(|number| (number * 7, 2, 3)).collect();
    let of = run(&jobs, "workers = 5\nscheme = \"random\"\nload = 0.8\nwarm_up = 0.25\n");
    assert!((of["load"] - 0.8).abs() < 1e-9);
    assert_eq!(of["jobs"], 75.0);
}

#[test]
fn the_same_study_does_the_same_whatever_the_number_of_threads() {
    let jobs: Vec<_> =
        (0..200).map(|number| (number * 3, 1 + number % 7, 1 + number % 11)).collect();
    let (data, text) = study(
        &jobs,
        "workers = 9\nscheme = \"random\"\nload = 0.9\ncutoff_s = 8\nshort_workers = 0.3\n\
         steal_tries = 2\nnetwork_ms = 5\ntask_times = \"exponential\"\n\
         [sweep]\n\"probing.scheme\" = [\"random\", \"per-task\", \"batch\", \"late-binding\", \
         \"central\", \"hybrid\", \"omniscient\"]\n[repeat]\nseed = 3\n\
         [[expect]]\nmeasure = \"response-ratio\"\nleast = 0\n",
    );
    let points: Vec<Point> = expand(&text).unwrap();
    let outcome = |threads| {
        let runs = campaign::run(&points, data.path(), &Policies::new(), threads, &|_| {}).unwrap();
        Outcome::of(&Study::parse(&text).unwrap(), &runs)
    };
    let (one, three) = (outcome(1), outcome(3));
    assert_eq!((one.runs, one.digest.as_str()), (21, "f4bd7ec01610f601"));
    assert_eq!(one.digest, three.digest);
    assert!(one.passed());
}

#[test]
fn what_is_wrong_in_a_file_is_said() {
    let problem = |more: &str| {
        let (data, text) = study(&[(0, 3, 1)], more);
        match expand(&text) {
            Err(problem) => problem.to_string(),
            Ok(points) => campaign::run(&points, data.path(), &Policies::new(), 1, &|_| {})
                .expect_err(more)
                .to_string(),
        }
    };
    let random = "workers = 3\nscheme = \"random\"\n";
    for (more, said) in [
        ("workers = 3\nscheme = \"best\"\n".to_owned(), "unknown variant `best`"),
        ("workers = 0\nscheme = \"random\"\n".to_owned(), "`probing.workers`: has to be at least"),
        ("workers = 2000000\nscheme = \"random\"\n".to_owned(), "2000000 is more than 1000000"),
        (format!("{random}probe_ratio = 0\n"), "`probing.probe_ratio`"),
        (format!("{random}probe_ratio = 4000000000\n"), "is more than 10000000"),
        (format!("{random}load = -1\n"), "`probing.load`: has to be above 0"),
        (format!("{random}load = nan\n"), "`probing.load`"),
        (format!("{random}warm_up = 1\n"), "`probing.warm_up`: has to be from 0 to below 1"),
        (format!("{random}short_workers = nan\n"), "`probing.short_workers`"),
        (format!("{random}slots = 2\n"), "unknown field `slots`"),
        ("workers = 3\nscheme = \"hybrid\"\n".to_owned(), "`probing.cutoff_s`: has to be said"),
    ] {
        let got = problem(&more);
        assert!(got.contains(said), "{more}: {got}");
    }
}
