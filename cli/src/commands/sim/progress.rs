//! How far a study is: runs, virtual time and how fast it passes, and how long it will take.

use crate::output::stderr_is_terminal;
use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};
use simulator::engine::Time;
use std::{collections::BTreeMap, fmt::Write, sync::Mutex, time::Duration};

/// Steps of the bar for each run.
const STEPS: u64 = 1_000;

/// A bar on a terminal, nothing elsewhere.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    passed: Mutex<Passed>,
}

#[derive(Debug, Default)]
struct Passed {
    /// How far runs that are under way are, and how far they go.
    under_way: BTreeMap<usize, (Time, Time)>,
    /// Runs that are over.
    over: u64,
    /// Virtual seconds of those.
    seconds: f64,
}

impl Progress {
    /// Of so many runs.
    pub(super) fn new(runs: u64) -> Self {
        let bar = match stderr_is_terminal() {
            true => ProgressBar::new(runs * STEPS).with_style(style()),
            false => ProgressBar::hidden(),
        };
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, passed: Mutex::default() }
    }

    /// A run is so far, and goes so far.
    pub(super) fn at(&self, run: usize, at: Time, of: Time) {
        if self.bar.is_hidden() {
            return;
        }
        let mut passed = self.passed.lock().expect("nobody panics with it");
        passed.under_way.insert(run, (at, of));
        self.show(&passed);
    }

    /// Another run is over.
    pub(super) fn over(&self) {
        if self.bar.is_hidden() {
            return;
        }
        let mut passed = self.passed.lock().expect("nobody panics with it");
        passed.over += 1;
        // Whichever is at its end; one that never said how far it is has none.
        let ended = passed.under_way.iter().find(|(_, (at, of))| at >= of).map(|(run, _)| *run);
        if let Some((_, of)) = ended.and_then(|run| passed.under_way.remove(&run)) {
            passed.seconds += of.as_seconds();
        }
        self.show(&passed);
    }

    /// All are.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn show(&self, passed: &Passed) {
        let part = |(at, of): &(Time, Time)| at.as_seconds() / of.as_seconds().max(1e-9);
        let under_way: f64 = passed.under_way.values().map(part).sum();
        self.bar.set_position(passed.over * STEPS + (under_way * STEPS as f64) as u64);
        let seconds = passed.under_way.values().map(|(at, _)| at.as_seconds()).sum::<f64>();
        let rate = (passed.seconds + seconds) / self.bar.elapsed().as_secs_f64().max(1e-3);
        let now = match passed.under_way.values().next() {
            Some((at, of)) => {
                let whole = |time: Time| HumanCount(time.as_seconds() as u64);
                format!("{} of {} s, ", whole(*at), whole(*of))
            }
            None => String::new(),
        };
        let rate = HumanCount(rate as u64);
        self.bar.set_message(format!("{} runs, {now}{rate} × real time", passed.over));
    }
}

fn style() -> ProgressStyle {
    let template = "{elapsed_precise} {bar:32} {percent}% {msg}, {left} left";
    ProgressStyle::with_template(template).expect("a valid template").with_key(
        "left",
        |state: &ProgressState, out: &mut dyn Write| {
            let _ = write!(out, "{:#}", indicatif::HumanDuration(state.eta()));
        },
    )
}
