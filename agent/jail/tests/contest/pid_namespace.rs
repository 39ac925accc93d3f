//! The task sees its own processes only, through its own `/proc`, and is not pid 1 itself.

use jail::Outcome;

use crate::rig::Rig;

#[test]
fn pid_namespace_is_own() {
    let Some(rig) = Rig::root("pid_namespace_is_own") else { return };
    let script = "echo $$; cat /proc/1/comm; set -- /proc/[0-9]*; echo $#";
    rig.run(&rig.shell(script));
    let stdout = rig.stdout();
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines, ["2", "bourse-init", "2"], "init and the shell, nobody else");
}

#[test]
fn orphans_are_reaped_by_init() {
    let Some(rig) = Rig::root("orphans_are_reaped_by_init") else { return };
    // An orphan ends; as long as anybody keeps its zombie, three processes are listed.
    let script = "sh -c '(exit 0) & exit 0'; \
        while set -- /proc/[0-9]*; [ $# -gt 2 ]; do :; done; exit 11";
    let record = rig.run(&rig.shell(script));
    assert_eq!(record.outcome, Outcome::Exited { code: 11 });
}
