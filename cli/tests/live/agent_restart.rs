//! The agent is killed; its containers run on, and nothing of them is lost or done twice.
//!
//! Four tasks in real containers, each of which ends when a file appears. One of them ends while
//! there is no agent, the others are found running by the next one.

use crate::rig::{
    Cluster, Isolation, Shape, bourse, cgroup_parent, cgroups_of, holds, may_be_root,
    processes_of_task, run,
};
use proto::wire::v1::TaskState;
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// Waits for a file of its own name, and says so each time it starts.
const SCRIPT: &str = "echo started >> $FOLDER/$NAME.starts
while [ ! -e $FOLDER/$NAME.go ]; do sleep 0.05; done
exit $CODE";

const NAMES: [(&str, i32); 4] = [("well", 0), ("badly", 7), ("orphan", 3), ("killed", 0)];

#[test]
fn containers_outlive_their_agent() {
    if !may_be_root("containers_outlive_their_agent") {
        return;
    }
    let mut cluster =
        Cluster::start(Shape { name: "restart", masters: 1, secure: false, flags: &[] });
    cluster.add_agent("mortal", Isolation::Full, "cpus:4;mem:1024");
    let folder = cluster.home.path().join("signs");
    fs::create_dir(&folder).unwrap();
    let job = write_job(&folder);
    let mut command = bourse(&cluster.home);
    command.args(["--output", "json", "run"]).args(cluster.client_flags("framework", "batch"));
    command.arg("--file").arg(job);
    let running = std::thread::spawn(move || run(&mut command));
    all_run(&cluster, &NAMES.map(|(name, _)| name));
    let before = processes(&cluster);
    let cgroups = cgroups_of(&cgroup_parent(&cluster.agents["mortal"].data_dir));
    assert!(!cgroups.is_empty(), "containers have cgroups");

    cluster.kill_agent("mortal");
    assert_eq!(processes(&cluster), before, "the tasks run on without their agent");
    fs::write(folder.join("orphan.go"), "").unwrap();
    holds("the orphan ends", || processes_of_task(&cluster.home, "orphan-0").is_empty());

    cluster.start_agent("mortal");
    let knows_the_end = || cluster.operator.states()["orphan-0"] == TaskState::TaskFailed;
    holds("the end without an agent is reported", knows_the_end);
    all_run(&cluster, &["well", "badly", "killed"]);
    let mut kept = before.clone();
    kept.remove("orphan");
    let mut now = processes(&cluster);
    now.remove("orphan");
    assert_eq!(now, kept, "the same processes, adopted");

    let mut kill = bourse(&cluster.home);
    kill.args(["kill", "killed-0"]).args(cluster.client_flags("operator", "killer"));
    run(&mut kill).success();
    for name in ["well", "badly"] {
        fs::write(folder.join(format!("{name}.go")), "").unwrap();
    }
    let outcome = running.join().unwrap();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    check(&value["summary"], &folder);
    cluster.finish();
}

fn write_job(folder: &Path) -> std::path::PathBuf {
    let mut text = "[job]\nname = \"signs\"\n".to_owned();
    for (name, code) in NAMES {
        text += &format!("\n[[task]]\nname = \"{name}\"\ncommand = '''{SCRIPT}'''\n");
        text += "cpus = 0.1\nmem = 32\ngrace = \"1s\"\n";
        text += &format!("env = {{ FOLDER = \"{}\", NAME = \"{name}\", ", folder.display());
        text += &format!("CODE = \"{code}\" }}\n");
    }
    let path = folder.join("job.toml");
    fs::write(&path, text).unwrap();
    path
}

fn all_run(cluster: &Cluster, names: &[&str]) {
    holds("tasks run", || {
        let states = cluster.operator.states();
        let runs = |name: &&str| states.get(&format!("{name}-0")) == Some(&TaskState::TaskRunning);
        names.iter().all(runs)
    });
    holds("tasks have processes", || {
        let has = |name: &&str| !processes_of_task(&cluster.home, &format!("{name}-0")).is_empty();
        names.iter().all(has)
    });
}

/// The oldest process of each task, which is its command: the sleeping ones come and go.
fn processes(cluster: &Cluster) -> BTreeMap<&'static str, Option<i32>> {
    let oldest = |name| processes_of_task(&cluster.home, &format!("{name}-0")).into_iter().min();
    NAMES.iter().map(|(name, _)| (*name, oldest(name))).collect()
}

fn check(summary: &Value, folder: &Path) {
    let rows = summary["tasks"].as_array().unwrap();
    assert_eq!(rows.len(), NAMES.len());
    for row in rows {
        let name = row["name"].as_str().unwrap();
        let starts = fs::read_to_string(folder.join(format!("{name}.starts"))).unwrap();
        assert_eq!(starts, "started\n", "{name} started more than once");
        assert_eq!(row["attempts"].as_u64(), Some(1), "{row}");
        let code = row["exit_code"].as_i64();
        match name {
            "well" => assert_eq!((code, &row["outcome"]), (Some(0), &"succeeded".into()), "{row}"),
            "badly" => assert_eq!(code, Some(7), "{row}"),
            "orphan" => assert_eq!(code, Some(3), "{row}"),
            _ => assert_eq!((code, row["signal"].as_i64()), (None, Some(15)), "{row}"),
        }
    }
}
