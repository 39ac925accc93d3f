//! How a task is ended when that is asked for: which signal first, which later, and when KILL.
//!
//! ```text
//!  order      steps[0].after      steps[1].after        grace period
//!    │               │                   │                   │
//!  signal      steps[0].signal     steps[1].signal         KILL
//! ```
//!
//! Whoever asks for the end may shorten the grace period; what would come after the KILL is then
//! left out.

use super::{limits, time::Duration};
use std::{fmt, str::FromStr};

/// A signal by which a task can be asked to end.
///
/// Those that a program can catch and that mean nothing else to a supervisor: not KILL, which needs
/// no policy, not STOP and CONT, not CHLD, none of those that a fault raises but ABRT, which asks
/// for a core dump too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum StopSignal {
    /// 1: its terminal is gone, or its settings have changed.
    Hup,
    /// 2: as if typed.
    Int,
    /// 3: as if typed, with a core dump; some servers end gracefully upon it.
    Quit,
    /// 6: with a core dump.
    Abrt,
    /// 10.
    Usr1,
    /// 12.
    Usr2,
    /// 14.
    Alrm,
    /// 15: please end.
    #[default]
    Term,
    /// 28: the window's size has changed; some servers end gracefully upon it.
    Winch,
    /// 30: the power fails.
    Pwr,
}

/// A text that is no [`StopSignal`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no signal that ends a task: HUP, INT, QUIT, ABRT, USR1, USR2, ALRM, TERM, WINCH or PWR, or \
     the number of one"
)]
pub struct SignalError;

/// A further signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KillStep {
    /// Since the first signal; more than the step before, less than the grace period.
    pub after: Duration,
    /// What is sent.
    pub signal: StopSignal,
}

/// How a task is ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KillPolicy {
    /// Between the first signal and KILL; `None` means [`limits::GRACE_PERIOD_DEFAULT`].
    pub grace_period: Option<Duration>,
    /// The first signal.
    pub signal: StopSignal,
    /// What follows before KILL, in the order of time.
    pub steps: Vec<KillStep>,
}

impl StopSignal {
    /// Every one of them, by number.
    pub const ALL: [StopSignal; 10] = [
        StopSignal::Hup,
        StopSignal::Int,
        StopSignal::Quit,
        StopSignal::Abrt,
        StopSignal::Usr1,
        StopSignal::Usr2,
        StopSignal::Alrm,
        StopSignal::Term,
        StopSignal::Winch,
        StopSignal::Pwr,
    ];

    /// Its name without `SIG`.
    pub const fn name(self) -> &'static str {
        match self {
            StopSignal::Hup => "HUP",
            StopSignal::Int => "INT",
            StopSignal::Quit => "QUIT",
            StopSignal::Abrt => "ABRT",
            StopSignal::Usr1 => "USR1",
            StopSignal::Usr2 => "USR2",
            StopSignal::Alrm => "ALRM",
            StopSignal::Term => "TERM",
            StopSignal::Winch => "WINCH",
            StopSignal::Pwr => "PWR",
        }
    }

    /// Its number, which is the same on every machine that an agent runs on.
    pub const fn number(self) -> i32 {
        match self {
            StopSignal::Hup => 1,
            StopSignal::Int => 2,
            StopSignal::Quit => 3,
            StopSignal::Abrt => 6,
            StopSignal::Usr1 => 10,
            StopSignal::Usr2 => 12,
            StopSignal::Alrm => 14,
            StopSignal::Term => 15,
            StopSignal::Winch => 28,
            StopSignal::Pwr => 30,
        }
    }
}

impl FromStr for StopSignal {
    type Err = SignalError;

    /// A name, with or without `SIG`, in either case, or a number.
    fn from_str(text: &str) -> Result<Self, SignalError> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let number = text.parse::<i32>().ok();
        let found = Self::ALL.into_iter().find(|signal| match number {
            Some(number) => signal.number() == number,
            None => signal.name() == name,
        });
        found.ok_or(SignalError)
    }
}

impl fmt::Display for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl KillPolicy {
    /// Between the first signal and KILL, with the default applied.
    pub fn grace_period(&self) -> Duration {
        self.grace_period.unwrap_or(limits::GRACE_PERIOD_DEFAULT)
    }

    /// The first step that cannot be: not after the one before it, or not before the KILL.
    pub fn misplaced_step(&self) -> Option<usize> {
        let mut earliest = Duration(1);
        self.steps.iter().position(|step| {
            let is_misplaced = step.after < earliest || step.after >= self.grace_period();
            earliest = Duration(step.after.0.saturating_add(1));
            is_misplaced
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_come_by_name_and_number() {
        for signal in StopSignal::ALL {
            let name = signal.name();
            for text in [name.to_owned(), format!("SIG{name}"), signal.number().to_string()] {
                assert_eq!(text.parse(), Ok(signal), "{text}");
                assert_eq!(text.to_ascii_lowercase().parse(), Ok(signal), "{text}");
            }
        }
        for text in ["", "KILL", "9", "STOP", "CHLD", "17", "-15", "SIG", "SIGSIGTERM", "TERM "] {
            assert_eq!(text.parse::<StopSignal>(), Err(SignalError), "{text:?}");
        }
    }

    #[test]
    fn steps_come_in_order_and_before_the_end() {
        let policy = |grace: Option<u64>, after: &[u64]| KillPolicy {
            grace_period: grace.map(Duration),
            signal: StopSignal::default(),
            steps: after
                .iter()
                .map(|&ms| KillStep { after: Duration(ms), signal: StopSignal::Int })
                .collect(),
        };
        assert_eq!(policy(None, &[]).misplaced_step(), None);
        assert_eq!(policy(None, &[1, 2, 2_999]).misplaced_step(), None);
        assert_eq!(policy(None, &[0]).misplaced_step(), Some(0));
        assert_eq!(policy(None, &[3_000]).misplaced_step(), Some(0));
        assert_eq!(policy(Some(10), &[1, 2, 2]).misplaced_step(), Some(2));
        assert_eq!(policy(Some(10), &[5, 10]).misplaced_step(), Some(1));
        assert_eq!(policy(Some(u64::MAX), &[u64::MAX - 1, 3]).misplaced_step(), Some(1));
    }
}
