//! Virtual time: whole nanoseconds since the start, 584 years of them. What would come later comes
//! at the end: a trace may say what it likes, and ends no program.

use std::{fmt, ops};

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// A moment, or how long something takes: nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    /// The start.
    pub const ZERO: Time = Time(0);

    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * SECOND)
    }

    /// So many milliseconds.
    pub const fn milliseconds(milliseconds: u64) -> Self {
        Self(milliseconds * 1_000_000)
    }

    /// In seconds, for people and for means.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }

    /// So many times as long, up to the end of time.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl ops::Add for Time {
    type Output = Time;

    /// Up to the end of time.
    fn add(self, wait: Time) -> Time {
        Time(self.0.saturating_add(wait.0))
    }
}

impl ops::AddAssign for Time {
    fn add_assign(&mut self, wait: Time) {
        *self = *self + wait;
    }
}

impl ops::Sub for Time {
    type Output = Time;

    /// How long from one moment to a later one.
    ///
    /// # Panics
    /// When the other one is later.
    fn sub(self, earlier: Time) -> Time {
        Time(self.0.checked_sub(earlier.0).expect("an earlier moment"))
    }
}

impl fmt::Display for Time {
    /// Seconds, with as many decimals as there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / SECOND, self.0 % SECOND);
        match part {
            0 => write!(f, "{whole} s"),
            _ => write!(f, "{whole}.{} s", format!("{part:09}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_add_up_and_are_written_in_seconds() {
        let time = Time::seconds(2) + Time::milliseconds(50);
        assert_eq!(time.to_string(), "2.05 s");
        assert_eq!((time - Time::milliseconds(50)).to_string(), "2 s");
        assert_eq!(Time(1).to_string(), "0.000000001 s");
        assert_eq!(Time::milliseconds(3).times(4), Time(12_000_000));
        assert_eq!(Time(u64::MAX - 1) + Time(2), Time(u64::MAX), "the end of time");
    }
}
