//! How tasks end that do not end by themselves, in real containers.

use crate::rig::{Home, bourse, run};
use serde_json::Value;

/// The agent ends what runs for too long, in the way that the task wants to be asked.
#[test]
fn a_task_is_ended_by_its_own_signal_when_its_time_is_over() {
    let home = Home::new();
    let mut command = bourse(&home);
    command.args(["--output", "json", "run", "--local", "--max-completion-time", "1s"]);
    command.args(["--stop-signal", "usr2", "--grace", "10m", "--", "sh", "-c"]);
    command.arg("trap 'echo asked; exit 3' USR2; while :; do sleep 0.05; done");
    let outcome = run(&mut command);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let json: Value = serde_json::from_str(&outcome.stdout).expect("a summary");
    let task = &json["summary"]["tasks"][0];
    assert_eq!((&task["outcome"], &task["exit_code"]), (&"timed_out".into(), &3.into()), "{json}");
    let message = task["message"].as_str().unwrap();
    assert!(message.contains("max_completion_time"), "{json}");
    assert!(json["outputs"].to_string().contains("asked"), "{json}");
    home.assert_clean();

    let mut command = bourse(&home);
    command.args(["run", "--local", "--stop-signal", "KILL", "--", "true"]);
    let outcome = run(&mut command);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("no signal that ends a task"), "{outcome:?}");
}
