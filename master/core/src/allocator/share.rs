//! Dominant shares as exact fractions, after "Dominant Resource Fairness" (Ghodsi et al., NSDI'11).
//!
//! A share is amount / (total × weight) of the resource of which it is largest. Siblings mostly
//! have shares of the same total, which compare as whole numbers; other fractions by
//! cross-multiplication; where that exceeds 128 bits (only with amounts and weights near their
//! limits), by their continued fractions, which never multiply. No rounding anywhere: ties are
//! ties.

use super::amounts::Amounts;
use proto::model::{Milli, limits};
use std::cmp::Ordering;

// A total of the largest amounts of all agents, times the largest weight, is a u128.
const _: () = assert!(
    (limits::MILLI_MAX as u128)
        .checked_mul(limits::AGENTS_MAX as u128)
        .expect("checked at compile time")
        .checked_mul(limits::MILLI_MAX as u128)
        .is_some()
);

/// The weight of a role that has none of its own.
pub const WEIGHT_DEFAULT: Milli = Milli(1_000);

/// A fraction that is not negative. Equal when the values are equal: 1/2 is 2/4.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    numerator: u128,
    denominator: u128,
}

impl Share {
    /// No share.
    pub const ZERO: Share = Share { numerator: 0, denominator: 1 };

    /// A fraction.
    ///
    /// # Panics
    /// When the denominator is zero.
    pub fn new(numerator: u128, denominator: u128) -> Self {
        assert!(denominator > 0, "a share of something");
        Self { numerator, denominator }
    }

    /// The largest share of any resource, over the weight: of what is used, by the totals of what
    /// is shared. What nobody has is not shared.
    pub fn dominant(totals: &Amounts, weight: Milli, used: &Amounts) -> Self {
        let weight = u128::try_from(weight.0).expect("a weight is positive");
        let mut largest = (0, 1);
        for (used, total) in used.beside(totals) {
            if total > 0 && is_less(largest, (used, total)) {
                largest = (used, total);
            }
        }
        match largest.0 {
            0 => Share::ZERO,
            used => Share::new(used, largest.1 * weight),
        }
    }

    /// Millionths, rounded down, when the weight in the share was in such units; for people.
    pub fn millionths(self, unit: Milli) -> u64 {
        let factor = 1_000_000 * u128::from(unit.0.unsigned_abs());
        let scaled = self.numerator.saturating_mul(factor) / self.denominator;
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        compare((self.numerator, self.denominator), (other.numerator, other.denominator))
    }
}

fn is_less(left: (u128, u128), right: (u128, u128)) -> bool {
    compare(left, right) == Ordering::Less
}

/// Compares two fractions exactly.
fn compare(left: (u128, u128), right: (u128, u128)) -> Ordering {
    if left.1 == right.1 {
        return left.0.cmp(&right.0);
    }
    let small = |number: u128| u64::try_from(number);
    match (small(left.0), small(left.1), small(right.0), small(right.1)) {
        (Ok(a), Ok(b), Ok(c), Ok(d)) => wide(a, d).cmp(&wide(c, b)),
        _ => compare_large(left, right),
    }
}

/// A product that cannot overflow.
fn wide(left: u64, right: u64) -> u128 {
    u128::from(left) * u128::from(right)
}

fn compare_large(left: (u128, u128), right: (u128, u128)) -> Ordering {
    match (left.0.checked_mul(right.1), right.0.checked_mul(left.1)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => compare_continued(left, right),
    }
}

/// Compares whole parts; where they are equal, the fractions that are left, upside down.
fn compare_continued(mut left: (u128, u128), mut right: (u128, u128)) -> Ordering {
    loop {
        let whole = (left.0 / left.1).cmp(&(right.0 / right.1));
        if whole != Ordering::Equal {
            return whole;
        }
        let rest = (left.0 % left.1, right.0 % right.1);
        match rest {
            (0, 0) => return Ordering::Equal,
            (0, _) => return Ordering::Less,
            (_, 0) => return Ordering::Greater,
            // a/b < c/d exactly when d/c < b/a.
            (a, c) => (left, right) = ((right.1, c), (left.1, a)),
        }
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Share {}
