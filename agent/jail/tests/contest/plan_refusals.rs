//! A plan that is not understood is refused by the program too, and nothing is made or recorded.

use std::io::{Read, Write};

use jail::{FailureReason, LaunchFailure, Report, launch};

use crate::rig::{Rig, program};

fn refused(bytes: &[u8]) -> LaunchFailure {
    let nothing: [&str; 0] = [];
    let mut child = launch::command(program(), nothing).spawn().unwrap();
    // A plan that is too large is not read to its end.
    let _ = child.stdin.take().unwrap().write_all(bytes);
    let mut answer = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut answer).unwrap();
    assert!(!child.wait().unwrap().success());
    match Report::parse(&answer).unwrap() {
        Report::Failed(failure) => failure,
        Report::Started(started) => panic!("{started:?}"),
    }
}

#[test]
fn plans_are_refused() {
    let rig = Rig::plain();
    let good = String::from_utf8(rig.shell("touch ran").to_json().unwrap()).unwrap();
    let unknown = good.replacen('{', r#"{"colour":"red","#, 1);
    let newer = good.replacen(r#""version":1"#, r#""version":9"#, 1);
    let relative = good.replacen(&*rig.sandbox().to_string_lossy(), "sandbox", 1);
    let truncated = &good[..good.len() - 1];
    let large = format!("{good}{}", " ".repeat(1024 * 1024));
    for (bad, word) in [
        (unknown.as_str(), "colour"),
        (&newer, "version"),
        (&relative, "sandbox_dir"),
        (truncated, "malformed"),
        (&large, "bytes"),
        ("", "malformed"),
    ] {
        let failure = refused(bad.as_bytes());
        assert_eq!(failure.reason, FailureReason::InvalidPlan, "{failure:?}");
        assert!(failure.message.contains(word), "{word}: {failure:?}");
    }
    assert_eq!(rig.exit_record(), None);
    assert_eq!(std::fs::read_dir(rig.sandbox()).unwrap().count(), 0, "nothing was touched");
    rig.run(&rig.shell("touch ran"));
    assert!(rig.sandbox().join("ran").exists(), "the good one does run");
}
