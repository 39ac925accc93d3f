//! What a cluster did, as a trace, and the same work again in virtual time.

use crate::rig::{Cluster, Home, Isolation, Shape, bourse, run};
use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
};

const SHAPE: Shape<'_> =
    Shape { name: "exported", masters: 1, secure: false, flags: &["--tick-ms=50"] };

/// Places what was exported, with all of its tasks at once, on what was exported.
const STUDY: &str = "\
name = \"again\"
title = \"What the cluster did, placed again\"

[filling]
counted = \"cpus\"
policy = \"best-fit\"

[filling.machines]
file = \"machines.jsonl\"

[filling.tasks]
file = \"jobs.jsonl\"
";

#[test]
fn a_directory_that_is_no_masters_stays_as_it_is() {
    let home = Home::new();
    let other = home.path().join("other");
    fs::DirBuilder::new().mode(0o700).create(&other).unwrap();
    fs::write(other.join("file"), "").unwrap();
    let jobs = home.path().join("jobs.jsonl");
    let mut command = bourse(&home);
    command.args(["sim", "trace", "export"]).arg(&other).arg("--jobs").arg(&jobs);
    let problem = run(&mut command).failure();
    assert!(problem.contains("is no data directory of a master"), "{problem}");
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1, "no lock is left there");
    assert!(!jobs.exists());
}

#[test]
fn what_a_cluster_did_is_a_trace_that_a_study_reads() {
    let mut cluster = Cluster::start(SHAPE);
    cluster.add_agent("one", Isolation::Emulated(1), "cpus:8;mem:1024");
    let mut command = bourse(&cluster.home);
    command.arg("run").args(cluster.client_flags("framework", "batch"));
    command.args(["--cpus=0.5", "--mem=16", "--instances=5", "--", "true"]);
    run(&mut command).success();
    let data = cluster.masters[&1].data_dir.to_str().unwrap().to_owned();
    let at = |name: &str| cluster.home.path().join(name).to_str().unwrap().to_owned();
    let (jobs, machines, study) = (at("jobs.jsonl"), at("machines.jsonl"), at("again.toml"));
    let home = cluster.home.path().to_str().unwrap().to_owned();
    let export = |cluster: &Cluster, more: &[&str]| {
        let words = ["sim", "trace", "export", &data];
        run(bourse(&cluster.home).args(words).args(more))
    };

    let problem = export(&cluster, &["--jobs", &jobs]).failure();
    assert!(problem.contains("in use") || problem.contains("lock"), "a master runs: {problem}");
    cluster.stop_master(1);
    let problem = export(&cluster, &[]).failure();
    assert!(problem.contains("--jobs"), "{problem}");
    export(&cluster, &["--jobs", &jobs, "--machines", &machines]).success();
    let problem = export(&cluster, &["--jobs", &jobs]).failure();
    assert!(problem.contains("is there already"), "{problem}");

    assert_eq!(fs::metadata(&jobs).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&jobs).unwrap();
    assert_eq!(text.lines().count(), 6, "{text}");
    assert_eq!(text.matches("\"cpus\":500").count(), 5, "{text}");
    assert_eq!(text.matches("duration_ns").count(), 5, "all have ended: {text}");
    let described = run(
        bourse(&cluster.home).args(["sim", "trace", "describe", &machines, "--output", "json"])
    )
    .json();
    assert_eq!(described["machines"], 1, "{described:#}");

    fs::write(&study, STUDY).unwrap();
    let mut command = bourse(&cluster.home);
    command.args(["sim", "run", &study, "--data", &home, "--output", "json"]);
    let said = run(&mut command).json();
    let of = &said["groups"][0]["scalars"];
    assert_eq!(
        (&of["placed"]["mean"], &of["dropped"]["mean"]),
        (&5.0.into(), &0.0.into()),
        "{said:#}"
    );
    cluster.start_master(1);
    cluster.caught_up(1);
    cluster.finish();
}
