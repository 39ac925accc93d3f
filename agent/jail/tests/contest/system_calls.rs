//! A container with filters makes the system calls that they let pass, and no others.

use std::path::PathBuf;

use jail::plan::Isolation;
use jail::{FailureReason, Outcome, Step};
use seccomp::{Host, Profile};

use crate::rig::Rig;

/// As an agent lays them down.
fn lay_down(rig: &Rig, profile: &Profile) -> Vec<PathBuf> {
    let host = Host { release: "6.1.0", capabilities: &[] };
    let filters = profile.compile(&host).unwrap().filters.into_iter().enumerate();
    filters
        .map(|(number, filter)| {
            let path = rig.runtime().with_file_name(format!("filter-{number}"));
            std::fs::write(&path, filter).unwrap();
            path
        })
        .collect()
}

fn profile(default: &str, rules: &str) -> Profile {
    let json = format!(r#"{{"defaultAction": "{default}", "syscalls": [{rules}]}}"#);
    Profile::from_json(json.as_bytes()).unwrap()
}

#[test]
fn calls_that_are_kept_out_fail_for_root_too() {
    let script = "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'
        unshare --mount true 2>/dev/null && echo unshared
        mount -t tmpfs none /mnt 2>/dev/null && echo mounted
        unshare --user true 2>/dev/null && echo became root
        echo done";
    let Some(rig) = Rig::root("calls_that_are_kept_out_fail_for_root_too") else { return };
    let mut plan = rig.shell(script);
    plan.system_call_filters = lay_down(&rig, &Profile::standard());
    rig.run(&plan);
    assert_eq!(rig.stdout(), "NoNewPrivs:1\nSeccomp:2\ndone\n");

    let Some(free) = Rig::root("calls_that_are_kept_out_fail_for_root_too") else { return };
    free.run(&free.shell(script));
    assert_eq!(free.stdout(), "NoNewPrivs:1\nSeccomp:0\nunshared\nmounted\nbecame root\ndone\n");
}

#[test]
fn ordinary_programs_notice_nothing() {
    let Some(rig) = Rig::root("ordinary_programs_notice_nothing") else { return };
    let script = "set -e
        mkdir a; touch a/b; ln a/b a/c; mv a/c a/d; rm -r a
        sleep 0 & wait $!
        echo text | cat | tr x y
        id -u; date >/dev/null; kill -0 $$; ulimit -n >/dev/null; nice true";
    let mut plan = rig.shell(script);
    plan.system_call_filters = lay_down(&rig, &Profile::standard());
    let end = rig.run(&plan);
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
    assert_eq!(rig.stdout(), "teyt\n0\n");
}

#[test]
fn a_filter_needs_no_privilege_and_may_kill() {
    let rig = Rig::plain();
    let mut plan = rig.shell("mkdir made");
    assert_eq!(plan.isolation, Isolation::None);
    let deadly = r#"{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}"#;
    plan.system_call_filters = lay_down(&rig, &profile("SCMP_ACT_ALLOW", deadly));
    let end = rig.run(&plan);
    // The shell says of its child's end what shells say: 128 and the signal, SIGSYS.
    assert_eq!(end.outcome, Outcome::Exited { code: 128 + 31 });
    assert!(!rig.sandbox().join("made").exists());
}

#[test]
fn a_profile_that_lets_nothing_pass_is_seen_as_the_failure_that_it_is() {
    let Some(rig) = Rig::root("a_profile_that_lets_nothing_pass_is_seen_as_the_failure_that_it_is")
    else {
        return;
    };
    let mut plan = rig.plan(&["true"]);
    let rules = r#"{"names": ["sendto", "exit_group"], "action": "SCMP_ACT_ALLOW"}"#;
    plan.system_call_filters = lay_down(&rig, &profile("SCMP_ACT_ERRNO", rules));
    let launched = rig.launch(&plan);
    let failure = launched.failure();
    assert_eq!((failure.step, failure.reason), (Step::Exec, FailureReason::NotExecutable));
    launched.wait();
}

#[test]
fn what_is_no_program_is_refused_and_nothing_is_left() {
    for (content, reason) in [
        (&b"seven b"[..], FailureReason::Isolation),
        // No such instruction: the kernel says so.
        (&[0xff; 8][..], FailureReason::Isolation),
    ] {
        let Some(rig) = Rig::root("what_is_no_program_is_refused_and_nothing_is_left") else {
            return;
        };
        let path = rig.runtime().with_file_name("filter");
        std::fs::write(&path, content).unwrap();
        let mut plan = rig.plan(&["true"]);
        plan.system_call_filters = vec![path];
        let launched = rig.launch(&plan);
        let failure = launched.failure();
        assert_eq!((failure.step, failure.reason), (Step::SystemCallFilters, reason));
        launched.wait();
    }
}
