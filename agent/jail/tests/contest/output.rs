//! Output goes to two files in the sandbox, which is where the task works; input is empty.

use std::os::unix::fs::PermissionsExt;

use crate::rig::Rig;

fn judge(rig: &Rig) {
    let script = "echo out; echo err >&2; pwd; cat; echo more";
    rig.run(&rig.shell(script));
    rig.run(&rig.shell("echo again"));
    let sandbox = rig.sandbox();
    let expected = format!("out\n{}\nmore\nagain\n", sandbox.display());
    assert_eq!(rig.stdout(), expected, "appended, never truncated");
    assert_eq!(std::fs::read_to_string(sandbox.join("stderr")).unwrap(), "err\n");
    let mode = std::fs::metadata(sandbox.join("stdout")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn output_is_in_the_sandbox() {
    let Some(rig) = Rig::root("output_is_in_the_sandbox") else { return };
    judge(&rig);
}

#[test]
fn output_is_in_the_sandbox_without_isolation() {
    judge(&Rig::plain());
}

#[test]
fn output_through_a_link_is_refused() {
    let rig = Rig::plain();
    std::os::unix::fs::symlink("/dev/null", rig.sandbox().join("stdout")).unwrap();
    let launched = rig.launch(&rig.shell("true"));
    assert_eq!(launched.failure().reason, jail::FailureReason::Sandbox);
    launched.wait();
}
