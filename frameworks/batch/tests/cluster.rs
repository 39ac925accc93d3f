//! Whole jobs on a cluster in virtual time, around the real core of a master: dependencies,
//! retries, changes of leader, a recorded workload.

use batch::{BatchScheduler, Job, Outcome, Replay, Silent, Summary, TaskSpec};
use bourse_sdk::model::{Duration, Instant, Milli, Resources, Role, TaskInfo};
use bourse_sdk::session::Ended;
use bourse_sdk::testing::{Behaviour, Fault, TestCluster};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn spec(name: &str, instances: u32, depends_on: &[&str]) -> TaskSpec {
    let resources = Resources::cpus_mem(400, 64);
    let mut spec = TaskSpec::new(name, vec!["true".to_owned()], resources);
    spec.instances = instances;
    spec.depends_on = depends_on.iter().map(|&name| name.to_owned()).collect();
    spec
}

fn cluster(seed: u64) -> TestCluster {
    let mut cluster = TestCluster::new(seed);
    for name in ["a1", "a2", "a3"] {
        cluster.add_agent(name, 4_000, 4_096);
    }
    cluster
}

fn run(cluster: &mut TestCluster, job: Job, limit: Duration) -> Summary {
    let mut scheduler = BatchScheduler::new(job, 1, Box::new(Silent));
    let ended = cluster.run(&mut scheduler, limit);
    assert_eq!(ended, Ok(Ended::TornDown), "{:?}", scheduler.summary());
    scheduler.summary()
}

fn job(tasks: Vec<TaskSpec>) -> Job {
    Job::new("job".to_owned(), Role::any(), tasks).unwrap()
}

/// A recorded task sleeps as long as its command says.
fn sleeps(task: &TaskInfo) -> Behaviour {
    let seconds: Milli = task.command.arguments.last().unwrap().parse().unwrap();
    Behaviour { runs_for: Duration(u64::try_from(seconds.0).unwrap()), exit_code: 0 }
}

#[test]
fn dependencies_are_kept_and_failures_are_repeated() {
    let mut fetch = spec("fetch", 20, &[]);
    fetch.retries = 2;
    let tasks = vec![spec("load", 3, &["fetch"]), fetch, spec("report", 1, &["load", "fetch"])];
    let mut cluster = cluster(1);
    // The first attempt of each fetch fails.
    cluster.set_behaviour(|task| {
        let is_first = task.id.as_str().starts_with("fetch") && !task.id.as_str().contains('.');
        Behaviour { runs_for: Duration(700), exit_code: i32::from(is_first) }
    });
    let summary = run(&mut cluster, job(tasks), Duration(300_000));
    assert!(summary.success, "{summary:?}");
    let of = |name: &str| -> Vec<_> {
        summary.tasks.iter().filter(|row| row.name == name).cloned().collect()
    };
    assert!(of("fetch").iter().all(|row| row.attempts == 2));
    let fetched = of("fetch").iter().filter_map(|row| row.ended_ms).max();
    let loading = of("load").iter().filter_map(|row| row.launched_ms).min();
    let loaded = of("load").iter().filter_map(|row| row.ended_ms).max();
    let reporting = of("report").iter().filter_map(|row| row.launched_ms).min();
    assert!(fetched <= loading && loaded <= reporting, "{summary:?}");
}

#[test]
fn what_keeps_failing_fails_the_job_and_skips_the_rest() {
    let mut bad = spec("bad", 1, &[]);
    bad.retries = 2;
    let mut cluster = cluster(1);
    cluster.set_behaviour(|task| {
        let exit_code = i32::from(task.name == "bad") * 7;
        Behaviour { runs_for: Duration(100), exit_code }
    });
    let tasks = vec![bad, spec("after", 2, &["bad"]), spec("beside", 2, &[])];
    let summary = run(&mut cluster, job(tasks), Duration(300_000));
    assert!(!summary.success);
    let expected = [(Outcome::Succeeded, 2), (Outcome::Failed, 1), (Outcome::Skipped, 2)];
    assert_eq!(summary.counts, BTreeMap::from(expected));
    assert_eq!((summary.tasks[0].attempts, summary.tasks[0].exit_code), (3, Some(7)));
}

#[test]
fn a_task_that_takes_too_long_is_killed() {
    let mut slow = spec("slow", 1, &[]);
    slow.timeout = Some(Duration(5_000));
    let mut cluster = cluster(1);
    cluster.set_behaviour(|_| Behaviour { runs_for: Duration(3_600_000), exit_code: 0 });
    let summary = run(&mut cluster, job(vec![slow]), Duration(60_000));
    assert_eq!(summary.tasks[0].outcome, Some(Outcome::TimedOut));
}

