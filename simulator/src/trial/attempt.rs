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

    /// Who says so, in a word: the invariant that is named, else the place.
    pub fn who(&self) -> String {
        let words = |text: &str| {
            let word: String = text.chars().take_while(|letter| letter.is_alphanumeric()).collect();
            let mut letters = word.chars();
            let is_name = letters.next().is_some_and(|first| first.is_ascii_uppercase())
                && word.len() > 1
                && letters.all(|rest| rest.is_ascii_digit());
            is_name.then_some(word)
        };
        let ledgers = self.message.split_once("name: \"").map(|(_, rest)| rest);
        let own = self.message.split_once(": ").map(|(_, rest)| rest);
        let named = [Some(self.message.as_str()), ledgers, own].into_iter().flatten();
        let mut named = named.filter_map(words);
        match named.next() {
            Some(name) => name,
            None if self.message.starts_with("not right") => "healing".to_owned(),
            None => self.place.clone(),
        }
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
