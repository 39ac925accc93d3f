//! Real tasks give way to a job of a higher priority, and run again when there is room.

use crate::rig::{Clerk, Cluster, Daemon, Isolation, Shape, holds};
use std::{fs, path::PathBuf};

/// Ends when a file appears.
const SCRIPT: &str = "while [ ! -e $FOLDER/go ]; do sleep 0.05; done";

struct Shared {
    clerk: Clerk,
    folder: PathBuf,
}

impl Shared {
    /// An agent that is full of two tasks that anybody may take the place of.
    fn start() -> (Self, Daemon) {
        let mut cluster =
            Cluster::start(Shape { name: "preemption", masters: 1, secure: true, flags: &[] });
        cluster.add_agent("only", Isolation::Plain, "cpus:2;mem:1024");
        let folder = cluster.home.path().join("signs");
        fs::create_dir(&folder).unwrap();
        let shared = Self { clerk: Clerk::of(cluster), folder };
        let variable = format!("FOLDER={}", shared.folder.display());
        let words =
            ["--cpus", "1", "--priority", "1", "--preemption-notice", "300ms", "--env", &variable];
        let words = [&words[..], &["--instances", "2"]].concat();
        let batch = shared.clerk.job("low", "batch", &words, &["sh", "-c", SCRIPT]);
        holds("both run", || shared.clerk.tasks("TASK_RUNNING").len() == 2);
        (shared, batch)
    }
}

#[test]
fn a_task_gives_way_and_runs_again() {
    let (shared, batch) = Shared::start();
    let refused = shared.clerk.job("high", "web", &["--cpus", "1", "--priority", "7"], &["true"]);
    assert!(!refused.wait().success(), "nobody has allowed that");
    shared.clerk.run(&["roles", "set", "web", "--priority-max", "7"]).success();
    let web = shared.clerk.job("high", "web", &["--cpus", "1", "--priority", "7"], &["true"]);
    assert!(web.wait().success(), "it was given room");

    let ended = shared.clerk.tasks("TASK_KILLED");
    assert_eq!(ended.len(), 1, "one is enough: {ended:?}");
    assert_eq!(ended[0]["reason"], "REASON_PREEMPTED", "{ended:?}");
    let to = &ended[0]["gives_way_to"];
    assert_eq!((&to["role"], &to["priority"]), (&"web".into(), &7.into()), "{ended:?}");
    assert_eq!(ended[0]["priority"], 1, "{ended:?}");
    let table = shared.clerk.run(&["tasks"]).success();
    assert!(table.contains("gives way to"), "{table}");

    holds("what gave way runs again", || shared.clerk.tasks("TASK_RUNNING").len() == 2);
    fs::write(shared.folder.join("go"), "").unwrap();
    assert!(batch.wait().success(), "giving way was no failure of its own");
    shared.clerk.cluster.finish();
}