#[test]
fn a_stopped_job_leaves_nothing_running() {
    let mut cluster = cluster(1);
    cluster.set_behaviour(|_| Behaviour { runs_for: Duration(3_600_000), exit_code: 0 });
    cluster.schedule(Instant(10_000), Fault::RequestStop);
    let summary = run(&mut cluster, job(vec![spec("a", 100, &[])]), Duration(60_000));
    assert_eq!(summary.counts[&Outcome::Killed], 30, "what three agents of 4 CPUs hold");
    assert_eq!(summary.counts[&Outcome::Skipped], 70);
}

#[test]
fn a_lost_agents_tasks_run_elsewhere() {
    let mut cluster = cluster(1);
    cluster.set_agent_removal_timeout(Duration(300_000));
    cluster.set_behaviour(|_| Behaviour { runs_for: Duration(20_000), exit_code: 0 });
    cluster.schedule(Instant(10_000), Fault::CutAgent("a2".to_owned()));
    let summary = run(&mut cluster, job(vec![spec("a", 24, &[])]), Duration(1_200_000));
    assert!(summary.success, "{summary:?}");
    assert!(summary.tasks.iter().any(|row| row.attempts == 2));
    assert!(summary.tasks.iter().all(|row| row.agent.as_deref() != Some("a2")));
}

#[test]
fn a_gang_starts_at_once_or_is_given_up() {
    let gang = |name: &str, instances, depends_on: &[&str]| {
        let mut gang = spec(name, instances, depends_on);
        gang.gang_timeout = Some(Duration(60_000));
        gang
    };
    let mut cluster = cluster(1);
    cluster.set_behaviour(|_| Behaviour { runs_for: Duration(5_000), exit_code: 0 });
    cluster.schedule(Instant(2_000), Fault::RestartMaster);
    // Small ones are everywhere when the gang comes, which needs all three agents.
    let tasks = vec![spec("small", 40, &[]), gang("whole", 30, &[]), gang("large", 31, &["whole"])];
    let summary = run(&mut cluster, job(tasks), Duration(600_000));
    let of = |name: &str| summary.tasks.iter().filter(|row| row.name == name).collect::<Vec<_>>();
    assert!(of("small").iter().all(|row| row.outcome == Some(Outcome::Succeeded)));
    let whole = of("whole");
    assert!(whole.iter().all(|row| row.outcome == Some(Outcome::Succeeded)));
    assert!(whole.iter().all(|row| row.launched_ms == whole[0].launched_ms), "{whole:?}");
    assert!(of("large").iter().all(|row| row.outcome == Some(Outcome::Refused)));
}

#[test]
fn instances_are_spread() {
    let mut spread = spec("web", 3, &[]);
    spread.per_agent_max = Some(1);
    let mut cluster = cluster(1);
    cluster.set_behaviour(|_| Behaviour { runs_for: Duration(5_000), exit_code: 0 });
    let summary = run(&mut cluster, job(vec![spread]), Duration(60_000));
    let mut agents: Vec<_> = summary.tasks.iter().filter_map(|row| row.agent.clone()).collect();
    agents.sort();
    assert_eq!(agents, ["a1", "a2", "a3"]);
}

/// Every job of a recorded workload runs exactly once while the master is restarted twice, and
/// starts follow the offers: in the order of submission wherever there was room.
fn replay(path: &Path, replay: &Replay) {
    let job = replay.read(path).unwrap();
    let count = job.tasks().len();
    let mut cluster = cluster(7);
    cluster.set_behaviour(sleeps);
    cluster.schedule(Instant(15_000), Fault::RestartMaster);
    cluster.schedule(Instant(40_000), Fault::RestartMaster);
    let summary = run(&mut cluster, job, Duration(3_600_000));
    assert!(summary.success);
    assert_eq!(summary.counts[&Outcome::Succeeded], count);
    assert_eq!(cluster.launches().len(), count);
    assert!(cluster.launches().values().all(|times| *times == 1), "none runs twice");
    let mut by_offer: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for row in &summary.tasks {
        let offer = row.offer.as_deref().expect("each was launched on an offer");
        by_offer.entry(offer).or_default().push(row.launch_number.unwrap());
    }
    for (offer, numbers) in by_offer {
        assert!(numbers.is_sorted(), "{offer} was filled in the order of submission: {numbers:?}");
    }
    let waits = summary.tasks.iter().map(|row| row.launched_ms.unwrap());
    println!("{count} jobs in {} ms, last launch at {:?}", summary.duration_ms, waits.max());
}

#[test]
fn the_own_log_runs_through_two_restarts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/small.swf");
    replay(&path, &Replay::default());
}

#[test]
fn a_recorded_log_runs_through_two_restarts() {
    let name = "../../../shared/traces/swf/HPC2N-2002-2.2-first3170.swf.gz";
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if !path.exists() {
        println!("SKIPPED a_recorded_log_runs_through_two_restarts: no {}", path.display());
        return;
    }
    replay(&path, &Replay::default());
}
