//! A score: an exact fraction, so that equal means equal and every replica of a run agrees.

use std::cmp::Ordering;

/// A fraction, positive or not. Equal when the values are: 1/2 is 2/4.
///
/// Amounts are at most 10^15 thousandths, in sums over the resources of one agent below 2^64, so
/// that the products of two scores' parts stay within 128 bits.
#[derive(Debug, Clone, Copy)]
pub struct Score {
    numerator: i128,
    denominator: i128,
}

impl Score {
    /// Neither good nor bad.
    pub const ZERO: Score = Score { numerator: 0, denominator: 1 };

    /// A whole number.
    pub const fn whole(number: i128) -> Self {
        Self { numerator: number, denominator: 1 }
    }

    /// A part of a total; zero of nothing.
    pub fn part(part: u128, total: u128) -> Self {
        match total {
            0 => Self::ZERO,
            _ => Self { numerator: signed(part), denominator: signed(total) },
        }
    }

    /// Numerator and denominator, for whoever shows it.
    pub fn parts(self) -> (i128, i128) {
        (self.numerator, self.denominator)
    }

    /// The other way round: what was best is worst.
    pub fn reversed(self) -> Self {
        Self { numerator: -self.numerator, ..self }
    }
}

fn signed(amount: u128) -> i128 {
    i128::try_from(amount).expect("amounts are limited")
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        // Most policies count in whole numbers.
        if self.denominator == other.denominator {
            return self.numerator.cmp(&other.numerator);
        }
        let product = |a: i128, b: i128| a.checked_mul(b).expect("amounts are limited");
        product(self.numerator, other.denominator).cmp(&product(other.numerator, self.denominator))
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Score {}
