//! A shared role with real processes: two jobs see the same, take it from each other, and both end.

use crate::rig::{Cluster, Daemon, Isolation, Shape, bourse, holds, run};

/// How long a task takes that does nothing.
const TASK_MS: u64 = 200;

/// More than fit at once, so that what is freed is wanted by both.
const INSTANCES: usize = 24;

fn job(cluster: &Cluster, name: &str) -> Daemon {
    let log = cluster.home.path().join("logs").join(format!("{name}.log"));
    let mut command = bourse(&cluster.home);
    command.args(["run", "--name", name, "--role", "lab/jobs", "--cpus", "0.5", "--quiet"]);
    command.args(["--instances", &INSTANCES.to_string()]);
    command.args(cluster.client_flags("framework", name)).args(["--", "true"]);
    Daemon::start(command, &log)
}

#[test]
fn two_jobs_in_a_shared_role_take_turns_by_conflict() {
    let shape = Shape { name: "shared", masters: 1, secure: true, flags: &[] };
    let mut cluster = Cluster::start(shape);
    for agent in ["east", "west"] {
        cluster.add_agent(agent, Isolation::Emulated(TASK_MS), "cpus:2;mem:4096");
    }
    let flags = cluster.client_flags("operator", "clerk");
    let command = |words: &[&str]| {
        let mut command = bourse(&cluster.home);
        command.args(words).args(&flags);
        command
    };
    run(&mut command(&["roles", "set", "lab", "--offers", "shared"])).success();

    let mut jobs = [job(&cluster, "one"), job(&cluster, "two")];
    let (mut commits, mut conflicts) = (0, 0);
    let mut ended = [None, None];
    holds("both jobs end", || {
        let rows = run(&mut command(&["--output", "json", "frameworks"])).json();
        for row in rows.as_array().unwrap() {
            commits = commits.max(row["commits"].as_u64().unwrap());
            conflicts = conflicts.max(row["commit_conflicts"].as_u64().unwrap());
        }
        for (job, ended) in jobs.iter_mut().zip(&mut ended) {
            *ended = ended.or_else(|| job.ended());
        }
        ended.iter().all(Option::is_some)
    });
    for (job, ended) in jobs.iter().zip(ended) {
        assert!(ended.unwrap().success(), "{}", job.log());
    }
    let done = |job: &str| {
        let states = cluster.operator.states();
        states.keys().filter(|task| task.starts_with(&format!("{job}-"))).count()
    };
    assert_eq!((done("one"), done("two")), (INSTANCES, INSTANCES));
    assert!(commits > 0 && conflicts > 0, "{commits} commits, {conflicts} conflicted");
    cluster.finish();
}
