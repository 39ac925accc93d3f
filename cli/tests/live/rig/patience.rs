//! Waiting for conditions, and saying so when a test cannot run here.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long anything may take; generous, because a deadline that is too tight is a flaky test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
const STEP: Duration = Duration::from_millis(20);

/// Waits until there is an answer.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(STEP);
    }
}

/// Waits until a condition holds.
pub(crate) fn holds(what: &str, mut condition: impl FnMut() -> bool) {
    eventually(what, || condition().then_some(()));
}

/// Says that a test does not run here; where everything must run, that is a failure.
pub(crate) fn skip(test: &str, why: &str) {
    assert!(std::env::var_os("BOURSE_TEST_STRICT").is_none(), "{test} cannot run: {why}");
    println!("SKIPPED {test}: {why}");
}

/// Whether real containers can be had.
pub(crate) fn may_be_root(test: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        skip(test, "containers need root");
    }
    is_root
}
