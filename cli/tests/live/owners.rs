//! What a task wrote is read with the certificate of the framework that ran it, in every life of
//! the agent, and with no other framework's.

use crate::rig::{Cluster, Isolation, Outcome, Shape, bourse, channel, holds, refusal_of, run};
use proto::{
    model::{Reason, Refusal},
    wire::v1,
};
use std::{fs, process::Command};
use v1::sandbox_client::SandboxClient;

const AGENT: &str = "a1";

/// A command with the certificate of a framework and no other.
fn command(cluster: &Cluster, framework: &str, words: &[&str]) -> Command {
    let mut command = bourse(&cluster.home);
    let (name, rest) = words.split_first().expect("a command");
    command.arg(name).args(cluster.client_flags("framework", framework)).args(rest);
    command
}

fn run_as(cluster: &Cluster, framework: &str, words: &[&str]) -> Outcome {
    run(&mut command(cluster, framework, words))
}

/// Past the masters: what the agent itself says to a certificate.
fn refused_by_agent(cluster: &Cluster, kind: &str, framework: &str, task: &str) -> Refusal {
    let security = cluster.security(kind, "other");
    let name = format!("{AGENT}.agent.bourse.internal");
    let (framework_id, task_id) = (framework.to_owned(), task.to_owned());
    let list = v1::ListFilesRequest {
        framework_id: framework_id.clone(),
        task_id: task_id.clone(),
        path: String::new(),
    };
    let path = "stdout".to_owned();
    let read = v1::ReadFileRequest { framework_id, task_id, path, offset_bytes: 0, follow: false };
    let address = cluster.agents[AGENT].api;
    let (listed, read) = cluster.operator.block_on(async {
        let mut client = SandboxClient::new(channel(address, &security, &name));
        let listed = client.list_files(list).await.map(|_| ()).expect_err("not listed");
        let read = client.read_file(read).await.map(|_| ()).expect_err("not read");
        (refusal_of(&listed), refusal_of(&read))
    });
    assert_eq!(listed.reason, read.reason, "{listed} {read}");
    read
}

/// The owner reads both tasks; the other framework finds neither, at the master or at the agent.
fn only_the_owner_reads(cluster: &Cluster) {
    for (task, text) in [("run-0", "seen\n"), ("long-0", "still here\n")] {
        assert_eq!(run_as(cluster, "nightly", &["logs", task]).success(), text);
        let problem = run_as(cluster, "other", &["logs", task]).failure();
        assert!(problem.contains(&format!("no task {task}")), "{problem}");
        for kind in ["agent", "master"] {
            let refusal = refused_by_agent(cluster, kind, "framework-1", "run-0");
            assert_eq!(refusal.reason, Reason::NotAuthorized, "{kind}: {refusal}");
        }
    }
    let refusals = [("framework-1", "run-0"), ("framework-2", "long-0"), ("framework-9", "never")]
        .map(|(framework, task)| refused_by_agent(cluster, "framework", framework, task));
    assert_eq!(refusals[0].reason, Reason::TaskUnknown, "{}", refusals[0]);
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:?}");
}

#[test]
fn a_framework_reads_what_its_own_tasks_wrote() {
    let shape = Shape { name: "owners", masters: 1, secure: true, flags: &[] };
    let mut cluster = Cluster::start(shape);
    cluster.add_agent(AGENT, Isolation::Plain, "cpus:4;mem:1024");

    let text = run_as(&cluster, "nightly", &["run", "--", "sh", "-c", "echo seen"]).success();
    assert_eq!(text, "run-0 | seen\n", "a job shows what it writes");
    let script = "echo still here; until [ -e $0 ]; do sleep 0.05; done; echo done";
    let go = cluster.home.path().join("go").display().to_string();
    let words = ["run", "--name", "long", "--", "sh", "-c", script, &go];
    let mut long = command(&cluster, "nightly", &words);
    let long = std::thread::spawn(move || run(&mut long));
    holds("the long task writes", || {
        let outcome = run_as(&cluster, "nightly", &["logs", "long-0"]);
        outcome.code == Some(0) && outcome.stdout == "still here\n"
    });

    only_the_owner_reads(&cluster);
    cluster.kill_agent(AGENT);
    cluster.start_agent(AGENT);
    only_the_owner_reads(&cluster);

    let listed = |framework| run_as(&cluster, framework, &["tasks", "--output", "json"]).json();
    assert_eq!(listed("nightly").as_array().expect("rows").len(), 2);
    assert_eq!(listed("other").as_array().expect("rows").len(), 0);
    let problem = run_as(&cluster, "nightly", &["agents"]).failure();
    assert!(problem.contains("may not call"), "the rest is for operators: {problem}");

    fs::write(&go, "").expect("a file");
    let text = long.join().expect("the job ends").success();
    assert_eq!(text, "long-0 | still here\nlong-0 | done\n");
    let problem = run_as(&cluster, "nightly", &["logs", "long-0", "--file", "no/such"]).failure();
    let named = "\"no/such\" of long-0: it does not exist; there are stderr, stdout; \
                 type `bourse logs long-0 --file stdout`";
    assert!(problem.contains(named), "{problem}");
    cluster.finish();
}
