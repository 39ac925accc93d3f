//! An idle guarantee is lent to real tasks, comes back to its owner with notice, and is lent again.

use crate::rig::{Clerk, Cluster, Isolation, Shape, holds};
use std::{fs, path::PathBuf};

/// Ends when a file appears.
const SCRIPT: &str = "while [ ! -e $FOLDER/go ]; do sleep 0.05; done";

struct Lent {
    clerk: Clerk,
    folder: PathBuf,
}

impl Lent {
    /// An agent all of whose CPUs are promised to a role that uses none.
    fn start() -> Self {
        let mut cluster =
            Cluster::start(Shape { name: "lending", masters: 1, secure: true, flags: &[] });
        cluster.add_agent("only", Isolation::Plain, "cpus:2;mem:1024");
        let folder = cluster.home.path().join("signs");
        fs::create_dir(&folder).unwrap();
        let lent = Self { clerk: Clerk::of(cluster), folder };
        lent.clerk.run(&["quota", "set", "web", "--guarantee", "cpus:2"]).success();
        lent
    }

    /// How many CPUs of the guarantee are lent.
    fn lent(&self) -> String {
        let rows = self.clerk.json(&["quota"]);
        let mut rows = rows.as_array().unwrap().iter();
        let row = rows.find(|row| row["resource"] == "cpus").expect("a quota of cpus");
        row["lent"].as_str().expect("a number").to_owned()
    }
}

#[test]
fn an_idle_guarantee_is_lent_and_comes_back() {
    let lent = Lent::start();
    let variable = format!("FOLDER={}", lent.folder.display());
    let words = ["--cpus", "1", "--revocable", "--preemption-notice", "300ms", "--env", &variable];
    let words = [&words[..], &["--instances", "2"]].concat();
    let idle = lent.clerk.job("idle", "batch", &words, &["sh", "-c", SCRIPT]);
    holds("both run on what is promised to others", || lent.clerk.tasks("TASK_RUNNING").len() == 2);
    assert!(lent.clerk.tasks("TASK_RUNNING").iter().all(|row| row["revocable"] == true));
    assert_eq!(lent.lent(), "2");
    let table = lent.clerk.run(&["tasks"]).success();
    assert!(table.contains("revocable"), "{table}");

    let owner = lent.clerk.job("owner", "web", &["--cpus", "1"], &["true"]);
    assert!(owner.wait().success(), "it was given its place");
    let ended = lent.clerk.tasks("TASK_KILLED");
    assert_eq!(ended.len(), 1, "one is enough: {ended:?}");
    assert_eq!(ended[0]["reason"], "REASON_PREEMPTED", "{ended:?}");
    assert_eq!(ended[0]["gives_way_to"]["role"], "web", "{ended:?}");

    holds("what gave way runs again", || lent.clerk.tasks("TASK_RUNNING").len() == 2);
    fs::write(lent.folder.join("go"), "").unwrap();
    assert!(idle.wait().success(), "giving way was no failure of its own");
    lent.clerk.cluster.finish();
}
