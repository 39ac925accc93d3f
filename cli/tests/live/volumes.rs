//! A volume with real processes: found by its name, written by one task, kept while the agent is
//! killed, read by another, grown, not made smaller than what is in it, not destroyed while it is
//! used, destroyed with all that is in it, and no more after that.

use crate::rig::{Clerk, Cluster, Daemon, Isolation, Shape, holds, may_be_root};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

struct Market {
    clerk: Clerk,
    /// Where the agent keeps volumes.
    root: PathBuf,
    /// By what tasks are let go on.
    signs: PathBuf,
}

impl Market {
    /// Two agents, one of which has disk for volumes.
    fn start() -> Self {
        let shape = Shape { name: "volumes", masters: 1, secure: true, flags: &[] };
        let mut cluster = Cluster::start(shape);
        cluster.add_agent("bare", Isolation::Full, "cpus:2;mem:512");
        cluster.add_agent("mortal", Isolation::Full, "cpus:2;mem:512;disk:1024");
        let root = cluster.agents["mortal"].data_dir.join("volumes");
        let signs = cluster.home.path().join("signs");
        fs::create_dir(&signs).unwrap();
        Self { clerk: Clerk::of(cluster), root, signs }
    }

    /// One instance of a shell script that uses the volume like this.
    fn job(&self, name: &str, volume: &str, script: &str) -> Daemon {
        let signs = format!("SIGNS={}", self.signs.display());
        let words = ["--cpus", "0.5", "--volume", volume, "--env", &signs];
        self.clerk.job(name, "eng/search", &words, &["sh", "-c", script])
    }

    fn row(&self, id: &str) -> Value {
        let rows = self.clerk.json(&["volumes", "--agent", "mortal", "--role", "eng"]);
        let rows = rows.as_array().expect("rows");
        rows.iter().find(|row| row["id"] == id).cloned().unwrap_or(Value::Null)
    }

    fn is_active(&self, id: &str, mib: i64) -> bool {
        let row = self.row(id);
        row["state"] == "active" && row["size_milli_mib"] == mib * 1_000
    }

    fn has_said(&self, sign: &str) -> bool {
        self.signs.join(sign).exists()
    }
}

/// The directory of a volume, whatever the cluster's incarnation.
fn directory(root: &Path, id: &str) -> Option<PathBuf> {
    let mut entries = fs::read_dir(root).ok()?.filter_map(Result::ok);
    let is_its = |name: &str| name.strip_prefix(id).is_some_and(|rest| rest.starts_with('.'));
    let found = entries.find(|entry| is_its(&entry.file_name().to_string_lossy()));
    found.map(|entry| entry.path())
}

#[test]
fn what_is_in_a_volume_outlives_tasks_and_agents() {
    if !may_be_root("what_is_in_a_volume_outlives_tasks_and_agents") {
        return;
    }
    let mut market = Market::start();
    market.clerk.run(&["reservations", "reserve", "mortal", "eng", "disk:512"]).success();
    let create = ["volumes", "create", "reservation-1", "data", "64"];
    assert_eq!(market.clerk.json(&create)["id"], "volume-1");
    holds("it is made", || market.is_active("volume-1", 64));
    let again = market.clerk.run(&create).failure();
    assert!(again.contains("volume-1"), "whoever repeats it learns the id: {again}");

    let write = "echo precious > data/file && touch $SIGNS/written
        while [ ! -e $SIGNS/go ]; do sleep 0.05; done";
    let writer = market.job("writer", "data:data", write);
    holds("a task writes", || market.has_said("written"));
    assert_eq!(market.row("volume-1")["tasks"], 1);
    let used = market.clerk.run(&["volumes", "destroy", "volume-1"]).failure();
    assert!(used.contains("task writer-0 uses volume-1"), "{used}");
    let read = "test \"$(cat kept/file)\" = precious &&
        ! touch kept/other 2>/dev/null && touch $SIGNS/read";
    let reader = market.job("reader", "data:kept:ro", read);
    holds("who comes second waits", || reader.log().contains("has the volume data free"));

    market.clerk.cluster.kill_agent("mortal");
    fs::write(market.signs.join("go"), "").unwrap();
    market.clerk.cluster.start_agent("mortal");
    assert!(writer.wait().success(), "it has ended while its agent was away");
    assert!(reader.wait().success(), "it reads what was written, and cannot write");
    assert!(market.has_said("read"));
    resized(&market);
    destroyed(&market);
    market.clerk.run(&["reservations", "unreserve", "reservation-1"]).success();
    market.clerk.cluster.finish();
}

fn resized(market: &Market) {
    market.clerk.run(&["volumes", "grow", "volume-1", "128"]).success();
    holds("it is larger", || market.is_active("volume-1", 128));
    let fill = market.job("filler", "volume-1:data", "head -c 20000000 /dev/zero > data/zeros");
    assert!(fill.wait().success());
    market.clerk.run(&["volumes", "shrink", "volume-1", "10"]).success();
    holds("its agent refuses: more is in it", || {
        let row = market.row("volume-1");
        row["state"] == "active" && row["message"].as_str().is_some_and(|it| it.contains("used"))
    });
    assert!(market.is_active("volume-1", 128), "as large as it was");
    market.clerk.run(&["volumes", "shrink", "volume-1", "32"]).success();
    holds("it is smaller", || market.is_active("volume-1", 32));
}

fn destroyed(market: &Market) {
    assert!(directory(&market.root, "volume-1").is_some());
    market.clerk.run(&["volumes", "destroy", "volume-1"]).success();
    holds("it is gone", || market.row("volume-1").is_null());
    assert_eq!(directory(&market.root, "volume-1"), None);
    assert_eq!(directory(&market.root.join("destroying"), "volume-1"), None);
    let again = market.clerk.run(&["volumes", "destroy", "volume-1"]).failure();
    assert!(again.contains("no volume-1") && again.contains("`bourse volumes`"), "{again}");
    let late = market.job("late", "data:data", "true");
    holds("whoever comes now waits and is told why", || {
        late.log().contains("has the volume data free")
    });
    assert!(!late.terminate().success());
}
