//! A fork bomb stops at the process limit and is destroyed whole.

use jail::Outcome;
use jail::plan::Limits;

use crate::rig::{Rig, eventually};

const PIDS_MAX: u64 = 40;

#[test]
fn fork_bomb_is_contained() {
    let Some(rig) = Rig::root("fork_bomb_is_contained") else { return };
    let mut plan = rig.shell("f() { f | f & }; f & exec sleep 1000");
    plan.limits = Limits { pids_max: Some(PIDS_MAX), ..Limits::default() };
    let launched = rig.launch(&plan);
    let refused = || {
        let events = rig.cgroup_file("pids.events")?;
        events.lines().find_map(|line| line.strip_prefix("max "))?.parse::<u64>().ok()
    };
    eventually("the limit to bite", || refused().is_some_and(|count| count > 0));
    let now: u64 = rig.cgroup_file("pids.current").unwrap().trim().parse().unwrap();
    assert!(now <= PIDS_MAX + 1, "{now}: the limit, and init");
    assert!(launched.supervisor().destroy().unwrap());
    let record = launched.wait();
    assert_eq!(record.outcome, Outcome::Signaled { signal: 9 });
    assert!(record.killed_by_request);
}

#[test]
fn the_limit_is_the_tasks_own() {
    let Some(rig) = Rig::root("the_limit_is_the_tasks_own") else { return };
    let mut plan = rig.shell("sleep 0; echo two");
    plan.limits = Limits { pids_max: Some(2), ..Limits::default() };
    rig.run(&plan);
    assert_eq!(rig.stdout(), "two\n", "a shell and one child fit into two");
    plan.limits.pids_max = Some(1);
    rig.run(&plan);
    assert_eq!(rig.stdout(), "two\n", "but not into one");
}
