//! Parts of GPUs with real processes: an agent declares GPUs that it does not have, tasks share
//! them and print what they were given.

use crate::rig::{Cluster, Isolation, Shape, bourse, run};
use serde_json::Value;
use std::collections::BTreeMap;

#[test]
fn tasks_share_gpus_and_are_told_which() {
    let shape = Shape { name: "gpus", masters: 1, secure: true, flags: &["--placement", "fgd"] };
    let mut cluster = Cluster::start(shape);
    let resources = "cpus:4;mem:4096;gpus:{gpu0:1000,gpu1:1000}";
    cluster.add_agent("east", Isolation::Plain, resources);
    let job = |name: &str, gpus: &str, instances: &str, line: &str| {
        let mut command = bourse(&cluster.home);
        command.args(["run", "--output", "json", "--name", name, "--cpus", "0.5", "--gpus", gpus]);
        command.args(["--instances", instances]).args(cluster.client_flags("framework", name));
        run(command.args(["--", "sh", "-c", line]))
    };
    // Each waits until all have begun, so that they run at the same time.
    let folder = cluster.home.path().join("begun");
    let line = format!(
        "mkdir -p {0}; touch {0}/$BOURSE_TASK_ID; echo $BOURSE_GPUS $CUDA_VISIBLE_DEVICES; \
         while [ $(ls {0} | wc -l) -lt 3 ]; do sleep 0.05; done",
        folder.display()
    );
    let outcome = job("halves", "0.5", "3", &line);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let answer: Value = outcome.json();
    let outputs = answer["outputs"].as_array().expect("what tasks wrote");
    let mut on = BTreeMap::<String, u32>::new();
    for output in outputs {
        let text = output["stdout"].as_str().unwrap_or_default();
        *on.entry(text.trim().to_owned()).or_default() += 1;
    }
    let expected = [("gpu0:500 0".to_owned(), 2), ("gpu1:500 1".to_owned(), 1)];
    assert_eq!(on, expected.into(), "{answer:#}");

    let outcome = job("whole", "2", "1", "echo $BOURSE_GPUS $NVIDIA_VISIBLE_DEVICES");
    let answer = outcome.json();
    assert!(answer.to_string().contains("gpu0:1000,gpu1:1000 0,1"), "{answer:#}");
    let odd = job("odd", "1.5", "1", "true");
    assert!(odd.failure().contains("less than 1, or for whole ones"));
    cluster.finish();
}
