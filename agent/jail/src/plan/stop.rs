//! What a stop sends: a signal, and others if that does not help.

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::{MAX_GRACE_MS, PlanError};

/// The most steps of one plan.
const MAX_STEPS: usize = 64;

/// What can be sent. Init waits for these and passes them on; it needs CHLD for itself, KILL and
/// STOP it could not wait for, and what a fault raises is no request.
pub(crate) const SIGNALS: [Signal; 10] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGABRT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGWINCH,
    Signal::SIGPWR,
];

/// Signals before KILL, by number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// The first, sent when the stop is ordered.
    pub signal: i32,
    /// Those that follow, in the order of time. What would come after the KILL is left out.
    #[serde(default)]
    pub steps: Vec<StopStep>,
}

/// A further signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopStep {
    /// Since the first signal.
    pub after_ms: u64,
    /// Its number.
    pub signal: i32,
}

impl Default for Stop {
    /// TERM, and nothing else.
    fn default() -> Self {
        Self { signal: libc::SIGTERM, steps: Vec::new() }
    }
}

impl Stop {
    pub(super) fn validate(&self) -> Result<(), PlanError> {
        check_signal("stop.signal", self.signal)?;
        let mut earliest = 0;
        for step in &self.steps {
            let field = "stop.steps.after_ms";
            super::validate::check_range(
                field,
                step.after_ms.into(),
                earliest,
                MAX_GRACE_MS.into(),
            )?;
            check_signal("stop.steps.signal", step.signal)?;
            earliest = i128::from(step.after_ms) + 1;
        }
        let count = self.steps.len() as i128;
        super::validate::check_range("stop.steps", count, 0, MAX_STEPS as i128)
    }
}

/// The signal of a checked plan.
pub(crate) fn signal(number: i32) -> Signal {
    Signal::try_from(number).expect("the plan was checked to name signals")
}

fn check_signal(field: &'static str, number: i32) -> Result<(), PlanError> {
    let known = SIGNALS.iter().any(|signal| *signal as i32 == number);
    known.then_some(()).ok_or(PlanError::Signal { field, number })
}
