//! The live ring itself, shortened: the command that runs it, and what it says.

use crate::rig::{Daemon, Home, bourse, eventually, may_be_root, run, skip};
use nix::sys::signal::Signal;
use std::fs;

/// Runs some rounds of an exercise, in which nothing may be lost or there twice; the answer is what
/// it measured.
fn exercise(name: &str, rounds: u64, flags: &[&str]) -> impl Fn(&str) -> f64 {
    let home = Home::new();
    let mut command = bourse(&home);
    let rounds_text = rounds.to_string();
    command.args(["--output", "json", "trial", "live", name, "--rounds", &rounds_text]);
    command.args(flags);
    let report = run(&mut command);
    let report: serde_json::Value = serde_json::from_str(&report.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", report.stdout, report.stderr));
    let violations = report["violations"].as_array().unwrap();
    // Beside other tests everything may take longer than on a quiet host, and elections be more:
    // what is lost or doubled counts.
    let of_time = ["write gap", "adopted after", "new terms"];
    let grave = violations.iter().map(|it| it.as_str().unwrap());
    let grave = grave.filter(|it| !of_time.iter().any(|time| it.contains(time)));
    assert_eq!(grave.count(), 0, "{report:#}");
    assert_eq!(report["rounds"], rounds, "{report:#}");
    let figure = move |name: &str| {
        let figure = report["figures"].as_array()?.iter().find(|figure| figure["name"] == name);
        figure?["value"].as_f64()
    };
    let figure = move |name: &str| figure(name).unwrap_or_else(|| panic!("it measures {name}"));
    assert_eq!(figure("acknowledged and lost"), 0.0);
    assert_eq!(figure("there twice"), 0.0);
    home.assert_clean();
    figure
}

#[test]
fn a_leader_is_killed_under_load_and_nothing_is_lost() {
    let figure = exercise("leader-killed", 3, &[]);
    assert!(figure("accepts acknowledged") > 200.0);
}

#[test]
fn agents_are_killed_and_their_tasks_do_not_notice() {
    if !may_be_root("agents_are_killed_and_their_tasks_do_not_notice") {
        return;
    }
    let figure = exercise("agents-killed", 3, &[]);
    assert_eq!(figure("tasks disturbed"), 0.0);
    assert!(figure("containers adopted") > 0.0);
}

#[test]
fn power_is_cut_and_nothing_is_lost() {
    if let Err(why) = live::lossy_disk::check() {
        return skip("power_is_cut_and_nothing_is_lost", &format!("{why:#}"));
    }
    let figure = exercise("power-cut", 3, &[]);
    assert!(figure("syncs between the cuts") > 0.0);
}

#[test]
fn supervisors_die_and_fail_in_their_calls_and_nothing_is_left() {
    let test = "supervisors_die_and_fail_in_their_calls_and_nothing_is_left";
    if let Err(why) = live::tracer::check() {
        return skip(test, &format!("{why:#}"));
    }
    let figure = exercise("launch-calls", 6, &[]);
    assert!(figure("calls of undisturbed launches") > 50.0);
}

#[test]
fn containers_come_and_go_and_nothing_is_left() {
    if !may_be_root("containers_come_and_go_and_nothing_is_left") {
        return;
    }
    let figure = exercise("containers-churn", 1, &[]);
    assert!(figure("accepts acknowledged") > 100.0);
}

#[test]
fn masters_are_upgraded_under_load_and_nothing_is_lost() {
    let figure = exercise("rolling-upgrade", 1, &[]);
    assert!(figure("version of the log") > 1.0);
}

#[test]
fn a_leader_is_cut_off_under_load_and_nothing_is_lost() {
    let figure = exercise("leader-isolated", 1, &["--lasting", "4s"]);
    assert!(figure("accepts acknowledged") > 200.0);
}

#[test]
fn packets_are_lost_between_namespaces_and_nothing_else_is() {
    if !nix::unistd::geteuid().is_root() {
        return skip("packets_are_lost_between_namespaces", "network namespaces need root");
    }
    let tools = ["unshare", "nsenter", "ip"];
    if let Some(tool) = tools.into_iter().find(|tool| !is_there(tool)) {
        return skip("packets_are_lost_between_namespaces", &format!("there is no `{tool}`"));
    }
    let figure = exercise("triangle", 1, &["--lasting", "4s", "--namespaces"]);
    assert!(figure("accepts acknowledged") > 200.0);
}

fn is_there(tool: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(tool).exists())
}

/// Masters and agents are processes of their own: none outlives whoever supervises them.
#[test]
fn an_interrupted_exercise_ends_after_its_round_and_leaves_nothing() {
    let home = Home::new();
    let mut command = bourse(&home);
    command.args(["--output", "json", "trial", "live", "leader-killed"]);
    let daemon = Daemon::start(command, &home.path().join("live.log"));
    let log = home.path().join("live.log");
    let folder = home.path().join("tmp");
    let entries = || fs::read_dir(&folder).into_iter().flatten().flatten();
    eventually("an agent that was started", || {
        let logs = entries().filter_map(|entry| fs::read_dir(entry.path().join("logs")).ok());
        let mut names = logs.flatten().flatten().map(|log| log.file_name());
        names.any(|name| name.to_string_lossy().starts_with("agent")).then_some(())
    });
    daemon.signal(Signal::SIGINT);
    daemon.wait();
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("this round is the last one"), "{log}");
    let report: serde_json::Value = serde_json::from_str(&log[log.find('{').unwrap()..]).unwrap();
    assert_eq!(report["rounds"], 1, "{log}");
    assert_eq!(entries().count(), 0, "its folder is gone");
    home.assert_clean();
}

/// Nor does anything when it is killed, and cannot see to it.
#[test]
fn a_killed_exercise_leaves_nothing_either() {
    let home = Home::new();
    let mut command = bourse(&home);
    command.args(["trial", "live", "agents-killed"]);
    let daemon = Daemon::start(command, &home.path().join("live.log"));
    let folder = home.path().join("tmp");
    let entries = || fs::read_dir(&folder).into_iter().flatten().flatten();
    eventually("a task that runs", || {
        let folders = entries().map(|entry| entry.path().join("witness"));
        let witnesses = folders.filter_map(|folder| fs::read_dir(folder).ok());
        witnesses.flatten().next().map(drop)
    });
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    eventually("its folder is gone", || entries().next().is_none().then_some(()));
    home.assert_clean();
}

#[test]
fn exercises_are_listed_and_others_refused() {
    let home = Home::new();
    let listed = run(bourse(&home).args(["--output", "json", "trial", "live"])).json();
    assert!(listed.as_array().unwrap().iter().any(|it| it["name"] == "leader-killed"));
    let error = run(bourse(&home).args(["trial", "live", "nonsense"])).failure();
    assert!(error.contains("`bourse trial live` lists them"), "{error}");
    let of_network = "leader-killed does no harm to the network";
    let of_steps = "leader-killed has no numbered steps";
    for (flag, why) in
        [("--namespaces", of_network), ("--lasting=4s", of_network), ("--from=2", of_steps)]
    {
        let error = run(bourse(&home).args(["trial", "live", "leader-killed", flag])).failure();
        assert!(error.contains(why), "{error}");
    }
}
