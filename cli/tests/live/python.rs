//! The scheduler in Python runs a task: the API is what its schemas say, and not the SDK's secret.
//!
//! The interpreter is the one that `BOURSE_PYTHON` names, with the example's requirements in it;
//! without it, the example's own script prepares one.

use crate::rig::{Cluster, Home, Isolation, Outcome, Shape, run, skip};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// An interpreter with the requirements, and the folder of the generated stubs.
struct Python {
    interpreter: PathBuf,
    stubs: PathBuf,
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../frameworks/examples/python")
}

fn python(home: &Home, test: &str) -> Option<Python> {
    let Some(interpreter) = std::env::var_os("BOURSE_PYTHON").map(PathBuf::from) else {
        return prepared(test);
    };
    let stubs = home.path().join("stubs");
    fs::create_dir(&stubs).unwrap();
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/schema");
    let mut protoc = Command::new(&interpreter);
    protoc.args(["-m", "grpc_tools.protoc", "--proto_path"]).arg(&schemas);
    protoc.arg("--python_out").arg(&stubs).arg("--grpc_python_out").arg(&stubs);
    // They import each other.
    let all = fs::read_dir(schemas.join("bourse/v1")).unwrap();
    protoc.args(all.map(|schema| schema.unwrap().path()));
    run(&mut protoc).success();
    Some(Python { interpreter, stubs })
}

/// By the example's own script, where that is possible.
fn prepared(test: &str) -> Option<Python> {
    let outcome = run(&mut Command::new(example().join("prepare.sh")));
    if outcome.code != Some(0) {
        let last = outcome.stderr.lines().last().unwrap_or_default().to_owned();
        skip(test, &format!("there is no Python with gRPC: {last}"));
        return None;
    }
    let target = PathBuf::from(outcome.stdout.lines().last().expect("the script names its folder"));
    Some(Python { interpreter: target.join("venv/bin/python"), stubs: target.join("stubs") })
}

impl Python {
    fn hello(&self, flags: &[String], command: &str) -> Outcome {
        let mut hello = Command::new(&self.interpreter);
        hello.env("PYTHONPATH", &self.stubs).env("PYTHONDONTWRITEBYTECODE", "1");
        hello.arg(example().join("hello.py")).args(flags);
        run(hello.args(["--command", command]))
    }
}

#[test]
fn the_python_example_runs_a_task() {
    let shape = Shape { name: "python", masters: 3, secure: true, flags: &[] };
    let mut cluster = Cluster::start(shape);
    let Some(python) = python(&cluster.home, "the_python_example_runs_a_task") else {
        return cluster.finish();
    };
    cluster.add_agent("one", Isolation::Plain, "cpus:1;mem:64");
    // The binary's clients say `--masters`, the example `--master`.
    let flags: Vec<String> = cluster
        .client_flags("framework", "hello")
        .into_iter()
        .map(|flag| if flag == "--masters" { "--master".to_owned() } else { flag })
        .collect();
    let sign = cluster.home.path().join("sign");
    let said =
        python.hello(&flags, &format!("echo $BOURSE_TASK_ID > {}", sign.display())).success();
    assert!(said.contains("hello: TASK_FINISHED"), "{said}");
    assert_eq!(fs::read_to_string(&sign).unwrap(), "hello\n");

    let outcome = python.hello(&flags, "exit 3");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("hello: TASK_FAILED"), "{outcome:?}");

    // With an operator's certificate it is refused, and says the reason by its name.
    let flags: Vec<String> =
        flags.iter().map(|flag| flag.replace("framework-hello", "operator-live-test")).collect();
    let outcome = python.hello(&flags, "true");
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("REFUSAL_NOT_AUTHORIZED"), "{outcome:?}");
    cluster.finish();
}
