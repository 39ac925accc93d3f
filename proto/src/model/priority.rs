//! Priority: who goes first, in ten steps.
//!
//! What the steps customarily mean: 0 runs on what nobody else wants; 1 and 2 are batch work that
//! can be done again; 3 is everything that says nothing; 4 to 6 are services and pipelines with
//! somebody waiting; 7 and 8 are what an outage is declared for; 9 is the cluster's own upkeep.
//! Work of one step never displaces work of the same or a higher one.

use super::limits;
use std::{fmt, str::FromStr};

/// A priority, from 0 to [`limits::PRIORITY_MAX`]; the higher one goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u8);

/// Why a number, or a text, is no priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a priority, which is a number from 0 to {}", limits::PRIORITY_MAX)]
pub struct PriorityError;

impl Priority {
    /// The lowest.
    pub const MIN: Priority = Priority(0);

    /// Of what says nothing. Neither the lowest, so that work can say that it gives way, nor in the
    /// middle, so that most of the steps are above it.
    pub const DEFAULT: Priority = Priority(3);

    /// The highest.
    pub const MAX: Priority = Priority(limits::PRIORITY_MAX);

    /// Checks the range.
    pub fn new(number: u32) -> Result<Self, PriorityError> {
        let number = u8::try_from(number).ok().filter(|it| *it <= limits::PRIORITY_MAX);
        number.map(Self).ok_or(PriorityError)
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Priority {
    type Err = PriorityError;
    fn from_str(text: &str) -> Result<Self, PriorityError> {
        // One digit: `+7` and `007` are how nobody writes a priority.
        match text.as_bytes() {
            [digit] if digit.is_ascii_digit() => Self::new((digit - b'0').into()),
            _ => Err(PriorityError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_one_digit() {
        assert_eq!((Priority::new(0), Priority::new(9)), (Ok(Priority::MIN), Ok(Priority::MAX)));
        for bad in [10, 255, 256, u32::MAX] {
            assert_eq!(Priority::new(bad), Err(PriorityError), "{bad}");
        }
        assert_eq!("7".parse::<Priority>().map(Priority::get), Ok(7));
        for bad in ["", "-1", "10", "+7", "07", "high"] {
            assert!(bad.parse::<Priority>().is_err(), "{bad}");
        }
        assert!(Priority::MAX > Priority::MIN);
    }
}
