//! The container goes on when its spawner is killed, and its end is recorded.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use jail::{Outcome, records};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::rig::{Rig, eventually, program};

fn judge(rig: &Rig) {
    let plan = rig.shell("touch ready; while [ ! -e go ]; do sleep 0.01; done; echo done; exit 5");
    // The agent: a shell that spawns, reads the report, and lives until it is killed with its
    // group.
    let mut agent = Command::new("sh")
        .args(["-c", r#"{ "$0" | head -n 1; } 2>/dev/null"#])
        .arg(program())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    agent.stdin.take().unwrap().write_all(&plan.to_json().unwrap()).unwrap();
    rig.wait_for_file("ready");
    for signal in [Signal::SIGHUP, Signal::SIGKILL] {
        killpg(Pid::from_raw(agent.id().try_into().unwrap()), signal).unwrap();
    }
    agent.wait().unwrap();
    let jail = records::read_jail(&rig.runtime()).unwrap().unwrap();
    assert!(jail.supervisor().is_running().unwrap());
    std::fs::write(rig.sandbox().join("go"), "").unwrap();
    eventually("the record", || rig.exit_record().is_some());
    let record = rig.exit_record().unwrap();
    assert_eq!(record.outcome, Outcome::Exited { code: 5 });
    assert!(!record.killed_by_request);
    assert_eq!(rig.stdout(), "done\n");
    eventually("the supervisor to end", || !jail.supervisor().is_running().unwrap());
    rig.assert_nothing_left();
}

#[test]
fn container_outlives_its_agent() {
    let Some(rig) = Rig::root("container_outlives_its_agent") else { return };
    judge(&rig);
}

#[test]
fn container_outlives_its_agent_without_isolation() {
    judge(&Rig::plain());
}
