//! Task groups with real processes: each writes down when it begins and ends. The agent is killed
//! while the init task runs, which ends without it; the next one goes on from there. Then another
//! group is ended by its name.

use crate::rig::{Cluster, Isolation, Shape, bourse, holds, may_be_root, run};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Waits for a file of its own name.
const WORK: &str = "echo hello from $NAME
echo $NAME begins >> $FOLDER/order
while [ ! -e $FOLDER/$NAME.go ]; do sleep 0.05; done
echo $NAME ends >> $FOLDER/order";

/// Runs until it is told to end.
const SERVE: &str = "trap 'echo $NAME ends >> $FOLDER/order; exit 0' TERM
echo $NAME begins >> $FOLDER/order
while true; do sleep 0.05; done";

#[test]
fn a_group_runs_in_order_although_its_agent_is_killed() {
    if !may_be_root("a_group_runs_in_order_although_its_agent_is_killed") {
        return;
    }
    let mut cluster =
        Cluster::start(Shape { name: "groups", masters: 1, secure: false, flags: &[] });
    cluster.add_agent("mortal", Isolation::Full, "cpus:2;mem:1024");
    let folder = cluster.home.path().join("signs");
    fs::create_dir(&folder).unwrap();
    let members = [("fetch", "init", WORK), ("proxy", "sidecar", SERVE), ("work", "main", WORK)];
    let job = write_job(&folder, "web", &members);
    let running = start(&cluster, &job);

    holds("the init task runs", || order(&folder) == ["fetch begins"]);
    let shown = || group(&cluster, "web-0");
    holds("the group says so", || shown()["state"] == "GROUP_INITIALIZING");
    assert_eq!(shown()["allocated"]["cpus"].to_string(), "1", "what the init task needs");

    cluster.kill_agent("mortal");
    fs::write(folder.join("fetch.go"), "").unwrap();
    holds("the init task ends without its agent", || order(&folder).len() == 2);
    cluster.start_agent("mortal");
    holds("the next one goes on", || order(&folder).contains(&"work begins".to_owned()));
    holds("the group runs", || group(&cluster, "web-0")["state"] == "GROUP_RUNNING");
    let cpus = group(&cluster, "web-0")["allocated"]["cpus"].to_string();
    assert_eq!(cpus, "0.2", "the rest is free");

    fs::write(folder.join("work.go"), "").unwrap();
    let outcome = running.join().unwrap();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for member in ["fetch", "work"] {
        let said = format!("web-0:{member} | hello from {member}");
        assert!(outcome.stdout.contains(&said), "{outcome:?}");
    }
    holds("the sidecar ends last", || order(&folder).last().is_some_and(|it| it == "proxy ends"));
    let order = order(&folder);
    let place = |line: &str| order.iter().position(|it| it == line).expect("it was said");
    assert_eq!(order.len(), 6, "nothing runs twice: {order:?}");
    assert!(place("fetch ends") < place("proxy begins").min(place("work begins")), "{order:?}");
    assert!(place("work ends") < place("proxy ends"), "{order:?}");
    let states = group(&cluster, "web-0");
    assert_eq!(states["state"], "GROUP_FINISHED", "{states}");

    ended_by_name(&cluster, &folder);
    cluster.finish();
}

fn ended_by_name(cluster: &Cluster, folder: &Path) {
    fs::remove_file(folder.join("order")).unwrap();
    let members = [("left", "main", WORK), ("right", "main", WORK), ("side", "sidecar", SERVE)];
    let running = start(cluster, &write_job(folder, "pair", &members));
    holds("all run", || order(folder).len() == 3);
    let mut kill = bourse(&cluster.home);
    kill.args(["kill", "--group", "pair-0"]).args(cluster.client_flags("operator", "killer"));
    run(&mut kill).success();
    let outcome = running.join().unwrap();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let shown = group(cluster, "pair-0");
    assert_eq!(shown["state"], "GROUP_KILLED", "{shown}");
    for task in shown["tasks"].as_array().unwrap() {
        assert_eq!(task["state"], "TASK_KILLED", "{shown}");
    }
    let mut kill = bourse(&cluster.home);
    kill.args(["kill", "--group", "nobody"]).args(cluster.client_flags("operator", "killer"));
    let told = run(&mut kill).failure();
    assert!(told.contains("`bourse groups` lists them"), "{told}");
}

fn start(cluster: &Cluster, job: &Path) -> std::thread::JoinHandle<crate::rig::Outcome> {
    let mut command = bourse(&cluster.home);
    command.arg("run").args(cluster.client_flags("framework", "batch")).arg("--file").arg(job);
    std::thread::spawn(move || run(&mut command))
}

fn write_job(folder: &Path, name: &str, members: &[(&str, &str, &str)]) -> PathBuf {
    let mut text = format!("[job]\nname = \"signs\"\n\n[[group]]\nname = \"{name}\"\n");
    for (member, part, script) in members {
        // Preparing needs more than all that follows.
        let cpus = if *part == "init" { "1" } else { "0.1" };
        text += &format!("\n[[group.member]]\nname = \"{member}\"\npart = \"{part}\"\n");
        text += &format!("command = '''{script}'''\ncpus = {cpus}\nmem = 32\ngrace = \"5s\"\n");
        text += &format!("env = {{ FOLDER = \"{}\", NAME = \"{member}\" }}\n", folder.display());
    }
    let path = folder.join(format!("{name}.toml"));
    fs::write(&path, text).unwrap();
    path
}

/// What was written down so far.
fn order(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("order")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// As `bourse groups` shows it.
fn group(cluster: &Cluster, name: &str) -> Value {
    let mut list = bourse(&cluster.home);
    list.args(["--output", "json", "groups"]).args(cluster.client_flags("operator", "looker"));
    let rows = run(&mut list).json();
    let found = rows.as_array().unwrap().iter().find(|row| row["id"] == name);
    found.unwrap_or(&Value::Null).clone()
}
