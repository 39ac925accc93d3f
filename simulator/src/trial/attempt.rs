//! A run whose failure is an answer: what the oracles and the cores' own assertions say by a panic
//! is caught, with the place that said it.
//!
//! Failures are alike when the same place says them: numbers and names in the words differ from run
//! to run.

use super::{Report, Scenario, trace::Watch, world::World};
use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

/// What went wrong in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In words; an invariant begins with its name.
    pub message: String,
    /// File and line of who says so.
    pub place: String,
    /// Virtual milliseconds since the beginning.
    pub at_ms: u64,
}

thread_local! {
    /// Virtual time of the trial that this thread runs.
    static NOW_MS: Cell<Option<u64>> = const { Cell::new(None) };
    static LAST: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

impl Failure {
    /// Whether the same place complains.
    pub fn is_like(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

/// Runs a scenario to its end, or to the first thing that must never be.
///
/// # Errors
/// What that was.
pub fn attempt(scenario: &Scenario, watch: Watch) -> Result<Report, Failure> {
    listen();
    NOW_MS.set(Some(0));
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(scenario, watch);
        world.endure();
        world.heal();
        world.report()
    }));
    NOW_MS.set(None);
    outcome.map_err(|_| LAST.take().expect("the hook has heard the panic"))
}

/// Tells how late it is in the trial of this thread.
pub(crate) fn it_is(now_ms: u64) {
    NOW_MS.set(Some(now_ms));
}

/// From now on panics inside of trials are kept; all others go where they went before.
fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| match NOW_MS.get() {
            Some(at_ms) => LAST.set(Some(failure(info, at_ms))),
            None => others(info),
        }));
    });
}

fn failure(info: &PanicHookInfo<'_>, at_ms: u64) -> Failure {
    let message = info.payload_as_str().unwrap_or("a panic without words").to_owned();
    let place =
        info.location().map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line()));
    Failure { message, place, at_ms }
}
