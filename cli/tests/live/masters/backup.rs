//! A backup of a running cluster, and new clusters out of it.

use super::{typed, voters};
use crate::rig::{Cluster, Isolation, Shape, bourse, holds, run};
use std::fs;

#[test]
fn a_cluster_comes_back_from_a_backup() {
    let shape = Shape { name: "backup", masters: 3, secure: false, flags: &[] };
    let mut cluster = Cluster::start(shape);
    cluster.add_agent("a", Isolation::Emulated(1), "cpus:4;mem:1024");
    let file = cluster.home.path().join("backup.bin");
    let path = file.display().to_string();
    typed(&cluster, &["masters", "snapshot", &path]).success();
    let again = typed(&cluster, &["masters", "snapshot", &path]).failure();
    assert!(again.contains("is there already"), "{again}");
    let before = cluster.operator.cluster();
    cluster.stop_agent("a");
    (1..=3).for_each(|id| cluster.kill_master(id));
    (1..=3).for_each(|id| cluster.wipe_master(id));

    let addresses = |id: u64| format!("{}/{}", cluster.masters[&id].api, cluster.masters[&id].peer);
    let members: Vec<String> = (1..=3).map(|id| format!("{id}={}", addresses(id))).collect();
    let members = members.join(",");
    for id in 1..=3 {
        let folder = cluster.masters[&id].data_dir.display().to_string();
        let words = ["master", "restore", &path, "--data-dir", &folder, "--members", &members];
        let outcome = run(bourse(&cluster.home).args(words).args(["--node-id", &id.to_string()]));
        outcome.success();
        let twice = run(bourse(&cluster.home).args(words).args(["--node-id", &id.to_string()]));
        assert!(twice.failure().contains("is in use by a master already"));
    }
    (1..=3).for_each(|id| cluster.start_master(id));
    let after = cluster.operator.cluster();
    assert_eq!(after.incarnation, before.incarnation + 1);
    assert!(after.term > before.term + 1_000_000 && after.applied_index > 1 << 32);
    assert_eq!(voters(&cluster), [1, 2, 3]);
    // The agent obeys the new cluster, whose terms are above all that it has seen.
    cluster.start_agent("a");
    holds("the agent is known", || cluster.operator.agents().len() == 1);
    cluster.finish();
}

#[test]
fn a_backup_that_is_none_makes_nothing() {
    let shape = Shape { name: "damaged", masters: 1, secure: false, flags: &[] };
    let cluster = Cluster::start(shape);
    let file = cluster.home.path().join("backup.bin");
    let path = file.display().to_string();
    typed(&cluster, &["masters", "snapshot", &path]).success();
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let folder = cluster.home.path().join("new");
    let restore = |members: &str, id: &str| {
        let words = ["master", "restore", &path, "--members", members, "--node-id", id];
        run(bourse(&cluster.home).args(words).arg("--data-dir").arg(&folder)).failure()
    };
    assert!(restore("1=a:1/a:2", "1").contains("damaged"));
    assert!(restore("1=a:1/a:2", "2").contains("not among the members"));
    assert!(restore("1=a:1/a:2,2=b:1/b:2", "1").contains("a cluster has 1, 3 or 5"));
    assert!(!folder.exists(), "nothing was begun");
    cluster.finish();
}
