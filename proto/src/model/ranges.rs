//! Sets of integers as ordered, disjoint, non-adjacent ranges (ports).

use super::limits;
use std::fmt;

/// Why two range values cannot be combined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangesError {
    /// A range ends before it begins.
    #[error("the range {begin}-{end} ends before it begins")]
    Reversed {
        /// First number.
        begin: u64,
        /// Last number.
        end: u64,
    },
    /// A number is named twice.
    #[error("the number {number} is in two ranges")]
    Overlap {
        /// The number.
        number: u64,
    },
    /// Too many ranges.
    #[error("has {count} ranges, more than {limit}")]
    TooMany {
        /// Ranges given.
        count: usize,
        /// Ranges allowed.
        limit: usize,
    },
}

/// A set of `u64`, held as inclusive ranges: ordered, disjoint, not adjacent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Orders and joins the ranges; refuses reversed and overlapping ones, and more than
    /// [`limits::RANGES_MAX`].
    pub fn new(ranges: Vec<(u64, u64)>) -> Result<Self, RangesError> {
        Self::within(ranges, limits::RANGES_MAX)
    }

    /// As [`Ranges::new`], with another limit: what is left of ranges after some were taken can be
    /// more of them than anybody may name.
    pub fn within(mut ranges: Vec<(u64, u64)>, limit: usize) -> Result<Self, RangesError> {
        if ranges.len() > limit {
            return Err(RangesError::TooMany { count: ranges.len(), limit });
        }
        if let Some(&(begin, end)) = ranges.iter().find(|(begin, end)| begin > end) {
            return Err(RangesError::Reversed { begin, end });
        }
        ranges.sort_unstable();
        if let Some(pair) = ranges.windows(2).find(|pair| pair[0].1 >= pair[1].0) {
            return Err(RangesError::Overlap { number: pair[1].0 });
        }
        Ok(Self::joined(ranges))
    }

    /// Joins neighbours of an ordered, possibly overlapping list.
    fn joined(ordered: Vec<(u64, u64)>) -> Self {
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(ordered.len());
        for (begin, end) in ordered {
            match joined.last_mut() {
                Some(last) if begin <= last.1.saturating_add(1) => last.1 = last.1.max(end),
                _ => joined.push((begin, end)),
            }
        }
        Self(joined)
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Whether it holds no number.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers it holds; saturates at `u64::MAX`.
    pub fn count(&self) -> u64 {
        self.iter().fold(0, |sum, (begin, end)| sum.saturating_add((end - begin).saturating_add(1)))
    }

    /// The lowest numbers, so many of them; all when there are fewer.
    pub fn first(&self, count: u64) -> Ranges {
        let mut left = count;
        let part = |(begin, end): (u64, u64)| {
            let last = begin.saturating_add(left.checked_sub(1)?).min(end);
            left -= last - begin + 1;
            Some((begin, last))
        };
        Self(self.iter().map_while(part).collect())
    }

    /// Whether every number of `other` is in it.
    pub fn contains(&self, other: &Ranges) -> bool {
        other.iter().all(|(begin, end)| {
            // Ranges are not adjacent, so that a single one must hold all of the other's.
            let index = self.0.partition_point(|range| range.1 < begin);
            self.0.get(index).is_some_and(|range| range.0 <= begin && end <= range.1)
        })
    }

    /// Both together; `None` when they share a number.
    pub fn checked_add(&self, other: &Ranges) -> Option<Ranges> {
        let mut all: Vec<_> = self.iter().chain(other.iter()).collect();
        all.sort_unstable();
        let disjoint = all.windows(2).all(|pair| pair[0].1 < pair[1].0);
        disjoint.then(|| Self::joined(all))
    }

    /// Every number of either.
    pub fn covering(&self, other: &Ranges) -> Ranges {
        let mut all: Vec<_> = self.iter().chain(other.iter()).collect();
        all.sort_unstable();
        Self::joined(all)
    }

    /// This without `other`; `None` when a number of `other` is not in it.
    pub fn checked_sub(&self, other: &Ranges) -> Option<Ranges> {
        // One pass over both: neither may make the ledger's work grow with the product.
        let mut left = Vec::with_capacity(self.0.len() + other.0.len());
        let mut taken = other.iter().peekable();
        for (begin, end) in self.iter() {
            // The first number not yet dealt with; none after the last of all numbers.
            let mut rest = Some(begin);
            while let Some((first, last)) = taken.next_if(|range| range.0 <= end) {
                // Ranges are not adjacent, so that a single one must hold all that is taken.
                let from = rest.filter(|from| *from <= first && last <= end)?;
                if from < first {
                    left.push((from, first - 1));
                }
                rest = last.checked_add(1);
            }
            left.extend(rest.filter(|from| *from <= end).map(|from| (from, end)));
        }
        taken.next().is_none().then_some(Self(left))
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, (begin, end)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{begin}-{end}")?;
        }
        f.write_str("]")
    }
}
