//! Data directories that are somebody else's, in use, or damaged.

use crate::rig::{Cluster, Isolation, Shape, bourse, run};
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt as _,
};

const ALONE: Shape<'_> = Shape { name: "mine", masters: 1, secure: false, flags: &[] };

#[test]
fn another_cluster_and_another_member_are_refused() {
    let mut cluster = Cluster::start(ALONE);
    let before = cluster.operator.cluster();
    cluster.stop_master(1);
    let problem = run(&mut cluster.master_command(1, &["--cluster=yours"])).failure();
    let folder = cluster.masters[&1].data_dir.display().to_string();
    for part in [folder.as_str(), "mine", "yours"] {
        assert!(problem.contains(part), "{part} in {problem}");
    }
    let members = format!("2={}/{}", cluster.masters[&1].api, cluster.masters[&1].peer);
    let flags = ["--node-id=2", &format!("--members={members}")];
    let problem = run(&mut cluster.master_command(1, &flags)).failure();
    assert!(problem.contains(&folder) && problem.contains('2'), "{problem}");
    cluster.start_master(1);
    let after = cluster.operator.cluster();
    assert_eq!(after.cluster_id, "mine");
    assert!(after.applied_index > before.applied_index, "its log goes on");
    cluster.finish();
}

#[test]
fn a_directory_in_use_is_refused() {
    let mut cluster = Cluster::start(ALONE);
    let before = cluster.operator.cluster();
    let elsewhere = ["--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0"];
    let master = [&elsewhere[..], &["--peer-listen=127.0.0.1:0"]].concat();
    let problem = run(&mut cluster.master_command(1, &master)).failure();
    let folder = cluster.masters[&1].data_dir.display().to_string();
    assert!(problem.contains(&folder), "{problem}");
    assert!(problem.contains("another process") || problem.contains("in use"), "{problem}");
    cluster.add_agent("one", Isolation::Emulated(1), "cpus:1;mem:64");
    let problem = run(&mut cluster.agent_command("one", &elsewhere)).failure();
    let folder = cluster.agents["one"].data_dir.display().to_string();
    assert!(problem.contains(&folder), "{problem}");
    assert!(cluster.masters.get_mut(&1).unwrap().is_alive(), "nothing happened to the first");
    assert!(cluster.agents.get_mut("one").unwrap().is_alive(), "nothing happened to the first");
    assert_eq!(cluster.operator.cluster().term, before.term);
    cluster.finish();
}

/// Damage at the beginning of the log, where everything hangs from, and a log that is gone: neither
/// is taken for an empty one. Damage of every kind and place is the disk rooms' own test.
#[test]
fn a_damaged_log_is_refused() {
    let mut cluster = Cluster::start(ALONE);
    cluster.stop_master(1);
    let path = cluster.masters[&1].data_dir.join("log.redb");
    let sound = fs::read(&path).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    // The magic number, the header's fields, both commit slots, the first page.
    for at in [0, 4, 64, 4_100] {
        let damaged: Vec<u8> = sound[at..at + 48].iter().map(|byte| !byte).collect();
        file.write_all_at(&damaged, at as u64).unwrap();
        let outcome = run(&mut cluster.master_command(1, &[]));
        let problem = outcome.failure();
        let complaint = problem.lines().last().unwrap();
        assert!(complaint.contains("log"), "damage at {at}: {problem}");
        file.set_len(sound.len() as u64).unwrap();
        file.write_all_at(&sound, 0).unwrap();
    }
    fs::remove_file(&path).unwrap();
    let problem = run(&mut cluster.master_command(1, &[])).failure();
    assert!(problem.contains(path.to_str().unwrap()) && problem.contains("gone"), "{problem}");
    fs::write(&path, &sound).unwrap();
    cluster.start_master(1);
    assert_eq!(cluster.operator.cluster().cluster_id, "mine", "the sound log is as good as ever");
    cluster.finish();
}

/// The journal of an agent names the tasks that it must not lose.
#[test]
fn a_damaged_journal_is_refused() {
    let mut cluster = Cluster::start(ALONE);
    cluster.add_agent("one", Isolation::Emulated(1), "cpus:1;mem:64");
    let mut command = bourse(&cluster.home);
    command.arg("run").args(cluster.client_flags("framework", "batch")).args(["--", "true"]);
    run(&mut command).success();
    cluster.stop_agent("one");
    let folder = cluster.agents["one"].data_dir.clone();
    let journal = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "redb"))
        .expect("a journal");
    let sound = fs::read(&journal).unwrap();
    let mut damaged = sound.clone();
    damaged[..64].iter_mut().for_each(|byte| *byte = !*byte);
    fs::write(&journal, damaged).unwrap();
    let problem = run(&mut cluster.agent_command("one", &[])).failure();
    assert!(problem.contains(journal.to_str().unwrap()), "{problem}");
    fs::write(&journal, sound).unwrap();
    cluster.start_agent("one");
    cluster.finish();
}
