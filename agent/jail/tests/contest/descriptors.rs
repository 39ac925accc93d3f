//! The task has descriptors 0, 1 and 2 and no others, whatever the spawner left open.

use std::process::{Command, Stdio};

use crate::rig::{Rig, program};

fn judge(rig: &Rig) {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"exec "$0" 5</etc/passwd 9</etc/group"#])
        .arg(program())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    // The listing is made by another process, so that its own descriptors do not count.
    let plan = rig.shell("ls /proc/$$/fd; readlink /proc/$$/fd/0");
    rig.launch_by(command, &plan).wait();
    assert_eq!(rig.stdout(), "0\n1\n2\n/dev/null\n");
}

#[test]
fn descriptors_are_closed() {
    let Some(rig) = Rig::root("descriptors_are_closed") else { return };
    judge(&rig);
}

#[test]
fn descriptors_are_closed_without_isolation() {
    judge(&Rig::plain());
}

/// A spawner that can place descriptors may use number 3 for the report and keep its standard
/// output.
#[test]
fn the_report_may_go_to_descriptor_3() {
    let rig = Rig::plain();
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"exec 3>&1; exec >/dev/null; exec "$0""#])
        .arg(program())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    rig.launch_by(command, &rig.shell("exit 0")).wait();
}
