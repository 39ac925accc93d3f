//! The agent is killed in the midst of making and deleting volumes: the next life ends what was
//! begun, nothing else is touched, and what was kept is read back.

use crate::rig::{Clerk, Cluster, Isolation, Shape, holds};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Enough that deleting them takes longer than to notice that it has begun.
const FILES: usize = 4_000;
/// What is waited for may be over before it is looked at.
const MOMENT: Duration = Duration::from_secs(5);

struct Market {
    clerk: Clerk,
    root: PathBuf,
}

impl Market {
    fn start() -> Self {
        let shape = Shape { name: "crashes", masters: 1, secure: false, flags: &[] };
        let mut cluster = Cluster::start(shape);
        cluster.add_agent("mortal", Isolation::Plain, "cpus:4;mem:1024;disk:4096");
        let root = cluster.agents["mortal"].data_dir.join("volumes");
        let market = Self { clerk: Clerk::of(cluster), root };
        market.clerk.run(&["reservations", "reserve", "mortal", "eng", "disk:2048"]).success();
        market
    }

    /// Kills the agent as soon as something is so, or a moment later, and starts it again.
    fn kill_when(&mut self, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + MOMENT;
        while !condition() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        self.clerk.cluster.kill_agent("mortal");
        self.clerk.cluster.start_agent("mortal");
    }

    fn create(&self, name: &str) -> String {
        let made = self.clerk.json(&["volumes", "create", "reservation-1", name, "16"]);
        made["id"].as_str().expect("an id").to_owned()
    }

    fn state(&self, id: &str) -> Option<String> {
        let rows = self.clerk.json(&["volumes"]);
        let row = rows.as_array()?.iter().find(|row| row["id"] == id)?;
        Some(row["state"].as_str()?.to_owned())
    }

    fn becomes(&self, id: &str, state: Option<&str>) {
        let is_so = || self.state(id).as_deref() == state;
        holds(&format!("{id} becomes {state:?}"), is_so);
    }
}

/// The directory of a volume, whatever the cluster's incarnation.
fn directory(root: &Path, id: &str) -> Option<PathBuf> {
    let prefix = format!("{id}.");
    let mut entries = fs::read_dir(root).ok()?.filter_map(Result::ok);
    let found = entries.find(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    found.map(|entry| entry.path())
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).expect("it is always there").next().is_none()
}

fn fill(data: &Path) {
    for index in 0..FILES {
        fs::write(data.join(format!("file-{index}")), "").expect("it is ours");
    }
}

#[test]
fn killed_agents_end_what_they_began() {
    let mut market = Market::start();
    let root = market.root.clone();
    let kept = market.create("kept");
    market.becomes(&kept, Some("active"));
    let data = directory(&root, &kept).expect("it is active").join("data");
    fs::write(data.join("file"), "precious").expect("it is ours");
    let stranger = root.join("volume-999.9/data");
    fs::create_dir_all(&stranger).expect("it is ours");

    type Begun = fn(&Path, &str) -> bool;
    let making: [Begun; 4] = [
        |_, _| true,
        |root, id| directory(&root.join("making"), id).is_some(),
        |root, id| directory(root, id).is_some(),
        |root, id| directory(root, id).is_some_and(|volume| volume.join("data").exists()),
    ];
    let deleting: [Begun; 4] = [
        |_, _| true,
        |root, id| directory(root, id).is_none(),
        |root, id| directory(&root.join("destroying"), id).is_some(),
        |root, id| {
            let begun = directory(&root.join("destroying"), id);
            let left = begun.and_then(|volume| fs::read_dir(volume.join("data")).ok());
            left.is_some_and(|left| left.count() < FILES / 2)
        },
    ];
    for (index, (made, deleted)) in making.into_iter().zip(deleting).enumerate() {
        let id = market.create(&format!("doomed-{index}"));
        market.kill_when(|| made(&root, &id));
        market.becomes(&id, Some("active"));
        assert!(is_empty(&root.join("making")));
        fill(&directory(&root, &id).expect("it is active").join("data"));

        market.clerk.run(&["volumes", "destroy", &id]).success();
        market.kill_when(|| deleted(&root, &id));
        market.becomes(&id, None);
        assert_eq!(directory(&root, &id), None);
        assert!(is_empty(&root.join("destroying")));
        let again = market.clerk.run(&["volumes", "destroy", &id]).failure();
        assert!(again.contains(&id), "{again}");

        assert_eq!(market.state(&kept).as_deref(), Some("active"));
        assert_eq!(fs::read_to_string(data.join("file")).expect("kept"), "precious");
        assert!(stranger.exists(), "no order has named it");
    }
    let log = market.clerk.cluster.agents["mortal"].log();
    assert!(log.contains("volume-999.9"), "people are told of it");
    market.clerk.run(&["volumes", "destroy", &kept]).success();
    market.becomes(&kept, None);
    assert_eq!(market.clerk.json(&["volumes"]), Value::Array(vec![]));
    market.clerk.run(&["reservations", "unreserve", "reservation-1"]).success();
    market.clerk.cluster.finish();
}
