//! A study that names a policy of one's own.

use own_policy::policies;
use std::fs;
use study::{campaign, plan::expand};

const NODES: &str = "sn,cpu_milli,memory_mib,gpu,model\n\
                     thick,8000,1000,0,\nwide,1000,8000,0,\n";

#[test]
fn it_places_by_ones_own_policy() {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("nodes.csv"), NODES).unwrap();
    // Each asks as one of the machines has: eight of each, in any order.
    let mut pods = String::from("name,cpu_milli,memory_mib,num_gpu,gpu_milli\n");
    for number in 0..8 {
        pods += &format!("a{number},1000,125,0,0\nb{number},125,1000,0,0\n");
    }
    fs::write(data.path().join("pods.csv"), pods).unwrap();
    let text = "name = \"own\"\ntitle = \"own\"\n[filling]\ncounted = \"cpus\"\n\
                policy = \"leanest\"\nmachines = { file = \"nodes.csv\" }\n\
                tasks = { file = \"pods.csv\" }\n[sweep]\n\
                \"filling.policy\" = [\"leanest\", \"random\"]\n[repeat]\nseed = 10\n";
    let points = expand(text).unwrap();
    let runs = campaign::run(&points, data.path(), &policies(), 2, &|_| {}).unwrap();
    let placed = |policy: &str| -> Vec<f64> {
        let of = runs.iter().filter(|run| run.labels["policy"] == policy);
        of.map(|run| run.measures.scalars["placed"]).collect()
    };
    assert_eq!(placed("leanest"), [16.0; 10], "everything has its place");
    assert!(placed("random").iter().any(|placed| *placed < 16.0), "{:?}", placed("random"));
}

/// The study of the tutorial in docs/SIMULATOR.md names policies that there are.
#[test]
fn the_tutorials_study_can_be_run() {
    let points = expand(include_str!("../against-fgd.toml")).unwrap();
    for point in &points {
        policies().find(&point.study, &point.labels["policy"]).unwrap();
    }
    assert_eq!(points.len(), 12);
}
