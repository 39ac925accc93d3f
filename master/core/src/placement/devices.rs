//! GPUs and other devices: what fits on which. A part of a device is never split over two; whole
//! ones must be wholly free.

/// Thousandths of one device.
pub const WHOLE: u64 = 1_000;

/// What is asked of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// None of them.
    Nothing,
    /// So much of one, in thousandths; more than nothing, less than all.
    Part(u64),
    /// So many whole ones.
    Whole(usize),
}

/// A set of kinds of asks: a part of a device is one kind, each number of whole ones another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u64);

/// A set of models of devices, at most 64 of which a cluster tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Models(u64);

impl Kinds {
    /// With one more.
    #[must_use]
    pub fn with(self, ask: Ask) -> Self {
        Self(self.0 | Self::bit(ask))
    }

    /// Whether a kind is among them.
    pub fn has(self, ask: Ask) -> bool {
        self.0 & Self::bit(ask) != 0
    }

    /// How many there are.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    fn bit(ask: Ask) -> u64 {
        match ask {
            Ask::Nothing => 0,
            Ask::Part(_) => 1,
            // Nobody has agents with so many devices; those who do are one kind.
            Ask::Whole(count) => 1 << count.min(63),
        }
    }
}

impl Models {
    /// All there are.
    pub const ANY: Models = Models(u64::MAX);

    /// The model with this number, below 64; others are no model.
    pub fn one(number: usize) -> Self {
        Self(if number < 64 { 1 << number } else { 0 })
    }

    /// With others.
    #[must_use]
    pub fn with(self, other: Models) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether one of them is among those that are accepted; whoever accepts any accepts none too.
    pub fn is_among(self, accepted: Models) -> bool {
        accepted == Self::ANY || self.0 & accepted.0 != 0
    }
}

/// An amount as an ask; `None` for what cannot be, such as one and a half.
pub fn ask(milli: u128) -> Option<Ask> {
    let milli = u64::try_from(milli).ok()?;
    match (milli / WHOLE, milli % WHOLE) {
        (0, 0) => Some(Ask::Nothing),
        (0, part) => Some(Ask::Part(part)),
        (count, 0) => usize::try_from(count).ok().map(Ask::Whole),
        _ => None,
    }
}

/// The device with least left that has so much, by its position; of equals the first.
pub fn best_fit(free: &[u64], part: u64) -> Option<usize> {
    let fitting = free.iter().enumerate().filter(|(_, free)| **free >= part);
    fitting.min_by_key(|(index, free)| (**free, *index)).map(|(index, _)| index)
}

/// Whether an ask fits.
pub fn fit(free: &[u64], ask: Ask) -> bool {
    match ask {
        Ask::Nothing => true,
        Ask::Part(part) => free.iter().any(|free| *free >= part),
        Ask::Whole(count) => {
            free.iter().filter(|free| **free >= WHOLE).take(count).count() == count
        }
    }
}

/// How often an ask fits.
pub fn fits(free: &[u64], ask: Ask) -> u64 {
    match ask {
        Ask::Nothing => u64::MAX,
        Ask::Part(part) => free.iter().map(|free| free / part).sum(),
        Ask::Whole(count) => {
            let whole = free.iter().filter(|free| **free >= WHOLE).count();
            (whole / count) as u64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ask_is_a_part_of_one_or_whole_ones() {
        assert_eq!(ask(0), Some(Ask::Nothing));
        assert_eq!((ask(1), ask(999)), (Some(Ask::Part(1)), Some(Ask::Part(999))));
        assert_eq!((ask(1_000), ask(8_000)), (Some(Ask::Whole(1)), Some(Ask::Whole(8))));
        assert_eq!((ask(1_500), ask(u128::MAX)), (None, None));
    }

    #[test]
    fn parts_fit_into_one_device_and_whole_ones_on_free_ones() {
        let free = [600, 1_000, 500, 1_000];
        assert_eq!(best_fit(&free, 500), Some(2));
        assert_eq!(best_fit(&free, 501), Some(0));
        assert_eq!(best_fit(&free, 700), Some(1), "of equals the first");
        assert_eq!(best_fit(&[600, 600], 700), None, "1.2 are free and 0.7 of none");
        assert_eq!(fits(&free, Ask::Part(500)), 6);
        assert_eq!((fits(&free, Ask::Whole(1)), fits(&free, Ask::Whole(2))), (2, 1));
        assert_eq!(fits(&free, Ask::Whole(3)), 0);
        assert_eq!(fits(&[], Ask::Nothing), u64::MAX);
        for ask in [Ask::Nothing, Ask::Part(700), Ask::Whole(2), Ask::Whole(3)] {
            for free in [free.as_slice(), &[600, 600], &[]] {
                assert_eq!(fit(free, ask), fits(free, ask) > 0, "{ask:?}");
            }
        }
    }
}
