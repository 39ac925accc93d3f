//! Waiting for conditions.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long anything may take that is no subject of an exercise.
pub const PATIENCE: Duration = Duration::from_secs(90);

const STEP: Duration = Duration::from_millis(10);

/// Waits until there is an answer, at most for so long.
pub fn within<T>(
    patience: Duration,
    what: &str,
    mut probe: impl FnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = probe() {
            return Ok(found);
        }
        anyhow::ensure!(Instant::now() < deadline, "not within {patience:?}: {what}");
        thread::sleep(STEP);
    }
}

/// Waits until there is an answer.
pub fn eventually<T>(what: &str, probe: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    within(PATIENCE, what, probe)
}

/// Waits until a condition holds.
pub fn holds(what: &str, mut condition: impl FnMut() -> bool) -> anyhow::Result<()> {
    eventually(what, || condition().then_some(()))
}

/// Lets time pass: a distance between two faults, never a hope that something has happened.
pub fn pause_until(at: Instant) {
    while let Some(left) = at.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    {
        thread::sleep(left);
    }
}
